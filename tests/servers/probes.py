# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Shared by the tests of probes: which ones a program has, and what they say while it runs.

They are read from the notes that readelf prints, and attached to through tracefs, so that this needs no tracer.
"""
import collections
import contextlib
import ctypes
import os
import platform
import re
import subprocess
import sys
import tempfile

Probe = collections.namedtuple("Probe", "name semaphore offset sizes places")
Hit = collections.namedtuple("Hit", "thread name values")

ARGUMENTS = {"request_begin": ("request", "connection"), "request_enqueue": ("request",),
             "request_run": ("request", "waited_ns"), "request_yield": ("request",),
             "request_end": ("request", "connection", "status")}


def readelf(*options):
    return subprocess.check_output(["readelf", "-W", *options], text=True)


def file_offset(program, address):
    """Where in the file of PROGRAM that is which is at ADDRESS once it is loaded."""
    for line in readelf("-l", program).splitlines():
        fields = line.split()
        if fields[:1] == ["LOAD"]:
            offset, at, size = (int(fields[i], 16) for i in (1, 2, 4))
            if at <= address < at + size:
                return address - at + offset
    raise SystemExit(f"{program}: nothing is loaded at {address:#x}")


def probes_of(program):
    """Those of the provider whylate, and what other providers there are."""
    found, others = [], set()
    notes = re.findall(r"Provider: (\S+)\s+Name: (\S+)\s+Location: (\S+), Base: \S+, Semaphore: (\S+)\s+Arguments: (.*)",
                       readelf("-n", program))
    for provider, name, location, semaphore, arguments in notes:
        # One in brackets has a space inside: 8@[sp, 16]
        pairs = [argument.split("@", 1) for argument in re.findall(r"-?\d+@(?:\[[^]]*\]|\S+)", arguments)]
        if provider == "whylate":
            found.append(Probe(name, int(semaphore, 16), file_offset(program, int(location, 16)),
                               tuple(int(size) for size, _ in pairs), tuple(place for _, place in pairs)))
        else:
            others.add(provider)
    return found, others


def register(name):
    """As the kernel calls it: the whole of it, whatever part was named."""
    if platform.machine() == "aarch64":
        return "%" + re.sub(r"^w", "x", name)
    return "%" + re.sub(r"^%[er]?([a-ds][xip]|bp)$|^%(r\d+)[bdw]?$", r"\1\2", name)


def fetched(place):
    """The kernel's words for the place of an argument, in the assembler's."""
    if number := re.fullmatch(r"[$#]?(-?\d+)", place):
        return "\\" + number.group(1)
    if memory := re.fullmatch(r"(-?\d*)\((%\w+)\)", place) or re.fullmatch(r"()\[(\w+)\]", place):
        return f"{int(memory.group(1) or 0):+d}({register(memory.group(2))})"
    if memory := re.fullmatch(r"\[(\w+), #?(-?\d+)\]", place):
        return f"{int(memory.group(2)):+d}({register(memory.group(1))})"
    if re.fullmatch(r"%?\w+", place):
        return register(place)
    raise SystemExit(f"no word for an argument at {place!r}")


def write(path, text, how=os.O_TRUNC):
    """With os.O_APPEND, what is there stays; these files know no seek, which open() would begin with."""
    file = os.open(path, os.O_WRONLY | how)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


class Trace:
    """What comes by at the probes of a program."""

    def __init__(self, instance):
        self.instance = instance

    def hits(self):
        """In the order of time; all since the last call."""
        with open(f"{self.instance}/trace") as lines:
            text = lines.read()
        write(f"{self.instance}/trace", "")
        lost = [line for cpu in os.listdir(f"{self.instance}/per_cpu") for line in
                open(f"{self.instance}/per_cpu/{cpu}/stats") if re.match(r"(commit )?overrun: [^0]|dropped events: [^0]", line)]
        if lost:
            raise SystemExit(f"events were lost: {lost}")
        found = []
        for thread, name, values in re.findall(r"-(\d+) +\[\d+\].*?: (request_[a-z]+)_\d+: \(0x[0-9a-f]+\) (.*)", text):
            found.append(Hit(int(thread), name, {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", values)}))
        return found


def keep_mounts():
    """From here on what this process mounts is seen by it and its children alone, and is gone with them."""
    new_mounts = 0x20000  # CLONE_NEWNS
    if ctypes.CDLL(None, use_errno=True).unshare(new_mounts):
        raise OSError(ctypes.get_errno(), "cannot have mounts of its own")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


@contextlib.contextmanager
def tracing():
    """Gives the root of tracefs, and a buffer of our own in it."""
    keep_mounts()
    with tempfile.TemporaryDirectory() as root:
        subprocess.run(["mount", "-t", "tracefs", "tracefs", root], check=True)
        instance = f"{root}/instances/whylate_{os.getpid()}"
        try:
            os.mkdir(instance)
            yield root, instance
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(instance)
            subprocess.run(["umount", root], check=True)


@contextlib.contextmanager
def attached(program):
    """To all probes of PROGRAM, in whatever process; gives a Trace."""
    group = f"whylate_{os.getpid()}"
    events = []
    for number, probe in enumerate(probes_of(program)[0]):
        arguments = " ".join(f"{name}={fetched(place)}:{'u' if size > 0 else 's'}{8 * abs(size)}" for name, size, place in
                             zip(ARGUMENTS[probe.name], probe.sizes, probe.places))
        events.append((f"{group}/{probe.name}_{number}", f"{program}:{probe.offset:#x} {arguments}"))
    with tracing() as (root, instance):
        defined = []
        try:
            if not os.path.exists(f"{root}/uprobe_events"):
                print("skipped: this kernel has no uprobe events (CONFIG_UPROBE_EVENTS)")
                sys.exit(77)
            write(f"{instance}/trace_clock", "mono")
            for name, where in events:
                write(f"{root}/uprobe_events", f"p:{name} {where}\n", os.O_APPEND)
                defined.append(name)
            with open(program, "rb") as file:
                file.read()  # Linux 6.18 warns where ext4 has to read a page for a probe (ext4_check_map_extents_env)
            write(f"{instance}/events/{group}/enable", "1")
            yield Trace(instance)
        finally:
            with contextlib.suppress(FileNotFoundError):
                write(f"{instance}/events/{group}/enable", "0")
            for name in defined:
                write(f"{root}/uprobe_events", f"-:{name}\n", os.O_APPEND)


@contextlib.contextmanager
def calls(event, tids):
    """Of the system call EVENT (sys_enter_X) by these threads; gives a function that says how many there were of each."""
    with tracing() as (_, instance):
        path = f"{instance}/events/syscalls/{event}"
        if not os.path.exists(path):
            print("skipped: this kernel has no events of system calls (CONFIG_FTRACE_SYSCALLS)")
            sys.exit(77)
        write(f"{path}/filter", " || ".join(f"common_pid == {tid}" for tid in tids))
        write(f"{path}/enable", "1")

        def count():
            with open(f"{instance}/trace") as lines:
                return collections.Counter(int(tid) for tid in re.findall(r"-(\d+) +\[\d+\]", lines.read()))
        try:
            yield count
        finally:
            write(f"{path}/enable", "0")
