# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A comparison on one screen: what it comes to, the eight rows and what stands beside them in one table, and where the time of the slowest went.  Pure."""
import textwrap

from .. import stats
from . import article, summing, text, verdicts, who, words

GAP = "  "
HEAD_WIDTH = 11  # "utilisation"


def rank(cell, metric):
    """'#2', '#1-4', or why there is none: ranks_explained() has it."""
    if metric in cell.ranks:
        return words.short_rank(*cell.ranks[metric])
    mark = cell.mark_of(metric)
    return words.MARKS[mark] if mark else "#?"


def columns(entries, names):
    """[[lines of the head, value, rank, value, rank...]] of each entry, as wide as its widest."""
    for one in entries:
        head = textwrap.wrap(one.title, HEAD_WIDTH)
        cells = [one.row.cells.get(name) for name in names]
        body = [word for cell in cells for word in (
            (text.number(one.metric, cell.values[one.metric]["median"]), rank(cell, one.metric)) if cell and one.metric in cell.values else
            ("-", words.MARKS.get(cell.mark, "") if cell else ""))]
        yield head, body, max(map(len, head + body))


def table(entries, names):
    """Two lines a subject: its figures, and its ranks below them."""
    made, left = list(columns(entries, names)), max(map(len, names))
    depth = max(len(head) for head, _, _ in made)
    for at in range(depth):
        yield (" " * left + "".join(GAP + (head[at] if at < len(head) else "").rjust(width) for head, _, width in made)).rstrip()
    for at in range(2 * len(names)):
        name = names[at // 2] if at % 2 == 0 else ""
        yield (name.ljust(left) + "".join(GAP + body[at].rjust(width) for _, body, width in made)).rstrip()


def ranks_explained(entries):
    """And the words that stand where there is none."""
    yield "#: the rank; #2-4 is behind one for certain, and before all but four: who cannot be told apart shares one."
    yield f"#?: fewer than {stats.LEAST_RATIOS} rounds that count of both it and whom it is held against."
    used = {cell.mark_of(one.metric) for one in entries for cell in one.row.cells.values()}
    yield from (f"{words.MARKS[mark]}: {meaning}" for mark, meaning in words.MARKS_EXPLAINED.items() if mark in used)


def sources(entries):
    """Which row each column is of, and where its servers ran."""
    by_row = {}
    for one in entries:
        by_row.setdefault(one.row.row, (one.row, []))[1].append(one.title)
    for row, titles in by_row.values():
        yield from text.wrap(f"{', '.join(titles)}: {'; '.join([row.title, *who.where(row)])}", "  ", "    ")


def subjects(index, names):
    """A line each."""
    yield "Versions, and workers on all CPUs:"
    for name in names:
        about = index["subjects"][name]
        yield from text.wrap(f"{name.ljust(max(map(len, names)))}  {'; '.join(filter(None, [who.version(about), f'workers: {who.workers(about)}', who.options(about)]))}", "  ", "    ")


def slowest(row):
    """A bar for each subject, and what its letters mean."""
    bars = list(text.bars(row, (0.99,)))
    if not bars:
        return
    yield ""
    yield from text.wrap(f"Where the time of the slowest hundredth went in '{row.title}': each bar is all of it")
    yield from bars
    yield from text.letters(bars)


def lines(index, scenarios, runs):
    main, about = article.main_scenario(scenarios), summing.subject_of_page(scenarios)
    entries = article.columns(main)
    names = [name for name in index["subjects"] if any(name in one.row.cells for one in entries)]
    yield f"{about.title}: {about.question}"
    yield ""
    yield from text.wrap(summing.opening(scenarios))
    yield ""
    yield from text.wrapped([one.text for one in verdicts.all_of(index, scenarios, runs)])
    if entries:
        yield ""
        yield from table(entries, names)
        yield from ranks_explained(entries)
        yield from sources(entries)
        yield from subjects(index, names)
    latency = next((one.row for one in entries if one.metric == "p99_ns"), None)
    if latency:
        yield from slowest(latency)
    yield ""
    yield words.where_and_when(index, runs)
    yield from words.again(index)


def render(index, scenarios, runs):
    return "\n".join(lines(index, scenarios, runs)) + "\n"
