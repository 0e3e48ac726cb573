# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a figure belongs to: the machine, the tools' versions and the state of the source."""
import contextlib
import hashlib
import os
import platform
import re
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def first_line(*argv):
    try:
        result = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = result.stdout.strip().splitlines()
    return lines[0] if result.returncode == 0 and lines else None


def package_version(name):
    return first_line("dpkg-query", "-W", "-f", "${Version}", name)


def cpu_model():
    with open("/proc/cpuinfo") as text:
        found = re.search(r"^(?:model name|Model)\s*:\s*(.*)$", text.read(), re.M)
    return found.group(1) if found else platform.machine()


def describe():
    """Plain data for the JSON; None where something cannot be told."""
    with open("/proc/meminfo") as text:
        memory_bytes = int(text.readline().split()[1]) * 1024
    packages = ("libbpf-tools", "bpftrace", "linux-perf", "nginx-light", "wrk", "bpftool")
    return {
        "kernel": platform.release(), "arch": platform.machine(), "cpus": os.cpu_count(),
        "cpus_allowed": len(os.sched_getaffinity(0)), "model": cpu_model(), "memory_bytes": memory_bytes,
        "virtualisation": first_line("systemd-detect-virt"),
        "versions": {name: package_version(name) for name in packages},
    }


def source():
    """The commit, and whether the tree differs from it."""
    commit = first_line("git", "-C", ROOT, "rev-parse", "HEAD")
    changed = first_line("git", "-C", ROOT, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "modified": changed is not None}


def sha256(path):
    with open(path, "rb") as binary:
        return hashlib.sha256(binary.read()).hexdigest()


def agent_identity(path):
    return {"path": path, "sha256": sha256(path), "source": source() if path.startswith(ROOT) else None}


def cpu_times(cpu):
    """The fields of CPU in /proc/stat since boot, in ns; nothing if it has none."""
    with open("/proc/stat") as text:
        for line in text:
            name, *ticks = line.split()
            if name == f"cpu{cpu}":
                return [int(each) * 1_000_000_000 // os.sysconf("SC_CLK_TCK") for each in ticks]
    return []


def steal_ns(cpu):
    """Time that the hypervisor kept CPU for others since boot."""
    return cpu_times(cpu)[7] if cpu_times(cpu) else 0


def busy_ns(cpu):
    """Time that CPU ran something, since some time ago: of use as a difference only.  It is what CPU was neither idle nor stolen,
    since idle time is measured (get_idle_time() of fs/proc/stat.c) where the kernel stops its tick then, and all else but seen by
    the tick: a server that 500 requests a second wake, in step with 250 ticks, was seen busy at each of them."""
    times = cpu_times(cpu)
    return time.monotonic_ns() - sum(times[3:5]) - times[7]


def ticked_ns(cpu):
    """The same as the tick sees it: user, nice, system, irq and softirq.  Without what going idle and coming back takes, which is
    nobody's, and 5 us each time in a guest."""
    times = cpu_times(cpu)
    return sum(times[:3]) + sum(times[5:7])


@contextlib.contextmanager
def affinity(cpus):
    """This process, and what it starts, on CPUS only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
