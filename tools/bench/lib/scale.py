# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A target with many threads against one with few: what grows, and what must not.

The wakeups a second are the same in all: a few workers that sleep 1 ms at a time, the other threads waiting
for ever; and once more with every thread of the many waking in turn, each so much more seldom.
"""
import os
import resource
import signal
import subprocess
import time

from . import CannotMeasure, attach, kernel, machine, process

FEW = 10
PERIOD_US = 1000
SECONDS = 5
SETTLE_S = 1
READY_TIMEOUT_S = 120


def read_number(path):
    try:
        with open(path) as text:
            word = text.read().strip()
    except OSError:
        return None
    return int(word) if word.isdigit() else None


def limits():
    """{what: how many tasks it allows}; only those that are set."""
    out = {"kernel.threads-max": read_number("/proc/sys/kernel/threads-max"),
           "kernel.pid_max": read_number("/proc/sys/kernel/pid_max"),
           "RLIMIT_NPROC": resource.getrlimit(resource.RLIMIT_NPROC)[0]}
    with open("/proc/self/cgroup") as text:
        for line in text:
            number, controllers, path = line.rstrip("\n").split(":", 2)
            if controllers == "pids":
                out["pids.max"] = read_number(f"/sys/fs/cgroup/pids{path}/pids.max")
            elif number == "0":
                out["pids.max"] = out.get("pids.max") or read_number(f"/sys/fs/cgroup{path}/pids.max")
    return {key: value for key, value in out.items() if value and value > 0}


class Crowd:
    """The target; ready when all its threads are there."""

    def __init__(self, threads, workers, period_us):
        path = os.path.join(machine.ROOT, os.environ.get("BUILD", "build"), "bench", "crowd")
        if not os.access(path, os.X_OK):
            raise CannotMeasure(f"{path} is missing: run `make all`")
        for what, allowed in limits().items():
            if threads > allowed:
                raise CannotMeasure(f"{threads} threads are more than {what} allows ({allowed}); give --threads less")
        self.process = process.start([path, str(threads), str(workers), str(period_us)], stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        if self.process.stdout.readline() != "ready\n":
            words = self.process.stderr.read().strip()
            process.end(self.process)
            raise CannotMeasure(f"the target with {threads} threads did not start: {words or 'it said nothing'}")


def per_event(before, after):
    runs = sum(after[i]["run_count"] - before[i]["run_count"] for i in before)
    run_ns = sum(after[i]["run_ns"] - before[i]["run_ns"] for i in before)
    return runs, run_ns / runs if runs else None


def peak_until_end(child):
    """The largest resident size while it reports; ru_maxrss would also count us, from before its exec."""
    peak_bytes = 0
    while child.poll() is None:
        try:
            peak_bytes = max(peak_bytes, process.status_bytes(child.pid, "VmHWM"))
        except (OSError, CannotMeasure):
            pass  # it has given its memory back
        time.sleep(0.002)
    return peak_bytes


def largest_growth(before, after, nr=6):
    growth = {name: after[name] - before.get(name, 0) for name in after}
    return dict(sorted(((n, b) for n, b in growth.items() if b > 0), key=lambda item: -item[1])[:nr])


class Scale:
    name = "scale"

    def __init__(self, context, cpu, args):
        self.context, self.many = context, args.threads
        self.targets = ((f"{FEW} threads", FEW, FEW, PERIOD_US),
                        (f"{self.many} threads, {FEW} of them work", self.many, FEW, PERIOD_US),
                        (f"{self.many} threads, all work in turn", self.many, self.many,
                         PERIOD_US * self.many // FEW))

    def measure(self):
        out = []
        with machine.affinity(range(os.cpu_count())):
            for title, threads, workers, period_us in self.targets:
                crowd = Crowd(threads, workers, period_us)
                try:
                    time.sleep(SETTLE_S)
                    out.append({"title": title, "threads": threads, "workers": workers, **self.watch(crowd, threads)})
                finally:
                    process.end(crowd.process)
                    time.sleep(SETTLE_S)  # the kernel frees threads and their storage a little later
        return {"seconds": SECONDS, "targets": out}

    @staticmethod
    def untraced_slice_ns(pid):
        """The control: what a sleeper's turn takes with nobody watching, nearly all of it the kernel's own work."""
        before_ns, before = process.slices_of_all(pid)
        time.sleep(SECONDS)
        after_ns, after = process.slices_of_all(pid)
        if after == before:
            raise CannotMeasure("the target did nothing")
        return (after_ns - before_ns) / (after - before)

    def watch(self, crowd, threads):
        untraced_slice_ns = self.untraced_slice_ns(crowd.pid)
        memory, slabs = kernel.memory(), kernel.slabs()
        report_path = os.path.join(self.context.scratch, "scale.json")
        began_at_ns = time.time_ns()
        tracer = process.Tracer("agent", [self.context.agent, "attach", str(crowd.pid), "--json", report_path],
                                self.context.scratch)
        try:
            tracer.wait_ready()
            grown, grown_slabs = kernel.memory(), kernel.slabs()
            programs = kernel.ids_held_by(tracer.pid, "prog_id")
            own_cpu_ns = process.cpu_ns_of_all(tracer.pid)
            with kernel.RunTimeStatistics():
                before = kernel.program_statistics(programs)
                time.sleep(SECONDS)
                after = kernel.program_statistics(programs)
            own_cpu_ns = process.cpu_ns_of_all(tracer.pid) - own_cpu_ns
            maps = kernel.map_bytes(kernel.ids_held_by(tracer.pid, "map_id"))
            rss_bytes = process.status_bytes(tracer.pid, "VmRSS")
            stopped_at_ns = time.time_ns()
            os.kill(tracer.pid, signal.SIGINT)
            peak_bytes = peak_until_end(tracer.process)
            took_ns = time.time_ns() - stopped_at_ns
            if tracer.process.returncode not in (0, 3):
                raise CannotMeasure(f"the agent failed (exit {tracer.process.returncode}): {tracer.words()}")
        finally:
            process.end(tracer.process)
            tracer.log.close()
        report = attach.load(report_path)
        runs, event_ns = per_event(before, after)
        return {
            "attach_ns": attach.unix_ns(report["window"]["started_at"]) - began_at_ns,
            "report_ns": took_ns, "rss_bytes": rss_bytes, "peak_rss_bytes": peak_bytes,
            "agent_cpu_ns": own_cpu_ns, "events": runs, "event_ns": event_ns,
            "programs": [{"name": after[i]["name"], "run_count": after[i]["run_count"] - before[i]["run_count"],
                          "run_ns": after[i]["run_ns"] - before[i]["run_ns"]} for i in before],
            "untraced_slice_ns": untraced_slice_ns,
            "report_threads": report["target"]["threads"], "losses": report["losses"], "stated": report["agent"]["overhead"],
            "map_bytes": maps,
            "kernel_growth_bytes": {key: grown[key] - memory[key] for key in grown},
            "slab_growth_bytes": largest_growth(slabs, grown_slabs),
        }

    @staticmethod
    def show(result):
        print(f"\nscale: {result['seconds']} s each, the same number of wakeups a second in all; ns an event as the "
              "kernel's statistics have it, their own share included")
        print(f"  {'target':<38}{'attach':>9}{'report':>9}{'RSS':>9}{'peak':>9}{'own CPU':>9}{'events':>10}{'ns/event':>10}"
              f"{'untraced turn':>15}{'seen':>8}{'lost':>6}")
        for one in result["targets"]:
            print(f"  {one['title']:<38}{one['attach_ns'] / 1e6:>6.0f} ms{one['report_ns'] / 1e6:>6.0f} ms"
                  f"{one['rss_bytes'] / 1048576:>5.1f} MB{one['peak_rss_bytes'] / 1048576:>6.1f} MB"
                  f"{one['agent_cpu_ns'] / 1e6:>6.1f} ms{one['events']:>10}{one['event_ns']:>10.0f}"
                  f"{one['untraced_slice_ns']:>12.0f} ns"
                  f"{one['report_threads']:>8}{sum(one['losses'].values()):>6}")
        few, many = result["targets"][0], result["targets"][1]
        threads = many["threads"] - few["threads"]
        grown = many["kernel_growth_bytes"]["SUnreclaim"] - few["kernel_growth_bytes"]["SUnreclaim"]
        stated = many["stated"]
        cpus = os.cpu_count()
        print(f"  kernel memory a thread: {grown / threads:.0f} bytes by /proc/meminfo's SUnreclaim; the report says "
              f"{stated['kernel_per_thread_bytes']}")
        print("    of which, by /proc/slabinfo: " + ", ".join(
            f"{name} {bytes_ / many['threads']:.0f}" for name, bytes_ in many["slab_growth_bytes"].items()))
        print(f"  kernel memory of the maps: {sum(many['map_bytes'].values())} bytes by bpftool; the report says "
              f"{stated['kernel_bytes'] + cpus * stated['kernel_per_cpu_bytes']} "
              f"({stated['kernel_bytes']} and {stated['kernel_per_cpu_bytes']} for each of {cpus} CPUs)")
        print("    of which: " + ", ".join(f"{name} {bytes_}" for name, bytes_ in sorted(
            many["map_bytes"].items(), key=lambda item: -item[1])[:6]))
