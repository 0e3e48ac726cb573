# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Pictures of lengths, in HTML, so that their words stay readable at any width: bars with limits, and where time went."""
from . import article, curves, figures, groups, measures, words
from .markup import join, tag

LETTER_FITS = 0.08  # of a bar


def percent(ratio):
    return f"{100 * ratio:.2f}%"


def mark_of(cell, metric):
    """What stands beside a figure: its rank, or why it has none."""
    if mark := cell.mark_of(metric):
        return tag("span", words.MARKS[mark], class_=f"mark {mark}", title=cell.reason or words.MARKS_EXPLAINED[mark])
    if metric not in cell.ranks:
        return tag("span", "no rank", class_="rank", title=words.unranked(cell, metric))
    first, last = cell.ranks[metric]
    return tag("span", words.place(first, last), class_="rank" + (" first" if first == last == 1 else ""),
               title="rank" if first == last else "rank: it cannot be told from others there")


def ends(summary):
    """Of what is drawn on a bar: the median's interval, the extremes where there is none; nothing is below 0 there."""
    low, high = summary["interval_95"] or (summary["min"], summary["max"])
    return max(low, 0), max(high, 0)


def longest(summaries):
    return max((max(one["median"], ends(one)[1]) for one in summaries), default=0)


def whisker(summary, scale):
    low, high = ends(summary)
    if low == high:
        return ""
    return tag("span", class_="whisker", style=f"left:{percent(low / scale)};width:{percent((high - low) / scale)}")


def line(name, bar, value, more=""):
    return tag("div", tag("span", name, class_="name"), bar, tag("span", value, more, class_="value"), class_="line")


def lengths(row, metric):
    """A bar for each subject, with its spread."""
    known = [cell for cell in row.cells.values() if metric in cell.values]
    scale = longest(cell.values[metric] for cell in known)
    if not scale:
        return ""
    show = words.FORMS[measures.METRICS[metric].unit]
    out = []
    for cell in known:
        summary = cell.values[metric]
        bar = tag("span", tag("span", class_="fill plain", style=f"width:{percent(max(summary['median'], 0) / scale)}"), whisker(summary, scale),
                  class_="bar", role="img", aria_label=f"{cell.subject}: {show(summary['median'])}")
        out.append(line(cell.subject, bar, show(summary["median"]), mark_of(cell, metric)))
    return tag("div", *out, *absent(row, metric), class_="bars")


def absent(row, metric):
    """Those without a figure, and why."""
    return [tag("div", tag("span", cell.subject, class_="name"), tag("span", words.MARKS.get(cell.mark, "no figure"),
                                                                     f": {cell.reason}" if cell.reason else "", class_="why"), class_="line absent")
            for cell in row.cells.values() if metric not in cell.values]


def throughput(row):
    """What was answered, against what the CPUs can give by the CPU time of a request."""
    metric = article.MAIN[row.kind]
    known = [(cell, curves.limit(cell)) for cell in row.cells.values() if metric in cell.values]
    scale = 1.04 * max([longest(cell.values[metric] for cell, _ in known), *[one["rate"] for _, one in known if one]])
    if not scale:
        return ""
    out = []
    for cell, limit in known:
        summary = cell.values[metric]
        tick, said = "", ""
        if limit:
            tick = tag("span", class_="limit", style=f"left:{percent(limit['rate'] / scale)}")
            said = f"{words.percent(limit['reached_ratio'])} of its limit, {words.rate(limit['rate'])}"
        bar = tag("span", tag("span", class_="fill plain", style=f"width:{percent(summary['median'] / scale)}"), whisker(summary, scale), tick,
                  class_="bar", role="img", aria_label=f"{cell.subject}: {words.rate(summary['median'])}; {said}")
        out.append(line(cell.subject, bar, words.rate(summary["median"]), join([mark_of(cell, metric), tag("small", said)])))
    return tag("div", *out, *absent(row, metric), class_="bars wide")


def answered(cell, metric, most, scale):
    """The bar and its figure; as far as the line it is possible."""
    rate = cell.values[metric]
    beyond = curves.is_beyond(rate["median"], most)
    parts = [tag("span", class_="fill honest", style=f"width:{percent(min(rate['median'], most) / scale)}")]
    if beyond:
        parts.append(tag("span", class_="fill beyond", style=f"left:{percent(most / scale)};width:{percent((rate['median'] - most) / scale)}"))
    bar = tag("span", *parts, whisker(rate, scale), tag("span", class_="limit", style=f"left:{percent(most / scale)}"), class_="bar", role="img",
              aria_label=f"{cell.subject} answered {words.rate(rate['median'])}; {words.rate(most)} is possible")
    said = tag("small", f"{words.digits(rate['median'] / most)} times what is possible", class_="bad")
    return bar, tag("span", words.rate(rate["median"]), said if beyond else mark_of(cell, metric), class_="value")


def done(cell, ratio):
    """How much of the frame is full."""
    bar = tag("span", tag("span", class_="fill honest", style=f"width:{percent(min(ratio, 1))}"),
              class_="bar whole" + (" undone" if cell.mark == "undone" else ""), role="img",
              aria_label=f"{words.percent(ratio)} of the stated work")
    return bar, tag("span", words.percent(ratio), class_="value")


def point(row):
    """Stated work: how many were answered, beside how much of the work a request got.  The line is all that is possible."""
    metric, stated_ns = article.MAIN[row.kind], row.params["stated_work_ns"]
    known = [cell for cell in row.cells.values() if metric in cell.values and "cpu_ns" in cell.values]
    most = next((curves.stated_limit(row, one["cpus"]) for cell in known if (one := curves.limit(cell))), None)
    if not most:
        return ""
    scale = 1.04 * max(longest(cell.values[metric] for cell in known), most)
    out = [tag("div", tag("span"), tag("span", "answered a second"), tag("span", f"CPU time that a request got, of {words.ns(stated_ns)}"),
               class_="head")]
    for cell in known:
        out.append(tag("div", tag("span", cell.subject, class_="name"), tag("div", *answered(cell, metric, most, scale), class_="side"),
                       tag("div", *done(cell, figures.done_ratio(row, cell)), class_="side"), class_="pair"))
    note = tag("p", f"The line is {words.rate(most)}: all that these CPUs can answer if each request gets its {words.ns(stated_ns)}.", class_="note")
    return tag("div", *out, note, class_="point")


def stack(shares, label):
    parts = []
    for letter, share in shares.items():
        if share > 0:
            name = "other" if letter == "?" else letter
            parts.append(tag("span", letter if share >= LETTER_FITS else "", class_=f"part g-{name}", style=f"width:{percent(share)}",
                             title=f"{groups.GROUPS[letter][0]}: {words.percent(share)}"))
    said = ", ".join(f"{groups.GROUPS[letter][0]} {words.percent(share)}" for letter, share in shares.items() if share >= 0.005)
    return tag("span", *parts, class_="bar stack", role="img", aria_label=f"{label}: {said}")


def splits(row):
    """Where the time of the requests at or above p50, p99 and p99.9 went, for each subject."""
    out = []
    for cell in row.cells.values():
        lines = [line(words.quantile(q), stack(shares, f"{cell.subject}, {words.quantile(q)}"), words.ns(server_ns))
                 for q, shares, server_ns in curves.splits(cell.runs)]
        if lines:
            who = words.behind(curves.blame(cell.runs))
            out.append(tag("div", tag("h4", cell.subject), *lines, tag("p", f"All its waits for a CPU were behind {who}.", class_="note") if who else "",
                           class_="subject"))
    return tag("div", *out, class_="splits") if out else ""


def legend():
    return tag("ul", *[tag("li", tag("span", letter, class_=f"part g-{'other' if letter == '?' else letter}"), " ", name, tag("small", f" {meaning}"))
                       for letter, (name, meaning) in groups.GROUPS.items()], class_="legend")
