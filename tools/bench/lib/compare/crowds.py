# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Of rows of connections: how many were open of those that were asked for, and whether they stayed so.  Pure."""
from typing import NamedTuple

REQUESTS = 2  # over each: when it is made, and when all else is over


class Crowd(NamedTuple):
    wanted: int
    open: int
    answered: int
    reconnects: int
    failed: int


def of_run(run):
    """None if it did not come so far."""
    counts = run.get("memory") or {}
    return Crowd(*(counts[key] for key in Crowd._fields)) if all(counts.get(key) is not None for key in Crowd._fields) else None


def worst(cells):
    """The fewest that any of their runs had, failed ones too, and the most that went wrong; None where no run came so far."""
    found = [crowd for cell in cells for run in cell.tried if (crowd := of_run(run))]
    if not found:
        return None
    wanted, *had, reconnects, failed = zip(*found)
    return Crowd(max(wanted), *map(min, had), max(reconnects), max(failed))


def said(crowd):
    return (f"{crowd.open:,} of {crowd.wanted:,} connections open, {crowd.answered:,} of {REQUESTS * crowd.wanted:,} requests over them answered, "
            f"{crowd.reconnects:,} {'reconnect' if crowd.reconnects == 1 else 'reconnects'}" + (f", {crowd.failed:,} failed" if crowd.failed else ""))


def of_row(row):
    """{what is said: who it is said of}"""
    out = {}
    for cell in row.cells.values():
        if crowd := worst([cell]):
            out.setdefault(said(crowd), []).append(cell.subject)
    return out
