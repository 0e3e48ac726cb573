# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A comparison as plain text: what it comes to, then a table for each row, each figure with its spread."""
import textwrap

from . import article, crowds, curves, groups, measures, summing, verdicts, watching, who, words

WIDTH = 100
BAR = 50


def number(metric, value):
    return words.FORMS[measures.METRICS[metric].unit](value)


def figure(cell, metric):
    """'1.23 ms (1.20 ms..1.30 ms)  x 1.04 [1.01, 1.07]  2'"""
    summary = cell.values.get(metric)
    if not summary:
        return "-", "", "", ""
    spread = f"{number(metric, summary['min'])}..{number(metric, summary['max'])}" if summary["count"] > 1 else ""
    ratio = cell.ratios.get(metric)
    held = words.ratio(ratio) if ratio else ""
    rank = words.place(*cell.ranks[metric]) if metric in cell.ranks else words.no_rank(cell, metric)
    return number(metric, summary["median"]), spread, held, rank


def metric_table(row, metric):
    about = measures.METRICS[metric]
    reference = row.references.get(metric)
    better = "more is better" if about.is_more_better else "less is better"
    yield f"  {about.title}: {about.explained}; {better}" + (f"; x: of {reference}'s in the same round" if reference else "")
    for cell in row.cells.values():
        if cell.values.get(metric):
            value, spread, held, rank = figure(cell, metric)
            yield f"    {cell.subject:<24}{value:>11}  {spread:<24}{held:<26}{rank}".rstrip()


def left_out(row):
    for cell in row.cells.values():
        if cell.mark:
            what = words.MARKS[cell.mark]
            yield f"    {cell.subject:<24}{what}: {cell.reason or words.MARKS_EXPLAINED[cell.mark]}"
        elif cell.left_out:
            counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(cell.left_out.items()))
            yield f"    {cell.subject:<24}left out of {len(cell.runs) + sum(cell.left_out.values())} runs: {counts}"
        for metric in article.shown(row):
            count, mark = cell.doubtful.get(metric), cell.marks.get(metric)
            if count:
                why = "the search contradicted itself for" if metric == "max_rate" else "the generator's lag made"
                yield (f"    {cell.subject:<24}{why} {measures.METRICS[metric].title} in {words.runs(count)}; it is "
                       + (f"therefore {words.MARKS[mark]}" if mark else "without these"))


def limits(row):
    known = curves.limits(row)
    if known:
        yield "  the physical limit: CPUs by the CPU time of a request"
    for cell, found, times in known:
        yield f"    {cell.subject:<24}{words.rate(found['rate']):>11}  reached {words.percent(found['reached_ratio'])}"
        if times:
            yield (f"    {'':<24}{words.rate(curves.stated_limit(row, found['cpus'])):>11}  is all that its CPUs can give with the stated work: it answered "
                   f"{words.times(times)} that")


def bar(shares):
    """BAR letters; the largest rest gets what rounding leaves."""
    exact = {letter: BAR * share for letter, share in shares.items()}
    columns = {letter: int(value) for letter, value in exact.items()}
    for letter in sorted(exact, key=lambda one: columns[one] - exact[one])[:BAR - sum(columns.values())]:
        columns[letter] += 1
    return "".join(letter * columns.get(letter, 0) for letter in groups.GROUPS)


def bars(row, quantiles):
    """Of each subject: where the time of the requests at or above each of QUANTILES went, and whom it waited behind."""
    for cell in row.cells.values():
        known = curves.splits(cell.runs, quantiles)
        for at, (q, shares, server_ns) in enumerate(known):
            mark = cell.mark_of(measures.AT_QUANTILE[q])
            yield (f"    {'' if at else cell.subject:<24}{words.quantile(q):<6}{words.ns(server_ns):>9} |{bar(shares)}"
                   + (f"  {words.MARKS[mark]}" if mark else ""))
        if known and (who := words.behind(curves.blame(cell.runs))):
            yield f"    {'':<24}all its waits for a CPU were behind {who}"


def letters_of(bar_lines):
    """Those that are in what bars() gave, in their order."""
    used = "".join(line.partition("|")[2][:BAR] for line in bar_lines)
    return [letter for letter in groups.GROUPS if letter in used]


def letters(bar_lines):
    """What those mean, a line each."""
    return [f"    {letter} {groups.GROUPS[letter][1]}" for letter in letters_of(bar_lines)]


def splits(row):
    found = list(bars(row, curves.SHARES_OF)) if row.kind == "rate" else []
    if not found:
        return
    yield "  where the time of requests at or above a quantile went, as the server has it"
    yield from found
    legend = "   ".join(f"{letter} {groups.GROUPS[letter][0]}" for letter in letters_of(found))
    yield from wrap(legend, "    ", "    ")


def crowd(row):
    """How many connections there were."""
    for said, names in crowds.of_row(row).items():
        yield from wrap(f"{said}: {words.joined(names)}", "  ", "    ")


def watching_text(scenario):
    """What the agent costs."""
    for row, bare, found in watching.costs(scenario):
        if found:
            yield ""
            yield f"What watching costs in '{row.title}': with the agent to without it, in the same round"
            for name, ratios in found.items():
                yield f"    {name:<24}" + "   ".join(f"{measures.METRICS[metric].title} {words.ratio(one)}" for metric, one in ratios.items())


def row_text(row):
    yield from wrap(f"{row.title}   [{'; '.join([row.row, *who.conditions(row)])}]", "", "  ")
    yield from crowd(row)
    for metric in article.shown(row):
        yield from metric_table(row, metric)
    yield from limits(row)
    yield from splits(row)
    yield from left_out(row)


def subjects_text(index):
    yield "The subjects, with their workers on all CPUs"
    for name, about in index["subjects"].items():
        parts = (about.get("model"), who.version(about), about.get("linkage"), f"workers: {who.workers(about)}", who.options(about))
        yield f"    {name:<24}{'; '.join(one for one in parts if one)}"


def wrap(paragraph, first="", others=""):
    """Names have hyphens, and are to be found whole."""
    return textwrap.wrap(paragraph, WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def wrapped(paragraphs):
    for one in paragraphs:
        yield from wrap(one, "- ", "  ")


def lines(index, scenarios, runs):
    yield from wrap(summing.opening(scenarios))
    yield ""
    found = verdicts.all_of(index, scenarios, runs)
    if found:
        yield from wrapped([one.text for one in found])
        yield ""
    for scenario in scenarios:
        yield f"{scenario.title}: {scenario.question}"
        for row in scenario.rows:
            yield ""
            yield from row_text(row)
        yield from watching_text(scenario)
        yield ""
    yield from subjects_text(index)
    yield ""
    yield words.where_and_when(index, runs)
    yield from words.again(index)
    yield "Figures are medians of the repeats with their extremes; [ ] is the 95 % interval of the ratio of runs of the same round, from 3"
    yield "repeats on.  A rank is a range: whose intervals overlap share it."


def render(index, scenarios, runs):
    return "\n".join(lines(index, scenarios, runs)) + "\n"
