# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Servers that are compared: started on one CPU, each with an answer of the same bytes, and their CPU time."""
import http.client
import json
import math
import os
import resource
import subprocess
import time
import urllib.request

from . import CannotMeasure, machine, nginx, process

BUILD = os.path.join(machine.ROOT, os.environ.get("BUILD", "build"))
SERVERS, PEERS = os.path.join(BUILD, "servers"), os.path.join(BUILD, "peers")
PEER_NAMES = ("go-net-http", "tokio-hyper")
RAW = "tokio-raw"  # a peer too, but with one request a connection
ANSWER_TIMEOUT_S = 10
# Of one CPU; but a process of prefork holds one connection at a time.
OPTIONS = {"prefork": lambda connections: ("--workers", str(connections))}
PATH = "/process"
APART = ("multi-reactor", "io-uring")  # a file table for each worker
SPARE_FILES, FULL = 200, 0.9  # of a table, since the kernel does not deal evenly; the server says if that is too little


def program(name):
    return os.path.join(PEERS if name in (*PEER_NAMES, RAW) else SERVERS, name)


def built():
    """The names of all that there are: models, then peers."""
    models = sorted(os.listdir(SERVERS)) if os.path.isdir(SERVERS) else []
    return models + [name for name in PEER_NAMES if os.path.exists(program(name))]


def room_for(name, nr, cpus):
    """Options of a model that is to hold NR connections open, and one more that asks for /stats."""
    out = ["--idle-timeout", "0", "--max-connections", str(nr + 1)]
    if name in APART:
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        out += ["--workers", str(max(cpus, math.ceil(nr / FULL / (files - SPARE_FILES))))]
    return out


def children(pid):
    """Of all its threads; one that ends meanwhile leaves its children to another."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{tid}/children") as text:
                yield from map(int, text.read().split())
        except OSError:
            continue


def tree(pid):
    """PID and all processes that descend from it."""
    out = [pid]
    for parent in out:
        out += children(parent)
    return out


def cpu_ns(pid):
    """CPU time of the process and its descendants that live, ended threads included (clock_getcpuclockid(3))."""
    return sum(time.clock_gettime_ns(~one << 3 | 2) for one in tree(pid))


def stats(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats", timeout=ANSWER_TIMEOUT_S) as answer:
        return json.load(answer)


def answer_bytes(port, path):
    """How long the whole answer is on the wire, and its body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT_S)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    head = f"HTTP/1.1 {answer.status} {answer.reason}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in answer.getheaders()) + "\r\n"
    connection.close()
    if answer.status != 200:
        raise CannotMeasure(f"port {port} answers {answer.status} to {path}")
    return len(head) + len(body), len(body)


class Model:
    """One of the reference servers, or of the peers; asked for WORK, a query.  BEFORE is a command that runs it, on CPU
    (None: where this process may), and ENVIRONMENT what it has in its environment beside this one's."""

    def __init__(self, name, cpu, connections, more=(), work="", before=(), environment=None):
        self.name, self.path = name, PATH + ("?" + work if work else "")
        options = OPTIONS.get(name, lambda connections: ())(connections)
        pin = ("taskset", "-c", str(cpu)) if cpu is not None else ()
        self.command = [*before, *pin, program(name), "--port", "0", *options, *more]
        self.process = process.start(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                     env={**os.environ, **(environment or {})})
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            raise CannotMeasure(f"{name} did not start: {self.process.stderr.read().strip()[-300:]}")
        self.pid = self.process.pid
        self.port = int(line.split()[1].rpartition(":")[2])


class Nginx:
    """With one worker, an answer of ANSWER_BYTES altogether, and no log of accesses."""

    name = "nginx"

    def __init__(self, cpu, scratch, size_bytes):
        self.path = PATH
        self.scratch, self.cpu = scratch, cpu
        self.start("x" * 10)
        whole, body = answer_bytes(self.port, self.path)
        process.end(self.process)
        if size_bytes <= whole - body:
            raise CannotMeasure(f"nginx cannot answer with {size_bytes} bytes: its head alone has {whole - body}")
        self.start("x" * (size_bytes - whole + body))

    def start(self, body):
        self.process, self.port = nginx.start(self.cpu, self.scratch, f"--body={body}")
        self.pid = self.process.pid
