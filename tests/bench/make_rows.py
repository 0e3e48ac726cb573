# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What both tests of figures make: runs whose answers are known, and the comparison of one row of them."""
import make_folder as make
from lib.compare import figures


def comparison(about, runs, names=("a", "b", "c"), cannot=None):
    """The one row of a comparison of these runs."""
    subjects = {name: make.subject(name, (cannot or {}).get(name)) for name in names}
    about["subjects"] = list(names)
    index = make.index([{"name": "s", "title": "t", "question": "q", "rows": [about]}], subjects)
    return figures.build(index, runs)


def closed(name, repeat, rate, cpu_ns=1_000_000, about=None, **more):
    about = about or make.row("r", "closed", "row")
    return make.run(("s", about), name, repeat, load=make.load("closed", [3_000_000] * 1000, rate), server=make.server(cpu_ns, 1000), **more)


def rates(table, about=None, **more):
    """{subject: [a rate for each repeat, None: not run]} -> runs."""
    return [closed(name, repeat, rate, about=about, **more) for name, values in table.items()
            for repeat, rate in enumerate(values) if rate]


def row_of(table, **more):
    return comparison(make.row("r", "closed", "row"), rates(table), **more)[0].rows[0]
