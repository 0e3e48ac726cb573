# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One run of a comparison: a server started, warmed up, watched, driven, drained, and what that gave.

The generator's own fault is told from the server's: where it used more than 80 % of the CPU time that its threads could
have, or was late so that a quantile could be another one, the run is `client-bound`.  A generator that spins until the
next due time uses all of its CPU by design; there the lag alone decides.
"""
import concurrent.futures
import errno
import http.client
import os
import shlex
import signal
import subprocess
import time

from . import CannotGoOn, CannotMeasure, account, attach, connections, drive, idle, process, spin, subjects

DRAIN_TIMEOUT_S = 40  # the servers' own is 30 s
UPSTREAM = "event-loop"  # whom servers ask
# What this program lacks is no fault of the server's: the comparison ends, and can be resumed.
OURS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT)
# Of one run, after which the next one goes on.
FAULTS = (CannotMeasure, OSError, ValueError, StopIteration, subprocess.SubprocessError, http.client.HTTPException)


class Bench:
    """What all runs of a session share: places, priority, the agent (None: nobody watches), and the spins seen."""

    def __init__(self, agent, scratch):
        self.agent, self.scratch, self.spins = agent, scratch, []
        allowed = sorted(os.sched_getaffinity(0))
        half = len(allowed) // 2
        self.cpus = {"split": (allowed[:half], allowed[half:]), "shared": (allowed, allowed)}
        self.priorities = drive.priorities()

    def places(self, row):
        """(CPUs of the server, of the generator)."""
        servers, loads = self.cpus[row["layout"]]
        most = 1 if row["kind"] == "switch" else row["params"].get("server_cpus") or len(servers)
        return servers[:most], loads


class Run:
    """Of PLANNED (plan.Planned), a CONTENDER in ROW; MOST: the highest rates found of the row that this one is `of`, which are but a
    GUESS where no run of that found one for certain."""

    def __init__(self, bench, planned, row, contender, most, guess):
        self.bench, self.planned, self.row, self.contender, self.most = bench, planned, row, contender, most
        self.params = dict(row["params"])
        self.cpus, self.load_cpus = bench.places(row)
        self.all_cpus = sorted({*self.cpus, *self.load_cpus})
        self.loading = drive.Loading(row["layout"], self.load_cpus, bench)
        self.server = self.tracer = self.crowd = self.upstream = None
        self.record = {
            **{key: getattr(planned, key) for key in ("scenario", "row", "subject", "repeat", "round", "is_again")},
            "kind": row["kind"], "layout": row["layout"], "params": self.params, "is_of_guess": guess, "cpus": {"server": self.cpus, "load": self.load_cpus},
            "commands": {"server": None, "load": None, "agent": None}, "started_at": drive.now(), "spin": None, "load": None,
            "agent": None, "server": None, "on_cpus": None, "others": None, "memory": None, "startup_ns": None, "switch_ns": None, "verdict": "ok",
            "reason": None}

    def run(self):
        """Returns the record, whatever happened."""
        why_not = self.contender.cannot(self.row)
        if why_not:
            self.judge("cannot", why_not)
            return self.record
        before = spin.on_cpus(self.all_cpus)
        try:
            {"startup": self.startup, "switch": self.switch}.get(self.row["kind"], self.measure)()
        except FAULTS as why:
            if getattr(why, "errno", None) in OURS:
                raise
            self.judge("failed", self.reason(why))
        finally:
            self.clean()
        self.set_spin(before, spin.on_cpus(self.all_cpus))
        return self.record

    def judge(self, verdict, reason):
        """The first that says more than `ok` stays; but no figure is to be of a run that was off, and no failure hidden, because
        the generator was the limit as well."""
        if self.record["verdict"] == "ok" or (verdict in ("off", "failed") and self.record["verdict"] == "client-bound"):
            self.record.update(verdict=verdict, reason=reason)

    def set_spin(self, before, after):
        self.bench.spins += [before, after]
        ratio = spin.off_ratio((before, after), self.bench.spins)
        off = ratio > spin.OFF_RATIO
        self.record["spin"] = {"before": before, "after": after, "off_ratio": ratio, "off": off}
        if off:
            self.judge("off", f"a CPU's speed was {ratio:.1%} off its usual one")

    def start(self):
        self.upstream = self.start_upstream()
        more = ("--upstream-url", f"http://127.0.0.1:{self.upstream.port}{self.upstream.path}") if self.upstream else ()
        self.server = self.contender.start(self.row, self.cpus, more)
        self.record["commands"]["server"] = shlex.join(self.server.command)

    def start_upstream(self):
        """Whom `upstream=N` asks: an event-loop beside the generator, with the work that the row says."""
        if "upstream" not in self.params:
            return None
        try:
            return subjects.Model(UPSTREAM, ",".join(map(str, self.load_cpus)), 1, ("--idle-timeout", "0"), self.params["upstream"])
        except CannotMeasure as why:
            raise CannotGoOn(f"whom the servers ask cannot be had: {why}") from None

    def startup(self):
        """From before the fork until the first 200 is read, less what the server took to tell its speed."""
        began_at_ns = time.monotonic_ns()
        self.start()
        subjects.answer_bytes(self.server.port, self.server.path)
        took_ns = time.monotonic_ns() - began_at_ns
        self.record["startup_ns"] = took_ns - drive.SHA_ROUNDS * (drive.sha_round_ns(self.stop()) or 0)

    def switch(self):
        """Of the model's own scheduler, by the program alone: nothing is served."""
        self.record["commands"]["server"] = shlex.join(self.contender.switch_command(self.row))
        self.record["switch_ns"] = self.contender.switch_ns(self.row, self.cpus)

    def measure(self):
        if self.row["kind"] == "connections":
            idle.settle()
        self.start()
        url = f"http://127.0.0.1:{self.server.port}{self.server.path}"
        if "share_ratio" in self.params:
            self.params["rate"] = drive.share(self.params, self.most)
        self.loading.warm_up(self.row["kind"], self.params, url)
        if self.row["kind"] == "connections":
            self.crowd = connections.Crowd(self.server.pid, self.server.port, self.params["connections"])
            self.crowd.open()
        stats = subjects.stats(self.server.port)  # before the agent is there, which so sees those of the generator alone
        self.attach()
        before = self.reading()
        reports = self.drive(url)
        after = self.reading()
        self.detach()
        self.take(stats, before, after, reports)
        for verdict, reason in (fault for report in reports for fault in drive.faults(self.row["kind"], report)):
            self.judge(verdict, reason)
        if self.crowd:
            self.weigh()
        self.record["server"]["sha_round_ns"] = drive.sha_round_ns(self.stop())

    def attach(self):
        if not self.bench.agent or not self.params["agent"]:
            return
        self.report_path = os.path.join(self.bench.scratch, "agent.json")
        argv = [self.bench.agent, "attach", str(self.server.pid), "--json", self.report_path]
        self.record["commands"]["agent"] = shlex.join(argv)
        self.tracer = process.Tracer("agent", argv, self.bench.scratch)
        self.tracer.wait_ready()

    def detach(self):
        if not self.tracer:
            return
        self.tracer.check_watching()
        status = self.tracer.stop()
        if status not in (0, 3):
            raise CannotMeasure(f"the agent failed (exit {status}): {self.tracer.words()}")
        self.record["agent"] = attach.load(self.report_path)

    def drive(self, url):
        jobs = self.loading.jobs(self.row["kind"], self.params, url)
        self.record["commands"]["load"] = [self.loading.command(args) for args in jobs]
        reports = self.all_at_once(jobs)
        self.record["load"] = reports if len(jobs) > 1 else reports[0]
        if process.is_ended(self.server.pid):
            raise CannotMeasure("the server ended")
        return reports

    def all_at_once(self, jobs):
        with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
            try:
                return list(pool.map(self.loading.run, jobs, range(len(jobs))))
            except KeyboardInterrupt:  # or leaving would wait until they have ended by themselves
                process.end_all()
                raise

    def reading(self):
        return account.reading(self.server.pid, self.cpus, self.all_cpus, [self.upstream.pid] if self.upstream else ())

    def take(self, stats, before, after, reports):
        self.record.update(account.used(self.server.pid, before, after, (len(self.cpus), len(self.all_cpus)),
                                        sum(report["used"]["cpu_ns"] for report in reports)))
        now = subjects.stats(self.server.port)
        self.record["server"].update(
            workers=self.contender.workers(self.server.command, now, len(self.cpus)),
            requests=now["requests"]["count"] - stats["requests"]["count"], sha_round_ns=None, stats={"before": stats, "after": now})
        ratio = self.record["others"]["ratio"]
        if ratio > spin.OFF_RATIO:
            self.judge("off", f"others had {ratio:.0%} of the CPUs' time")

    def weigh(self):
        """What a connection of the crowd costs, and whether all are still there and answered."""
        self.crowd.count_open()
        self.crowd.ask_all()
        counts = self.crowd.counts
        self.record["memory"] = {**counts, **self.crowd.bytes(), "samples": [
            {"connections": sum(self.crowd.parts[:at + 1]), "user_bytes": user, "kernel_bytes": kernel}
            for at, (user, kernel) in enumerate(self.crowd.seen)]}
        if counts["open"] < counts["wanted"] or counts["failed"]:
            self.judge("failed", f"{counts['open']} of {counts['wanted']} connections were open, {counts['failed']} requests over "
                                 "them failed")

    def stop(self):
        """As an operator would; returns what it said at its start."""
        if self.crowd:
            self.crowd.end()
        self.server.process.send_signal(signal.SIGTERM)
        _, said = self.server.process.communicate(timeout=DRAIN_TIMEOUT_S)
        if self.server.process.returncode:
            raise CannotMeasure(f"the server ended with {self.server.process.returncode} at SIGTERM: {said.strip()[-300:]}")
        return said

    def reason(self, why):
        """What failed, in one line: a server that has ended is the reason for all else."""
        words = " ".join(str(why).split()) or type(why).__name__
        if not self.server or self.server.process.returncode is not None or not process.is_ended(self.server.pid):
            return words
        status = process.end(self.server.process)
        said = " ".join(self.server.process.stderr.read().split())[-300:]
        return f"the server ended while it was driven ({status}): {said or 'it said nothing'}"

    def clean(self):
        if self.crowd:
            self.crowd.end()
        for one in (self.tracer, self.server, self.upstream):
            if one:
                process.end(one.process)
        if self.tracer:
            self.tracer.log.close()
