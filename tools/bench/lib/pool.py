# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server whose threads hand each request on and say so (docs/thread-context.md): thread-pool, two workers.

Everything that the agent does for such requests is in here: looks at records, accounts, wake edges.
"""
from . import subjects
from .nginx import SECONDS, Nginx

CONNECTIONS = 8


class Pool(Nginx):
    name = "pool"

    def begin(self):
        model = subjects.Model("thread-pool", self.cpu, CONNECTIONS, ("--workers", "2"))
        self.server, self.port, self.worker = model.process, model.port, model.pid
        self.load = self.client(CONNECTIONS, model.path)

    def describe(self):
        return f"thread-pool with two workers on CPU {self.cpu}, {CONNECTIONS} connections, {SECONDS} s a run; " + self.layout.describe("the server's")
