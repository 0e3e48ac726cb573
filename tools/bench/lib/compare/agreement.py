# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Do two runs of a comparison say the same?  Whoever was told apart in both must be in the same order; how far the figures
moved is told beside it.  Pure.
"""
import itertools
import statistics
from dataclasses import dataclass, field

from . import article, figures, measures, words

NINE_OF_TEN = (0.05, 0.95)
SAID_OTHERWISE = ("cpu_s_per_million",)  # cpu_ns, in another unit


@dataclass
class Agreement:
    same: int = 0
    in_one: int = 0  # told apart there, and not in the other
    in_neither: int = 0
    unranked: int = 0  # in one of them, or in both
    contrary: list = field(default_factory=list)  # (row, metric, before, behind), as the first has them
    moved: dict = field(default_factory=dict)  # metric: [figure of the second by that of the first]

    @property
    def both(self):
        return self.same + len(self.contrary)

    @property
    def pairs(self):
        return self.both + self.in_one + self.in_neither


def of_pair(out, rows, metric, names):
    first, second = (figures.order(row, metric, *names) for row in rows)
    if first is None or second is None:
        out.unranked += 1
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
        if metric in SAID_OTHERWISE:
            continue
        for pair in itertools.combinations(rows[0].cells, 2):
            of_pair(out, rows, metric, pair)
        for name in rows[0].cells.keys() & rows[1].cells.keys():
            before, after = (row.cells[name].values.get(metric) for row in rows)
            if before and after and before["median"] > 0 and after["median"] > 0:
                out.moved.setdefault(metric, []).append(after["median"] / before["median"])


def find(first, second):
    """Of what figures.build() made of two folders, in the rows that both have."""
    out = Agreement()
    others = {(row.scenario, row.row): row for one in second for row in one.rows}
    for row in (row for one in first for row in one.rows):
        if (row.scenario, row.row) in others:
            of_row(out, (row, others[row.scenario, row.row]))
    return out


def contrary(found):
    for row, metric, before, behind in found.contrary:
        yield f"{row.scenario}/{row.row}, {measures.METRICS[metric].title}: first {before} before {behind}, then behind"


def sentence(found):
    """For a document."""
    return (f"of {found.pairs:,} pairs of subjects that have ranks in both, in each figure that is shown of a row, {found.both:,} are told apart in both, {found.same:,} of them in the same order "
            f"and {len(found.contrary):,} the other way round{': ' if found.contrary else ''}{'; '.join(contrary(found))}; {found.in_one:,} are told apart in one only, "
            f"{found.in_neither:,} in neither")


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def said(index):
    return ", ".join(filter(None, [index["started_at"], words.source(index)]))


def lines(indexes, found):
    yield f"first:  {said(indexes[0])}; {words.machine(indexes[0]['machine'])}"
    yield f"second: {said(indexes[1])}; {words.machine(indexes[1]['machine'])}"
    yield ""
    yield f"pairs of subjects, in each figure that is shown of a row that both have: {found.pairs:,}"
    yield f"    told apart in both             {found.both:>6,}, {found.same:,} of them in the same order"
    yield f"    told apart in one of them only {found.in_one:>6,}"
    yield f"    told apart in neither          {found.in_neither:>6,}"
    yield f"and one of them without a rank     {found.unranked:>6,}"
    yield from (f"  the other way round: {one}" for one in contrary(found))
    yield ""
    yield "figures of the second by those of the first: the median, and between which nine of ten are"
    width = max((len(measures.METRICS[metric].title) for metric in found.moved), default=0) + 2
    for metric, ratios in found.moved.items():
        low, high = (quantile(ratios, q) for q in NINE_OF_TEN)
        yield f"    {measures.METRICS[metric].title:<{width}}x {statistics.median(ratios):.3f}   {low:.3f} to {high:.3f}   of {len(ratios)}"


def render(indexes, found):
    return "\n".join(lines(indexes, found)) + "\n"
