# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What only the kernel knows: the run-time statistics of BPF programs and the memory that it has given out.

bpf(2) is called directly where that leaves nothing to restore: the statistics are on as long as a file
descriptor is open, so they go off again however this process ends.
"""
import ctypes
import glob
import json
import os
import platform
import re
import shutil
import struct
import subprocess

from . import CannotMeasure

SYS_BPF = {"x86_64": 321, "aarch64": 280}
BPF_PROG_LOAD, BPF_RAW_TRACEPOINT_OPEN, BPF_ENABLE_STATS = 5, 17, 32
BPF_PROG_TYPE_RAW_TRACEPOINT = 17
BPF_STATS_RUN_TIME = 0
RETURN_0 = struct.pack("<BBhi", 0xB7, 0, 0, 0) + struct.pack("<BBhi", 0x95, 0, 0, 0)  # r0 = 0; exit

libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes, what):
    """bpf(2); returns the descriptor."""
    number = SYS_BPF.get(platform.machine())
    if number is None:
        raise CannotMeasure(f"cannot {what}: the number of bpf(2) on {platform.machine()} is not known here")
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    fd = libc.syscall(number, command, buffer, len(attributes))
    if fd < 0:
        raise CannotMeasure(f"cannot {what}: bpf(2): {os.strerror(ctypes.get_errno())}; run it as root")
    return fd


class RunTimeStatistics:
    """with RunTimeStatistics(): the kernel counts and times every run of every BPF program."""

    def __enter__(self):
        self.fd = bpf(BPF_ENABLE_STATS, struct.pack("<I", BPF_STATS_RUN_TIME), "turn the BPF statistics on")
        return self

    def __exit__(self, *unused):
        os.close(self.fd)


class EmptyProgram:
    """A program that only returns, on sched_switch: what the statistics say of nothing is their bias."""

    def __enter__(self):
        self.fds = []
        code = ctypes.create_string_buffer(RETURN_0, len(RETURN_0))
        license_text = ctypes.create_string_buffer(b"GPL")
        name = ctypes.create_string_buffer(b"sched_switch")
        load = struct.pack("<IIQQIIQII16s", BPF_PROG_TYPE_RAW_TRACEPOINT, len(RETURN_0) // 8,
                           ctypes.addressof(code), ctypes.addressof(license_text), 0, 0, 0, 0, 0, b"empty")
        self.fds.append(bpf(BPF_PROG_LOAD, load, "load an empty program"))
        try:
            attach = struct.pack("<QII", ctypes.addressof(name), self.fds[0], 0)
            self.fds.append(bpf(BPF_RAW_TRACEPOINT_OPEN, attach, "attach an empty program"))
        except CannotMeasure:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        for fd in reversed(self.fds):
            os.close(fd)


def descriptors(pid):
    """Counts of what process PID holds of BPF programs, links and perf events; 0 each if it is gone."""
    counts = {"bpf-prog": 0, "bpf_link": 0, "[perf_event]": 0}
    for path in glob.glob(f"/proc/{pid}/fd/*"):
        try:
            kind = os.readlink(path).removeprefix("anon_inode:")
        except OSError:
            continue
        if kind in counts:
            counts[kind] += 1
    return counts


def held_by(pid, key):
    """What the kernel says of the BPF objects that process PID holds, {id: {word: value}}; KEY is prog_id or map_id."""
    out = {}
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        try:
            with open(path) as text:
                said = dict(re.findall(r"^(\w+):\s*(\d+)$", text.read(), re.M))
        except OSError:
            continue
        if key in said:  # of a link to a program it says less than of the program
            out.setdefault(int(said[key]), {}).update((word, int(value)) for word, value in said.items())
    return out


def ids_held_by(pid, key):
    """The ids of the BPF objects that process PID holds; KEY is prog_id or map_id."""
    return sorted(held_by(pid, key))


def verified_instructions(pid):
    """{name: how many instructions the verifier has walked through} of the programs that process PID holds; they
    take most of the time that attaching takes.  {} before Linux 5.16 (aba64c7da983)."""
    names = tracing_programs()
    return {names.get(number, str(number)): said["verified_insns"]
            for number, said in held_by(pid, "prog_id").items() if "verified_insns" in said}


def bpftool(*args):
    path = shutil.which("bpftool", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise CannotMeasure("cannot read the BPF statistics: bpftool is not installed; run tools/setup")
    result = subprocess.run([path, "-j", *args], capture_output=True, text=True)
    try:
        return json.loads(result.stdout)
    except ValueError:
        raise CannotMeasure(f"cannot read the BPF statistics: bpftool {' '.join(args)}: "
                            f"{result.stderr.strip() or result.stdout.strip()}") from None


def program_statistics(ids):
    """{id: {name, run_count, run_ns}}; a program that never ran has zeros."""
    out = {}
    for number in ids:
        info = bpftool("prog", "show", "id", str(number))
        if "error" in info:
            raise CannotMeasure(f"program {number} had ended before its statistics were read: {info['error']}")
        out[number] = {"name": info.get("name", str(number)), "run_count": info.get("run_cnt", 0),
                       "run_ns": info.get("run_time_ns", 0)}
    return out


def tracing_programs():
    """{id: name} of the tracing programs that are loaded: they cost every switch of the machine too."""
    kinds = ("tracing", "raw_tracepoint", "raw_tracepoint_writable", "tracepoint", "kprobe", "perf_event")
    return {p["id"]: p.get("name", "?") for p in bpftool("prog", "show") if p.get("type") in kinds}


def map_bytes(ids):
    """{name: bytes that the kernel charges for the map}; storage inside tasks is not in it."""
    out = {}
    for number in ids:
        info = bpftool("map", "show", "id", str(number))
        out[info.get("name", str(number))] = info.get("bytes_memlock", 0)
    return out


def memory():
    """Bytes of kernel memory by /proc/meminfo."""
    with open("/proc/meminfo") as text:
        fields = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in text if "kB" in line}
    return {key: fields[key] for key in ("Slab", "SUnreclaim", "Percpu", "VmallocUsed", "MemFree") if key in fields}


def slabs():
    """{cache: bytes in active objects}; {} where it may not be read."""
    try:
        with open("/proc/slabinfo") as text:
            rows = [line.split() for line in text if line[0] not in "#" and not line.startswith("slabinfo")]
    except OSError:
        return {}
    return {row[0]: int(row[1]) * int(row[3]) for row in rows}
