# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Shared by the tests of the comparison: its modules, and its program as a user runs it."""
import atexit
import json
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tools", "bench")]
from checks import check, done  # noqa: E402, F401

COMPARE = os.path.join(ROOT, "tools", "bench", "compare")
TMPDIR = os.environ["TMPDIR"]
PATIENCE_S = 60


def scenario_file(name, text):
    path = os.path.join(TMPDIR, name + ".toml")
    with open(path, "w") as out:
        out.write(text)
    return path


class Compare:
    """The program, running."""

    def __init__(self, *args):
        self.process = subprocess.Popen([COMPARE, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)

    def finish(self):
        self.out, self.err = self.process.communicate()
        self.status = self.process.returncode
        return self

    def child(self, word):
        """The id of a process that it started whose command line has WORD; it is waited for."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            for pid in self.children():
                try:
                    with open(f"/proc/{pid}/cmdline") as text:
                        if word in text.read():
                            return int(pid)
                except OSError:
                    continue
            time.sleep(0.01)
        raise SystemExit(f"FAIL compare started no {word}")

    def children(self):
        for tid in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{tid}/children") as text:
                yield from text.read().split()


def compare(*args):
    return Compare(*args).finish()


def texts(folder):
    """{name: text} of its runs."""
    runs = os.path.join(folder, "runs")
    out = {}
    for name in sorted(os.listdir(runs)) if os.path.isdir(runs) else ():
        if name.endswith(".json"):
            with open(os.path.join(runs, name)) as text:
                out[name] = text.read()
    return out


def records(folder):
    return list(map(json.loads, texts(folder).values()))
