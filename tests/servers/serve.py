# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Shared by the tests of the reference servers: start one, talk to it byte by byte, read what it answers."""
import atexit
import contextlib
import fcntl
import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from checks import check, done  # noqa: E402

SERVERS = os.path.join(os.environ["BUILD"], "servers")
MODELS = sorted(os.listdir(SERVERS))
if not MODELS:
    raise SystemExit(f"no server in {SERVERS}")
HOST = b"Host: a\r\n"
# A process for each connection: as many as any test here holds open.  More workers than one, on any machine.
MORE = {"prefork": ("--workers", "24"), "multi-reactor": ("--workers", "4"), "io-uring": ("--workers", "4"),
        "green-threads": ("--workers", "4")}
PROBE = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
EPOLL_PWAIT2 = 441  # on every architecture
# What the build is checked for as it runs; nothing in a plain build.
SANITIZED = os.path.basename(SERVERS.removesuffix("/servers")).partition("san-")[2]


def refuse(number, error, operation=-1):
    """What is put before a command for its system call NUMBER, of all or of one OPERATION, to fail with ERROR."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "refuse.py")
    return (sys.executable, path, str(number), str(operation), str(error))


SERVING = []  # all that were started


def interrupted(number, frame):
    """Waited for in vain, mostly: what the servers say of themselves by now."""
    end_s = time.monotonic() + 3  # the runner waits a little longer for what is undone after this
    for server in SERVING:
        if server.process.poll() is None and time.monotonic() < end_s:
            try:
                stats = server.stats(timeout_s=1)
                said = f"{stats['connections']} {stats['scheduling']}"
            except (OSError, AttributeError, LookupError, ValueError) as reason:
                said = f"nothing: {reason!r}"
            check(False, f"{server.model}, interrupted, says {said}")
    signal.default_int_handler(number, frame)


signal.signal(signal.SIGINT, interrupted)


class Server:
    """A running server: MODEL, or the program at that path; BEFORE is a command that runs it, and MORE_POPEN what else is said of its process."""

    def __init__(self, model, *options, before=(), **more_popen):
        listen = () if "--unix" in options else ("--port", "0")
        command = [*before, os.path.join(SERVERS, model), *listen, *MORE.get(model, ()), *map(str, options)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more_popen)
        atexit.register(self.process.kill)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            raise SystemExit(f"{model} {options} did not start: {line!r} {self.process.stderr.read()}")
        self.model = model
        self.name = line.split()[1]
        SERVING.append(self)

    @property
    def port(self):
        return int(self.name.rpartition(":")[2])

    def connect(self, receive_bytes=0, timeout_s=None):
        if self.name.startswith("unix:"):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(timeout_s)
            sock.connect(self.name[len("unix:"):])
            return sock
        host = self.name.rpartition(":")[0].strip("[]")
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        sock.settimeout(timeout_s)
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.connect((host, self.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def pids(self):
        """Of all processes that it consists of."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as children:
            return [self.process.pid, *map(int, children.read().split())]

    def tables(self):
        """What is open, by descriptor, in each file table of its processes and threads; settled ones only."""
        found = {}
        for pid in self.pids():
            for tid in os.listdir(f"/proc/{pid}/task"):
                table = files_of(pid, tid)
                if table:
                    found[pid, tuple(table.items())] = table
        return list(found.values())

    def get(self, path, timeout_s=None):
        """One request on a connection of its own."""
        with self.connect(timeout_s=timeout_s) as sock:
            sock.sendall(b"GET " + path.encode() + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
            return Reader(sock).answer()

    def stats(self, timeout_s=None):
        return json.loads(self.get("/stats", timeout_s).body)

    def stop(self, number=signal.SIGTERM):
        """Returns (exit status, what it said on stderr)."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        errors = self.process.communicate()[1]
        return self.process.returncode, errors


def reset(sock):
    """Ends it as a client that crashed does, whose kernel answers with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def files_of(pid, tid):
    """What is open in the table of a thread, by descriptor; nothing if it has ended."""
    path, found = f"/proc/{pid}/task/{tid}/fd", {}
    try:
        for fd in sorted(map(int, os.listdir(path))):
            with contextlib.suppress(FileNotFoundError):  # closed just now
                found[fd] = os.readlink(f"{path}/{fd}")
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def sockets_of(pid):
    """Of a process with one table: its listener, and connections."""
    return sum(name.startswith("socket:") for name in files_of(pid, pid).values())


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body


class Reader:
    """What comes on a socket, as answers; strict, since the servers are ours."""

    def __init__(self, sock):
        self.sock = sock
        self.bytes = b""

    def _more(self):
        more = self.sock.recv(65536)
        self.bytes += more
        return bool(more)

    def ended(self):
        """Nothing more comes; waits for that."""
        return not self.bytes and not self._more()

    def answer(self, head=False):
        """The next one; None at a clean end.  HEAD: it is to such a request."""
        while b"\r\n\r\n" not in self.bytes:
            if not self._more():
                if self.bytes:
                    raise ValueError(f"ended inside of a head: {self.bytes!r}")
                return None
        text, _, rest = self.bytes.partition(b"\r\n\r\n")
        first, *lines = text.decode("ascii").split("\r\n")
        version, status, reason = first.split(" ", 2)
        if version != "HTTP/1.1" or not reason:
            raise ValueError(f"no status line: {first!r}")
        fields = {}
        for line in lines:
            name, _, value = line.partition(": ")
            if name.lower() in fields:
                raise ValueError(f"twice: {name}")
            fields[name.lower()] = value
        nr = 0 if head or status == "100" else int(fields["content-length"])
        self.bytes = rest
        while len(self.bytes) < nr:
            if not self._more():
                raise ValueError(f"ended inside of a body: {self.bytes!r} of {nr} bytes")
        body, self.bytes = self.bytes[:nr], self.bytes[nr:]
        return Answer(int(status), fields, body)


def chain(rounds):
    """The step sha, as docs/models.md tells it."""
    block, digest = bytes(i % 251 for i in range(16384)), b""
    for _ in range(rounds):
        digest = hashlib.sha256(digest + block[len(digest):]).digest()
    return digest.hex()


def result_of(answer):
    """What /process answered: its result, or a status that is not 200."""
    return answer.body.decode().strip().removeprefix("result: ") if answer.status == 200 else answer.status


def check_switch_cost(path):
    """PATH measures its own switch, says so in a line, and ends; on a port that is taken, since it serves nothing."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = subprocess.run([path, "--switch-cost", "--port", str(taken.getsockname()[1])], capture_output=True, text=True, check=False)
    name = os.path.basename(path)
    found = re.fullmatch(name + r": a switch takes (\d+\.\d) ns in user space\n", run.stderr)
    check(run.returncode == 0 and not run.stdout and found and float(found[1]) > 0, f"{name} --switch-cost: {run.returncode} {run.stderr.strip()}")


SEED_US = 100000  # of seed_us where it is looked at


def request(target, more=b"", method=b"GET"):
    return method + b" " + target.encode() + b" HTTP/1.1\r\n" + HOST + more + b"\r\n"


def check_seed(server, name):
    """What a request waited since it was whole counts as its work: that is the mistake."""
    check(server.get(f"/process?lock_us={2 * SEED_US}&seed_us={SEED_US}").status == 200, f"{name}: a request that waited")
    seed = server.stats()["work"]["seed_us"]
    check(seed["wall_ns"] < SEED_US * 1000, f"{name}: {seed} of {SEED_US} us is left of what was asked")


def check_seed_of_body(server, name):
    """But not while its body was coming, for longer than it is to work."""
    with server.connect() as sock:
        sock.sendall(request(f"/process?seed_us={SEED_US}", b"Content-Length: 5\r\n", b"POST") + b"he")
        wait_until_read(server, sock)
        time.sleep(2 * SEED_US / 1e6)
        began_s = time.monotonic()
        sock.sendall(b"llo")
        status = Reader(sock).answer().status
        took_us = (time.monotonic() - began_s) * 1e6
    check(status == 200 and took_us >= SEED_US, f"{name}: {took_us:.0f} us from the end of a slow body on, {SEED_US} at least")


def check_seed_in_queue(server, name):
    """While the pool's one thread is held, a request that was read waits for it, which counts."""
    with server.connect() as first, server.connect() as second:
        first.sendall(request(f"/process?lock_us={2 * SEED_US}"))
        wait_until_read(server, first)
        second.sendall(request(f"/process?seed_us={SEED_US}"))
        check(all(Reader(sock).answer().status == 200 for sock in (first, second)), f"{name}: both are answered", quiet=True)
    seed = server.stats()["work"]["seed_us"]
    check(0 < seed["count"] and seed["wall_ns"] < seed["count"] * SEED_US * 1000, f"{name}: its wait in the queue is work: {seed}")


def wait_for_state(server, state):
    """Until all its threads are in STATE, a letter of proc(5): S asleep, T stopped."""
    for pid in server.pids():
        for tid in os.listdir(f"/proc/{pid}/task"):
            while True:
                with open(f"/proc/{pid}/task/{tid}/stat") as stat:
                    if stat.read().rpartition(")")[2].split()[0] == state:
                        break
                time.sleep(0.001)


def check_accept_queue(server, name, nr):
    """Those whom the server has not even accepted are answered when it is to end: it is stopped while they come."""
    server.process.send_signal(signal.SIGSTOP)
    socks = [server.connect() for _ in range(nr)]
    for sock in socks:
        sock.sendall(request("/process"))
    for sock in socks:
        wait_until_arrived(sock)
    server.process.send_signal(signal.SIGTERM)
    server.process.send_signal(signal.SIGCONT)
    answered = 0
    for sock in socks:
        with sock, contextlib.suppress(ConnectionResetError):
            reader = Reader(sock)
            answer = reader.answer()  # whether it says that it is the last depends on when the signal is looked at
            answered += bool(answer) and answer.status == 200 and reader.ended()
    check(answered == nr, f"{name}: {answered} of {nr} that waited to be accepted are answered")
    status, errors = server.wait()
    check(status == 0, f"{name}: and it ends with {status} {errors}")


def wait_until_arrived(sock):
    """Until all that was sent on SOCK is in the server's socket, or was read from it."""
    while struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0" * 4))[0]:
        time.sleep(0.001)


def waiting_bytes(server, sock):
    """Of what SOCK sent, in the server's socket; None: it has none."""
    ours = sock.getsockname()[1]
    with open("/proc/net/tcp") as lines:
        for line in lines:
            fields = line.split()
            if fields[1].endswith(f":{server.port:04X}") and fields[2].endswith(f":{ours:04X}"):
                return int(fields[4].partition(":")[2], 16)
    return None


def wait_until_read(server, sock):
    """Until all that was sent on SOCK has arrived, and none of it waits in the server's socket."""
    wait_until_arrived(sock)
    while waiting_bytes(server, sock) != 0:
        time.sleep(0.001)
