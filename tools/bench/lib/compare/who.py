# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Who was compared: versions, and workers, those that it has on all CPUs and those that ran in a row.  Pure."""
from . import words

HEAD = ("subject", "model", "language, version", "workers on all CPUs", "linkage and libraries beside libc's", "options")


def workers(about):
    return "one a connection" if about.get("workers") is None else str(about["workers"])


def version(about):
    return ": ".join(str(about[key]) for key in ("language", "version") if about.get(key))


def linkage(about):
    libraries = ", ".join(f"{one['name']} {words.size(one['bytes'])}" for one in about.get("libraries") or [])
    return f"{about.get('linkage') or ''}{': ' + libraries if libraries else ''}"


def options(about):
    return " ".join([*(f"{name}={value}" for name, value in (about.get("environment") or {}).items()), *map(str, about.get("options") or [])])


def table(index):
    """Rows under HEAD."""
    return [[name, about.get("model") or "", version(about), workers(about), linkage(about), options(about)] for name, about in index["subjects"].items()]


def in_row(row):
    """'workers: 1 each', or how many in whom: those that ran, where anybody's are others than on all CPUs; else nothing."""
    ran = {cell.subject: cell.workers for cell in row.cells.values() if cell.workers}
    if all(counts == [row.cells[name].usual_workers] for name, counts in ran.items()):
        return ""
    by_count = {}
    for name, counts in ran.items():
        by_count.setdefault(" or ".join(map(str, counts)), []).append(name)
    if len(by_count) == 1:
        return f"workers: {next(iter(by_count))} each"
    return "workers: " + ", ".join(f"{count} in {words.joined(names)}" for count, names in by_count.items())


def where(row):
    """On which CPUs, and with how many workers there; nothing of what does not run."""
    return [one for one in (f"{row.layout} CPUs", in_row(row)) if one] if row.kind != "size" else []


def conditions(row):
    """Where the servers of a row run, what each request is, and with which options."""
    params = row.params
    said = [*where(row), params.get("work"), options(params)]
    if params.get("streams"):
        said.append(f"latency is that of '{params['streams'][0]['stream']}' alone, and where the time went that of all requests")
    return [one for one in said if one]
