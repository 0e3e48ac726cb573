# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""nginx with one worker and one connection: it goes to sleep and is woken for every request.

With many connections nginx finds the next request without sleeping, and a tracer's cost hides.  Server CPU
time a request is what counts; the wall clock is the time of a request as the client, on a CPU of its own,
lives it, which noise reaches more easily.
"""
import glob
import os
import re
import socket
import subprocess
import time

from . import CannotMeasure, conditions, events, kernel, process

SECONDS = 2
START_TIMEOUT_S = 10
CONFIG = """worker_processes 1;
daemon off;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 64; }}
http {{
	access_log off;
	keepalive_requests 100000000;
	client_body_temp_path {dir}/b;
	proxy_temp_path {dir}/p;
	fastcgi_temp_path {dir}/f;
	uwsgi_temp_path {dir}/u;
	scgi_temp_path {dir}/s;
	server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Nginx:
    name = "nginx"
    UNIT = "request"
    metrics = {"cpu": "cpu_ns", "wall": "wall_ns"}
    has_events = True

    def __init__(self, context, cpu, ops=None):
        self.context, self.cpu, self.port = context, cpu, free_port()
        self.load = [conditions.find("wrk"), "-t", "1", "-c", "1", "-d", f"{SECONDS}s",
                     f"http://127.0.0.1:{self.port}/"]
        path = os.path.join(context.scratch, "nginx.conf")
        with open(path, "w") as out:
            out.write(CONFIG.format(dir=context.scratch, port=self.port))
        self.error_log = os.path.join(context.scratch, "error.log")
        with open(self.error_log, "w") as log:
            self.server = process.start(["taskset", "-c", str(cpu), conditions.find("nginx"), "-c", path,
                                         "-e", self.error_log], stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers(self.port):
            if process.is_ended(self.server.pid) or time.monotonic() > deadline:
                with open(self.error_log) as log:
                    raise CannotMeasure(f"nginx did not start: {log.read().strip()[-300:] or 'it said nothing'}")
            time.sleep(0.05)
        self.worker = self.find_worker()
        self.run_load()  # the first requests are dearer

    def find_worker(self):
        for path in glob.glob(f"/proc/{self.server.pid}/task/*/children"):
            with open(path) as text:
                children = text.read().split()
            if children:
                return int(children[0])
        raise CannotMeasure(f"nginx (process {self.server.pid}) has no worker")

    def describe(self):
        return (f"nginx with one worker on CPU {self.cpu}, wrk with one connection on the others for {SECONDS} s a run; "
                f"CPU time is the worker's")

    def run_load(self):
        """Returns one sample; cpu_ns is the worker's and wall_ns the client's, a request."""
        cpu_ns, switches = process.cpu_ns(self.worker), process.switches(self.worker)
        load = process.start(self.load, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output, _ = load.communicate(timeout=SECONDS + 30)
        process.end(load)
        cpu_ns, switches = process.cpu_ns(self.worker) - cpu_ns, process.switches(self.worker) - switches
        found = re.search(r"(\d+) requests in ([\d.]+)(m?s)", output)
        if load.returncode or not found or "Socket errors" in output or "Non-2xx" in output:
            raise CannotMeasure(f"wrk failed (exit {load.returncode}): {output.strip()[-200:]}")
        requests = int(found.group(1))
        took_ns = float(found.group(2)) * (1e6 if found.group(3) == "ms" else 1e9)
        return {"cpu_ns": cpu_ns / requests, "wall_ns": took_ns / requests, "operations": requests,
                "switches": switches}

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
        process.end(self.server)
