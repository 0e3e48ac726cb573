# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""perf bench sched pipe, both ends on one CPU: two switches and two wakeups an operation and nothing else.

By CPU time: both ends share one CPU that is never idle, so every nanosecond that a tracer adds is in the
on-CPU time of one of them, while what other programs take from that CPU is not.  By wall clock: the
benchmark's own figure; the same on a quiet machine.
"""
import os
import re
import time

from . import CannotMeasure, conditions, events, kernel, machine, process

CALIBRATION_OPS = 20_000
SWITCHES_PER_OP = 2
SEEN_AT_LEAST = 0.9  # a wakeup may find the other end still awake


def command(ops):
    return [conditions.find("perf"), "bench", "sched", "pipe", "-l", str(ops)]


class Pipe:
    name = "pipe"
    UNIT = "an operation"
    metrics = {"cpu": "cpu_ns", "wall": "wall_ns"}

    def __init__(self, context, cpu, args):
        self.context, self.cpu, self.ops = context, cpu, args.ops
        conditions.find("perf")
        conditions.find("taskset")
        if not self.ops:
            self.ops = CALIBRATION_OPS
            nothing = next(c for c in conditions.CONDITIONS if c.kind == "off")
            per_op_ns = min(self.measure(nothing)["cpu_ns"] for _ in range(2))
            self.ops = max(10_000, int(round(1e9 / per_op_ns, -4)))

    def describe(self):
        return f"perf bench sched pipe, {self.ops} operations, both ends on CPU {self.cpu}"

    def run(self, held, log_path):
        """Returns the sample of one run that HELD has been waiting for."""
        began_at_ns, steal_ns = time.monotonic_ns(), machine.steal_ns(self.cpu)
        held.go()
        status, cpu_ns = held.wait()
        took_ns = time.monotonic_ns() - began_at_ns
        with open(log_path) as text:
            output = text.read()
        found = re.search(r"([\d.]+)\s+usecs/op", output)
        if status or not found:
            raise CannotMeasure(f"perf bench sched pipe failed (exit {status}): {output.strip()[-200:]}")
        return {"wall_ns": float(found.group(1)) * 1000, "cpu_ns": cpu_ns / self.ops,
                "operations": self.ops, "took_ns": took_ns,
                "steal_ns": machine.steal_ns(self.cpu) - steal_ns}

    def measure(self, condition, with_events=False):
        """One run under CONDITION: {wall_ns, cpu_ns: an operation}; WITH_EVENTS also the programs' statistics."""
        log_path = os.path.join(self.context.scratch, "perf-bench.log")
        with open(log_path, "w") as log:
            held = process.Held(command(self.ops), self.cpu, log)
        try:
            with conditions.attach(condition, self.context, held.pid) as attached:
                before = kernel.program_statistics(attached.program_ids()) if with_events else {}
                sample = self.run(held, log_path)
                if with_events:
                    sample["programs"] = events.difference(before, kernel.program_statistics(before))
                attached.finish(self.context, target_ended=True)
                if attached.report and condition.watches == "target":
                    self.check(attached.report, sample)
        finally:
            process.end(held.process)
        return sample

    def close(self):
        pass

    def check(self, report, sample):
        """The agent must have seen the switches, or it cost nothing for a reason."""
        seen = report["scheduling"]["switches"]
        sample["switches"] = seen["voluntary"] + seen["involuntary"]
        due = round(SEEN_AT_LEAST * SWITCHES_PER_OP * self.ops)
        if sample["switches"] < due:
            raise CannotMeasure(f"the agent saw {sample['switches']} switches where at least {due} happened")
