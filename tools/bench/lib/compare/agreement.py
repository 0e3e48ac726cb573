# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Do two runs of a comparison say the same?  Whoever was told apart in both must be in the same order; how far the figures
moved is told beside it.  Pure.
"""
import itertools
import statistics
from dataclasses import dataclass, field

from . import article, measures, words

NINE_OF_TEN = (0.05, 0.95)


@dataclass
class Agreement:
    same: int = 0
    in_one: int = 0  # told apart there, and not in the other
    in_neither: int = 0
    contrary: list = field(default_factory=list)  # (row, metric, before, behind), as the first has them
    moved: dict = field(default_factory=dict)  # metric: [figure of the second by that of the first]

    @property
    def both(self):
        return self.same + len(self.contrary)


def order(row, metric, one, other):
    """-1: ONE is before OTHER, 1: behind, 0: they cannot be told apart; None where they are not both ranked."""
    ranks = [row.cells[name].ranks.get(metric) if name in row.cells else None for name in (one, other)]
    if None in ranks:
        return None
    return -1 if ranks[0][1] < ranks[1][0] else 1 if ranks[1][1] < ranks[0][0] else 0


def of_pair(out, rows, metric, names):
    first, second = (order(row, metric, *names) for row in rows)
    if first is None or second is None:
        return
    if first and second:
        if first == second:
            out.same += 1
        else:
            out.contrary.append((rows[0], metric, *names[::-first]))
    elif first or second:
        out.in_one += 1
    else:
        out.in_neither += 1


def of_row(out, rows):
    for metric in article.shown(rows[0]):
        for pair in itertools.combinations(rows[0].cells, 2):
            of_pair(out, rows, metric, pair)
        for name, cell in rows[0].cells.items():
            values = [one.values.get(metric) for one in (cell, rows[1].cells.get(name, cell))]
            if name in rows[1].cells and all(one and one["median"] > 0 for one in values):
                out.moved.setdefault(metric, []).append(values[1]["median"] / values[0]["median"])


def find(first, second):
    """Of what figures.build() made of two folders, in the rows that both have."""
    out = Agreement()
    others = {(row.scenario, row.row): row for one in second for row in one.rows}
    for row in (row for one in first for row in one.rows):
        if (row.scenario, row.row) in others:
            of_row(out, (row, others[row.scenario, row.row]))
    return out


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def said(index):
    commit = (index.get("source") or {}).get("commit")
    return f"{index['started_at']}" + (f", commit {commit[:12]}" if commit else "")


def lines(indexes, found):
    yield f"first:  {said(indexes[0])}; {words.machine(indexes[0]['machine'])}"
    yield f"second: {said(indexes[1])}; {words.machine(indexes[1]['machine'])}"
    yield ""
    yield f"pairs of subjects, in all figures of all rows that both have: {found.both + found.in_one + found.in_neither:,}"
    yield f"    told apart in both             {found.both:>6,}, {found.same:,} of them in the same order"
    yield f"    told apart in one of them only {found.in_one:>6,}"
    yield f"    told apart in neither          {found.in_neither:>6,}"
    for row, metric, before, behind in found.contrary:
        yield f"  the other way round: {row.scenario}/{row.row}, {measures.METRICS[metric].title}: first {before} before {behind}, then behind"
    yield ""
    yield "figures of the second by those of the first: the median, and between which nine of ten are"
    for metric, ratios in found.moved.items():
        low, high = (quantile(ratios, q) for q in NINE_OF_TEN)
        yield f"    {measures.METRICS[metric].title:<32}x {statistics.median(ratios):.3f}   {low:.3f} to {high:.3f}   of {len(ratios)}"


def render(indexes, found):
    return "\n".join(lines(indexes, found)) + "\n"
