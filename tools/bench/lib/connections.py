# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server with very many open connections against one with few: what a request costs, and what a connection.

Requests go over all connections in turn, so that with many of them each one's state has left the caches when its
turn comes; the kernel's own state of it too, which the server's CPU time without the agent shows.  With and without
the agent take turns on the same connections, so each round also attaches to as many as there are.
"""
import hashlib
import os
import statistics
import subprocess
import time

from . import CannotMeasure, attach, idle, kernel, machine, process, subjects

FEW = 1000
TABLES = 8
REQUESTS = 200_000
ROUNDS = 6
SETTLE_S = 1
LEAST = 2 * TABLES  # of a Crowd
COUNT_TRIES, COUNT_AGAIN_S = 50, 0.1
BODY = f"result: {hashlib.sha256(b'').hexdigest()}\n"  # of an answer without work


def needed():
    """The path of the program that has the connections."""
    path = os.path.join(machine.ROOT, os.environ.get("BUILD", "build"), "bench", "multitude")
    if not os.access(path, os.X_OK):
        raise CannotMeasure(f"{path} is missing: run `make all`")
    return path


def start(*args):
    """Returns the process, which is ready, and the server's port."""
    child = process.start([needed(), *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True)
    word, _, port = child.stdout.readline().strip().partition(" ")
    if word != "ready":
        raise CannotMeasure(f"multitude {' '.join(map(str, args))}: {child.stderr.read().strip() or 'it said nothing'}")
    return child, port


class Client:
    """Connects CONNECTIONS times, each with its first request, to a server at PORT that answers MORE: a path, and the body."""

    def __init__(self, port, connections, more=()):
        self.process, _ = start("client", TABLES, port, connections, *more)

    def ask(self, requests):
        """Over all connections in turn; returns how many were answered, were connected anew for it, and failed."""
        self.process.stdin.write(f"{requests}\n")
        self.process.stdin.flush()
        counts = self.process.stdout.readline().split()
        if len(counts) != 3:
            raise CannotMeasure(f"the client ended: {self.process.stderr.read().strip() or 'it said nothing'}")
        return tuple(map(int, counts))

    def end(self):
        process.end(self.process)


class Crowd:
    """NR connections to a server, process PID at PORT, in two parts: few of them, and all the rest.  What one costs is
    the slope between them."""

    def __init__(self, pid, port, nr):
        self.pid, self.port = pid, port
        few = min(idle.FEW, nr // 2)
        self.parts, self.clients, self.seen = (few, nr - few), [], []
        self.counts = {"wanted": nr, "open": 0, "answered": 0, "reconnects": 0, "failed": 0}

    def ask(self, client, nr):
        for key, more in zip(("answered", "reconnects", "failed"), client.ask(nr)):
            self.counts[key] += more

    def open(self):
        """All of them, each with one request answered.  Both clients are there before the first look: their threads are the
        kernel's memory as well.  They connect when they are told to ask."""
        self.clients += [Client(self.port, part, (subjects.PATH, BODY)) for part in self.parts]
        for client, part in zip(self.clients, self.parts):
            self.ask(client, part)
            self.seen.append((idle.user_bytes(self.pid), idle.kernel_bytes()))

    def ask_all(self):
        """One more over each."""
        for client, part in zip(self.clients, self.parts):
            self.ask(client, part)

    def count_open(self):
        """By the server's own count, less the one that asks; it may not yet have seen others end that did."""
        for _ in range(COUNT_TRIES):
            self.counts["open"] = subjects.stats(self.port)["connections"]["open"] - 1
            if self.counts["open"] <= self.counts["wanted"]:
                return
            time.sleep(COUNT_AGAIN_S)

    def bytes(self):
        """{user_bytes, kernel_bytes} of one; the kernel's of both ends."""
        user, of_kernel = ((after - before) / self.parts[1] for before, after in zip(*self.seen))
        return {"user_bytes": user, "kernel_bytes": of_kernel}

    def end(self):
        for client in self.clients:
            client.end()


class Multitude:
    """A server, and a client that is connected to it CONNECTIONS times."""

    def __init__(self, connections):
        self.server, port = start("server", TABLES)
        self.client = Client(port, connections)

    def ask(self, requests):
        """Returns the server's CPU time for each of them, in ns."""
        before_ns = process.cpu_ns_of_all(self.server.pid)
        answered, reconnects, _ = self.client.ask(requests)
        if answered != requests or reconnects:
            raise CannotMeasure(f"multitude answered {answered} of {requests} requests, {reconnects} on new connections")
        return (process.cpu_ns_of_all(self.server.pid) - before_ns) / requests

    def end(self):
        self.client.end()
        process.end(self.server)


class Connections:
    name = "connections"

    def __init__(self, context, cpu, args):
        self.context = context
        self.counts = (FEW, args.connections)

    def measure(self):
        out = []
        with machine.affinity(range(os.cpu_count())):
            for connections in self.counts:
                both = Multitude(connections)
                try:
                    both.ask(max(REQUESTS, connections))  # what is made for a connection's first request is there
                    time.sleep(SETTLE_S)
                    rounds = [self.round(both) for _ in range(ROUNDS)]
                finally:
                    both.end()
                    time.sleep(SETTLE_S)
                out.append({"connections": connections, "rounds": rounds})
        return {"requests": REQUESTS, "targets": out}

    def round(self, both):
        off_ns = both.ask(REQUESTS)
        memory = kernel.memory()
        report_path = os.path.join(self.context.scratch, "connections.json")
        began_at_ns = time.time_ns()
        tracer = process.Tracer("agent", [self.context.agent, "attach", str(both.server.pid), "--json", report_path],
                                self.context.scratch)
        try:
            tracer.wait_ready()
            grown = kernel.memory()
            on_ns = both.ask(REQUESTS)
            programs = kernel.ids_held_by(tracer.pid, "prog_id")
            with kernel.RunTimeStatistics():  # which cost something themselves: not in ON_NS
                before = kernel.program_statistics(programs)
                both.ask(REQUESTS)
                after = kernel.program_statistics(programs)
            status = tracer.stop()
        finally:
            process.end(tracer.process)
        if status not in (0, 3):
            raise CannotMeasure(f"the agent failed (exit {status}): {tracer.words()}")
        report = attach.load(report_path)
        if report["requests"]["count"] != 2 * REQUESTS:
            raise CannotMeasure(f"the agent counted {report['requests']['count']} of {2 * REQUESTS} requests")
        return {"off_ns": off_ns, "on_ns": on_ns,
                "programs_ns": sum(after[i]["run_ns"] - before[i]["run_ns"] for i in before) / REQUESTS,
                "runs": sum(after[i]["run_count"] - before[i]["run_count"] for i in before) / REQUESTS,
                "attach_ns": attach.unix_ns(report["window"]["started_at"]) - began_at_ns,
                "slab_growth_bytes": grown["SUnreclaim"] - memory["SUnreclaim"],
                "losses": report["losses"], "stated": report["agent"]["overhead"]}

    @staticmethod
    def show(result):
        print(f"\nconnections: {result['requests']} requests over all of them in turn, {ROUNDS} rounds with and without the "
              "agent; medians and extremes")
        print(f"  {'connections':>11}{'server CPU, off':>18}{'on / off':>24}{'programs':>22}{'runs':>7}{'attach':>9}{'lost':>6}")
        for one in result["targets"]:
            rounds = one["rounds"]
            ratios = sorted(r["on_ns"] / r["off_ns"] for r in rounds)
            inside = sorted(r["programs_ns"] for r in rounds)

            def median(key):
                return statistics.median(r[key] for r in rounds)

            print(f"  {one['connections']:>11}{median('off_ns'):>15.0f} ns"
                  f"{statistics.median(ratios):>10.3f} {ratios[0]:.3f}..{ratios[-1]:.3f}"
                  f"{statistics.median(inside):>9.0f} ns {inside[0]:.0f}..{inside[-1]:.0f}{median('runs'):>7.1f}"
                  f"{median('attach_ns') / 1e6:>6.0f} ms{sum(sum(r['losses'].values()) for r in rounds):>6}")
        few, many = result["targets"]
        grown = [r["slab_growth_bytes"] for r in many["rounds"]]
        least = [r["slab_growth_bytes"] for r in few["rounds"]]
        connections = many["connections"] - few["connections"]
        print(f"  kernel memory a connection: {(statistics.median(grown) - statistics.median(least)) / connections:.0f} bytes "
              f"by /proc/meminfo's SUnreclaim; the report says "
              f"{many['rounds'][0]['stated']['kernel_per_connection_bytes']}")
