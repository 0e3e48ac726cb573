# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the report says by itself: work that was not done, speeds that differ, who cannot be told apart.  Pure.

How much work a request got is bounded by the scheduler's account, not by what the server says of itself.  With X a
share of the stated work, a bucket of n requests whose on-CPU time sums to A has at most min(n, A / X) requests with X or
more; CPU time of the server that no request has (U) makes at most U / X more.  What is left did less, for certain.
"""
import statistics
from typing import NamedTuple

from .. import plan, stats
from . import article, curves, figures, words

LITTLE = 0.1
SAME_SPEED = 0.03  # of CPUs, by ns per SHA round
SAME_SHARE = 0.15  # of the physical limit, between subjects that do the same work
CPU_WORK = ("cpu_us", "wall_us", "seed_us", "sha", "alloc_kb")  # steps of /process that CPUs do; with the others requests wait for something else


class Verdict(NamedTuple):
    kind: str  # undone, spread, tail, serving, speed, failed, losses, off, missing
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


def little_ratio(row, cell):
    """At least this share of the cell's requests did less than LITTLE of the stated work, in the median of its runs; None if nobody watched."""
    less = [value for run in cell.runs if (value := did_less(run, LITTLE * (row.params.get("stated_work_ns") or 0))) is not None]
    return statistics.median(less) if less else None


def undone_of(row, cell):
    """The verdict if its requests did not do the work that they were to do."""
    if cell.mark != "undone":
        return None
    ratio = figures.done_ratio(row, cell)
    text = f"{cell.subject} {words.percent(ratio)}, {words.ns(cell.values['cpu_ns']['median'])} of CPU time"
    if (share := little_ratio(row, cell) or 0) >= 0.5:
        text += f" ({words.percent(share)} of its requests, at the least, did less than a tenth of the work)"
    return Verdict("undone", text, row, cell, ratio)


def undone(scenarios):
    """One for each row and subject, whose text is no sentence yet; who left out most comes first."""
    found = [undone_of(row, cell) for one in scenarios for row in one.rows for cell in row.cells.values()]
    return sorted((one for one in found if one), key=lambda one: one.done_ratio)


def undone_by_row(scenarios):
    """Each subject once, in the row in which it left out most, with how many others there are; who has that row in common in one verdict."""
    by_subject, by_row = {}, {}
    for one in undone(scenarios):
        by_subject.setdefault(one.cell.subject, []).append(one)
    for first, *others in by_subject.values():
        more = f" (in {len(others)} more {'row' if len(others) == 1 else 'rows'} {words.span([one.done_ratio for one in others])})" if others else ""
        by_row.setdefault((first.row.scenario, first.row.row), []).append(first._replace(text=first.text + more))
    return [of[0]._replace(text=f"In '{of[0].row.title}' each request was to get {words.ns(of[0].row.params['stated_work_ns'])} of work. In the mean they "
                           f"got, at most: {'; '.join(one.text for one in of)}.") for of in by_row.values()]


def turns(scenarios, layout):
    """Of each turn in which two or more said how fast they are: {subject: ns per SHA round}."""
    out = {}
    for row in (row for one in scenarios for row in one.rows if layout in (None, row.layout)):
        for cell in row.cells.values():
            for run in cell.runs:
                if ns := (run.get("server") or {}).get("sha_round_ns"):
                    out.setdefault((row.scenario, row.row, run["repeat"]), {})[cell.subject] = ns
    return [turn for turn in out.values() if len(turn) > 1]


def known_turns(scenarios):
    """Of servers that had all CPUs if there are such: on one CPU what a runtime does when it starts is in it."""
    return turns(scenarios, "shared") or turns(scenarios, None)


def sha_ratio(scenarios, subject, other):
    """By how much a round of SHA-256 takes longer in one than in the other, in the median of their turns; None if they had none together."""
    ratios = [turn[subject] / turn[other] for turn in known_turns(scenarios) if subject in turn and other in turn]
    return statistics.median(ratios) if ratios else None


def speeds(scenarios):
    """The subjects' ns per SHA round, where they differ; each by the others of its turn, since the machine's speed changes."""
    found, ratios = {}, {}
    for turn in known_turns(scenarios):
        usual_ns = statistics.median(turn.values())
        for name, ns in turn.items():
            found.setdefault(name, []).append(ns)
            ratios.setdefault(name, []).append(ns / usual_ns)
    each = {name: statistics.median(values) for name, values in ratios.items() if len(values) >= stats.LEAST_RATIOS}
    if len(each) < 2 or max(each.values()) / min(each.values()) - 1 <= SAME_SPEED:
        return []
    least, most = min(each, key=each.get), max(each, key=each.get)
    least_ns, most_ns = (statistics.median(found[name]) for name in (least, most))
    return [Verdict("speed", f"The work itself, rounds of SHA-256, takes {words.ns(most_ns)} a round in {most} and {words.ns(least_ns)} in {least}, in runs of "
                    f"the same turn {words.percent(each[most] / each[least] - 1)} more: that is their libraries' doing, and in every ratio of theirs.")]


def is_cpu_work(work):
    """Nothing but: whoever sleeps or asks others on the way is limited by that as well, and by how many connections there are."""
    return bool(work) and all(step.partition("=")[0] in CPU_WORK for step in work.split("&"))


def reached(row):
    """{subject: share of what its CPUs can give}, of a row of throughput with CPU work; empty where there is nothing to compare."""
    if row.kind not in ("max", "closed") or "bare_of" in row.params or not is_cpu_work(row.params.get("work")):
        return {}
    known = {cell.subject: found["reached_ratio"] for cell in row.cells.values()
             if cell.mark is None and article.MAIN[row.kind] not in cell.marks and (found := curves.limit(cell))}
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
                           f"{words.percent(ratios[best])} ({best}), in the median; "
                           + spread_told(row, best, worst), row))
    if alike:
        where = f"'{alike[0].title}'" + (f" and {len(alike) - 1} more {'row' if len(alike) == 2 else 'rows'} with CPU work" if len(alike) > 1 else "")
        every = [ratio for row in alike for ratio in reached(row).values()]
        out.insert(0, Verdict("spread", f"In {where} all who did the work reached much the same share of what their CPUs can give at the CPU time that "
                              f"a request takes of them, {words.span(every)}. What sets their throughputs apart is mostly that CPU time, and not "
                              "how they wait.", alike[0]))
    return out


def spread_told(row, best, worst):
    """Whether the throughputs of these two are in the order of the shares that they reached, and why."""
    metric = article.MAIN[row.kind]
    order = figures.order(row, metric, best, worst)
    if order is None:
        why_not = " and ".join(f"{name} {words.no_rank(row.cells[name], metric)}" for name in (best, worst) if metric not in row.cells[name].ranks)
        return f"which of the two answered more is not told, for want of ranks ({why_not}); {cause_of(row, worst)}"
    if not order:
        return "but their throughputs cannot be told apart."
    return cause_of(row, worst) if order < 0 else f"but {worst} answered more, as a request takes less CPU time of it."


def tails(scenarios):
    """Who is late in the row of latency that stands for all, by how much, and why."""
    main = article.main_scenario(scenarios)
    row = article.find(main, "p99_ns", "rate") if main else None
    known = {cell.subject: cell.values["p99_ns"]["median"] for cell in row.ranked("p99_ns")} if row else {}
    if len(known) < 2:
        return []
    apart = furthest(row, "p99_ns")
    if not apart:
        others = [cell.subject for cell in row.cells.values() if "p99_ns" in cell.values and cell.subject not in known]
        return [Verdict("tail", f"In '{row.title}' nobody's p99 can be told from another's: {words.ns(min(known.values()))} to "
                        f"{words.ns(max(known.values()))}." + (f" Not ranked: {words.joined(others)}." if others else ""), row)]
    best, worst = apart
    who = words.behind(curves.blame(row.cells[worst].runs))
    return [Verdict("tail", f"In '{row.title}' p99 is {words.ns(known[best])} in {best} and {words.ns(known[worst])} in {worst}: {cause_of(row, worst)}"
                    + (f" All its waits for a CPU were behind {who}." if who else ""), row)]


def servings(scenarios):
    """What a request takes where it has no work: the first such row at a constant rate."""
    main = article.main_scenario(scenarios)
    row = next((row for row in main.rows if row.kind == "rate" and not row.params.get("work")), None) if main else None
    apart = furthest(row, "cpu_ns") if row else None
    if not apart:
        return []
    least, most = (f"{words.ns(row.cells[name].values['cpu_ns']['median'])} of CPU time in {name}" for name in apart)
    return [Verdict("serving", f"In '{row.title}' a request takes {least} and {most}: that is what serving takes by itself, with the kernel's part of it.", row)]


def furthest(row, metric):
    """Of the pairs of subjects that are apart (less, more) the one with the largest ratio; None if there is none."""
    known = {cell.subject: cell.values[metric]["median"] for cell in row.ranked(metric)}
    pairs = [(less, more) for less in known for more in known if known[less] < known[more] and figures.order(row, metric, less, more) == -1]
    return max(pairs, key=lambda pair: known[pair[1]] / known[pair[0]], default=None)


def cause_of(row, name):
    """What its slowest requests waited for most."""
    shares = curves.shares(row.cells[name].runs, 0.99)
    if not shares:
        return f"nobody watched what {name}'s requests waited for."
    letter = max((one for one in shares if one != "?"), key=shares.get)
    return f"in {name}'s slowest hundredth {words.percent(shares[letter])} of the time was: {words.group(letter)}."


def failures(runs):
    """Who failed, where, and why the first time."""
    found = {}
    for run in runs:
        if run["verdict"] == "failed":
            found.setdefault((run["subject"], f"{run['scenario']}/{run['row']}"), []).append(run.get("reason") or "no reason is known")
    return [Verdict("failed", f"{name} failed in {words.runs(len(reasons))} of {row}: {reasons[0]}. Its figures there are of the runs that did not.")
            for (name, row), reasons in sorted(found.items())]


def losses(runs):
    found = {}
    for run in runs:
        for name, count in ((run.get("agent") or {}).get("losses") or {}).items():
            if count:
                found.setdefault(run["subject"], set()).add(name)
    return [Verdict("losses", f"The agent could not keep all that it saw of {subject} ({', '.join(sorted(names))}): where the time of its requests "
                    "went may be incomplete.") for subject, names in sorted(found.items())]


def off(runs):
    count = sum(run["verdict"] == "off" for run in runs)
    return [Verdict("off", f"{count} of {len(words.tried(runs))} runs {'is' if count == 1 else 'are'} marked off: {words.MARKS_EXPLAINED['off']}. No figure is of such a run "
                    "where there was another.")] if count else []


def missing(index, runs):
    """What was to be run and was not, repeats of what was off left out."""
    planned = sum(len(plan.order(of["scenarios"], of["subjects"], of.get("seed"), of.get("options", {}).get("repeats") or 0)) for of in words.origins(index))
    count = planned - sum(not run["is_again"] for run in runs)
    return [Verdict("missing", f"{count} of the {planned} runs that were planned are not here: there was no time for them, or it was ended before. Figures have "
                    "fewer repeats for it, or are not there.")] if count > 0 else []


def all_of(index, scenarios, runs):
    return (undone_by_row(scenarios) + spreads(scenarios) + tails(scenarios) + servings(scenarios) + speeds(scenarios) + failures(runs) + losses(runs)
            + off(runs) + missing(index, runs))
