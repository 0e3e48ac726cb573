# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the agent costs: a row against the same one that nobody watched, run for run.  Pure."""
from . import article, figures


def costs(scenario):
    """[(row, bare row, {subject: {metric: ratio, with the agent to without}})]."""
    by_name = {row.row: row for row in scenario.rows}
    out = []
    for bare in scenario.rows:
        row = by_name.get(bare.params.get("bare_of"))
        if row:
            out.append((row, bare, ratios(row, bare)))
    return out


def unfit(metric, *cells):
    """CPU time is told by whoever was asked as much as the generator could, too."""
    return any(cell.mark_of(metric) not in ((None, "client-bound") if metric == "cpu_ns" else (None,)) for cell in cells)


def ratios(row, bare):
    out = {}
    for name, cell in row.cells.items():
        other = bare.cells.get(name)
        if other is None:
            continue
        found = {metric: figures.paired(metric, cell.table.get(metric, {}), other.table.get(metric, {}))
                 for metric in (article.MAIN[row.kind], "cpu_ns") if not unfit(metric, cell, other)}
        out[name] = {metric: ratio for metric, ratio in found.items() if ratio}
    return {name: found for name, found in out.items() if found}
