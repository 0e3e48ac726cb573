# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The first sentences of the report, for somebody who has never heard of run queues.  Pure."""
from . import article, curves, verdicts, words


def first_row(scenarios):
    """The row of throughput that the report opens with: the one of the main scenario."""
    main = article.main_scenario(scenarios)
    return article.find(main, "max_rate", "max") or article.find(main, "closed_rate", "closed") if main else None


def beside(scenarios, row):
    """Rows of its scenario that state work by another clock: what it is to be seen beside."""
    scenario = next(one for one in scenarios if one.name == row.scenario)
    by_clock = {words.clock(one.params["work"]): one for one in reversed(scenario.rows)
                if one.kind == row.kind and one.params.get("stated_work_ns") and "bare_of" not in one.params}
    by_clock.pop(words.clock(row.params["work"]), None)
    return [one for one in scenario.rows if any(one is other for other in by_clock.values())]


def impossible(scenarios):
    """(verdict, rate, limit) of what was answered beyond what the CPUs can give with the stated work; None if nobody did.

    Of several the one that most can be seen beside: other clocks, then other subjects; then the most.
    """
    found = []
    for one in verdicts.undone(scenarios):
        limit = curves.limit(one.cell)
        stated = curves.stated_limit(one.row, limit["cpus"]) if limit else None
        rate = curves.cell_rate(one.cell)
        if stated and curves.is_beyond(rate, stated):
            found.append((one, rate, stated))
    def shows(each):
        one, rate, stated = each
        return bool(beside(scenarios, one.row)), sum(bool(cell.values) for cell in one.row.cells.values()), rate / stated
    return max(found, key=shows, default=None)


def leaders(row, metric):
    """Those that nobody is before."""
    return [cell.subject for cell in row.ranked(metric) if cell.ranks[metric][0] == 1]


def subject_of_page(scenarios):
    """The scenario whose question is the page's: the main one, or where it has few of the eight rows that of the work left out."""
    main, trick = article.main_scenario(scenarios), impossible(scenarios)
    if trick and sum(one.row is not None for one in article.eight(main)) < len(article.EIGHT) / 2:
        return next(one for one in scenarios if one.name == trick[0].row.scenario)
    return main


def of_throughput(row):
    metric = article.MAIN[row.kind]
    honest, name = row.ranked(metric), f"'{row.title}'"
    if len(honest) < 2:
        return "Nobody is named first: that takes two servers of which three runs or more count." + unranked(row)
    first = leaders(row, metric)
    if len(first) == len(honest):
        return f"In {name} no difference was shown between {words.joined(first)}: what they differ by is within the noise." + unranked(row)
    if len(first) > 1:
        return f"In {name} {words.joined(first)} answered the most, and cannot be told apart." + unranked(row)
    return f"In {name} {first[0]} answered the most, {words.rate(curves.cell_rate(row.cells[first[0]]))}." + unranked(row)


def unranked(row):
    """Who might have been first as well."""
    names = [cell.subject for cell in row.cells.values() if cell.values and article.MAIN[row.kind] not in cell.ranks]
    return f" Not ranked, for the reasons given there: {words.joined(names)}." if names else ""


def of_trick(scenarios, trick):
    one, rate, limit = trick
    by_the_clock = words.clock(one.row.params["work"]) and not one.row.params["work"].startswith("cpu_us")
    others = [other.cell.subject for other in verdicts.undone(scenarios) if other.row is one.row and other.cell is not one.cell]
    return (f"{one.cell.subject} answered {words.digits(rate)} requests a second where its CPUs can do {words.digits(limit)} at most: each was to be worked "
            f"for {words.ns(one.row.params['stated_work_ns'])}, and got {words.percent(one.done_ratio)} of that. It was not faster. It left work out"
            + (": its clock was already running while requests waited, so waiting counted as work." if by_the_clock else ".")
            + (f" So did {words.joined(others)}." if others else ""))


def opening(scenarios):
    trick, row = impossible(scenarios), first_row(scenarios)
    said = ([of_trick(scenarios, trick)] if trick else []) + ([of_throughput(row)] if row else [])
    return " ".join(said) or "No throughput was measured."
