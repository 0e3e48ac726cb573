# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A comparison as one HTML page: no network, no script, light and dark, and a table behind each picture."""
import os

from . import article, bars, crowds, measures, plot, summing, sweep, verdicts, watching, who, words
from .markup import Markup, join, table, tag

STYLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "style.css")


def figure(row, cell, metric):
    """Value, ratio to the reference with its interval, and rank or mark."""
    summary = cell.values.get(metric)
    if not summary:
        return tag("span", words.MARKS.get(cell.mark, "-"), class_=f"mark {cell.mark}" if cell.mark else None,
                   title=cell.reason or words.MARKS_EXPLAINED.get(cell.mark))
    show = words.FORMS[measures.METRICS[metric].unit]
    ratio = cell.ratios.get(metric)
    held = ""
    if row.references.get(metric) == cell.subject:
        held = "x 1 (reference)"
    elif ratio and ratio["interval_95"]:
        held = words.short_ratio(ratio)
    elif summary["count"] > 1:
        held = f"{show(summary['min'])} to {show(summary['max'])}"
    return join([tag("b", show(summary["median"])), bars.mark_of(cell, metric), tag("small", held)])


def eight(scenario, subjects):
    """The article's eight rows; a subject that has none of them is not in it."""
    entries = article.columns(scenario)
    names = [name for name in subjects if any(name in one.row.cells for one in entries)]
    head = ["", *[one.title for one in entries]]
    body = [[name, *[figure(one.row, one.row.cells[name], one.metric) if name in one.row.cells else "" for one in entries]] for name in names]
    where = tag("ul", *[tag("li", tag("b", one.title), f": {one.row.title} ({one.row.layout} CPUs)"
                            + (f"; ratios to {one.row.references[one.metric]}" if one.metric in one.row.references else ""))
                        for one in entries], class_="where")
    lacking = [one.title for one in article.eight(scenario) if not one.row]
    return tag("section", tag("h2", "The eight rows"),
               tag("div", table("Medians; the ratio to one subject in the same round, with its 95 % interval; the rank", head, body), class_="cards"),
               where, tag("p", f"No run here tells: {', '.join(lacking)}.", class_="note") if lacking else "", id="eight")


def pictures(row, order):
    if row.kind in ("max", "closed"):
        return [bars.throughput(row)]
    if row.kind == "rate":
        return [tag("div", plot.latency(row, order), bars.splits(row), class_="both")]
    shown = article.shown(row)[:2]
    return [join([tag("h4", measures.METRICS[metric].title) if len(shown) > 1 else "", bars.lengths(row, metric)]) for metric in shown]


def figures_of(row):
    metrics = article.shown(row)
    head = ["", *[measures.METRICS[metric].title for metric in metrics]]
    rows = [[cell.subject, *[figure(row, cell, metric) for metric in metrics]] for cell in row.cells.values()]
    explained = tag("dl", *[join([tag("dt", measures.METRICS[one].title), tag("dd", measures.METRICS[one].explained)]) for one in metrics])
    left = [f"{cell.subject}: {', '.join(f'{count} {verdict}' for verdict, count in sorted(cell.left_out.items()))}"
            for cell in row.cells.values() if cell.left_out and not cell.mark]
    return tag("details", tag("summary", "All figures of this row"), tag("div", table(row.title, head, rows), class_="cards"),
               tag("p", f"Runs that are in no figure: {'; '.join(left)}.", class_="note") if left else "", explained)


def row_card(row, order):
    said = ["; ".join(who.conditions(row)), *(f"{counts}: {words.joined(names)}." for counts, names in crowds.of_row(row).items())]
    return tag("article", tag("h3", row.title), *[tag("p", one, class_="note") for one in said], *pictures(row, order), figures_of(row), class_=f"card {row.kind}")


def watching_tables(scenario):
    """What the agent costs."""
    for row, _, found in watching.costs(scenario):
        metrics = [metric for metric in (article.MAIN[row.kind], "cpu_ns") if any(metric in one for one in found.values())]
        if metrics:
            rows = [[name, *[words.ratio(one[metric]) if metric in one else "" for metric in metrics]] for name, one in found.items()]
            yield tag("div", tag("h3", f"What watching costs: {row.title}"),
                      table("With the agent to without it, in the same round", ["", *[measures.METRICS[one].title for one in metrics]], rows),
                      class_="cards watching")


def sweep_card(one, order):
    """All of its rows in one picture; each by itself behind it."""
    metric = one.metric
    head = ["", *[f"{value:,g}" for value in one.values]]
    rows = [[name, *[figure(row, row.cells[name], metric) if name in row.cells else "" for row in one.rows]] for name in one.subjects()]
    figures = tag("div", table(f"{measures.METRICS[metric].title}, by {one.name}", head, rows), class_="cards")
    return tag("article", tag("h3", sweep.title(one)), sweep.picture(one, order), tag("details", tag("summary", "All figures of this picture"), figures),
               tag("details", tag("summary", f"Each of its {len(one.rows)} rows"), *[row_card(row, order) for row in one.rows]), class_="card sweep")


def scenario_section(scenario, order):
    swept = sweep.find(scenario)
    has_splits = any(cell.runs and row.kind == "rate" for row in scenario.rows for cell in row.cells.values())
    return tag("section", tag("h2", scenario.title), tag("p", scenario.question, class_="question"), bars.legend() if has_splits else "",
               tag("div", *[row_card(row, order) for row in scenario.rows if not any(row in one.rows for one in swept)],
                   *[sweep_card(one, order) for one in swept], class_="grid"), *watching_tables(scenario), id=f"scenario-{scenario.name}")


def hero(scenarios):
    """The picture that makes the point: where work was left out, what was answered beside what was done; else the limit."""
    trick = summing.impossible(scenarios)
    if trick:
        rows = [one for one in (trick[0].row, *summing.beside(scenarios, trick[0].row)) if bars.point(one)]
        return tag("section", tag("h2", "What was answered, and what was done"),
                   *[join([tag("h3", one.title), tag("p", words.clock(one.params["work"]), class_="note"), bars.point(one)]) for one in rows], id="point")
    row = summing.first_row(scenarios)
    if not row:
        return ""
    return tag("section", tag("h2", "What was answered, and what the CPUs can give"), tag("h3", row.title), bars.throughput(row),
               tag("p", "The line is the physical limit: the CPUs, by the CPU time that a request takes.", class_="note"), id="point")


def stands_out(index, scenarios, runs):
    found = verdicts.all_of(index, scenarios, runs)
    return tag("section", tag("h2", "What stands out"), tag("ul", *[tag("li", one.text, class_=one.kind) for one in found]), id="verdicts") if found else ""


def subjects_section(index):
    missing = [tag("p", f"Without {name}: {why}.", class_="note") for name, why in (index.get("missing") or {}).items()]
    return tag("section", tag("h2", "Who was compared"),
               tag("div", table("Each server; where other workers ran, the row says so", ["", *who.HEAD[1:]], who.table(index)), class_="cards"), *missing, id="subjects")


def again(index, runs):
    machine = index["machine"]
    about = f"{words.machine(machine)}, {words.size(machine.get('memory_bytes') or 0)} of memory"
    if machine.get("virtualisation"):
        about += f", virtual ({machine['virtualisation']})"
    about = "; ".join(filter(None, [about, words.source(index)]))
    marks = [join([tag("dt", words.MARKS[mark]), tag("dd", meaning)]) for mark, meaning in words.MARKS_EXPLAINED.items()]
    return tag("section", tag("h2", "Again, and how to read it"), tag("p", "This makes the same runs in the same order:"),
               tag("pre", tag("code", "\n".join(of["command"] for of in words.origins(index))), tabindex=0), tag("p", about, class_="note"),
               tag("p", f"{words.measured(index, runs)}, interleaved: each round runs every server once in each row, in random order (seed "
                        f"{words.joined([str(of.get('seed')) for of in words.origins(index)])}). A figure is the median of the repeats. A ratio is of two runs of the same round, and its 95 % interval needs three of "
                        "them. A rank is a range: one is before another only where their intervals do not overlap, and whoever cannot be told apart shares it. "
                        "A thin line on a bar is the interval of the median from six repeats on, before that the extremes."),
               tag("dl", *marks), id="again")


def render(index, scenarios, runs):
    main, about, order = article.main_scenario(scenarios), summing.subject_of_page(scenarios), list(index["subjects"])
    with open(STYLE, encoding="utf-8") as text:
        style = Markup(text.read())
    head = tag("head", Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
                              '<meta name="color-scheme" content="light dark">'),
               tag("title", f"{about.title}: {about.question}"), tag("style", style))
    machine = index["machine"]
    body = tag("body", tag("header", tag("p", about.title, class_="over"), tag("h1", about.question), tag("p", summing.opening(scenarios), class_="lead"),
                           tag("p", f"{len(order)} servers, {len(words.tried(runs))} runs, {machine.get('cpus')} CPUs of {machine.get('model')}", class_="note")),
               tag("main", hero(scenarios), stands_out(index, scenarios, runs), eight(main, order), *[scenario_section(one, order) for one in scenarios],
                   subjects_section(index), again(index, runs)))
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"
