# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The folder of a comparison: index.json, and runs/NNNNN.json, one a run, never changed afterwards.

A file is there whole or not at all, so that a comparison which was killed can be resumed.
"""
import fcntl
import json
import os

SCHEMA_VERSION = 1


class Unusable(Exception):
    """One line: why this folder cannot be used."""


def hand_over(descriptor):
    """What root makes under sudo is the user's, who else could neither build nor clean there."""
    if os.geteuid() == 0 and "SUDO_UID" in os.environ:
        os.fchown(descriptor, int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"]))


def make_directories(path):
    """Those that are missing."""
    parent = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(parent):
        make_directories(parent)
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        hand_over(descriptor)
    finally:
        os.close(descriptor)


def write(path, data, **form):
    with open(path + ".tmp", "w") as out:
        json.dump(data, out, **form)
        out.write("\n")
        hand_over(out.fileno())
    os.replace(path + ".tmp", path)


def read(path):
    try:
        with open(path) as text:
            return json.load(text)
    except (OSError, ValueError) as why:
        raise Unusable(f"cannot read {path}: {why}") from None


def check_version(path, index):
    """Returns INDEX, which PATH had."""
    if not isinstance(index, dict) or index.get("schema_version") != SCHEMA_VERSION:
        raise Unusable(f"{path} is no comparison of schema version {SCHEMA_VERSION}")
    return index


class Folder:
    def __init__(self, path):
        self.path = path
        self.runs = os.path.join(path, "runs")

    @classmethod
    def make(cls, path, index):
        """A new one; nothing is written over."""
        try:
            make_directories(path)
            if os.listdir(path):
                raise Unusable(f"{path} is not empty: name another folder, or --resume it")
            folder = cls(path)
            make_directories(folder.runs)
            folder.write_index(index)
        except OSError as why:
            raise Unusable(f"cannot write to {path}: {why.strerror}") from None
        return folder

    def lock(self):
        """For one session, until it ends; Unusable if another one goes on with it."""
        self.held = open(os.path.join(self.path, "index.json"))
        try:
            fcntl.flock(self.held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unusable(f"cannot go on with {self.path}: another tools/bench/compare does; wait for it, or end it") from None

    def write_index(self, index):
        write(os.path.join(self.path, "index.json"), index, indent=1)

    def index(self):
        path = os.path.join(self.path, "index.json")
        return check_version(path, read(path))

    def names(self):
        return sorted(name for name in os.listdir(self.runs) if name.endswith(".json")) if os.path.isdir(self.runs) else []

    def entries(self):
        """(file, record) of each run, one after the other: a long comparison has more of them than fit into memory whole."""
        for name in self.names():
            path = os.path.join(self.runs, name)
            yield path, read(path)

    def records(self):
        return (record for _, record in self.entries())

    def add(self, record):
        """Returns the run's name."""
        names = self.names()
        name = f"{int(names[-1].removesuffix('.json')) + 1 if names else 1:05}"
        write(os.path.join(self.runs, name + ".json"), record, separators=(",", ":"))
        return name
