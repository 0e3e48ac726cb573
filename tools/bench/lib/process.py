# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Processes that the benchmarks start, and end again by the id that they were given."""
import os
import signal
import subprocess
import time

from . import CannotMeasure, kernel

STARTED = []  # whatever happens, end_all() finds them
READY_TIMEOUT_S = 30
STOP_TIMEOUT_S = 30
QUIET_S = 0.1
QUIET_CPU_NS = 1_000_000  # bpftrace wakes up ten times a second, to look for output


def start(argv, **options):
    """In a session of its own, so that Ctrl-C reaches only the benchmark, which then ends it."""
    options.setdefault("stdin", subprocess.DEVNULL)
    process = subprocess.Popen(argv, start_new_session=True, **options)
    STARTED.append(process)
    return process


def set_group_nice(process, nice):
    """Where each session has one share of the CPUs (CONFIG_SCHED_AUTOGROUP), what nice(1) says counts within it alone."""
    path = f"/proc/{process.pid}/autogroup"
    if nice and os.path.exists(path):
        with open(path, "w") as group:
            group.write(str(nice))


def end(process, number=signal.SIGKILL):
    """End it and its children (its session); returns the exit status."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process in STARTED:
        STARTED.remove(process)
    return process.returncode


def ended(argv, timeout_s, environment):
    """Run it to its end; returns (exit status, what it said on stderr).  ENVIRONMENT is beside this one's."""
    process = start(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
    try:
        _, said = process.communicate(timeout=timeout_s)
    finally:
        end(process)
    return process.returncode, said


def stop(number, frame):
    raise KeyboardInterrupt


def heed_signals():
    """From now on SIGTERM does what Ctrl-C does, so that what was started is ended; and SIGHUP, unless somebody has it ignored."""
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, stop)


def end_all():
    for process in list(STARTED):
        end(process)


def cpu_ns(pid):
    """On-CPU time of the process' first thread, as the scheduler has it."""
    with open(f"/proc/{pid}/schedstat") as text:
        return int(text.read().split()[0])


def slices_of_all(pid):
    """On-CPU time of all its living threads, and in how many slices they had it."""
    total_ns = total = 0
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{tid}/schedstat") as text:
                ns, _, slices = text.read().split()
        except OSError:
            continue
        total_ns += int(ns)
        total += int(slices)
    return total_ns, total


def cpu_ns_of_all(pid):
    return slices_of_all(pid)[0]


def switches(pid):
    """Voluntary and involuntary switches of the process' first thread."""
    with open(f"/proc/{pid}/status") as text:
        return sum(int(line.split()[1]) for line in text if "ctxt_switches" in line)


def status_bytes(pid, key):
    with open(f"/proc/{pid}/status") as text:
        for line in text:
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
    raise CannotMeasure(f"cannot read {key} of process {pid}")


def state(path):
    """Of the process or thread that has the directory PATH, a letter as in proc(5); X where it is gone."""
    try:
        with open(f"{path}/stat") as text:
            return text.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def is_ended(pid):
    return state(f"/proc/{pid}") in "ZX"


def is_asleep(pid):
    """Each of its threads waits for an event: none for a CPU, and none in the kernel for something to be done."""
    return all(state(f"/proc/{pid}/task/{tid}") in "SX" for tid in os.listdir(f"/proc/{pid}/task"))


def wait_with_usage(process):
    """Returns (exit status, what it and its children used, as getrusage(2) has it)."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    end(process)
    return process.returncode, usage


def wait_with_cpu_ns(process):
    """Returns (exit status, CPU time in ns of it and of its children, to the microsecond)."""
    status, usage = wait_with_usage(process)
    return status, round((usage.ru_utime + usage.ru_stime) * 1e9)


class Tracer:
    """A program that watches: started, waited for until it does nothing but watch, and stopped."""

    def __init__(self, name, argv, scratch, stop_signal=signal.SIGINT):
        self.name, self.stop_signal = name, stop_signal
        self.log_path = os.path.join(scratch, name.replace("/", "_") + ".log")
        self.log = open(self.log_path, "w+")
        self.process = start(argv, stdout=self.log, stderr=subprocess.STDOUT, cwd=scratch)
        self.pid = self.process.pid

    def words(self):
        with open(self.log_path, errors="replace") as text:
            lines = [line.strip() for line in text if line.strip()]
        return lines[-1] if lines else "it said nothing"

    def wait_ready(self):
        """Until its hooks are attached and it sleeps: attached programs, and no more CPU time used, though it could have had some."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        before = None
        while time.monotonic() < deadline:
            if is_ended(self.pid):
                self.process.wait()
                raise CannotMeasure(f"{self.name} ended at once (exit {self.process.returncode}): {self.words()}")
            held = kernel.descriptors(self.pid)
            now = (cpu_ns_of_all(self.pid), held) if is_asleep(self.pid) else None
            if before and now and (held["bpf_link"] or held["[perf_event]"]) and held == before[1] and \
                    now[0] - before[0] < QUIET_CPU_NS:
                return
            before = now
            time.sleep(QUIET_S)
        raise CannotMeasure(f"{self.name} did not come to watch within {READY_TIMEOUT_S} s: {self.words()}")

    def check_watching(self):
        held = kernel.descriptors(self.pid)
        if not (held["bpf_link"] or held["[perf_event]"]):
            raise CannotMeasure(f"{self.name} ended before the workload did: {self.words()}")

    def stop(self):
        """Returns the exit status."""
        status = end(self.process, self.stop_signal)
        self.log.close()
        return status


class Held:
    """A command that waits for go() before it runs, under the process id that it will keep."""

    def __init__(self, argv, cpu, out):
        go = "read go && exec \"$@\""
        self.process = start(["taskset", "-c", str(cpu), "sh", "-c", go, "sh", *argv], stdin=subprocess.PIPE,
                             stdout=out, stderr=subprocess.STDOUT)
        self.pid = self.process.pid

    def go(self):
        self.process.stdin.write(b"go\n")
        self.process.stdin.close()

    def wait(self):
        return wait_with_cpu_ns(self.process)
