# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the agent itself takes: time until it watches, memory, and CPU time while nothing is asked of it."""
import datetime
import json
import os
import subprocess
import time

from . import CannotMeasure, conditions, kernel, machine, process, stats, table

QUIET_S = 3
INTERVAL_MS = 500
SHOWN = 4
TARGET_ATTACH_MS = 300
TARGET_RSS_BYTES = 16 * 1024 * 1024


def unix_ns(rfc3339):
    """RFC 3339 with microseconds, UTC."""
    when = datetime.datetime.strptime(rfc3339, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (when - epoch) // datetime.timedelta(microseconds=1) * 1000


def load(path):
    with open(path) as text:
        return json.load(text)


def attach_once(agent, pid, scratch, *options):
    """From before the agent's exec until its clock of the target runs, and until it has ended; ns."""
    report_path = os.path.join(scratch, "attach.json")
    argv = [agent, "attach", str(pid), "--duration", "1ms", "--json", report_path, *options]
    began_at_ns = time.time_ns()
    child = process.start(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    _, words = child.communicate(timeout=process.STOP_TIMEOUT_S)
    ended_at_ns = time.time_ns()
    process.end(child)
    if child.returncode not in (0, 3):
        raise CannotMeasure(f"the agent failed (exit {child.returncode}): {words.strip()}")
    report = load(report_path)
    return {"watching_ns": unix_ns(report["window"]["started_at"]) - began_at_ns,
            "ended_ns": ended_at_ns - began_at_ns}


def verified(instructions):
    """In words: in all, and the programs that have most of them."""
    if not instructions:
        return "this kernel does not say"
    most = sorted(instructions.items(), key=lambda item: -item[1])[:SHOWN]
    return f"{sum(instructions.values()):,}, of them " + ", ".join(f"{name} {nr:,}" for name, nr in most)


class Attach:
    """Not a workload with conditions: figures of the agent alone."""
    name = "attach"

    def __init__(self, context, cpu, args):
        self.context, self.cpu, self.starts = context, cpu, args.starts
        self.agents = {"agent": context.agent}
        if context.agent_b:
            self.agents["agent-b"] = context.agent_b

    def measure(self):
        with machine.affinity(range(os.cpu_count())):
            starts = {name: [] for name in self.agents}
            for _ in range(self.starts):
                for name, path in self.agents.items():
                    starts[name].append(attach_once(path, self.context.idle_pid, self.context.scratch))
            quiet = {name: self.between_intervals(path) for name, path in self.agents.items()}
        return {"starts": starts, "quiet": quiet,
                "summary": {name: {key: stats.summary([s[key] for s in one]) for key in ("watching_ns", "ended_ns")}
                            for name, one in starts.items()}}

    def between_intervals(self, agent):
        """CPU time of the agent while its target is busy, without intervals and with."""
        log_path = os.path.join(self.context.scratch, "busy.log")
        with open(log_path, "w") as log:
            busy = process.Held([conditions.find("perf"), "bench", "sched", "pipe", "-l", "2000000000"], self.cpu, log)
        try:
            out = {}
            for key, options in (("none", []), ("interval", ["--interval", f"{INTERVAL_MS}ms"])):
                tracer = process.Tracer("agent", [agent, "attach", str(busy.pid), *options, "--json",
                                                  os.path.join(self.context.scratch, "quiet.json")], self.context.scratch)
                out[key] = self.watch_quiet(tracer, busy)
            return out
        finally:
            process.end(busy.process)

    def watch_quiet(self, tracer, busy):
        try:
            time.sleep(1)  # not wait_ready(): with --interval it is never quiet for long
            if busy.process.stdin and not busy.process.stdin.closed:
                busy.go()
            time.sleep(0.2)
            tracer.check_watching()
            before = (process.cpu_ns_of_all(tracer.pid), process.switches(tracer.pid))
            time.sleep(QUIET_S)
            tracer.check_watching()
            out = {"seconds": QUIET_S, "cpu_ns": process.cpu_ns_of_all(tracer.pid) - before[0],
                   "switches": process.switches(tracer.pid) - before[1],
                   "rss_bytes": process.status_bytes(tracer.pid, "VmRSS"),
                   "peak_rss_bytes": process.status_bytes(tracer.pid, "VmHWM"),
                   "verified_instructions": kernel.verified_instructions(tracer.pid)}
            return out
        finally:
            process.end(tracer.process)
            tracer.log.close()

    @staticmethod
    def show(result):
        print("\nthe agent itself")
        for name, one in result["summary"].items():
            ms = {key: {**value, **{k: value[k] and value[k] / 1e6 for k in ("median", "min", "max")},
                        "interval_95": value["interval_95"] and [v / 1e6 for v in value["interval_95"]]}
                  for key, value in one.items()}
            quiet, interval = result["quiet"][name]["none"], result["quiet"][name]["interval"]
            nr = QUIET_S * 1000 // INTERVAL_MS
            print(f"  {name}: ms from its start until it watches (target: at most {TARGET_ATTACH_MS}), "
                  f"{one['watching_ns']['count']} starts: {table.spread(ms['watching_ns'], '{:.0f}'.format).strip()}")
            print(f"  {name}: ms for attaching, 1 ms of watching, report and detaching: "
                  f"{table.spread(ms['ended_ns'], '{:.0f}'.format).strip()}")
            print(f"  {name}: resident {quiet['rss_bytes'] / 1048576:.1f} MiB, at most "
                  f"{quiet['peak_rss_bytes'] / 1048576:.1f}; with --interval "
                  f"{interval['peak_rss_bytes'] / 1048576:.1f} (target: at most {TARGET_RSS_BYTES / 1048576:.0f})")
            print(f"  {name}: CPU time in {quiet['seconds']} s over a busy target: {quiet['cpu_ns'] / 1e6:.3f} ms in "
                  f"{quiet['switches']} wakeups (target: none); an interval of --interval costs "
                  f"{interval['cpu_ns'] / nr / 1e6:.1f} ms")
            print(f"  {name}: instructions that the verifier went through: {verified(quiet['verified_instructions'])}")
