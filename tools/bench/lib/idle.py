# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a connection costs that had a request answered and then idles: the slope between few of them and many."""
import os
import resource
import socket
import time

from . import CannotMeasure, process, subjects

FEW, MANY = 1_000, 19_000  # one table of files holds no more than 20,000 here
NO_CROWD = {"prefork": "a process for each connection"}
SETTLE_S, SETTLE_MOST, SETTLED_BYTES = 0.5, 40, 1_000_000
OPTIONS = ("--idle-timeout", "0", "--max-connections", "0")


def kernel_bytes():
    """What the kernel has for itself: objects, stacks, page tables, and what sockets have buffered."""
    wanted = ("SUnreclaim", "KernelStack", "PageTables")
    with open("/proc/meminfo") as text:
        lines = dict(line.split(":") for line in text)
    pages = os.sysconf("SC_PAGE_SIZE")
    with open("/proc/net/sockstat") as text:
        buffered = next(line.split() for line in text if line.startswith("TCP:"))
    return sum(int(lines[key].split()[0]) * 1024 for key in wanted) + int(buffered[buffered.index("mem") + 1]) * pages


def settle():
    """Until the kernel has given back what ended before: sockets and rings go some time after their process."""
    before = kernel_bytes()
    for _ in range(SETTLE_MOST):
        time.sleep(SETTLE_S)
        now = kernel_bytes()
        if now > before - SETTLED_BYTES:
            return
        before = now


def user_bytes(pid):
    return sum(process.status_bytes(one, "VmRSS") for one in subjects.tree(pid))


def raise_files():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < MANY + 100:
        raise CannotMeasure(f"a process may have {hard} files here, and {MANY} connections are wanted")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def fill(connections, nr, port):
    """Open more until there are NR, each with one request answered."""
    request = f"GET {subjects.PATH} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    while len(connections) < nr:
        one = socket.create_connection(("127.0.0.1", port), 10)
        connections.append(one)
        one.sendall(request)
        if not one.recv(4096).startswith(b"HTTP/1.1 200 "):
            raise CannotMeasure(f"connection {len(connections)} of {nr} was not answered")


def measure(name, cpu):
    """{user_bytes, kernel_bytes} a connection; the kernel's are of both ends, the client's too."""
    raise_files()
    settle()
    model, connections, seen = subjects.Model(name, cpu, 1, OPTIONS), [], []
    try:
        for nr in (FEW, MANY):
            fill(connections, nr, model.port)
            seen.append((user_bytes(model.pid), kernel_bytes()))
    finally:
        for one in connections:
            one.close()
        process.end(model.process)
    return {"user_bytes": (seen[1][0] - seen[0][0]) / (MANY - FEW), "kernel_bytes": (seen[1][1] - seen[0][1]) / (MANY - FEW)}
