# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A comparison as tables in Markdown, rows by subjects, for a document that is kept: what the text has in a table for each row.  Pure."""
from . import article, crowds, curves, groups, measures, summing, text, verdicts, watching, who, words

SIGNS = ("A figure is the median of its runs. `#` is its rank in the row: `#2-4` is behind one for certain, and before all but four; who cannot be told apart shares one. `x` is its ratio to that of the row's reference, whose own is "
         "`x 1`, in the same rounds, with the 95 % interval.")


def escaped(value):
    return str(value).replace("|", "\\|")


def line(cells):
    return "| " + " | ".join(map(escaped, cells)) + " |"


def entry(row, name, metric):
    """'1.23 ms #1', '1.23 ms #2-4, x 1.03 [0.980, 1.10]', '1.23 ms, client-bound', or why there is none."""
    cell = row.cells.get(name)
    if cell is None:
        return ""
    if metric not in cell.values:
        return words.MARKS.get(cell.mark, "")
    shown, mark = text.number(metric, cell.values[metric]["median"]), cell.mark_of(metric)
    if metric in cell.ranks:
        shown += f" {words.short_rank(*cell.ranks[metric])}"
    return ", ".join([shown, *([words.MARKS[mark]] if mark else []), *ratio(row, cell, metric)])


def ratio(row, cell, metric):
    if metric not in article.RATIOS_SHOWN or metric not in cell.ratios:
        return []
    return ["x 1" if row.references.get(metric) == cell.subject else words.short_ratio(cell.ratios[metric])]


def plain_table(head, rows):
    yield line(head)
    yield line(["---"] * len(head))
    yield from map(line, rows)


def table(rows, names, metric):
    about = measures.METRICS[metric]
    yield f"**{about.title}**: {about.explained}; {'more' if about.is_more_better else 'less'} is better"
    yield ""
    yield from plain_table(["row", *names], ([f"`{row.row}`", *(entry(row, name, metric) for name in names)] for row in rows))
    yield ""


def tables(scenario):
    for metric in measures.METRICS:
        rows = [row for row in scenario.rows if metric in article.shown(row)]
        subjects = dict.fromkeys(name for row in rows for name, cell in row.cells.items() if metric in cell.values)
        if rows:
            yield from table(rows, list(subjects), metric)


def reasons(scenario):
    """Who has no figure or no rank in which rows, once for each reason."""
    found = {}
    for row in scenario.rows:
        for cell in row.cells.values():
            if cell.mark:
                found.setdefault((cell.subject, words.MARKS[cell.mark], cell.reason or words.MARKS_EXPLAINED[cell.mark]), []).append(f"`{row.row}`")
    for (subject, mark, reason), rows in found.items():
        yield f"- {subject}, {mark} in {', '.join(rows)}: {reason}"


def limits(scenario):
    """What CPUs can give, and how much of that was reached."""
    found = [(row, of) for row in scenario.rows if (of := {cell.subject: (limit, times) for cell, limit, times in curves.limits(row)})]
    if not found:
        return
    names = dict.fromkeys(name for _, of in found for name in of)
    yield "**the physical limit**: CPUs by the CPU time of a request; how much of it was reached; and where more was answered than is possible with the stated work, how many times that"
    yield ""
    yield from plain_table(["row", *names], ([f"`{row.row}`", *(limit_entry(*of[name]) if name in of else "" for name in names)] for row, of in found))
    yield ""


def limit_entry(limit, times):
    return f"{words.rate(limit['rate'])}, {words.percent(limit['reached_ratio'])} reached" + (f", {words.times(times)} what is possible" if times else "")


def splits(scenario):
    """Where the time went, and whom the servers' threads waited behind."""
    found = [(row, cell, of) for row in scenario.rows if row.kind == "rate" for cell in row.cells.values() if (of := curves.splits(cell.runs))]
    if not found:
        return
    used = [letter for letter in groups.GROUPS if any(shares[letter] for _, _, of in found for _, shares, _ in of)]
    yield "**Where the time went** of requests at or above a quantile, as the server has it, and what was on the CPUs that its threads waited for"
    yield ""
    yield from plain_table(
        ["row", "subject", "from", "the server's own", *(groups.GROUPS[letter][0] for letter in used), "all its waits for a CPU were behind"],
        ([f"`{row.row}`", cell.subject, words.quantile(q), words.ns(server_ns), *(words.percent(shares[letter]) if shares[letter] else "" for letter in used),
          "" if at else words.behind(curves.blame(cell.runs))] for row, cell, of in found for at, (q, shares, server_ns) in enumerate(of)))
    yield ""


def reached(scenario):
    """How many connections there were."""
    found = [(row, of) for row in scenario.rows if (of := crowds.of_row(row))]
    if not found:
        return
    yield "**Connections**: in the worst run, by the server's own count; each is asked twice, when it is made and when all else is over"
    yield ""
    yield from plain_table(("row", "connections", "subjects"), ((f"`{row.row}`", said, ", ".join(names)) for row, of in found for said, names in of.items()))
    yield ""


def cost_table(found, name_of):
    """FOUND: [(row, {subject: ratios})]."""
    rows = [[f"`{name_of(row)}`", name, measures.METRICS[main].title, *(words.ratio(ratios[metric]) if metric in ratios else "" for metric in (main, "cpu_ns"))]
            for row, of in found for main in [article.MAIN[row.kind]] for name, ratios in of.items()]
    yield from plain_table(("row", "subject", "figure", "with the agent by without it", "CPU time a request"), rows)


def costs(scenario):
    """Of watching."""
    found = [(row, of) for row, _, of in watching.costs(scenario) if of]
    if not found:
        return
    yield "**What watching costs**: with the agent by without it, in the same round"
    yield ""
    yield from cost_table(found, lambda row: row.row)
    yield ""


def section(scenario):
    yield f"## {scenario.title}"
    yield ""
    yield scenario.question
    yield ""
    for row in scenario.rows:
        yield f"- `{row.row}`: {'; '.join([row.title, *who.conditions(row)])}"
    yield ""
    yield from tables(scenario)
    yield from limits(scenario)
    yield from splits(scenario)
    yield from reached(scenario)
    yield from costs(scenario)
    why_not = list(reasons(scenario))
    yield from why_not
    if why_not:
        yield ""


def subjects(index):
    yield "## Who was compared"
    yield ""
    yield "Where a row ran with other workers than on all CPUs, it says so."
    yield ""
    yield from plain_table(who.HEAD, who.table(index))
    yield ""


def render(index, scenarios, runs):
    out = [summing.opening(scenarios), "", *(f"- {one.text}" for one in verdicts.all_of(index, scenarios, runs)), "", SIGNS, ""]
    for scenario in scenarios:
        out += section(scenario)
    out += [*subjects(index), "## Again", "", words.where_and_when(index, runs), "", *(f"    {of['command']}" for of in words.origins(index))]
    return "\n".join(out) + "\n"
