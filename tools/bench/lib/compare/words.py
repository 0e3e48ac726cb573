# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Numbers as people read them.  Three digits tell all that these measurements know."""
import math

from .. import stats
from . import groups

MOST_DECIMALS = 6


def digits(value):
    """Three significant ones; whole numbers from 100 on, with commas."""
    if value == 0:
        return "0"
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    if abs(value) >= 9.995:
        return f"{value:.1f}"
    return f"{value:.{min(MOST_DECIMALS, 2 - math.floor(math.log10(1.0005 * abs(value))))}f}"


def scaled(value, units):
    """UNITS: [(how many of the smallest, name)], from small to large."""
    size, name = next(((size, name) for size, name in reversed(units) if abs(value) >= 0.9995 * size), units[0])
    return f"{digits(value / size)} {name}"


def ns(value):
    return scaled(value, [(1, "ns"), (1e3, "us"), (1e6, "ms"), (1e9, "s")]) if value else "0 ns"


def size(value):
    return scaled(value, [(1, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB")])


def rate(value):
    return f"{digits(value)}/s"


def percent(ratio):
    return f"{digits(100 * ratio)} %"


def quantile(q):
    return f"p{100 * q:g}"


def span(ratios):
    """From the least to the most."""
    low, high = percent(min(ratios)), percent(max(ratios))
    return low if low == high else f"{low} to {high}"


def runs(count):
    return "1 run" if count == 1 else f"{count} runs"


def unranked(cell, metric):
    """Why a figure that no mark explains has no rank."""
    count, both = cell.values[metric]["count"] if metric in cell.values else 0, cell.ratios.get(metric)
    if count < stats.LEAST_RATIOS:
        return f"not ranked: {runs(count)}"
    if both and both["count"] < stats.LEAST_RATIOS:
        return f"not ranked: in {'1 round' if both['count'] == 1 else '{} rounds'.format(both['count'])} together with whom it is held against"
    return "not ranked: nobody to hold it against"


def no_rank(cell, metric):
    """Why a cell has none for a figure that it has."""
    return MARKS.get(cell.mark_of(metric)) or unranked(cell, metric)


def held(show, value, interval):
    """'1.23 [1.20, 1.26]'"""
    return show(value) + (" [{}, {}]".format(*map(show, interval)) if interval else "")


def short_ratio(summary):
    return f"x {held(digits, summary['median'], summary['interval_95'])}"


def ratio(summary):
    """Of paired runs, with its interval."""
    held = " [{:.3f}, {:.3f}]".format(*summary["interval_95"]) if summary["interval_95"] else ""
    return f"x {summary['median']:.3f}{held}"


def times(ratio):
    return f"x {digits(ratio)}"


def seconds(value):
    return f"{digits(value)} s"


FORMS = {"ns": ns, "bytes": size, "rate": rate, "percent": percent, "s": seconds, "number": digits}
MARKS = {"client-bound": "client-bound", "off": "off", "cannot": "cannot", "failed": "failed", "missing": "not run",
         "undone": "work left out", "unsure": "unsure"}
MARKS_EXPLAINED = {
    "client-bound": "the load generator was the limit, so the server could do more, or was sooner",
    "off": "the CPUs were more than 5 % off their usual speed, or others had more than 5 % of their time",
    "cannot": "by its design",
    "failed": "it was tried, and did not come to an end",
    "missing": "it was not tried",
    "undone": "its requests did not get the work that they were to do, so it is in no rank",
    "unsure": "the search for it contradicted itself: a rate above it held as well, or one below did not",
}

# Who had the CPU, as the agent names whoever has no name of its own.
BEHIND = {"self": "its own threads", "process": "other programs", "kernel": "the kernel", "idle": "nobody (an idle CPU, waking up)", "load": "the load generator",
          "quota": "its CPU quota", "other": "others"}
MOST_BEHIND = 3


def behind(blame):
    """Of curves.blame() the first few, in words."""
    return ", ".join(f"{BEHIND.get(who, who)} {percent(share)}" for who, share in blame[:MOST_BEHIND])


def group(letter):
    return groups.GROUPS[letter][1]


def place(first, last):
    """'1', or 'tied, 2 to 4' for somebody who cannot be told from some others."""
    return f"{first}" if first == last else f"tied, {first} to {last}"


def short_rank(first, last):
    return f"#{first}" if first == last else f"#{first}-{last}"


def clock(work):
    """What the work of a request is by, for a reader who does not know the server's options; empty for other work."""
    return {"cpu": "A request is done when it has used that much CPU time itself.",
            "wall": "A request is done that long after its work began: a wait for a CPU counts as work.",
            "seed": "A request is done that long after the server knew of it: all waiting counts as work."}.get(work.partition("_us=")[0], "")


def machine(about):
    return f"{about.get('model')}, {about.get('cpus')} CPUs, Linux {about.get('kernel')} {about.get('arch')}"


def origins(index):
    """Of the run, and of those that were put to it (runs.pool())."""
    return [index, *index.get("also", ())]


def commits(index):
    """Each of the sources whose programs ran, once; of a run that does not say nothing."""
    found = [of.get("source") or {} for of in origins(index)]
    return list(dict.fromkeys(f"{one['commit'][:12]}{' with changes' if one.get('modified') else ''}" for one in found if one.get("commit")))


def again(index):
    """The commands that make the same runs in the same order."""
    return [f"again: {of['command']}   (seed {of.get('seed')})" for of in origins(index)]


def tried(found):
    """Of the runs those that ran: a subject that cannot do a row by design has one as well."""
    return [run for run in found if run["verdict"] != "cannot"]


def measured(index, found):
    return f"{len(tried(found))} runs from {joined([of['started_at'] for of in origins(index)])}"


def source(index):
    return f"source {joined(commits(index))}" if commits(index) else ""


def where_and_when(index, runs):
    return "; ".join(filter(None, [machine(index["machine"]), measured(index, runs), source(index)]))


def joined(names):
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
