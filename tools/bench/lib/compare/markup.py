# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""HTML from strings, all of it escaped but for what Markup says is HTML already."""
import html


class Markup(str):
    """HTML."""


def text(value):
    return value if isinstance(value, Markup) else Markup(html.escape(str(value)))


def tag(name, *inside, **attributes):
    """<NAME class="..." ...>INSIDE</NAME>: class_ is class, a _ within a name a hyphen; an attribute of None is left out."""
    said = "".join(f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"' for key, value in attributes.items()
                   if value is not None)
    return Markup(f"<{name}{said}>{''.join(map(text, inside))}</{name}>")


def join(parts):
    return Markup("".join(map(text, parts)))


def table(caption, head, rows):
    """ROWS of cells; the first of each is its heading.  A narrow screen shows each row as a card of its own, so the roles are said."""
    def cell(name, value):
        return tag("td", *([tag("span", value)] if value != "" else []), role="cell", data_label=name)
    body = [tag("tr", tag("th", row[0], scope="row", role="rowheader"), *[cell(name, value) for name, value in zip(head[1:], row[1:])],
                role="row") for row in rows]
    return tag("table", tag("caption", caption), tag("thead", tag("tr", *[tag("th", one, scope="col", role="columnheader") for one in head],
                                                                  role="row"), role="rowgroup"),
               tag("tbody", *body, role="rowgroup"), role="table")
