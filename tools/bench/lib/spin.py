# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A fixed spin: how fast a CPU is now, and for how long it was away.

A unit is one SHA-256 of 16 KiB, the work that the servers do.  Speed is the median unit, which neighbours that come and go
leave alone; what they take is the longest gap.
"""
import hashlib
import os
import statistics
import time

UNIT = bytes(i % 251 for i in range(16 * 1024))
UNITS = 1000
OFF_RATIO = 0.05
USUAL_SPINS = 20  # the latest, of ten runs: a host that changes its speed for good is off for a few runs, and usual then


def on_cpu(cpu):
    """{ns_per_unit, longest_gap_ns} of this thread, which is on CPU meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        stamps = [time.perf_counter_ns()]
        for _ in range(UNITS):
            hashlib.sha256(UNIT).digest()
            stamps.append(time.perf_counter_ns())
    finally:
        os.sched_setaffinity(0, before)
    took = [after - was for was, after in zip(stamps, stamps[1:])]
    median_ns = statistics.median(took)
    return {"ns_per_unit": median_ns, "longest_gap_ns": max(0, round(max(took) - median_ns))}


def on_cpus(cpus):
    """One after the other: the mean speed, the longest gap, and each CPU's."""
    each = {str(cpu): on_cpu(cpu) for cpu in cpus}
    return {"ns_per_unit": statistics.mean(one["ns_per_unit"] for one in each.values()),
            "longest_gap_ns": max(one["longest_gap_ns"] for one in each.values()), "cpus": each}


def off_ratio(spins, seen):
    """The largest distance of a CPU's speed in SPINS from its median in the latest SEEN, as a share of that."""
    usual = {}
    for one in seen[-USUAL_SPINS:]:
        for cpu, values in one["cpus"].items():
            usual.setdefault(cpu, []).append(values["ns_per_unit"])
    return max(abs(values["ns_per_unit"] / statistics.median(usual[cpu]) - 1)
               for one in spins for cpu, values in one["cpus"].items())
