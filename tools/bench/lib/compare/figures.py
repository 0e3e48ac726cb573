# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""From runs to what is shown of each row and subject: medians, paired ratios, ranks, and what was not ranked.  Pure.

A ratio is of two runs of the same repeat, so what drifts on the machine is in both.  A rank is a range: one subject is
before another only where their intervals do not overlap, and whoever cannot be told from its neighbours shares theirs.
"""
import math
import statistics
from dataclasses import dataclass, field

from .. import plan, stats
from . import measures, words

ENOUGH_WORK = 0.9  # of the stated, in the mean; the server's whole CPU time counts as work here
UNTOUCHED = ("user_bytes", "kernel_bytes")  # by a load generator that was late or busy
BOUNDS = ("max_rate", "closed_rate")  # which such a run has a lower bound of: to leave it out would leave out the fastest
MOST_DOUBTFUL = 0.5  # of the runs of a cell, or of one of its figures; from there on it is marked, else these runs are left out


@dataclass
class Cell:
    """What one subject did in one row."""
    subject: str
    mark: str | None = None  # why it is not ranked: client-bound, off, cannot, failed, missing, undone
    reason: str = ""
    runs: list = field(default_factory=list)  # those that the figures are of
    measured: list = field(default_factory=list)  # and those that UNTOUCHED and BOUNDS are of
    tried: list = field(default_factory=list)  # all, the failed ones too
    usual_workers: int | None = None  # on all CPUs; None: as many as connections
    left_out: dict = field(default_factory=dict)  # verdict: how many
    table: dict = field(default_factory=dict)  # metric: {repeat: value}
    values: dict = field(default_factory=dict)  # metric: stats.summary
    ratios: dict = field(default_factory=dict)  # metric: {median, interval_95, count}, to the row's reference
    spans: dict = field(default_factory=dict)  # metric: the interval that its rank is by
    ranks: dict = field(default_factory=dict)  # metric: (first, last)
    doubtful: dict = field(default_factory=dict)  # metric: in how many runs it is not the server's own, or not known
    marks: dict = field(default_factory=dict)  # metric: why it alone is not ranked: client-bound, unsure

    @property
    def workers(self):
        """That ran: the numbers that its runs say, mostly one."""
        return sorted({run["server"]["workers"] for run in self.tried if (run.get("server") or {}).get("workers") is not None})

    def mark_of(self, metric):
        """Why it has no rank there, as far as that is not for want of runs."""
        return None if metric in self.ranks else self.mark or self.marks.get(metric)


@dataclass
class Row:
    scenario: str
    row: str
    kind: str
    title: str
    layout: str
    params: dict
    cells: dict  # subject: Cell
    references: dict = field(default_factory=dict)  # metric: subject

    def ranked(self, metric):
        return [cell for cell in self.cells.values() if metric in cell.ranks]

    def metrics(self):
        return [key for key in measures.METRICS if any(key in cell.values for cell in self.cells.values())]


@dataclass
class Scenario:
    name: str
    title: str
    question: str
    rows: list


def usable(runs, turn_of):
    """Of a scenario's runs one of each row, subject and repeat: of a turn that was run again the second, if it is whole and no more of it was off
    or failed.  TURN_OF: {row: its turn}; a row and its twin that nobody watched are of one, and held against each other run for run."""
    turns = {}
    for run in runs:
        key = turn_of.get(run["row"], run["row"]), run["repeat"]
        turns.setdefault(key, {False: {}, True: {}})[run["is_again"]][run["row"], run["subject"]] = run
    out = []
    for key in sorted(turns):
        first, again = turns[key][False], turns[key][True]
        needed = {name for name, run in first.items() if run["verdict"] != "cannot"}
        is_better = needed <= set(again) and nr_bad(again) <= nr_bad(first)
        out += ({**first, **again} if is_better else first).values()
    return out


def nr_bad(turn):
    return sum(run["verdict"] in ("off", "failed") for run in turn.values())


def counts(runs):
    out = {}
    for run in runs:
        out[run["verdict"]] = out.get(run["verdict"], 0) + 1
    return out


def reason_of(runs, verdict):
    return next((run.get("reason") or "" for run in runs if run["verdict"] == verdict), "")


def cell_of(subject, runs, cannot):
    """Which of the runs count, and if it is ranked."""
    if cannot is not None:
        return Cell(subject, "cannot", cannot)
    if not runs:
        return Cell(subject, "missing", "not run")
    by_verdict = counts(runs)
    measured = [run for run in runs if run["verdict"] in ("ok", "client-bound")]
    own = [run for run in measured if run["verdict"] == "ok"]
    if not measured:
        mark = max(("off", "failed", "cannot"), key=lambda one: by_verdict.get(one, 0))
        cell = Cell(subject, mark, reason_of(runs, mark), [run for run in runs if run["verdict"] == "off"])
    elif len(measured) - len(own) >= MOST_DOUBTFUL * len(measured):
        cell = Cell(subject, "client-bound", reason_of(runs, "client-bound"), [run for run in measured if run["verdict"] != "ok"])
    else:
        cell = Cell(subject, runs=own)
    if measured and by_verdict.get("failed", 0) >= MOST_DOUBTFUL * len(runs):
        cell.mark, cell.reason = "failed", reason_of(runs, "failed")
    cell.measured, cell.tried = measured or cell.runs, runs
    cell.left_out = counts([run for run in runs if not any(run is one for one in cell.runs)])
    return cell


def measure(cell):
    """From its runs to its figures."""
    measured = [(run["repeat"], measures.of_run(run), measures.doubts(run), any(run is one for one in cell.runs)) for run in cell.measured]
    for metric in measures.METRICS:
        of = [(repeat, values[metric], doubts.get(metric)) for repeat, values, doubts, is_own in measured
              if metric in values and (is_own or metric in UNTOUCHED + BOUNDS)]
        if of:
            settle(cell, metric, of)


def settle(cell, metric, of):
    """OF: [(repeat, value, why it is in doubt, or None)]"""
    doubts = [mark for _, _, mark in of if mark]
    if doubts:
        cell.doubtful[metric] = len(doubts)
    if len(doubts) >= MOST_DOUBTFUL * len(of):
        cell.marks[metric] = doubts[0]
    else:
        of = [one for one in of if not one[2]]
    if metric in BOUNDS and "client-bound" in cell.left_out:
        cell.marks[metric] = "client-bound"
    cell.table[metric] = {repeat: value for repeat, value, _ in of}
    cell.values[metric] = stats.summary(list(cell.table[metric].values()))


def done_ratio(row, cell):
    """How much of the stated work its requests got, at most, in the mean; None if none is stated."""
    stated_ns = row.params.get("stated_work_ns")
    return cell.values["cpu_ns"]["median"] / stated_ns if stated_ns and "cpu_ns" in cell.values else None


def mark_undone(row):
    """Whoever left work out has run another race."""
    for cell in row.cells.values():
        ratio = done_ratio(row, cell)
        if ratio is not None and ratio < ENOUGH_WORK:
            cell.mark, cell.reason = "undone", f"its requests got at most {words.percent(ratio)} of the stated work"


def paired(metric, own, others):
    """Ratios of the same repeats, with their interval; None where there is none.  A figure that may be 0 has no ratios where it
    is: to leave out those runs alone would leave out the best.  What is known in steps is known no better for being repeated."""
    both = [(own[repeat], others[repeat]) for repeat in sorted(own.keys() & others.keys())]
    if not both or min(map(min, both)) <= 0:
        return None
    ratios = [one / other for one, other in both]
    interval, step = stats.interval_of_ratio(ratios), measures.STEPS.get(metric, 1)
    return {"median": statistics.median(ratios), "interval_95": interval and [interval[0] / step, interval[1] * step], "count": len(ratios)}


def rank(row, metric):
    """Ratios of all to the subject with the most repeats (the first of several, so that it does not hang on who is fast)."""
    known = [cell for cell in row.cells.values() if metric in cell.table]
    fair = [cell for cell in known if cell.mark_of(metric) is None or (cell.mark == "client-bound" and metric in UNTOUCHED)]
    if not fair:
        return
    reference = max(fair, key=lambda cell: len(cell.table[metric]))
    row.references[metric] = reference.subject
    for cell in known:
        ratio = paired(metric, cell.table[metric], reference.table[metric])
        if ratio:
            cell.ratios[metric] = ratio
    place(metric, reference, [cell for cell in fair if (cell.ratios.get(metric) or {}).get("interval_95")])


def place(metric, reference, cells):
    """Who is before whom; nobody is, alone.  The reference's ratios to itself are all 1, but it is no less noisy than the others: its
    interval is taken to be as wide as the narrowest of theirs."""
    if len(cells) < 2:
        return
    for cell in cells:
        cell.spans[metric] = cell.ratios[metric]["interval_95"]
    if reference in cells:
        half = min(math.sqrt(high / low) for low, high in (cell.spans[metric] for cell in cells if cell is not reference))
        reference.spans[metric] = [1 / half, half]
    sign = -1 if measures.METRICS[metric].is_more_better else 1
    spans = {cell.subject: sorted(sign * end for end in cell.spans[metric]) for cell in cells}
    for cell in cells:
        low, high = spans[cell.subject]
        before = sum(other[1] < low for other in spans.values())
        behind = sum(other[0] > high for other in spans.values())
        cell.ranks[metric] = (before + 1, len(cells) - behind)


def order(row, metric, one, other):
    """-1: ONE is before OTHER, 1: behind, 0: their intervals overlap, whoever else is between; None where they are not both ranked."""
    cells = [row.cells.get(name) for name in (one, other)]
    if any(cell is None or metric not in cell.ranks for cell in cells):
        return None
    # What has a rank without an interval has no noise.
    (low, high), (other_low, other_high) = (cell.spans.get(metric, [cell.values[metric]["median"]] * 2) for cell in cells)
    less = (high < other_low) - (other_high < low)
    return less if measures.METRICS[metric].is_more_better else -less


def sizes(row, subjects):
    """A row without runs: what the index says of each program.  Bytes have no noise, so ranks need no interval."""
    known = {}
    for name, cell in row.cells.items():
        about = subjects[name]
        if cell.mark != "cannot" and about.get("stripped_bytes") is not None:
            cell.mark, cell.reason = None, ""
            known[name] = about["stripped_bytes"] + sum(one["bytes"] for one in about.get("libraries") or [])
    for name, size in known.items():
        smaller, same = (sum(test(other) for other in known.values()) for test in (size.__gt__, size.__eq__))
        row.cells[name].table["size_bytes"] = {0: size}
        row.cells[name].values["size_bytes"] = stats.summary([size])
        row.cells[name].ranks["size_bytes"] = (smaller + 1, smaller + same)


def build_row(scenario, about, subjects, runs):
    """All but the ranks; RUNS: the scenario's that are usable."""
    names = [name for name in about.get("subjects", subjects) if name in subjects]
    mine = [run for run in runs if run["row"] == about["row"]]
    cells = {name: cell_of(name, [run for run in mine if run["subject"] == name],
                           subjects[name].get("cannot", {}).get(f"{scenario}/{about['row']}")) for name in names}
    for name, cell in cells.items():
        cell.usual_workers = subjects[name].get("workers")
    row = Row(scenario, about["row"], about["kind"], about["title"], about["layout"], about["params"], cells)
    if row.kind == "size":
        sizes(row, subjects)
        return row
    for cell in cells.values():
        measure(cell)
    mark_undone(row)
    return row


def mark_shares(rows):
    """A share of a rate at which the generator was the limit is none of what the server can do."""
    by_name = {row.row: row for row in rows}
    for row in rows:
        whole = by_name.get(row.params.get("of"))
        for name, cell in row.cells.items() if whole else ():
            bound = whole.cells.get(name)
            if cell.mark is None and bound and "client-bound" in (bound.mark, *(bound.marks.get(metric) for metric in BOUNDS)):
                cell.mark, cell.reason = "client-bound", f"a share of what '{whole.row}' found, where the generator was the limit"


def build_rows(one, subjects, runs):
    mine = usable([run for run in runs if run["scenario"] == one["name"]], plan.turn_of(one["rows"]))
    rows = [build_row(one["name"], about, subjects, mine) for about in one["rows"]]
    mark_shares(rows)
    for row in rows:
        for metric in row.metrics() if row.kind != "size" else ():
            rank(row, metric)
    return [row for row in rows if any(cell.mark != "missing" for cell in row.cells.values())]


def build(index, runs):
    """[Scenario], as the index has them; a row that nobody ran is left out."""
    out = []
    for one in index["scenarios"]:
        rows = build_rows(one, index["subjects"], runs)
        if rows:
            out.append(Scenario(one["name"], one["title"], one["question"], rows))
    return out
