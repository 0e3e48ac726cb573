# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Shared by the tests of the load generator: run it, read its JSON, and what must hold of any run."""
import atexit
import collections
import contextlib
import itertools
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "servers"))
from serve import EPOLL_PWAIT2, MODELS, Server, check, done, refuse  # noqa: E402, F401

BUILD = os.environ["BUILD"]
LOAD = os.path.join(BUILD, "load")
SCRIPTED = os.path.abspath(os.path.join(BUILD, "workloads", "scripted"))
TMPDIR = os.environ["TMPDIR"]
NS = 10**9
QUANTILES = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1]
LATE = 3  # measured, but the generator's own lag could have changed a quantile: no fault of a test's on a busy machine
PATIENT = ("--timeout", "60s")  # where a request must not be given up only because the machine is slow
SETTLE_S = 30
numbers = itertools.count()


class Scripted(Server):
    """tests/workloads/scripted.c."""

    def __init__(self, *options):
        super().__init__(SCRIPTED, *options)

    def url(self, path="/"):
        return f"http://{self.name}{path}"

    def kinds(self):
        """What was asked for, as far as it was."""
        return {kind: nr for kind, nr in self.stats()["requests"]["by_kind"].items() if nr}

    def log(self):
        """(read, before, after) in ns of CLOCK_MONOTONIC, connection and path of each answer, in order."""
        lines = [line.split() for line in self.get("/log").body.decode().splitlines()]
        return [(*map(int, fields[:4]), fields[4]) for fields in lines]


class Run:
    """The generator, running: ended by finish(), or with the test."""

    def __init__(self, *args, before=(), **popen):
        self.path = os.path.join(TMPDIR, f"load-{next(numbers)}.json")
        store = () if "--json" in args else ("--json", self.path)
        popen = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True, **popen}
        self.args = [*map(str, args)]
        self.process = subprocess.Popen([*before, LOAD, *store, *self.args], **popen)
        atexit.register(self.process.kill)

    def finish(self):
        self.out, self.err = self.process.communicate()
        self.status = self.process.returncode
        self.report = None
        if os.path.exists(self.path):
            with open(self.path) as text:
                self.report = json.load(text)
        return self


def load(*args, **popen):
    """A whole run, which has measured."""
    run = Run(*args, **popen).finish()
    if run.status not in (0, LATE) or run.report is None:
        raise SystemExit(f"FAIL load {' '.join(run.args)}: exit {run.status}: {run.err.strip()[-500:]}")
    return run


def outcomes(books):
    """{"answered 200": n, "timed_out": n, ...}: those that are not 0, of a report or of its warm-up."""
    found = collections.Counter()
    for name, of in books["outcomes"].items():
        for key, nr in (((f"{name} {key}", nr) for key, nr in of.items()) if isinstance(of, dict) else ((name, of),)):
            found[key] += nr
    return {key: nr for key, nr in found.items() if nr}


def answered(report):
    return sum(report["outcomes"]["answered"].values())


def quantile(distribution, q):
    return next(one for one in distribution["quantiles"] if one["q"] == q)


def check_distribution(name, distribution, count):
    """Consistent in itself, and of COUNT values."""
    buckets = distribution["buckets"]
    check(distribution["count"] == count == sum(one["count"] for one in buckets),
          f"{name}: {distribution['count']} values for {count} requests", quiet=True)
    check([one["q"] for one in distribution["quantiles"]] == QUANTILES or not count,
          f"{name}: quantiles {distribution['quantiles']}", quiet=True)
    ns = [one["ns"] for one in distribution["quantiles"]]
    check(ns == sorted(ns) and all(value <= distribution["max_ns"] for value in ns),
          f"{name}: quantiles ascend to the longest ({ns}, {distribution['max_ns']})", quiet=True)
    edges = [edge for one in buckets for edge in (one["from_ns"], one["to_ns"])]
    check(edges == sorted(edges), f"{name}: buckets ascend", quiet=True)
    least, most = (sum(one[edge] * one["count"] for one in buckets) for edge in ("from_ns", "to_ns"))
    if distribution["max_ns"] < edges[-1] if edges else False:  # the last bucket of all also holds what is longer
        check(least <= distribution["total_ns"] <= most, f"{name}: its sum lies within its buckets", quiet=True)


def check_books(name, run):
    """The identities of a report, whatever happened."""
    report = run.report
    for books, of in ((report, "measured"), (report["warmup"], "warm-up")):
        total = sum(outcomes(books).values())
        check(total == books["due"], f"{name}: {of}: {books['due']} due, {total} in the books", quiet=True)
    sent = report["due"] - sum(report["outcomes"]["never_sent"].values())
    latency, closed = report["latency"], "--closed" in run.args
    check(("from_due" in latency) != closed and ("wait_connection" in latency) != closed,
          f"{name}: {sorted(latency)} in the latencies", quiet=True)
    check_distribution(f"{name}: from_send", latency["from_send"], sent)
    check_distribution(f"{name}: lag.send", report["lag"]["send"], sent)
    for key, of in latency["by_class"].items():
        nr = sum(nr for status, nr in report["outcomes"]["answered"].items()
                 if key == (f"{status[0]}xx" if "1" <= status[0] <= "5" else "other"))
        check_distribution(f"{name}: {key}", of, nr)
    check(sum(of["count"] for of in latency["by_class"].values()) == answered(report), f"{name}: classes", quiet=True)
    if closed:
        return
    check_distribution(f"{name}: from_due", latency["from_due"], report["due"])
    check_distribution(f"{name}: wait_connection", latency["wait_connection"], sent)
    parts = [latency["wait_connection"]["total_ns"], report["lag"]["send"]["total_ns"], latency["from_send"]["total_ns"]]
    if sent == report["due"]:
        check(latency["from_due"]["total_ns"] == sum(parts),
              f"{name}: from_due {latency['from_due']['total_ns']} = {' + '.join(map(str, parts))}", quiet=True)


def check_outcomes(name, run, expected):
    """All of it, and the books."""
    check_books(name, run)
    check(outcomes(run.report) == expected, f"{name}: {outcomes(run.report)}, is to be {expected}")


def eventually(what, condition):
    """Something that others are still about to do."""
    deadline = time.monotonic() + SETTLE_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    check(condition(), what)


@contextlib.contextmanager
def file_of(text):
    path = os.path.join(TMPDIR, f"file-{next(numbers)}")
    with open(path, "w" if isinstance(text, str) else "wb") as out:
        out.write(text)
    yield path
    os.remove(path)
