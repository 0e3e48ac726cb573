# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Rows that differ in one number (NAME-10, NAME-100, ...) as one picture: how each subject answers to it."""
import re
from typing import NamedTuple

from . import article, measures, plot, words
from .markup import tag

LEAST_ROWS = 3


class Sweep(NamedTuple):
    name: str
    values: list
    rows: list
    metric: str

    def subjects(self):
        return list(dict.fromkeys(name for row in self.rows for name in row.cells))


def find(scenario):
    """Of each kind those with at least LEAST_ROWS rows, in the order of their numbers."""
    families = {}
    for row in scenario.rows:
        named = re.fullmatch(r"(.+)-(\d+(?:\.\d+)?)", row.row)
        if named and article.MAIN[row.kind] in row.metrics():
            families.setdefault((named[1], row.kind), []).append((float(named[2]), row))
    return [Sweep(name, [value for value, _ in sorted_rows], [row for _, row in sorted_rows], article.MAIN[kind])
            for (name, kind), rows in families.items() if len(rows) >= LEAST_ROWS
            for sorted_rows in [sorted(rows, key=lambda pair: pair[0])]]


def title(sweep):
    """That of the rows, without the number."""
    first, last = (row.title for row in (sweep.rows[0], sweep.rows[-1]))
    numbers = [re.escape(form) for value in (sweep.values[0],) for form in (f"{value:,g}", f"{value:g}")]
    short = re.sub(rf"(?<![\d.]){'|'.join(numbers)}(?![\d.])", "...", first, count=1)
    return short if short != first and first != last else first


def line(sweep, name, scale, place, style):
    """Its points; the line ends where a figure is missing."""
    parts, path = [], []
    for at, row in enumerate(sweep.rows):
        summary = row.cells[name].values.get(sweep.metric) if name in row.cells else None
        if not summary or summary["median"] <= 0:
            parts.append(path)
            path = []
            continue
        path.append((place(at), scale.y(summary["median"])))
        low, high = (scale.y(min(max(summary[end], scale.low), scale.high)) for end in ("min", "max"))
        yield tag("line", x1=f"{place(at):.1f}", x2=f"{place(at):.1f}", y1=f"{low:.1f}", y2=f"{high:.1f}", class_=f"reach {style}")
    for one in [*parts, path]:
        if one:
            yield tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in one), class_=f"curve {style}")
            for x, y in one:
                yield tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=2.6, class_=f"dot {style}")


def legend(sweep, order):
    """With the marks of each, since a point has none."""
    for name in sweep.subjects():
        marks = [words.MARKS[mark] for row in sweep.rows if (cell := row.cells.get(name)) and sweep.metric in cell.values and (mark := cell.mark_of(sweep.metric))]
        said = "; ".join(f"{mark} in {marks.count(mark)} of {len(sweep.rows)}" for mark in dict.fromkeys(marks))
        yield tag("li", tag("span", class_=f"key {plot.colour(order.index(name))}"), f" {name} ", tag("small", said) if said else "")


def picture(sweep, order):
    """ORDER: as in plot.latency()."""
    known = [cell.values[sweep.metric] for row in sweep.rows for cell in row.cells.values() if sweep.metric in cell.values]
    scale = plot.Scale([one[key] for one in known for key in ("min", "max") if one[key] > 0])
    about, width = measures.METRICS[sweep.metric], plot.WIDTH - plot.LEFT - plot.RIGHT

    def place(at):
        return plot.LEFT + width * (at + 0.5) / len(sweep.rows)

    ticks = [tag("text", f"{value:,g}", x=f"{place(at):.1f}", y=plot.HEIGHT - 9, class_="tick middle") for at, value in enumerate(sweep.values)]
    lines = [part for name in sweep.subjects() for part in line(sweep, name, scale, place, plot.colour(order.index(name)))]
    better = "more" if about.is_more_better else "less"
    return tag("figure", tag("svg", tag("title", f"{about.title} by {sweep.name}"), *scale.lines(words.FORMS[about.unit]), *ticks, *lines,
                             viewBox=f"0 0 {plot.WIDTH} {plot.HEIGHT}", role="img"),
               tag("figcaption", f"{about.title}; {better} is better:"),
               tag("ul", *legend(sweep, order), class_="keys"),
               class_="plot")
