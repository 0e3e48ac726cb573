# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server whose threads hand each request on and say so (docs/thread-context.md): thread-pool, two workers.

Everything that the agent does for such requests is in here: looks at records, accounts, wake edges.
"""
from . import conditions, subjects
from .nginx import SECONDS, Layout, Nginx

CONNECTIONS = 8


class Pool(Nginx):
    name = "pool"

    def __init__(self, context, cpu, args):
        self.context, self.cpu, self.layout = context, cpu, Layout(args.nginx_cpus, cpu)
        model = subjects.Model("thread-pool", cpu, CONNECTIONS, ("--workers", "2"))
        self.server, self.port, self.worker = model.process, model.port, model.pid
        self.load = [*self.layout.pin, conditions.find("wrk"), "-t", "1", "-c", str(CONNECTIONS), "-d", f"{SECONDS}s",
                     f"http://127.0.0.1:{self.port}{model.path}"]
        self.run_load()  # the first requests are dearer

    def describe(self):
        return f"thread-pool with two workers on CPU {self.cpu}, {CONNECTIONS} connections, {SECONDS} s a run; " + self.layout.describe("the server's")
