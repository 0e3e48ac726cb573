# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the report says by itself: work that was not done, speeds that differ, who cannot be told apart.  Pure.

How much work a request got is bounded by the scheduler's account, not by what the server says of itself.  With X a
share of the stated work, a bucket of n requests whose on-CPU time sums to A has at most min(n, A / X) requests with X or
more; CPU time of the server that no request has (U) makes at most U / X more.  What is left did less, for certain.
"""
import statistics
from typing import NamedTuple

from . import article, curves, figures, words

LITTLE = 0.1
SAME_SPEED = 0.03  # of CPUs, by ns per SHA round
SAME_SHARE = 0.15  # of the physical limit, between subjects that do the same work


class Verdict(NamedTuple):
    kind: str  # undone, speed, spread, losses, off
    text: str
    row: object = None
    cell: object = None
    done_ratio: float | None = None


def did_less(run, threshold_ns):
    """At least this share of the requests got less CPU time than THRESHOLD_NS; None if nobody watched."""
    agent = run.get("agent")
    requests = agent.get("requests") if agent else None
    if not requests or not requests["count"] or not threshold_ns:
        return None
    spent = [(one["count"], one["components_ns"].get("on_cpu", 0)) for one in requests["buckets"]]
    nobodys_ns = max(0, agent["scheduling"]["on_cpu_ns"] - sum(ns for _, ns in spent))
    most = sum(min(count, ns / threshold_ns) for count, ns in spent) + nobodys_ns / threshold_ns
    return max(0.0, 1 - most / requests["count"])


def undone_of(row, cell):
    """The verdict if its requests did not do the work that they were to do."""
    if cell.mark != "undone":
        return None
    stated_ns, ratio = row.params["stated_work_ns"], figures.done_ratio(row, cell)
    less = [value for run in cell.runs if (value := did_less(run, LITTLE * stated_ns)) is not None]
    text = (f"{cell.subject} in '{row.title}': a request was to get {words.ns(stated_ns)} of work, and got at most {words.percent(ratio)} of "
            f"that in the mean, {words.ns(cell.values['cpu_ns']['median'])} of CPU time")
    if less and (share := statistics.median(less)) >= 0.5:
        text += f"; {words.percent(share)} of its requests, at the least, did less than a tenth of the stated work"
    return Verdict("undone", text + ".", row, cell, ratio)


def undone(scenarios):
    found = [undone_of(row, cell) for one in scenarios for row in one.rows for cell in row.cells.values()]
    return sorted((one for one in found if one), key=lambda one: one.done_ratio)


def undone_by_subject(scenarios):
    """One for each subject: the row in which it left out most, and how many others there are."""
    by_subject = {}
    for one in undone(scenarios):
        by_subject.setdefault(one.cell.subject, []).append(one)
    out = []
    for first, *others in by_subject.values():
        more = f" In {len(others)} more {'row' if len(others) == 1 else 'rows'} they got {words.span([one.done_ratio for one in others])}." if others else ""
        out.append(first._replace(text=first.text + more))
    return out


def speeds(scenarios):
    """The subjects' ns per SHA round, where they differ."""
    found = {}
    for row in (row for one in scenarios for row in one.rows):
        for cell in row.cells.values():
            values = [value for run in cell.runs if (value := (run.get("server") or {}).get("sha_round_ns"))]
            if values:
                found.setdefault(cell.subject, []).append(statistics.median(values))
    each = {name: statistics.median(values) for name, values in found.items()}
    if len(each) < 2 or max(each.values()) / min(each.values()) - 1 <= SAME_SPEED:
        return []
    least, most = min(each, key=each.get), max(each, key=each.get)
    return [Verdict("speed", f"A round of the work takes {words.ns(each[most])} in {most} and {words.ns(each[least])} in {least}, "
                    f"{words.percent(each[most] / each[least] - 1)} more: that is in every ratio of theirs.")]


def reached(row):
    """{subject: share of what its CPUs can give}, of a row of throughput with work; empty where there is nothing to compare."""
    if row.kind not in ("max", "closed") or "bare_of" in row.params or not row.params.get("work"):
        return {}
    known = {cell.subject: found["reached_ratio"] for cell in row.cells.values() if cell.mark is None and (found := curves.limit(cell))}
    return known if len(known) > 1 else {}


def spreads(scenarios):
    """Is the CPU time of a request all that tells subjects apart?  One verdict for the rows where it is, and one for each where it is not."""
    alike, out = [], []
    for row in (row for one in scenarios for row in one.rows if reached(row)):
        ratios = reached(row)
        best, worst = max(ratios, key=ratios.get), min(ratios, key=ratios.get)
        if ratios[worst] >= (1 - SAME_SHARE) * ratios[best]:
            alike.append(row)
            continue
        out.append(Verdict("spread", f"{row.title}: of what their CPUs can give they reached {words.percent(ratios[worst])} ({worst}) to "
                           f"{words.percent(ratios[best])} ({best}), in the median; {cause_of(row, best, worst)}", row))
    if alike:
        where = f"'{alike[0].title}'" + (f" and {len(alike) - 1} more rows with work" if len(alike) > 1 else "")
        every = [ratio for row in alike for ratio in reached(row).values()]
        out.insert(0, Verdict("spread", f"In {where}, with the CPU time of a request taken out, all who did the work are within {SAME_SHARE:.0%} of "
                              f"each other: they reached {words.span(every)} of what their CPUs can give, in the median.", alike[0]))
    return out


def is_apart(row, best, worst):
    """Beyond the noise."""
    metric = article.MAIN[row.kind]
    ranks = [row.cells[name].ranks.get(metric) for name in (best, worst)]
    return None not in ranks and (ranks[0][1] < ranks[1][0] or ranks[1][1] < ranks[0][0])


def cause_of(row, best, worst):
    """Why the worst does not reach more; nothing is explained that is noise."""
    if not is_apart(row, best, worst):
        return "but their throughputs cannot be told apart."
    cell = row.cells[worst]
    shares = curves.shares(cell.runs, 0.99)
    if not shares:
        return f"why {cell.subject} does not reach more nobody watched."
    letter = max((one for one in shares if one not in "C?"), key=shares.get)
    return f"in {cell.subject}'s slowest hundredth {words.percent(shares[letter])} of the time was: {words.group(letter)}."


def losses(runs):
    found = {}
    for run in runs:
        for name, count in ((run.get("agent") or {}).get("losses") or {}).items():
            if count:
                found.setdefault(run["subject"], set()).add(name)
    return [Verdict("losses", f"The agent lost something while it watched {subject}: {', '.join(sorted(names))}.")
            for subject, names in sorted(found.items())]


def off(runs):
    count = sum(run["verdict"] == "off" for run in runs)
    return [Verdict("off", f"{count} of {len(runs)} runs fell into a time in which the CPUs were more than 5 % off their usual "
                    "speed; they are in no figure where there was another.")] if count else []


def all_of(scenarios, runs):
    return undone_by_subject(scenarios) + spreads(scenarios) + speeds(scenarios) + losses(runs) + off(runs)
