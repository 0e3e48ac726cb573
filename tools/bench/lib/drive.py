# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How build/load is called for each kind of row, with which priority, and what is its own fault in what it gave."""
import datetime
import os
import re
import shlex
import statistics
import subprocess

from . import CannotMeasure, generators, scenario

SETTLE = "200ms"  # the first of each measured run, which is counted apart
CROWD_CONNECTIONS = 16  # that the low rate beside a crowd goes over
BUSY_RATIO = 0.8
LEAST_GOOD_RATIO = 0.99  # of what was due, as in a search: who refuses quickly is not fast
NICE = -5
SHA_ROUNDS = 200  # that each server times before it is ready, as nobody else's does: no part of its startup
LEAST_LIMITS = 20  # timeout and drain of a search, in limits of its objective: its judge allows ten
TIMES_S = {"us": 1e-6, "ms": 1e-3, "s": 1}


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def can(*command):
    try:
        return not subprocess.run([*command, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).stderr
    except FileNotFoundError:
        return False


def priorities():
    """By layout, a command that gives the generator precedence: over what else runs on its own CPU, and over the servers that it
    shares CPUs with, as far as that is allowed.  It must not be real time where it spins."""
    nice = ("nice", "-n", str(NICE)) if can("nice", "-n", str(NICE)) else ()
    first = ("chrt", "-f", "1")
    return {"split": nice, "shared": first if can(*first) else nice}


def highest_rate(report):
    """What a search found, or a closed loop reached; None if nothing."""
    if "find_max" in report:
        return report["find_max"]["low"] and report["find_max"]["low"]["rate"]
    good = sum(nr for status, nr in report["outcomes"]["answered"].items() if status.startswith("2"))
    return good * 1e9 / report["window"]["duration_ns"] if good else None


def is_unsure(report):
    """Its search contradicted itself: a rate above what it found held as well, or one below did not."""
    return not report.get("find_max", {}).get("is_narrow", True)


def share(params, most):
    """A rate of so much of the subject's own highest."""
    if not most:
        raise CannotMeasure(f"no highest rate of it is known: row '{params['of']}' has none yet")
    return max(1, round(statistics.median(most) * params["share_ratio"]))


def slo_seconds(slo):
    found = re.search(r"=([\d.]+)(us|ms|s)$", slo)
    if not found:
        raise CannotMeasure(f"slo '{slo}' is none that is known, as p99=100ms")
    return float(found[1]) * TIMES_S[found[2]]


def sha_round_ns(said):
    found = re.search(r"sha takes (\d+) ns a round", said)
    return int(found[1]) if found else None


class Loading:
    """The generator of a run in LAYOUT.  On CPUs of its own (split) it has one for each thread, and spins until requests are due;
    not in a search or a closed loop, where what it uses tells whether it was the limit.  Beside the server it sleeps."""

    def __init__(self, layout, cpus, bench):
        self.is_split, self.cpus, self.scratch = layout == "split", cpus, bench.scratch
        self.before = bench.priorities[layout]

    def place(self, is_timed, connections):
        if not self.is_split:
            return ["--sleep"]
        threads = max(1, min(len(self.cpus), connections))
        return ["--cpus", ",".join(map(str, self.cpus[:threads])), "-t", threads, "--spin" if is_timed else "--sleep"]

    def base(self, params, seconds, is_timed, connections):
        timeout_s = scenario.TIMEOUT_S
        if "slo" in params:
            timeout_s = max(1, min(timeout_s, LEAST_LIMITS * slo_seconds(params["slo"])))
        churn = ["--churn", params["churn"]] if params["churn"] else []
        return ["-c", connections, "-d", f"{round(seconds * 1000)}ms", "--timeout", f"{round(timeout_s * 1000)}ms", *churn,
                *self.place(is_timed, connections)]

    def jobs(self, kind, params, url):
        """The arguments of one generator, or of several that drive at the same time."""
        if "streams" in params:
            return [self.at_rate({**params, **one}, params["seconds"], url.partition("?")[0] + (f"?{one['work']}" if one["work"] else ""))
                    for one in params["streams"]]
        if kind == "max":
            return [["--find-max", "--slo", params["slo"], "--warmup", SETTLE,
                     *self.base(params, params["seconds"], False, params["connections"]), url]]
        if kind == "closed":
            return [["--closed", "--warmup", SETTLE, *self.base(params, params["seconds"], False, params["connections"]), url]]
        if kind == "connections":
            params = {**params, "connections": CROWD_CONNECTIONS}
        return [self.at_rate(params, params["seconds"], url)]

    def at_rate(self, params, seconds, url):
        # Who is asked by the server shares the generator's CPUs, and would wait for one that spins.
        is_timed = "streams" not in params and "upstream" not in params
        return ["-R", f"{params['rate']:g}", "--arrivals", params["arrivals"], "--warmup", SETTLE,
                *self.base(params, seconds, is_timed, params["connections"]), url]

    def warm_up(self, kind, params, url):
        """By itself, before anybody watches: what is made for the first requests is there.  Searches by a closed loop."""
        seconds = params["warmup_seconds"]
        if not seconds:
            return
        if kind in ("max", "closed"):
            self.run(["--closed", *self.base(params, seconds, False, params["connections"]), url])
            return
        for number, job in enumerate(self.jobs(kind, {**params, "seconds": seconds}, url)):
            self.run(job, number)

    def command(self, args):
        return shlex.join([*self.before, generators.LOAD, *map(str, args)])

    def run(self, args, number=0):
        scratch = os.path.join(self.scratch, f"load-{number}")
        os.makedirs(scratch, exist_ok=True)
        return generators.load(args, scratch, before=self.before, nice=NICE if "nice" in self.before else 0)


def busy_ratio(report):
    """Of the CPU time that its threads could have; None where it spins, and uses all."""
    generator = report["generator"]
    if generator["spinning"] or not generator["cpu_window_ns"]:
        return None
    return generator["cpu_ns"] / generator["cpu_window_ns"] / min(generator["cpus"], report["plan"]["threads"])


def faults(kind, report):
    """(verdict, reason) of what REPORT itself says against it, the graver first."""
    good = sum(nr for status, nr in report["outcomes"]["answered"].items() if status.startswith("2"))
    found = report.get("find_max")
    if found and not found["low"]:
        yield "failed", f"no rate held p{report['plan']['objective']['q'] * 100:g} in {found['runs']} runs of the search"
    elif not good or (not found and good < LEAST_GOOD_RATIO * report["due"]):
        became = {key: of for key, of in report["outcomes"].items() if (any(of.values()) if isinstance(of, dict) else of)}
        yield "failed", f"{good} of {report['due']} requests were answered by 2xx: {became}"
    busy = busy_ratio(report)
    if busy is not None and busy > BUSY_RATIO:
        yield "client-bound", f"the generator used {busy:.0%} of its CPU"
    if found and found["is_client_bound"]:
        yield "client-bound", "above the highest rate that held it was the generator that was late"
