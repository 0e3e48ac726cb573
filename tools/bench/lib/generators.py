# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Load generators that are compared: each driven the same way, and what it says of its run, with what that used."""
import json
import os
import re
import statistics
import subprocess

from . import CannotMeasure, conditions, machine, nginx, process, subjects

LOAD = os.path.join(subjects.BUILD, "load")
LATE = 3  # measured, but its own lag could have changed a quantile
UNITS_US = {"us": 1, "ms": 1e3, "s": 1e6}


def run(argv, cpu, scratch, name, before=(), nice=0):
    """Run ARGV, by the command BEFORE, on CPU (None: where it likes), before others on it by NICE; returns (exit status, what it printed, CPU time in ns, most memory in bytes)."""
    path = os.path.join(scratch, f"{name}.out")
    with open(path, "w") as out:
        child = process.start([*before, *(("taskset", "-c", str(cpu)) if cpu is not None else ()), *map(str, argv)], stdout=out,
                              stderr=subprocess.STDOUT)
        process.set_group_nice(child, nice)
        status, usage = process.wait_with_usage(child)
    with open(path, errors="replace") as text:
        return status, text.read(), round((usage.ru_utime + usage.ru_stime) * 1e9), usage.ru_maxrss * 1024


def needed():
    """The path of our own."""
    if not os.access(LOAD, os.X_OK):
        raise CannotMeasure(f"{LOAD} is missing: run `make load`")
    return LOAD


def load(args, scratch, cpu=None, before=(), nice=0):
    """A run of build/load that has measured: its JSON, with `used`: {cpu_ns, rss_bytes, status}."""
    path = os.path.join(scratch, "load.json")
    status, said, cpu_ns, rss_bytes = run([needed(), "--json", path, *args], cpu, scratch, "load", before, nice)
    if status not in (0, LATE):
        raise CannotMeasure(f"load {' '.join(map(str, args))} failed (exit {status}): {said.strip()[-300:]}")
    with open(path) as text:
        report = json.load(text)
    report["used"] = {"cpu_ns": cpu_ns, "rss_bytes": rss_bytes, "status": status}
    return report


def outcomes(report):
    """All of them, added up."""
    return sum(sum(of.values()) if isinstance(of, dict) else of for of in report["outcomes"].values())


def quantile_ns(distribution, q):
    return next(one["ns"] for one in distribution["quantiles"] if one["q"] == q)


def with_load(url, connections, seconds, cpu, scratch):
    report = load(["--closed", "-c", connections, "-d", f"{seconds}s", url], scratch, cpu)
    nr, took_ns = report["due"], report["window"]["duration_ns"]
    if report["outcomes"]["answered"] != {"200": nr}:
        raise CannotMeasure(f"load was not answered as it should: {report['outcomes']}")
    return {"requests": nr, "took_ns": took_ns, "cpu_ns": report["used"]["cpu_ns"],
            "p50_ns": quantile_ns(report["latency"]["from_send"], 0.5)}


def with_wrk(url, connections, seconds, cpu, scratch):
    status, said, cpu_ns, _ = run([conditions.find("wrk"), "-t", 1, "-c", connections, "-d", f"{seconds}s", "--latency", url],
                                  cpu, scratch, "wrk")
    nr, took_ns = nginx.read_wrk(status, said)
    found = re.search(r"50%\s+([\d.]+)(us|ms|s)", said)
    return {"requests": nr, "took_ns": took_ns, "cpu_ns": cpu_ns, "p50_ns": float(found[1]) * UNITS_US[found[2]] * 1e3}


def with_h2load(url, connections, seconds, cpu, scratch):
    """It tells no median: that is from its log, a line for each request."""
    log = os.path.join(scratch, "h2load.log")
    if os.path.exists(log):
        os.remove(log)
    status, said, cpu_ns, _ = run([conditions.find("h2load"), "--h1", "-c", connections, "-D", seconds, f"--log-file={log}", url],
                                  cpu, scratch, "h2load")
    found = re.search(r"finished in ([\d.]+)s, ([\d.]+) req/s", said)
    if status or not found or " 0 failed, 0 errored, 0 timeout" not in said:
        raise CannotMeasure(f"h2load failed (exit {status}): {said.strip()[-300:]}")
    with open(log) as lines:
        took_us = [int(line.split()[2]) for line in lines]
    # Its rate is of the time that it was told; the time that it prints is rounded.
    return {"requests": len(took_us), "took_ns": len(took_us) / float(found[2]) * 1e9, "cpu_ns": cpu_ns,
            "p50_ns": statistics.median(took_us) * 1e3}


BY_NAME = {"load": with_load, "wrk": with_wrk, "h2load": with_h2load}


def timer(how, rate, seconds, cpu, scratch):
    """tools/bench/timer.c on CPU: how late the barest loop is."""
    path = os.path.join(machine.ROOT, subjects.BUILD, "bench", "timer")
    if not os.access(path, os.X_OK):
        raise CannotMeasure(f"{path} is missing: run `make all`")
    status, said, _, _ = run([path, how, rate, seconds], cpu, scratch, "timer")
    if status:
        raise CannotMeasure(f"timer failed (exit {status}): {said.strip()[-300:]}")
    return json.loads(said)
