# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The way in: from folders to their text, and to their page."""
from .. import folder as stored
from . import agreement, brief, figures, fill, markdown, page, runs, runs_csv, text

FORMATS = {"text": text, "brief": brief, "markdown": markdown, "csv": runs_csv}


def build(folders):
    """(index, [figures.Scenario], [run]), of all together."""
    index, found = runs.pool(folders)
    scenarios = figures.build(index, found)
    if not scenarios:
        raise stored.Unusable(f"cannot report on {folders[0]}: no run of its {len(index['scenarios'])} scenarios is in it; start or --resume it first")
    return index, scenarios, found


def make(folders, html_path=None, form="text"):
    """What they say in one of FORMATS; the page goes to HTML_PATH if there is one.  Unusable says what is wrong."""
    index, scenarios, found = build(folders)
    if html_path:
        try:
            with open(html_path, "w", encoding="utf-8") as out:
                out.write(page.render(index, scenarios, found))
        except OSError as why:
            raise stored.Unusable(f"cannot write {html_path}: {why.strerror}; name another file with --html") from None
    return FORMATS[form].render(index, scenarios, found)


def filled(folders, path):
    """The template in PATH with their figures in it."""
    try:
        with open(path, encoding="utf-8") as template:
            said = template.read()
    except (OSError, UnicodeDecodeError) as why:
        raise stored.Unusable(f"cannot read {path}: {getattr(why, 'strerror', None) or why}; give a template to --fill") from None
    return fill.fill(said, fill.Figures(*build(folders)), path)


def against(folder, other):
    """(text, whether both have the same order wherever both tell subjects apart).  Unusable where there is nothing to hold against each other."""
    (index, scenarios, _), (its_index, its_scenarios, _) = build([folder]), build([other])
    runs.check_other(folder, index, other, its_index)
    runs.check_comparable(folder, index, other, its_index)
    found = agreement.find(scenarios, its_scenarios)
    if not found.pairs:
        raise stored.Unusable(f"cannot hold {other} against {folder}: no figure of a row that both have is ranked for two subjects in both; that takes three runs each")
    return agreement.render((index, its_index), found), not found.contrary
