# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Scenarios of the comparison, from TOML files: a question, who is asked it, and the rows of the answer.

docs/compare.md says what the keys mean.  What is wrong in a file is said in one line, with its name and the row's.
"""
import os
import re
import tomllib

from . import connections, machine

DIRECTORY = os.path.join(machine.ROOT, "tools", "bench", "scenarios")
KINDS = ("max", "closed", "rate", "connections", "startup", "switch", "size")
LAYOUTS = ("split", "shared")
SECONDS, WARMUP_SECONDS, CONNECTIONS, TIMEOUT_S = 10, 1, 64, 10
NUMBER = (int, float)
TEXT, LIST, TABLE = (str,), (list,), (dict,)
FILE_KEYS = {"title": TEXT, "question": TEXT, "subjects": LIST, "subject": TABLE, "row": LIST, "repeats": (int,)}
SUBJECT_KEYS = {"program": TEXT, "options": LIST, "environment": TABLE}
ROW_KEYS = {"row": TEXT, "kind": TEXT, "title": TEXT, "layout": TEXT, "subjects": LIST, "each": TABLE}
PARAM_KEYS = {"work": TEXT, "connections": (int,), "rate": NUMBER, "share_ratio": NUMBER, "of": TEXT, "slo": TEXT, "churn": (int,),
              "seconds": NUMBER, "warmup_seconds": NUMBER, "times": (int,), "agent": (bool,), "bare_of": TEXT, "workers": (int,),
              "options": LIST, "environment": TABLE, "upstream": TEXT, "streams": LIST, "server_cpus": (int,), "arrivals": TEXT}
STREAM_KEYS = {"stream": TEXT, "work": TEXT, "rate": NUMBER, "connections": (int,)}
NEEDS = {"max": ("slo",), "connections": ("connections", "rate")}
DEFAULTS = {"work": "", "connections": CONNECTIONS, "seconds": SECONDS, "warmup_seconds": WARMUP_SECONDS, "times": 1, "agent": True,
            "churn": 0, "arrivals": "constant"}
ARRIVALS = ("constant", "poisson")


class Wrong(ValueError):
    """One line: what is wrong in which scenario."""


def check_keys(where, table, known, needed=()):
    for key, value in table.items():
        if key not in known:
            raise Wrong(f"{where}: there is no key '{key}'; known are {', '.join(known)}")
        if not isinstance(value, known[key]) or (isinstance(value, bool) and bool not in known[key]):
            raise Wrong(f"{where}: {key} = {value!r} is not a {' or '.join(kind.__name__ for kind in known[key])}")
        if isinstance(value, NUMBER) and not isinstance(value, bool) and value < 0:
            raise Wrong(f"{where}: {key} = {value} is less than 0")
    for key in needed:
        if key not in table:
            raise Wrong(f"{where}: it needs '{key}'")


def stated_work_ns(work):
    """CPU work that a query names by its time; None if it names none so."""
    named = re.findall(r"(?:^|&)(?:cpu|wall|seed)_us=(\d+)", work)
    return sum(map(int, named)) * 1000 if named else None


def fill(value, names):
    """VALUE with {NAME} replaced in all its strings."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: str(names.get(found[1], found[0])), value)
    if isinstance(value, list):
        return [fill(one, names) for one in value]
    if isinstance(value, dict):
        return {key: fill(one, names) for key, one in value.items()}
    return value


def variants(where, row):
    """A row for each value of its one `each`, named ROW-VALUE; without it the row itself."""
    each = row.pop("each", None)
    if each is None:
        return [row]
    if len(each) != 1 or not isinstance(values := next(iter(each.values())), list) or not values:
        raise Wrong(f"{where}: each takes one name and a list of values, as in each = {{ us = [10, 100] }}")
    (name,) = each
    out = []
    for value in values:
        one = fill(row, {name: value})
        if name in PARAM_KEYS:
            one[name] = value
        out.append({**one, "row": f"{row['row']}-{value:g}" if isinstance(value, NUMBER) else f"{row['row']}-{value}"})
    return out


def check_row(where, row, rows):
    check_keys(where, row, {**ROW_KEYS, **PARAM_KEYS}, ("row", "kind", "title"))
    if row["kind"] not in KINDS:
        raise Wrong(f"{where}: there is no kind '{row['kind']}'; known are {', '.join(KINDS)}")
    for key in NEEDS.get(row["kind"], ()):
        if key not in row:
            raise Wrong(f"{where}: kind {row['kind']} needs '{key}'")
    if row["kind"] == "connections" and row["connections"] < connections.LEAST:
        raise Wrong(f"{where}: connections = {row['connections']} is less than {connections.LEAST}")
    if row.get("layout", "split") not in LAYOUTS:
        raise Wrong(f"{where}: there is no layout '{row['layout']}'; known are {', '.join(LAYOUTS)}")
    if row["kind"] == "rate" and sum(key in row for key in ("rate", "share_ratio", "streams")) != 1:
        raise Wrong(f"{where}: kind rate needs one of 'rate', 'share_ratio' and 'streams'")
    for key, kinds in (("of", ("max", "closed")), ("bare_of", (row["kind"],))):
        if key in row and rows.get(row[key]) not in kinds:
            raise Wrong(f"{where}: {key} = '{row[key]}' is not a row of kind {' or '.join(kinds)} before it")
    if "share_ratio" in row and "of" not in row:
        raise Wrong(f"{where}: share_ratio needs 'of', the row of kind max or closed that it is a share of")
    if row.get("arrivals", ARRIVALS[0]) not in ARRIVALS:
        raise Wrong(f"{where}: there are no arrivals '{row['arrivals']}'; known are {', '.join(ARRIVALS)}")
    for stream in row.get("streams", ()):
        check_keys(f"{where}: streams", stream, STREAM_KEYS, STREAM_KEYS)


def whole_row(row, subjects):
    """As it stands in the index: what is not said has its default."""
    params = {**DEFAULTS, **{key: value for key, value in row.items() if key in PARAM_KEYS}}
    params["stated_work_ns"] = stated_work_ns(params["work"])
    return {"row": row["row"], "kind": row["kind"], "title": row["title"], "layout": row.get("layout", "split"),
            "subjects": row.get("subjects", subjects), "params": params}


def read(name, text):
    """{name, title, question, repeats, rows, subjects {NAME: {program, options, environment}}} of TEXT."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        raise Wrong(f"scenario {name}: {why}") from None
    check_keys(f"scenario {name}", data, FILE_KEYS, ("title", "question", "subjects", "row"))
    rows, kinds = [], {}
    for number, raw in enumerate(data["row"], 1):
        where = f"scenario {name}, row {raw.get('row', number)}"
        check_keys(where, raw, {**ROW_KEYS, **PARAM_KEYS}, ("row",))
        for row in variants(where, dict(raw)):
            check_row(where, row, kinds)
            if row["row"] in kinds:
                raise Wrong(f"{where}: there are two rows '{row['row']}'")
            kinds[row["row"]] = row["kind"]
            rows.append(whole_row(row, data["subjects"]))
    subjects = {}
    for subject in dict.fromkeys(one for row in rows for one in row["subjects"]):
        more = data.get("subject", {}).get(subject, {})
        check_keys(f"scenario {name}, subject {subject}", more, SUBJECT_KEYS)
        subjects[subject] = {"program": more.get("program", subject), "options": list(map(str, more.get("options", []))),
                             "environment": {key: str(value) for key, value in more.get("environment", {}).items()}}
    return {"name": name, "title": data["title"], "question": data["question"], "repeats": data.get("repeats"), "rows": rows,
            "subjects": subjects}


def names():
    return sorted(name.removesuffix(".toml") for name in os.listdir(DIRECTORY) if name.endswith(".toml"))


def load(name):
    """A scenario by its name, or by the path of a file."""
    path = name if os.sep in name or name.endswith(".toml") else os.path.join(DIRECTORY, name + ".toml")
    try:
        with open(path) as text:
            return read(os.path.basename(path).removesuffix(".toml"), text.read())
    except FileNotFoundError:
        raise Wrong(f"scenario {name}: there is no {path}; known are {', '.join(names())}") from None
