# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Latency by percentile as SVG, the tail drawn out: each tenfold rarer request has as much room as the one before."""
import math

from . import curves, words
from .markup import tag

WIDTH, HEIGHT = 360, 230
LEFT, RIGHT, TOP, BOTTOM = 54, 12, 10, 26
TICKS = ((0.5, "p50"), (0.1, "p90"), (0.01, "p99"), (0.001, "p99.9"), (0.0001, "p99.99"), (0.00001, "p99.999"))
COLOURS = 8
MOST_POINTS = 120
REACHES = (("p99_ns", 0.01), ("p999_ns", 0.001))


class Scale:
    """From a value to how high it stands, by its logarithm."""

    def __init__(self, values):
        self.low, self.high = min(values) * 0.9, max(values) * 1.1

    def y(self, value):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * math.log(value / self.low) / math.log(self.high / self.low)

    def round_values(self):
        """Three to eight of them; in even steps where all values are near each other."""
        for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
            found = [step * 10 ** power for power in range(-3, 13) for step in steps if self.low <= step * 10 ** power <= self.high]
            if len(found) >= 3:
                return found[::math.ceil(len(found) / 8)]
        decade = 10 ** math.floor(math.log10(self.high - self.low))
        step = next(step for step in (decade, decade / 2, decade / 5) if self.high // step - math.ceil(self.low / step) >= 2)
        return [step * number for number in range(math.ceil(self.low / step), int(self.high // step) + 1)]

    def lines(self, show):
        for value in self.round_values():
            at = f"{self.y(value):.1f}"
            yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="grid")
            said = show(value).replace(".00", "").replace(".0 ", " ").replace(".50", ".5")
            yield tag("text", said, x=LEFT - 5, y=f"{self.y(value) + 3.5:.1f}", class_="tick end")


class Frame(Scale):
    """From (share that took longer, ns) to where that is."""

    def __init__(self, lines):
        points = [point for line in lines.values() for point in line]
        self.rarest = min(beyond for beyond, _ in points)
        super().__init__([ns for _, ns in points])

    def x(self, beyond):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(0.5 / beyond) / math.log(0.5 / min(self.rarest, 0.05))


def axes(frame):
    yield from frame.lines(words.ns)
    for beyond, name in TICKS:
        if beyond >= frame.rarest:
            at = f"{frame.x(beyond):.1f}"
            yield tag("line", x1=at, x2=at, y1=TOP, y2=HEIGHT - BOTTOM, class_="grid")
            yield tag("text", name, x=at, y=HEIGHT - 9, class_="tick middle")


def thinned(points):
    step = math.ceil(len(points) / MOST_POINTS)
    return points[::step] + ([points[-1]] if (len(points) - 1) % step else [])


def colour(number):
    return f"c{number % COLOURS}" + (" second" if number >= COLOURS else "")


def curve(frame, number, points):
    path = " ".join(f"{frame.x(beyond):.1f},{frame.y(ns):.1f}" for beyond, ns in thinned(points))
    return tag("polyline", points=path, class_=f"curve {colour(number)}")


def reach(frame, number, cell):
    """Of p99 and p99.9 over the repeats; beside each other, not on each other."""
    for metric, beyond in REACHES:
        summary = cell.values.get(metric)
        if summary and summary["count"] > 1 and beyond >= frame.rarest:
            at = f"{frame.x(beyond) + 1.6 * (number % COLOURS - COLOURS / 2):.1f}"
            low, high = (min(max(summary[end], frame.low), frame.high) for end in ("min", "max"))
            yield tag("line", x1=at, x2=at, y1=f"{frame.y(low):.1f}", y2=f"{frame.y(high):.1f}", class_=f"reach c{number % COLOURS}")


def p99(cell):
    mark = cell.mark_of("p99_ns")
    return words.ns(cell.values["p99_ns"]["median"]) + (f", {words.MARKS[mark]}" if mark else "")


def legend(row, numbers):
    """In the order of their ends; the figure that most ask for stands beside the name."""
    known = [cell for cell in row.cells.values() if cell.subject in numbers and "p99_ns" in cell.values]
    return tag("ul", *[tag("li", tag("span", class_=f"key {colour(numbers[cell.subject])}"),
                           f" {cell.subject} ", tag("small", p99(cell)))
                       for cell in sorted(known, key=lambda cell: -cell.values["p99_ns"]["median"])], class_="keys")


def latency(row, order):
    """ORDER: all subjects of the page, whose place gives them their colour everywhere."""
    lines = {cell.subject: points for cell in row.cells.values() if len(points := curves.percentiles(cell.runs)) > 1}
    if not lines:
        return ""
    frame = Frame(lines)
    numbers = {name: order.index(name) for name in lines}
    said = "; ".join(f"{cell.subject} p99 {words.ns(cell.values['p99_ns']['median'])}" for cell in row.cells.values()
                     if cell.subject in lines and "p99_ns" in cell.values)
    picture = tag("svg", tag("title", f"Latency by percentile: {row.title}"), tag("desc", said), *axes(frame),
                  *[curve(frame, numbers[name], points) for name, points in lines.items()],
                  *[one for name in lines for one in reach(frame, numbers[name], row.cells[name])],
                  viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img")
    return tag("figure", picture, tag("figcaption", "p99, from when each request was due:"), legend(row, numbers), class_="plot")
