# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Shared by the tests of requests: servers, clients with exact counts, and what must hold of any report."""
import atexit
import contextlib
import json
import os
import select
import socket
import subprocess
import time
import urllib.request

from lib import WORKLOADS, at_rest, check, stop, watching

LONG = 10 if os.environ.get("WHYLATE_LONG") else 1
REST_S = 0.2
# A file system on a disk, for files that are to be cold.
DISK = os.path.dirname(os.path.abspath(__file__))

COMPONENTS = ["accept_wait", "socket_busy", "socket_run_queue", "socket_blocked", "on_cpu", "busy_with_others",
              "run_queue_wakeup", "run_queue_preempted",
              *("blocked_" + reason for reason in ("futex", "poll", "socket", "pipe", "disk", "sleep", "fault",
                                                   "io_uring", "other", "upstream")),
              "runtime_queue", "residual"]
RUN_QUEUE = ("run_queue_wakeup", "run_queue_preempted")
ALL_RUN_QUEUE = ("socket_run_queue", *RUN_QUEUE)

# Forms of requests and answers: path, connections, requests, options of httpc, status.
FORMS = [
    ("/size?bytes=200000", 10, 200, (), "200"),
    ("/size?bytes=0", 10, 200, (), "200"),
    ("/sendfile?bytes=300000", 10, 200, (), "200"),
    ("/chunks?n=4&us=300", 10, 200, (), "200"),
    ("/nowhere", 10, 200, (), "404"),
    ("/", 10, 200, ("--head",), "200"),
    ("/sendfile?bytes=300000", 10, 200, ("--head",), "200"),
    ("/", 10, 200, ("--post", 30_000), "200"),
    ("/", 10, 200, ("--post", 30_000, "--expect"), "200"),
    ("/", 10, 200, ("--partial",), "200"),
    ("/", 10, 200, ("--partial", "--post", 30_000), "200"),
    ("/", 10, 200, ("--close",), "200"),
    ("/", 10, 200, ("--rate", 1000), "200"),
]


def bucket(ns):
    """The number of the bucket of bpf/hist.h that holds NS."""
    if ns < 32:
        return ns
    octave = min(ns, (1 << 36) - 1).bit_length() - 6
    return (octave + 1 << 5) + (min(ns, (1 << 36) - 1) >> octave & 31)


def bucket_from_ns(number):
    octave = number >> 5
    return number if not octave else (32 + (number & 31)) << octave - 1


class Server:
    """A process that has said `ready ADDRESS` on STREAM."""

    def __init__(self, process, stream):
        self.process = process
        self.pid = process.pid
        atexit.register(process.kill)
        line = stream.readline()
        while line and not line.startswith("ready "):
            line = stream.readline()
        if not line:
            raise SystemExit(f"{process.args} did not start")
        self.address = line.split()[1]

    def connect(self):
        """A new connection to it, as a socket that blocks."""
        if self.address.startswith("unix:"):
            s = socket.socket(socket.AF_UNIX)
            s.connect(self.address[5:])
            return s
        host, port = self.address.rsplit(":", 1)
        s = socket.create_connection((host.strip("[]"), int(port)))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def count(self):
        """How many answers it has given so far, without those to this question."""
        with Connection(self) as connection:
            return int(connection.ask("/count"))

    def end(self):
        self.process.kill()
        self.process.wait()


def serving(*command):
    """Start COMMAND, which says that it is ready on stdout."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    return Server(process, process.stdout)


def httpd(mode, *options, address="127.0.0.1:0", prefix=(), program="httpd"):
    """Start tests/workloads/httpd.c, or as httpd-library; MODE may have options behind it."""
    return serving(*prefix, os.path.join(WORKLOADS, program), *mode.split(), address, "--directory", DISK,
                   *map(str, options))


def reference(model, *options):
    """Start the reference server MODEL."""
    return serving(os.path.join(os.environ["BUILD"], "servers", model), "--port", "0", *map(str, options))


def stats(server):
    """What a reference server tells of itself."""
    with urllib.request.urlopen(f"http://{server.address}/stats") as answer:
        return json.load(answer)


def httpc(server, path, connections, requests, *options, prefix=(), failing=False):
    """Run tests/workloads/httpc.c against SERVER or an address; FAILING: some requests may fail."""
    address = server if isinstance(server, str) else server.address
    command = [*prefix, os.path.join(WORKLOADS, "httpc"), address, path, *map(str, (connections, requests, *options))]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=240)
    result = json.loads(done.stdout)
    if not failing:
        check(done.returncode == 0, f"{requests} requests for {path} over {connections} connections: "
              f"{sum(result['answered'].values())} answered", quiet=True)
    return result


class Connection:
    """One connection, for requests whose timing or form is the test's own."""

    def __init__(self, server):
        self.socket = server.connect()
        self.input = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.input.close()
        self.socket.close()

    def send(self, path):
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: httpd\r\n\r\n".encode())

    def receive(self):
        """The body of the answer that comes next; `known_ns` is its X-Known-ns then."""
        fields = {b"x-known-ns": b"0", b"content-length": b"0"}
        status = self.input.readline()
        if not status.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"the answer is {status!r}")
        for line in iter(self.input.readline, b"\r\n"):
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip()
        self.known_ns = int(fields[b"x-known-ns"])
        if fields.get(b"transfer-encoding") == b"chunked":
            return self.receive_chunks()
        return self.input.read(int(fields[b"content-length"]))

    def receive_chunks(self):
        body = b""
        while size := int(self.input.readline(), 16):
            body += self.input.read(size + 2)[:-2]
        self.input.readline()
        return body

    def ask(self, path):
        self.send(path)
        return self.receive()


def is_answered(connection):
    """It has bytes to be read."""
    return bool(select.select([connection.socket], [], [], 0)[0])


@contextlib.contextmanager
def measured(pid, *options, may_lose=()):
    """Watches PID while the body runs; its report is in the list that this gives, after that."""
    reports = []
    with watching("attach", pid, *options) as agent:
        yield reports
        come_to_rest(pid)
        reports.append(stop(agent, may_lose=may_lose))


def come_to_rest(pid):
    """A client has its answer before the server is back from sending it.  One that never rests is left as it is."""
    end = time.monotonic() + REST_S
    while not rests(pid) and time.monotonic() < end:
        time.sleep(0.001)


def rests(pid):
    """Whether it does, and all below it; not if one of them ends just then."""
    try:
        return all(map(at_rest, family(pid)))
    except OSError:
        return False


def family(pid):
    """A process and those below it."""
    out = [pid]
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/children") as children:
            for child in children.read().split():
                out += family(int(child))
    return out


def by_component(report):
    """Component -> ns, over all requests."""
    sums = dict.fromkeys(COMPONENTS, 0)
    for b in report["requests"]["buckets"]:
        for name, ns in b["components_ns"].items():
            sums[name] += ns
    return sums


def not_zero(table):
    return {name: n for name, n in table.items() if n}


def turns(report):
    """Protocol -> number of turns, where there are any."""
    return not_zero({name: d["count"] for name, d in report["requests"]["by_protocol"].items()})


def check_bucket(b, problems):
    number = bucket(b["from_ns"])
    where = f"bucket from {b['from_ns']} ns"
    if (bucket_from_ns(number), bucket_from_ns(number + 1)) != (b["from_ns"], b["to_ns"]):
        problems.append(f"{where} to {b['to_ns']} is none of hist.h")
    if sum(b["components_ns"].values()) != b["latency_ns"]:
        problems.append(f"{where}: components {b['components_ns']} do not sum to {b['latency_ns']}")
    if not b["count"] * b["from_ns"] <= b["latency_ns"] <= b["count"] * (b["to_ns"] - 1):
        problems.append(f"{where}: {b['count']} requests have {b['latency_ns']} ns")
    if sum(b.get("by_status", {}).values()) != b["count"]:
        problems.append(f"{where}: {b['count']} requests, statuses {b['by_status']}")
    waited = sum(b["components_ns"].get(name, 0) for name in ALL_RUN_QUEUE)
    if sum(b.get("blame_ns", {}).values()) != waited:
        problems.append(f"{where}: {b['blame_ns']} are blamed for {waited} ns of run queue")


def check_per_request(means, buckets, where, problems):
    count = max(sum(b["count"] for b in buckets), 1)
    for name in ("voluntary", "involuntary", "migrations"):
        mean = sum(b[name] for b in buckets) / count
        if abs(means[name] - mean) > 1e-8 * mean:
            problems.append(f"{where}: {means[name]} {name} a request, not {mean}")


def check_quantile(q, r, problems):
    """What is said of Q against the buckets."""
    rank, seen = max(-(-round(q["q"] * 1e6) * r["count"] // 1_000_000), 1), 0
    for at, b in enumerate(r["buckets"]):
        seen += b["count"]
        if seen >= rank:
            break
    else:
        return
    if bucket(q["latency_ns"]) != bucket(b["from_ns"]):
        problems.append(f"q {q['q']} is {q['latency_ns']}, in the bucket from {b['from_ns']}")
    tail = r["buckets"][at:]
    count = sum(b["count"] for b in tail)
    for name in COMPONENTS:
        mean = sum(b["components_ns"].get(name, 0) for b in tail) // count
        if abs(q["components_ns"].get(name, 0) - mean) > 1:
            problems.append(f"q {q['q']}: {name} is {q['components_ns'].get(name, 0)} in the mean, not {mean}")
    for name, ns in q["without_ns"].items():
        if bucket(ns) > bucket(q["latency_ns"]):
            problems.append(f"q {q['q']} is {q['latency_ns']}, but {ns} without {name}")
    check_per_request(q["per_request"], tail, f"q {q['q']}", problems)


def check_requests(report, name):
    """What must hold of the requests of any report; false if there are none."""
    r = report.get("requests")
    if not r:
        check(False, f"{name}: the report has requests")
        return False
    problems = []
    for b in r["buckets"]:
        check_bucket(b, problems)
    edges = [b["from_ns"] for b in r["buckets"]]
    if edges != sorted(set(edges)):
        problems.append("buckets are not in order")
    for what, ours in (("count", r["count"]), ("latency.count", r["latency"]["count"]),
                       ("by_status", sum(r["by_status"].values()))):
        if ours != sum(b["count"] for b in r["buckets"]):
            problems.append(f"{what} is {ours}, the buckets have {sum(b['count'] for b in r['buckets'])}")
    if r["latency"]["total_ns"] != sum(b["latency_ns"] for b in r["buckets"]):
        problems.append("latency is not the sum of the buckets")
    if edges and bucket(r["latency"]["max_ns"]) != bucket(edges[-1]):
        problems.append(f"the longest took {r['latency']['max_ns']}, the last bucket is from {edges[-1]}")
    for q in r["quantiles"]:
        check_quantile(q, r, problems)
    check_per_request(r["per_request"], r["buckets"], "all", problems)
    if r["components"] != COMPONENTS:
        problems.append(f"the components are {r['components']}")
    ours, whole = by_component(report)["on_cpu"], report["scheduling"]["on_cpu_ns"]
    if ours > whole:
        problems.append(f"on a CPU for requests {ours}, in all {whole}")
    if any(report["losses"].values()):
        problems.append(f"losses {not_zero(report['losses'])}")
    for problem in problems[:10]:
        check(False, f"{name}: {problem}")
    check(not problems, f"{name}: identities of requests hold", quiet=True)
    return True


def check_without_run_queue(report, name):
    """All waiting for a CPU against its parts: exact where nothing moved while the sums were read."""
    waits = {part for part in ALL_RUN_QUEUE if by_component(report)[part]}
    for q in report["requests"]["quantiles"]:
        whole, parts = q["without_ns"]["run_queue"], {part: q["without_ns"][part] for part in ALL_RUN_QUEUE}
        check(whole <= min(parts.values()), f"{name}: quantile {q['q']} is {whole} without any wait for a CPU, {parts}",
              quiet=True)
        if len(waits) == 1:
            check(whole == parts[min(waits)], f"{name}: quantile {q['q']} without its only wait for a CPU is {whole}, "
                  f"{parts}", quiet=True)


def check_exact(report, name, statuses, turned=None, **others):
    """Exactly these STATUSES ({"2xx": n}), turns TURNED ({"tls": n}), and of what is not counted OTHERS."""
    if not check_requests(report, name):
        return
    r = report["requests"]
    check(r["listens"], f"{name}: it listens", quiet=True)
    check(r["count"] == sum(statuses.values()) and not_zero(r["by_status"]) == statuses,
          f"{name}: {r['count']} requests {not_zero(r['by_status'])}, expected {statuses}")
    check(not_zero(r["not_counted"]) == not_zero(others) and turns(report) == (turned or {}) and
          not r["still_sending"],
          f"{name}: not counted {not_zero(r['not_counted'])} (expected {not_zero(others)}), turns {turns(report)} "
          f"(expected {turned or {}}), still sending {r['still_sending']}")
    check_without_run_queue(report, name)


def check_residual(report, name, ratio=0.01):
    total = report["requests"]["latency"]["total_ns"]
    residual = by_component(report)["residual"]
    check(residual <= ratio * total, f"{name}: {residual / max(total, 1):.2%} of the latency is residual")


AWAY = 2  # of a run's requests, at most, that were sent just when their sender's CPU was taken away


def at_rank(buckets, rank):
    """Where the bucket begins that has the RANK-th."""
    for b in buckets:
        rank -= b["count"]
        if rank <= 0:
            return b["from_ns"]
    return buckets[-1]["from_ns"]


def check_not_above(report, client, name):
    """
    Quantiles of the server's side are not above the client's by more than a bucket.

    But for this: the client has its answer before the server is back from sending it.  Another program may run instead of
    it then, as the client itself, which is what it waits after a preemption; or the hypervisor takes the CPU, which it need not
    tell of: that is rare, and moves a quantile by a rank.
    """
    r = report["requests"]
    for q in r["quantiles"]:
        theirs = client["latency"][{0.5: "p50_ns", 0.9: "p90_ns", 0.99: "p99_ns", 0.999: "p999_ns"}[q["q"]]]
        rank = max(-(-round(q["q"] * 1e6) * r["count"] // 1_000_000) - AWAY, 1)
        ours = min(at_rank(r["buckets"], rank), q["without_ns"]["run_queue_preempted"])
        check(bucket(ours) <= bucket(theirs) + 1,
              f"{name}: quantile {q['q']} is {q['latency_ns']} ns ({ours} without what the client does not see), the client's {theirs}")
