# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""nginx with one worker and one connection: it goes to sleep and is woken for every request.

With many connections nginx finds the next request without sleeping, and a tracer's cost hides.

On one CPU, which wrk shares, that CPU is never idle: what a tracer adds is in the CPU time of one of the two,
and CPU time a request is their sum (between the two it moves with the kernel's own bookkeeping, so the
worker's alone is in the JSON only).  On two CPUs every request wakes an idle CPU, twice; CPU time is the
worker's, and on a guest the hypervisor's part in those wakeups is larger than any tracer's and comes and goes.
Awake, it is the same, but that no CPU is ever idle: on each something spins that gives way to all others.
"""
import glob
import os
import re
import socket
import subprocess
import time

from . import CannotMeasure, conditions, events, kernel, machine, process

SECONDS = 1
WRK_UNITS_NS = {"us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
SPIN_MOST_S = 4 * 3600  # should nobody be left to end it
LEAST_WEIGHT = 19  # as nice(1) has it
START_TIMEOUT_S = 10
CONFIGURE_NGINX = os.path.join(machine.ROOT, "tools", "nginx-config")


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def start(cpu, scratch, *options):
    """nginx with one worker on CPU; OPTIONS are tools/nginx-config's.  Returns (process, port) once it answers."""
    port = int(subprocess.check_output([CONFIGURE_NGINX, scratch, "--workers=1", "--keep=100000000", *options]))
    log_path = os.path.join(scratch, "error.log")
    with open(log_path, "w") as log:
        server = process.start(["taskset", "-c", str(cpu), conditions.find("nginx"), "-c", os.path.join(scratch, "nginx.conf"),
                                "-e", log_path], stdout=log, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers(port):
        if process.is_ended(server.pid) or time.monotonic() > deadline:
            with open(log_path) as log:
                raise CannotMeasure(f"nginx did not start: {log.read().strip()[-300:] or 'it said nothing'}")
        time.sleep(0.05)
    return server, port


def read_wrk(status, output, name="wrk"):
    """(requests, ns that it took), of a wrk that had an answer to each; NAME is what it is called if not."""
    found = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m|h)\b", output)
    if status or not found or "Socket errors" in output or "Non-2xx" in output:
        raise CannotMeasure(f"{name} failed (exit {status}): {output.strip()[-200:]}")
    return int(found.group(1)), float(found.group(2)) * WRK_UNITS_NS[found.group(3)]


def spin(cpu):
    """Something that is never idle, on CPU, and that whoever wakes up there interrupts."""
    spinning = process.start(["timeout", str(SPIN_MOST_S), "chrt", "--idle", "0", "taskset", "-c", str(cpu), "sh", "-c", "while :; do :; done"])
    process.set_group_nice(spinning, LEAST_WEIGHT)
    return spinning


class Layout:
    """Of a server on CPU and its client: `one` CPU for both, `two`, or two that stay `awake`."""

    def __init__(self, name, cpu):
        self.name, self.pin = name, ["taskset", "-c", str(cpu)] if name == "one" else []
        self.spinning = [spin(one) for one in sorted(os.sched_getaffinity(0) | {cpu})] if name == "awake" else []

    def describe(self, whose):
        return {"one": "wrk shares it; CPU time is of both", "two": f"wrk on another; CPU time is {whose}",
                "awake": f"wrk on another, and neither ever idle; CPU time is {whose}"}[self.name]

    def close(self):
        for one in self.spinning:
            process.end(one)


class Nginx:
    name = "nginx"
    UNIT = "a request"
    metrics = {"cpu": "cpu_ns", "wall": "wall_ns"}

    def __init__(self, context, cpu, args):
        self.context, self.cpu, self.server = context, cpu, None
        self.layout = Layout(args.nginx_cpus, cpu)
        try:
            self.begin()
            self.run_load()  # the first requests are dearer
        except BaseException:  # or what spins would be in the figures of what comes next
            self.close()
            raise

    def begin(self):
        self.server, self.port = start(self.cpu, self.context.scratch)
        self.load = self.client(1, "/")
        self.worker = self.find_worker()

    def client(self, connections, path):
        return [*self.layout.pin, conditions.find("wrk"), "-t", "1", "-c", str(connections), "-d", f"{SECONDS}s",
                f"http://127.0.0.1:{self.port}{path}"]

    def find_worker(self):
        for path in glob.glob(f"/proc/{self.server.pid}/task/*/children"):
            with open(path) as text:
                children = text.read().split()
            if children:
                return int(children[0])
        raise CannotMeasure(f"nginx (process {self.server.pid}) has no worker")

    def describe(self):
        return f"nginx with one worker on CPU {self.cpu}, one connection, {SECONDS} s a run; " + self.layout.describe("the worker's")

    def run_load(self):
        """Returns one sample, a request: cpu_ns as describe() says, wall_ns the client's."""
        log_path = os.path.join(self.context.scratch, "wrk.log")
        worker_ns, switches = process.cpu_ns_of_all(self.worker), process.switches(self.worker)
        with open(log_path, "w") as log:
            load = process.start(self.load, stdout=log, stderr=subprocess.STDOUT)
        status, load_ns = process.wait_with_cpu_ns(load)
        worker_ns, switches = process.cpu_ns_of_all(self.worker) - worker_ns, process.switches(self.worker) - switches
        with open(log_path) as text:
            requests, took_ns = read_wrk(status, text.read())
        cpu_ns = worker_ns + load_ns if self.layout.name == "one" else worker_ns
        return {"cpu_ns": cpu_ns / requests, "wall_ns": took_ns / requests, "worker_cpu_ns": worker_ns / requests,
                "client_cpu_ns": load_ns / requests, "operations": requests, "switches": switches}

    def measure(self, condition, with_events=False):
        with conditions.attach(condition, self.context, self.server.pid) as attached:
            before = kernel.program_statistics(attached.program_ids()) if with_events else {}
            sample = self.run_load()
            if with_events:
                sample["programs"] = events.difference(before, kernel.program_statistics(before))
            attached.finish(self.context, target_ended=False)
            if attached.report and condition.watches == "target":
                self.check(attached.report, sample)
        return sample

    def check(self, report, sample):
        seen = report["scheduling"]["switches"]
        if seen["voluntary"] + seen["involuntary"] < sample["switches"]:
            raise CannotMeasure(f"the agent saw {seen['voluntary'] + seen['involuntary']} switches "
                                f"where the worker alone had {sample['switches']}")

    def close(self):
        if self.server:
            process.end(self.server)
        self.layout.close()
