# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Shared by the privileged tests: start a workload, watch it, hold the report against the kernel."""
import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from checks import check, done  # noqa: E402

AGENT = os.environ["AGENT"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONFIGURE_NGINX = os.path.join(ROOT, "tools", "nginx-config")
WORKLOADS = os.path.join(os.environ["BUILD"], "workloads")
SECONDS = 10 if os.environ.get("WHYLATE_LONG") else 3
KINDS = ("on_cpu_ns", "run_queue_ns", "blocked_ns")


def go_before_others():
    """From here on this process and all that it starts have their CPUs before whatever else the machine does.

    For known answers: a stranger's turn on the server's CPU is no fault of the figures, and no part of the answer.
    Where sessions are scheduled as groups, a nice value counts only inside of one: the session's own as well.
    """
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    with contextlib.suppress(OSError):
        with open("/proc/self/autogroup", "w") as group:
            group.write("-20")


def workload(name, *args, prefix=(), stdin=subprocess.DEVNULL):
    """Start a workload; returns it once it has said that it is ready."""
    process = subprocess.Popen([*prefix, os.path.join(WORKLOADS, name), *map(str, args)],
                               stdin=stdin, stdout=subprocess.PIPE, text=True)
    atexit.register(process.kill)  # a test that fails leaves nothing behind
    line = process.stdout.readline()
    if line != "ready\n":
        raise SystemExit(f"{name} did not start: {line!r}")
    return process


def wait_for(what, condition, seconds=10, quiet=False):
    """Poll until CONDITION holds; it is a failed check if it does not in time."""
    end = time.monotonic() + seconds
    held = condition()
    while not held and time.monotonic() < end:
        time.sleep(0.02)
        held = condition()
    check(held, what, quiet)


def accepts(port):
    """Somebody listens there: a port of the ephemeral range can also be connected to itself."""
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0 and s.getsockname() != s.getpeername()


@contextlib.contextmanager
def nginx_under_load(connections, seconds, keep=1000):
    """nginx (a master and two workers) that wrk loads for SECONDS, KEEP requests a connection; gives the master's pid."""
    with tempfile.TemporaryDirectory() as scratch:
        port = int(subprocess.check_output([CONFIGURE_NGINX, scratch, "--keep", str(keep)]))
        server = subprocess.Popen(["nginx", "-c", f"{scratch}/nginx.conf", "-e", f"{scratch}/error.log"])
        atexit.register(server.kill)
        try:
            wait_for(f"nginx accepts on port {port}", lambda: accepts(port), quiet=True)
            load = subprocess.Popen(["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s",
                                     f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE, text=True)
            yield server.pid
            output = load.communicate()[0]
            check(load.returncode == 0 and "Requests/sec" in output, f"wrk loaded nginx: {output.split()[-3:]}", quiet=True)
        finally:
            server.terminate()
            server.wait()


@contextlib.contextmanager
def running(name, *args):
    """A workload that outlasts whatever is to be seen of it; gives its pid."""
    process = workload(name, *args)
    try:
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def reports_of(output):
    """One report for each interval, and the whole run's."""
    decoder, at, reports = json.JSONDecoder(), 0, []
    while at < len(output):
        report, at = decoder.raw_decode(output, at)
        reports.append(report)
        while at < len(output) and output[at].isspace():
            at += 1
    return reports


def agent(*args, status=0):
    """Run the agent with --json -; returns the reports (the whole run's is the last)."""
    result = subprocess.run([AGENT, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, timeout=120, stdin=subprocess.DEVNULL)
    if result.returncode != status:
        losses = result.stdout[result.stdout.rfind('"losses"'):]
        raise SystemExit(f"agent {args}: exit {result.returncode}, not {status}: {result.stderr} {losses}")
    return reports_of(result.stdout)


def fields(pid, tid, name):
    """The lines KEY: VALUE of a thread's file in /proc."""
    with open(f"/proc/{pid}/task/{tid}/{name}") as lines:
        return dict((part.strip() for part in line.split(":", 1)) for line in lines if ":" in line)


def kernel_view(pid):
    """What the kernel says of each thread."""
    view = {}
    for tid in map(int, os.listdir(f"/proc/{pid}/task")):
        status = fields(pid, tid, "status")
        with open(f"/proc/{pid}/task/{tid}/schedstat") as text:
            on_cpu, run_queue, slices = map(int, text.read().split())
        view[tid] = {"voluntary": int(status["voluntary_ctxt_switches"]),
                     "involuntary": int(status["nonvoluntary_ctxt_switches"]),
                     "on_cpu_ns": on_cpu, "run_queue_ns": run_queue, "slices": slices}
        if os.path.exists(f"/proc/{pid}/task/{tid}/sched"):  # CONFIG_SCHED_DEBUG
            view[tid]["migrations"] = int(fields(pid, tid, "sched")["se.nr_migrations"])
    return view


def at_rest(pid):
    """Whether every thread is blocked, of those that do not end just then."""
    tids = os.listdir(f"/proc/{pid}/task")
    for tid in tids:
        with contextlib.suppress(OSError):
            if not fields(pid, tid, "status")["State"].startswith("S"):
                return False
    return set(os.listdir(f"/proc/{pid}/task")) <= set(tids)  # else one was made by another that slept when it was looked at


def is_asleep(pid):
    """Whether a thread of it is in (clock_)nanosleep."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{tid}/syscall") as call:
            if call.read().split()[0] in ("230", "35", "115", "101"):
                return True
    return False


def is_watching(process):
    """Asleep in epoll_wait (epoll_pwait): that agent has attached."""
    with open(f"/proc/{process.pid}/syscall") as call:
        return call.read().split()[0] in ("232", "281", "22")


@contextlib.contextmanager
def watching(command, *args):
    """An agent that has attached; gives the process, whose report stop() takes."""
    process = subprocess.Popen([AGENT, command, "--json", "-", *map(str, args)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, text=True)
    atexit.register(process.kill)
    wait_for(f"agent {' '.join((command, *map(str, args)))} watches", lambda: is_watching(process), seconds=30)
    yield process


def stop(process, number=signal.SIGINT, may_lose=()):
    """End a watching agent as Ctrl-C does; returns its report, without such losses as are in MAY_LOSE."""
    process.send_signal(number)
    report = json.loads(process.communicate(timeout=60)[0])
    lost = {name for name, count in report["losses"].items() if count}
    expected = 3 if lost and lost <= set(may_lose) else 0
    check(process.returncode == expected, f"signal {number} ends the agent with exit {process.returncode}")
    report["losses"].update(dict.fromkeys(may_lose, 0))
    return report


def watch(pid, *args, seconds=SECONDS):
    return agent("attach", pid, "--duration", f"{seconds}s", "--json", "-", *args)[-1]


def check_shown(name, output, lost):
    """The text of the report whose JSON is OUTPUT has a line for each that was LOST, with how many."""
    shown = subprocess.run([AGENT, "report", "/dev/stdin"], input=output, stdout=subprocess.PIPE, text=True).stdout
    lines = [line for line in shown.splitlines() if line.startswith("  LOST ")]
    check(len(lines) == len(lost) and all(any(f" {count:,} " in line for line in lines) for count in lost.values()),
          f"{name}: the text tells of {lost}: {lines}")


def wait_for_run(pid, seconds=0.3):
    """Until it has run for so long from now on."""

    def run_seconds():
        with open(f"/proc/{pid}/stat") as stat:
            return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")

    before = run_seconds()
    wait_for(f"process {pid} has run", lambda: run_seconds() > before + seconds, seconds=60, quiet=True)


def check_identities(report, name, quiet=False, whole=True, later_ns=0):
    """What must hold exactly, whatever ran.  WHOLE: the report begins with the watching, as no later interval's does.

    LATER_NS: how long the next interval is.  What those do who end while this one is read may be told in this one.
    """

    def check_this(ok, text):
        check(ok, f"{name}: {text}", quiet)

    s = report["scheduling"]
    for t in report["threads"]:
        if t["wall_ns"] != sum(t[k] for k in KINDS):
            check_this(False, f"thread {t['tid']}: wall = on-CPU + run queue + blocked")
        if t["run_queue_ns"] != sum(t["blame_ns"].values()):
            check_this(False, f"thread {t['tid']}: its blame sums to its run-queue time")
    # All stand for the same two moments, but for those that switch or wake while they are read: also to a CPU.
    still = [t for t in report["threads"] if t["tid"] and not t["voluntary"] + t["involuntary"] + t["blocked_count"]
             and not (t["on_cpu_ns"] and t["run_queue_ns"])]
    over = [t["tid"] for t in still if t["wall_ns"] > report["window"]["duration_ns"]]
    check_this(not over, f"no thread lived longer than the window ({over or 'none'})")
    check_this(s["wall_ns"] == sum(s[k] for k in KINDS), "wall = on-CPU + run queue + blocked")
    for key in ("wall_ns", *KINDS):
        check_this(s[key] == sum(t[key] for t in report["threads"]), f"threads sum to the target's {key}")
    check_this(sum(b["ns"] for b in report["blame"]) == s["run_queue_ns"], "blame sums to run-queue time")
    check_this(s["blocked_ns"] == sum(s["blocked_reason_ns"].values()), "reasons sum to blocked time")
    # Up to when the last one was read: a slow guest takes long for many that switch meanwhile.
    longest_ns = max([report["window"]["duration_ns"], *(t["wall_ns"] for t in report["threads"] if t["tid"])])
    check_this(s["on_cpu_ns"] <= (longest_ns + later_ns) * report["machine"]["cpus"] * 1.001, "no more on-CPU time than there is")
    cost = s["switch_cost"]
    if cost["on_cpu_ratio"] is None:
        check_this(not cost["available"] or not s["on_cpu_ns"], "the share of switches is known where their cost is")
    else:
        check_this(near(cost["on_cpu_ratio"] * s["on_cpu_ns"], cost["cost"]["total_ns"], ratio=1e-8, ns=1),
                   f"the share of switches is their cost over on-CPU time ({cost['on_cpu_ratio']})")
    check_this(not any(report["losses"].values()), f"no losses ({report['losses']})")
    # Exact where nothing moved at either end: a window that begins while threads run has what they did between the
    # reading of their clocks and that of the distributions in its wall time and not in these.
    if whole and all(t["tid"] == 0 for t in report["threads"]):
        closed = sum(s[k]["total_ns"] for k in ("on_cpu", "run_queue")) + sum(
            d["total_ns"] for d in s["blocked"].values())
        edges = s["open_intervals"]["total_ns"] + s["cut_intervals"]["total_ns"]
        check_this(closed + edges == s["wall_ns"], f"histograms + cut = wall ({closed} + {edges}, {s['wall_ns']})")


def near(ours, theirs, ratio=0.005, ns=50_000, more_ns=0):
    return abs(ours - theirs) <= max(ratio * abs(theirs), ns) + more_ns
