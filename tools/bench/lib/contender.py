# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server that is compared: what it is, how big, what it cannot do by design, and how it is started."""
import os
import re
import resource
import shutil
import subprocess
import tempfile

from . import CannotMeasure, drive, idle, machine, process, subjects

PEERS = {"go-net-http": ("go", "Go"), "tokio-hyper": ("tokio", "Rust"), subjects.RAW: ("tokio", "Rust")}
OWN_SWITCH = ("green-threads", *PEERS)  # that schedule in user space, and can measure it
ONE_THREAD = ("event-loop", "async-pool")  # that work, or that react
UNLOADED = ("startup", "switch", "size")  # kinds of rows that nobody is driven in
NO_NUMBER = ("thread-per-connection", "prefork")  # of workers: as many as connections
LIBC = re.compile(r"(ld-linux[\w-]*|linux-vdso|libc|libm|libpthread|libdl|librt)\.so")
SWITCH_TIMEOUT_S = 60  # it takes a tenth of a second
# What holds many connections is not cut off for idling, and refuses none.
PATIENT = ("--idle-timeout", "0")


class Contender:
    """SAID: {program, options, environment}, of a scenario or of an index."""

    def __init__(self, name, said):
        self.name, self.program = name, said["program"]
        self.options, self.environment = said["options"], said["environment"]
        self.path = subjects.program(self.program)
        self.model, self.language = PEERS.get(self.program, (self.program, "C"))

    def missing(self):
        """Why it cannot be started at all; None if it can."""
        if os.access(self.path, os.X_OK):
            return None
        peer = self.program in PEERS
        if not peer and not re.fullmatch(r"[a-z-]+", self.program):
            return f"there is no server '{self.program}'"
        return f"{self.path} is missing: run `make {'peers' if peer else 'servers'}`" + \
            (", after `tools/setup --peers` where Go or Rust is missing" if peer else "")

    def cannot(self, row):
        """Why it has no figure in ROW by design; None if it has."""
        params, connections = row["params"], row["params"]["connections"]
        if self.program == subjects.RAW and row["kind"] not in UNLOADED and params["churn"] != 1:
            return "it answers one request a connection"
        if row["kind"] == "switch" and self.program not in OWN_SWITCH:
            return "its threads are the kernel's: it has no switch of its own in user space"
        if row["kind"] != "connections":
            return None
        if self.program in idle.NO_CROWD:
            return idle.NO_CROWD[self.program]
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if self.program not in subjects.APART and connections + drive.CROWD_CONNECTIONS > files - subjects.SPARE_FILES:
            return f"a process may have {files} files here, and it has one table of them"
        return None

    def start(self, row, cpus, more=()):
        """On CPUS, by affinity that it inherits: no other program runs before it."""
        params = row["params"]
        options = [*PATIENT, *self.options_of(row), *more]
        if row["kind"] == "connections":
            options += subjects.room_for(self.program, params["connections"] + drive.CROWD_CONNECTIONS, len(cpus))
        elif params.get("workers") and self.program not in NO_NUMBER:
            options += ["--workers", str(params["workers"])]
        with machine.affinity(cpus):
            return subjects.Model(self.program, None, params["connections"] + 2, options, params["work"],
                                  environment=self.environment_of(row))

    def options_of(self, row):
        return [*self.options, *row["params"].get("options", [])]

    def environment_of(self, row):
        return {**self.environment, **row["params"].get("environment", {})}

    def switch_command(self, row):
        return [self.path, *self.options_of(row), "--switch-cost"]

    def switch_ns(self, row, cpus):
        """What a switch of its own takes, as it says of itself on CPUS."""
        with machine.affinity(cpus):
            status, said = process.ended(self.switch_command(row), SWITCH_TIMEOUT_S, self.environment_of(row))
        found = re.search(r"a switch takes ([\d.]+) ns in user space", said)
        if status or not found:
            raise CannotMeasure(f"{self.name} does not say what a switch takes (exit {status}): {' '.join(said.split())[-300:]}")
        return float(found[1])

    def workers(self, command, stats, cpus):
        """Threads or processes that work, of a server started by COMMAND on so many CPUS; None: as many as connections."""
        if "runtime" in stats:
            return stats["runtime"].get("workers")
        if self.program in NO_NUMBER:
            return None
        if self.program in ONE_THREAD:
            return 1
        at = max((i for i, word in enumerate(command) if word == "--workers"), default=None)
        return int(command[at + 1]) if at is not None else cpus

    def describe(self):
        """For the index: what it says of itself when it runs, and what its file is."""
        cpus = sorted(os.sched_getaffinity(0))
        server = subjects.Model(self.program, None, 1, self.options, environment=self.environment)
        try:
            stats = subjects.stats(server.port)
        finally:
            process.end(server.process)
        with open(os.path.join(machine.ROOT, "VERSION")) as text:
            version = stats.get("runtime", {}).get("version") or text.read().strip()
        linkage, libraries = linked(self.path)
        return {"model": self.model, "version": version, "workers": self.workers(server.command, stats, len(cpus)),
                "language": self.language, "linkage": linkage, "stripped_bytes": stripped_bytes(self.path), "libraries": libraries,
                "program": self.program, "options": self.options, "environment": self.environment, "sha256": machine.sha256(self.path)}


def stripped_bytes(path):
    strip = shutil.which("strip")
    if not strip:
        raise CannotMeasure(f"cannot tell the size of {path} stripped: strip is not installed; run tools/setup")
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, "stripped")
        result = subprocess.run([strip, "-o", out, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode:
            raise CannotMeasure(f"strip {path} failed (exit {result.returncode}): {result.stdout.strip()[-300:]}")
        return os.path.getsize(out)


def linked(path):
    """("static" or "dynamic", [{name, bytes}] of the libraries that are not libc's), as ldd has it."""
    said = subprocess.run(["ldd", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    if "not a dynamic executable" in said or "statically linked" in said:
        return "static", []
    found = re.findall(r"^\s*(\S+) => (/\S+)", said, re.M)
    return "dynamic", [{"name": name, "bytes": os.path.getsize(os.path.realpath(file))}
                       for name, file in found if not LIBC.match(name)]
