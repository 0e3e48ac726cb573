# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A document with the figures of a comparison put into it: what stands in {{ }} in its template, by the forms in FORMS.  Pure.

    {{closed_rate table/closed go-net-http}}                     METRIC ROW SUBJECT: a figure that has no mark
    {{any closed_rate table/light-closed tokio-hyper}}           a figure, whatever its mark: the text has to say what that is
    {{any times closed_rate churn/seed tokio-raw go-net-http}}   as `times` below, whatever the marks, which stand behind it
    {{less closed_rate pool/fixed-2 tokio-hyper async-pool}}     by which share the first subject's is less than the second's in the same
                                                                 rounds, with its 95 % interval
    {{times p99_ns hog/beside tokio-inline tokio-hyper}}         how many times the second's the first's is, likewise
    {{span p99_ns connections/idle-* go-net-http,tokio-hyper}}   from the least to the most, of all rows and subjects that fit; who is marked stands behind it
    {{bars table/share-0.85 0.99}}                               where the time at or above a quantile went
    {{crowd connections/idle-1000 go-net-http,tokio-hyper}}      how many connections of a row were open and answered, in the worst run of all subjects that fit
    {{little pool/seed-2 async-pool}}                            which share of a subject's requests, at the least, did less than a tenth of the stated work
    {{sha_ratio go-net-http async-pool}}                         time of a round of SHA-256, the first by the second
    {{against}}                                                  what the first two folders agree on, pair by pair of subjects
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
from . import agreement, crowds, curves, figures, markdown, measures, runs, text, verdicts, watching, words

OF_LIMIT = {"limit_rate": ("rate", words.rate), "reached_ratio": ("reached_ratio", words.percent)}  # what curves.limit() calls it, how it is shown
DIRECTIVE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
PAUSE = 10  # times the usual time between the starts of two runs; more is a pause between two sessions


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

    def cell(self, metric, row, subject):
        """Which has that figure."""
        cell = self.row(row).cells.get(subject)
        if cell is None:
            raise Wrong(f"there is no {subject} in {row}")
        if median(cell, metric) is None:
            raise Wrong(f"{subject} has no {metric} in {row}")
        return cell

    def unmarked(self, metric, row, subject):
        cell = self.cell(metric, row, subject)
        if cell.mark_of(metric):
            raise Wrong(f"{metric} of {subject} in {row} is marked {words.MARKS[cell.mark_of(metric)]}: say so in the text, and write {{{{any {metric} {row} {subject}}}}}")
        return cell

    def fitting(self, metric, rows, subjects):
        """(all medians of rows and subjects that fit patterns with commas between, who is left out for a mark, and which)."""
        cells = [cell for name, row in self.rows.items() if fits(name, rows) for cell in row.cells.values() if fits(cell.subject, subjects)]
        cells = [(cell, value) for cell in cells if (value := median(cell, metric)) is not None]
        found = [value for cell, value in cells if cell.mark_of(metric) is None]
        if not found:
            raise Wrong(f"nothing has {metric} in {rows} of {subjects}")
        return found, list(dict.fromkeys(f"{cell.subject}, {words.MARKS[mark]}" for cell, _ in cells if (mark := cell.mark_of(metric))))


def fits(name, patterns):
    return any(fnmatch.fnmatchcase(name, one) for one in patterns.split(","))


def check_metric(metric):
    if metric not in (*measures.METRICS, *OF_LIMIT):
        raise Wrong(f"there is no metric {metric}")


def median(cell, metric):
    """None if it has none."""
    if metric in OF_LIMIT:
        found = curves.limit(cell)
        return found and found[OF_LIMIT[metric][0]]
    check_metric(metric)
    return cell.values[metric]["median"] if metric in cell.values else None


def shown(metric, value):
    return OF_LIMIT[metric][1](value) if metric in OF_LIMIT else text.number(metric, value)


def value(numbers, metric, row, subject):
    return shown(metric, median(numbers.unmarked(metric, row, subject), metric))


def any_value(numbers, metric, row, subject):
    return shown(metric, median(numbers.cell(metric, row, subject), metric))


def paired(cell_of, metric, row, subject, other):
    """(ratio, its interval or None) of the figures of two cells, which CELL_OF finds."""
    own, others = (cell_of(metric, row, name) for name in (subject, other))
    ratio = figures.paired(metric, own.table.get(metric, {}), others.table.get(metric, {}))
    if not ratio:
        raise Wrong(f"{subject} and {other} have no {metric} of the same rounds in {row}")
    return ratio["median"], ratio["interval_95"]


def less(numbers, metric, row, subject, other):
    ratio, interval = paired(numbers.unmarked, metric, row, subject, other)
    return words.held(words.percent, 1 - ratio, interval and [1 - end for end in reversed(interval)])


def times(numbers, metric, row, subject, other):
    return words.held(words.digits, *paired(numbers.unmarked, metric, row, subject, other))


def any_times(numbers, metric, row, subject, other):
    """'3.21 [3.05, 3.40] (no rank: tokio-raw work left out)'"""
    said = words.held(words.digits, *paired(numbers.cell, metric, row, subject, other))
    cells = [numbers.cell(metric, row, name) for name in (subject, other)]
    why_not = words.joined([f"{cell.subject} {words.MARKS[mark]}" for cell in cells if (mark := cell.mark_of(metric))])
    return f"{said} (no rank: {why_not})" if why_not else said


def span(numbers, metric, rows, subjects):
    found, left_out = numbers.fitting(metric, rows, subjects)
    low, high = shown(metric, min(found)), shown(metric, max(found))
    return (low if low == high else f"{low} to {high}") + (f" (without {'; '.join(left_out)})" if left_out else "")


def bars(numbers, row, q):
    lines = list(text.bars(numbers.row(row), (float(q),)))
    if not lines:
        raise Wrong(f"nobody watched {row}")
    return "\n".join([*lines, *text.letters(lines)])


def crowd(numbers, row, subjects):
    found = crowds.worst([cell for cell in numbers.row(row).cells.values() if fits(cell.subject, subjects)])
    if not found:
        raise Wrong(f"nobody of {subjects} had connections to count in {row}")
    return crowds.said(found)


def little(numbers, row, subject):
    of = numbers.row(row)
    share = verdicts.little_ratio(of, of.cells[subject]) if subject in of.cells else None
    if share is None:
        raise Wrong(f"of {subject} in {row} no work was stated and watched")
    return words.percent(share)


def sha_ratio(numbers, subject, other):
    ratio = verdicts.sha_ratio(numbers.scenarios, subject, other)
    if ratio is None:
        raise Wrong("they never said how fast they are in the same turn")
    return f"{ratio:.3f}"


def watching_table(numbers):
    found = [(row, of) for scenario in numbers.scenarios for row, _, of in watching.costs(scenario)]
    return "\n".join(markdown.cost_table(found, lambda row: f"{row.scenario}/{row.row}"))


def entry(numbers, metric, row, subject):
    check_metric(metric)
    if subject not in numbers.index["subjects"]:
        raise Wrong(f"there is no subject {subject}")
    if metric not in OF_LIMIT:
        return markdown.entry(numbers.row(row), subject, metric) or "-"
    cell = numbers.row(row).cells.get(subject)
    found = median(cell, metric) if cell else None
    return "-" if found is None else shown(metric, found)


def table(numbers, of):
    """OF: the directive without its name."""
    head, *lines = of.strip().splitlines()
    title, _, names = head.partition("|")
    names = names.split()
    rows = []
    for line in lines:
        if line.count("|") < 2:
            raise Wrong(f"a line of a table has LABEL | METRIC | ROW, and not '{line}'")
        label, metric, row = (part.strip() for part in line.rsplit("|", 2))
        rows.append([label, *(entry(numbers, metric, row, name) for name in names)])
    return "\n".join(markdown.plain_table([title.strip(), *names], rows))


def commands(numbers):
    return "\n".join(f"    {of['command']}" for of in words.origins(numbers.index))


def commit(numbers):
    """Of the source whose programs ran; of several folders each once."""
    if not all((of.get("source") or {}).get("commit") for of in words.origins(numbers.index)):
        raise Wrong("a folder does not say of which source it is")
    return words.joined(words.commits(numbers.index))


def against(numbers):
    """The first two folders, as --against has it."""
    indexes = words.origins(numbers.index)[:2]
    if len(indexes) < 2:
        raise Wrong("it takes two folders")
    found = agreement.find(*(figures.build(index, [run for run in numbers.runs if run["folder"] == number]) for number, index in enumerate(indexes)))
    if not found.pairs:
        raise Wrong("no figure is ranked for two subjects in both")
    return agreement.sentence(found)


def count(numbers, verdict=None):
    if verdict not in (None, *runs.VERDICTS):
        raise Wrong(f"there is no verdict {verdict}")
    found = words.tried(numbers.runs) if verdict is None else [run for run in numbers.runs if run["verdict"] == verdict]
    return f"{len(found):,}"


def rounds(numbers):
    return str(1 + max(run["round"] for run in numbers.runs))


def hours(numbers):
    """That were measured, pauses between sessions left out."""
    at = sorted(datetime.datetime.fromisoformat(run["started_at"].replace("Z", "+00:00")).timestamp() for run in numbers.runs)
    took_s = [after - before for before, after in zip(at, at[1:])] or [0]
    usual_s = statistics.median(took_s)
    return f"{sum(one if one <= PAUSE * usual_s else usual_s for one in took_s) / 3600:.1f}"


FORMS = {"any": any_value, "any times": any_times, "against": against, "less": less, "times": times, "span": span, "bars": bars, "crowd": crowd,
         "little": little, "sha_ratio": sha_ratio, "watching": watching_table, "commands": commands, "commit": commit, "runs": count, "rounds": rounds, "hours": hours}


def parted(directive):
    """(the form's name, its arguments); a figure has none."""
    said = directive.split()
    for count in (2, 1):
        name = " ".join(said[:count])
        if name in FORMS:
            return name, said[count:]
    return None, said


def resolve(numbers, directive):
    first, _, rest = directive.strip().partition(" ")
    if first == "table":
        return table(numbers, rest)
    name, of = parted(directive)
    form = FORMS.get(name, value)
    try:
        inspect.signature(form).bind(numbers, *of)
    except TypeError as why:
        raise Wrong(str(why)) from None
    return form(numbers, *of)


def fill(template, numbers, path):
    """TEMPLATE, that PATH had, with what its directives stand for; folder.Unusable says which one stands for nothing."""
    def one(match):
        try:
            return resolve(numbers, match[1])
        except (Wrong, ValueError) as why:
            at = 1 + template.count("\n", 0, match.start())
            raise folder.Unusable(f"cannot fill {path}:{at}: {match[0].splitlines()[0]}: {why}; the forms stand in tools/bench/lib/compare/fill.py") from None
    return DIRECTIVE.sub(one, template)
