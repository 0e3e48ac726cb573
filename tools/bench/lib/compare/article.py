# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which figures are shown together: the eight rows that the article compares by, and those of each kind of row.  Pure."""
from typing import NamedTuple

from . import figures

SWITCH = "Context switch"
# The article's rows in its order: title, and which metric of which kind of row has it; the first that is there.
EIGHT = (
    ("Maximum throughput", ("max_rate", "max"), ("closed_rate", "closed")), ("p99 latency", ("p99_ns", "rate")),
    ("p99.9 latency", ("p999_ns", "rate")), ("Memory a connection", ("user_bytes", "connections")),
    (SWITCH, ("switch_direct_ns", "rate")), ("Startup", ("startup_ns", "startup")), ("Binary size", ("size_bytes", "size")),
    ("CPU utilisation", ("utilisation_ratio", "connections")),
)
# Beside the one of that title, where somebody has it: most models' switches are the kernel's.
BESIDE = {SWITCH: (f"{SWITCH}, user space", "switch_user_ns", "switch")}
RATIOS_SHOWN = {metric for _, *choices in EIGHT for metric, _ in choices} | {metric for _, metric, _ in BESIDE.values()} | {"kernel_bytes"}  # where room is short
OF_KIND = {
    "max": ("max_rate", "closed_rate", "cpu_ns", "cpu_s_per_million", "switches"),
    "rate": ("p50_ns", "p99_ns", "p999_ns", "cpu_ns", "run_queue_p99_ratio", "switches", "sysmon_switches", "sysmon_cpu_ns", "switch_direct_ns",
             "switch_indirect_ns", "gc_pause_ns", "gc_stopped_ratio"),
    "closed": ("closed_rate", "cpu_ns", "cpu_s_per_million", "switches", "gc_pause_ns", "gc_stopped_ratio"),  # whose latency no user would have
    "connections": ("user_bytes", "kernel_bytes", "utilisation_ratio", "p99_ns", "cpu_ns", "gc_pause_ns", "gc_stopped_ratio"),
    "startup": ("startup_ns",),
    "switch": ("switch_user_ns",),
    "size": ("size_bytes",),
}
MAIN = {"max": "max_rate", "rate": "p99_ns", "closed": "closed_rate", "connections": "user_bytes", "startup": "startup_ns",
        "switch": "switch_user_ns", "size": "size_bytes"}


class Entry(NamedTuple):
    title: str
    metric: str
    row: figures.Row | None  # None: no row here has it


def main_scenario(scenarios):
    """The one with most of the eight rows; the first of several."""
    def known(scenario):
        return sum(one.row is not None for one in eight(scenario))
    return max(scenarios, key=known) if scenarios else None


def find(scenario, metric, kind):
    """The row that ranks most subjects by it, or has it for most; the first of several.  One that nobody watched only where there is no other."""
    def told(row):
        cells = row.cells.values()
        return "bare_of" not in row.params, sum(metric in cell.ranks for cell in cells), sum(metric in cell.values for cell in cells)
    return max((row for row in scenario.rows if row.kind == kind and metric in row.metrics()), key=told, default=None)


def eight(scenario):
    return [next((Entry(title, metric, row) for metric, kind in choices if (row := find(scenario, metric, kind))), Entry(title, choices[0][0], None))
            for title, *choices in EIGHT]


def columns(scenario):
    """Of the eight those that are there, each with what stands beside it."""
    out = []
    for one in eight(scenario):
        title, metric, kind = BESIDE.get(one.title, (None, None, None))
        out += [one, Entry(title, metric, find(scenario, metric, kind))]
    return [one for one in out if one.row]


def shown(row):
    """The metrics of its kind that somebody in it has."""
    return [metric for metric in OF_KIND.get(row.kind, ()) if metric in row.metrics()]
