# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A document with the figures of a comparison put into it: what stands in {{ }} in its template, by the forms in FORMS.  Pure.

    {{closed_rate table/closed go-net-http}}                     METRIC ROW SUBJECT: a figure
    {{less closed_rate pool/fixed-2 tokio-hyper async-pool}}     by which share the first subject's is less than the second's
    {{times p99_ns hog/beside tokio-inline tokio-hyper}}         how many times the second's the first's is
    {{span p99_ns connections/idle-* go-net-http,tokio-hyper}}   from the least to the most, of all rows and subjects that fit and are not marked
    {{bars table/share-0.85 0.99}}                               where the time at or above a quantile went
    {{sha_ratio go-net-http async-pool}}                         time of a round of SHA-256, the first by the second
    {{watching}}  {{commands}}  {{commit}}  {{runs}}  {{runs off}}  {{rounds}}  {{hours}}
    {{table HEAD | SUBJECT...                                    a table: a line for each of these
    LABEL | METRIC | ROW}}

A METRIC is one of measures.METRICS or of the physical limit (curves.limit()): `limit_rate`, `reached_ratio`.
"""
import datetime
import fnmatch
import inspect
import re
import statistics

from .. import folder
from . import article, curves, groups, markdown, measures, text, watching, words

OF_LIMIT = {"limit_rate": ("rate", words.rate), "reached_ratio": ("reached_ratio", words.percent)}  # what curves.limit() calls it, how it is shown
DIRECTIVE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
LONGEST_RUN_S = 60  # between the starts of two runs; more is a pause between two sessions


class Wrong(Exception):
    """A directive that says nothing."""


class Figures:
    """What the directives are of."""

    def __init__(self, index, scenarios, runs):
        self.index, self.scenarios, self.runs = index, scenarios, runs
        self.rows = {f"{one.name}/{row.row}": row for one in scenarios for row in one.rows}

    def row(self, name):
        if name not in self.rows:
            raise Wrong(f"there is no row {name}")
        return self.rows[name]

    def value(self, metric, row, subject):
        """(the median, the cell)."""
        cell = self.row(row).cells.get(subject)
        if cell is None:
            raise Wrong(f"there is no {subject} in {row}")
        found = median(cell, metric)
        if found is None:
            raise Wrong(f"{subject} has no {metric} in {row}")
        return found

    def fitting(self, metric, rows, subjects):
        """All medians of rows and subjects that fit patterns with commas between; of cells that have a mark none."""
        cells = [cell for name, row in self.rows.items() if fits(name, rows) for cell in row.cells.values() if fits(cell.subject, subjects)]
        found = [median(cell, metric) for cell in cells if cell.mark_of(metric) is None]
        found = [value for value in found if value is not None]
        if not found:
            raise Wrong(f"nothing has {metric} in {rows} of {subjects}")
        return found


def fits(name, patterns):
    return any(fnmatch.fnmatchcase(name, one) for one in patterns.split(","))


def median(cell, metric):
    """None if it has none."""
    if metric in OF_LIMIT:
        found = curves.limit(cell)
        return found and found[OF_LIMIT[metric][0]]
    if metric not in measures.METRICS:
        raise Wrong(f"there is no metric {metric}")
    return cell.values[metric]["median"] if metric in cell.values else None


def shown(metric, value):
    return OF_LIMIT[metric][1](value) if metric in OF_LIMIT else text.number(metric, value)


def value(figures, metric, row, subject):
    return shown(metric, figures.value(metric, row, subject))


def quotient(figures, metric, row, subject, other):
    return figures.value(metric, row, subject) / figures.value(metric, row, other)


def less(figures, *of):
    return words.percent(1 - quotient(figures, *of))


def times(figures, *of):
    return words.digits(quotient(figures, *of))


def span(figures, metric, rows, subjects):
    found = figures.fitting(metric, rows, subjects)
    return f"{shown(metric, min(found))} to {shown(metric, max(found))}"


def bars(figures, row, q):
    lines = list(text.bars(figures.row(row), (float(q),)))
    if not lines:
        raise Wrong(f"nobody watched {row}")
    used = "".join(line.partition("|")[2] for line in lines)
    return "\n".join([*lines, *(f"    {letter} {name}" for letter, (_, name) in groups.GROUPS.items() if letter in used)])


def sha_ratio(figures, subject, other):
    """Of the medians of all their runs."""
    each = [[ns for run in figures.runs if run["subject"] == name and (ns := (run.get("server") or {}).get("sha_round_ns"))] for name in (subject, other)]
    if not all(each):
        raise Wrong("one of both never said how fast it is")
    return f"{statistics.median(each[0]) / statistics.median(each[1]):.3f}"


def watching_table(figures):
    found = [(row, of) for scenario in figures.scenarios for row, _, of in watching.costs(scenario)]
    return "\n".join(markdown.cost_table(found, lambda row: f"{row.scenario}/{row.row}"))


def entry(figures, metric, row, subject):
    cell = figures.row(row).cells.get(subject)
    found = median(cell, metric) if cell else None
    return shown(metric, found) if metric in OF_LIMIT and found is not None else markdown.entry(cell, metric) or "-"


def table(figures, of):
    """OF: the directive without its name."""
    head, *lines = of.strip().splitlines()
    title, _, names = head.partition("|")
    names = names.split()
    out = [markdown.line([title.strip(), *names]), markdown.line(["---"] * (1 + len(names)))]
    for line in lines:
        if line.count("|") < 2:
            raise Wrong(f"a line of a table has LABEL | METRIC | ROW, and not '{line}'")
        label, metric, row = (part.strip() for part in line.rsplit("|", 2))
        out.append(markdown.line([label, *(entry(figures, metric, row, name) for name in names)]))
    return "\n".join(out)


def commands(figures):
    return "\n".join(f"    {of['command']}" for of in words.origins(figures.index))


def commit(figures):
    """Of the source whose programs ran."""
    found = (figures.index.get("source") or {}).get("commit")
    if not found:
        raise Wrong("the folder does not say of which source it is")
    return found[:12]


def count(figures, verdict=None):
    return f"{sum(verdict in (None, run['verdict']) for run in figures.runs):,}"


def rounds(figures):
    return str(1 + max(run["round"] for run in figures.runs))


def hours(figures):
    """That were measured, pauses between sessions left out."""
    at = sorted(datetime.datetime.fromisoformat(run["started_at"].replace("Z", "+00:00")).timestamp() for run in figures.runs)
    return f"{sum(min(after - before, LONGEST_RUN_S) for before, after in zip(at, at[1:])) / 3600:.1f}"


FORMS = {"less": less, "times": times, "span": span, "bars": bars, "sha_ratio": sha_ratio, "watching": watching_table, "commands": commands, "commit": commit,
         "runs": count, "rounds": rounds, "hours": hours}


def resolve(figures, directive):
    name, _, rest = directive.strip().partition(" ")
    if name == "table":
        return table(figures, rest)
    form, of = (FORMS[name], rest.split()) if name in FORMS else (value, directive.split())
    try:
        inspect.signature(form).bind(figures, *of)
    except TypeError as why:
        raise Wrong(str(why)) from None
    return form(figures, *of)


def fill(template, figures, path):
    """TEMPLATE, that PATH had, with what its directives stand for; folder.Unusable says which one stands for nothing."""
    def one(match):
        try:
            return resolve(figures, match[1])
        except (Wrong, ValueError) as why:
            at = 1 + template.count("\n", 0, match.start())
            raise folder.Unusable(f"cannot fill {path}:{at}: {match[0].splitlines()[0]}: {why}; the forms stand in tools/bench/lib/compare/fill.py") from None
    return DIRECTIVE.sub(one, template)
