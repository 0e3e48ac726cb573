# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A comparison as tables in Markdown, rows by subjects, for a document that is kept: what the text has in a table for each row.  Pure."""
from . import article, crowds, measures, summing, text, verdicts, watching, who, words

# What stands in a table of its own; the rest is in the text.
SHOWN = ("max_rate", "closed_rate", "p50_ns", "p99_ns", "p999_ns", "cpu_ns", "run_queue_p99_ratio", "switches", "switch_direct_ns", "switch_indirect_ns",
         "gc_pause_ns", "user_bytes", "kernel_bytes", "utilisation_ratio", "startup_ns", "switch_user_ns", "size_bytes")


def escaped(value):
    return str(value).replace("|", "\\|")


def line(cells):
    return "| " + " | ".join(map(escaped, cells)) + " |"


def entry(cell, metric):
    """'1.23 ms #1', '1.23 ms #2-4', '1.23 ms, client-bound', or why there is none."""
    if cell is None:
        return ""
    if metric not in cell.values:
        return words.MARKS.get(cell.mark, "")
    shown = text.number(metric, cell.values[metric]["median"])
    if metric in cell.ranks:
        return f"{shown} {words.short_rank(*cell.ranks[metric])}"
    mark = cell.mark_of(metric)
    return f"{shown}, {words.MARKS[mark]}" if mark else shown


def plain_table(head, rows):
    yield line(head)
    yield line(["---"] * len(head))
    yield from map(line, rows)


def table(rows, names, metric):
    about = measures.METRICS[metric]
    yield f"**{about.title}**: {about.explained}; {'more' if about.is_more_better else 'less'} is better"
    yield ""
    yield from plain_table(["row", *names], ([f"`{row.row}`", *(entry(row.cells.get(name), metric) for name in names)] for row in rows))
    yield ""


def tables(scenario):
    for metric in SHOWN:
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
    out = [summing.opening(scenarios), "", *(f"- {one.text}" for one in verdicts.all_of(index, scenarios, runs)), ""]
    for scenario in scenarios:
        out += section(scenario)
    out += [*subjects(index), "## Again", "", f"{words.machine(index['machine'])}; {words.measured(index, runs)}", "", *(f"    {of['command']}" for of in words.origins(index))]
    return "\n".join(out) + "\n"
