# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a server used between two readings, and what the machine did beside it."""
import os
import time

from . import machine, process, subjects

PF_KTHREAD = 0x00200000
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def stat_fields(pid):
    """From the state on, which is the third."""
    with open(f"/proc/{pid}/stat") as text:
        return text.read().rsplit(")", 1)[1].split()


def kernel_threads_ns():
    """CPU time of each thread of the kernel since its birth, by its id and that birth."""
    out = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = stat_fields(pid)
            if int(fields[6]) & PF_KTHREAD:
                out[pid, fields[19]] = process.cpu_ns(pid)
        except OSError:  # it has ended
            continue
    return out


def grown_ns(before, after):
    """From one kernel_threads_ns() to the next, without the last of those that have ended in between: nobody tells it."""
    return sum(ns - before.get(who, 0) for who, ns in after.items())


def pss_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup") as text:
        return next(int(line.split()[1]) * 1024 for line in text if line.startswith("Pss:"))


def threads(pid):
    with open(f"/proc/{pid}/status") as text:
        return next(int(line.split()[1]) for line in text if line.startswith("Threads:"))


def reading(pid, cpus, all_cpus, beside=()):
    """Of the process and its descendants, of the server's CPUs and of ALL that the run has, and of what else of ours runs BESIDE;
    user and system time as the kernel splits them, by ticks."""
    fields = [stat_fields(one) for one in subjects.tree(pid)]
    return {"at_ns": time.monotonic_ns(), "cpu_ns": subjects.cpu_ns(pid),
            "user_cpu_ns": sum(int(one[11]) for one in fields) * TICK_NS,
            "system_cpu_ns": sum(int(one[12]) for one in fields) * TICK_NS, "kernel_threads_ns": kernel_threads_ns(),
            "busy_ns": sum(map(machine.busy_ns, cpus)), "steal_ns": sum(map(machine.steal_ns, cpus)),
            "all_busy_ns": sum(map(machine.busy_ns, all_cpus)), "all_ticked_ns": sum(map(machine.ticked_ns, all_cpus)),
            "all_steal_ns": sum(map(machine.steal_ns, all_cpus)),
            "beside_ns": sum(map(subjects.cpu_ns, beside))}


def others(spent, wall_ns, nr_cpus, load_ns):
    """What neither we nor the kernel's threads used of all CPUs, and what the hypervisor kept: {busy_ns, steal_ns, ratio}.  Others are in
    both of the kernel's accounts, and each has something else that is not (machine.busy_ns, ticked_ns)."""
    ours_ns = spent["cpu_ns"] + spent["kernel_workers_cpu_ns"] + spent["beside_ns"] + load_ns
    busy_ns = max(0, min(spent["all_busy_ns"], spent["all_ticked_ns"]) - ours_ns)
    return {"busy_ns": busy_ns, "steal_ns": spent["all_steal_ns"], "ratio": (busy_ns + spent["all_steal_ns"]) / (wall_ns * nr_cpus)}


def used(pid, before, after, nr_cpus, load_ns):
    """{server, on_cpus, others} of a run: two readings, on NR_CPUS (the server's, all), and the generator's time; memory is as of now."""
    spent = {key: after[key] - before[key] for key in before if key != "kernel_threads_ns"}
    spent["kernel_workers_cpu_ns"] = grown_ns(before["kernel_threads_ns"], after["kernel_threads_ns"])
    wall_ns = spent.pop("at_ns")
    family = subjects.tree(pid)
    return {
        "server": {**{key: spent[key] for key in ("cpu_ns", "user_cpu_ns", "system_cpu_ns", "kernel_workers_cpu_ns")}, "wall_ns": wall_ns,
                   "rss_bytes": sum(process.status_bytes(one, "VmRSS") for one in family), "pss_bytes": sum(map(pss_bytes, family)),
                   "threads": sum(map(threads, family))},
        "on_cpus": {"cpus": nr_cpus[0], "wall_ns": wall_ns, "busy_ns": spent["busy_ns"], "steal_ns": spent["steal_ns"]},
        "others": others(spent, wall_ns, nr_cpus[1], load_ns)}
