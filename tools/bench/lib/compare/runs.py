# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A folder that tools/bench/compare wrote, read and looked over: what the figures need is there, or one line says what is not."""
import os

from .. import folder, packed
from . import crowds, curves, measures, verdicts, words

VERDICTS = ("ok", "client-bound", "cannot", "failed", "off")
INDEX_KEYS = {"command": str, "started_at": str, "machine": dict, "scenarios": list, "subjects": dict}
SCENARIO_KEYS = {"name": str, "title": str, "question": str, "rows": list}
ROW_KEYS = {"row": str, "kind": str, "title": str, "layout": str, "params": dict}
MACHINE_KEYS = ("model", "cpus", "kernel", "arch", "memory_bytes")  # what makes two runs those of one machine
RUN_KEYS = {"scenario": str, "row": str, "subject": str, "repeat": int, "verdict": str}


def check_keys(path, data, keys):
    for key, kind in keys.items():
        if not isinstance(data, dict) or not isinstance(data.get(key), kind):
            raise folder.Unusable(f"cannot use {path}: {key} is missing or no {kind.__name__}; was it written by tools/bench/compare?")


def try_out(path, run):
    """What was measured can be made of it."""
    try:
        crowds.of_run(run)
        if measures.of_run(run):
            curves.percentiles([run])
            curves.blame([run])
            curves.shares([run], curves.SHARES_OF[0])
            verdicts.did_less(run, 1)
    except (AttributeError, IndexError, KeyError, TypeError, ZeroDivisionError) as why:
        raise folder.Unusable(f"cannot use {path}: no run as docs/compare.md has it ({type(why).__name__}: {why}); remove it, and --resume "
                              "its folder") from None


def slim_load(load):
    load.pop("lag", None)
    shown = "from_due" if load["latency"].get("from_due") else "from_send"
    load["latency"] = {shown: load["latency"][shown]}
    load["latency"][shown].pop("by_class", None)


def slim_agent(agent, thread):
    agent.pop("exemplars", None)
    agent["threads"] = [{key: thread[key] for key in ("threads", "voluntary", "involuntary", "on_cpu_ns", "blocked")}] if thread else []
    for key in ("on_cpu", "run_queue", "blocked"):
        agent["scheduling"].pop(key, None)
    (agent["scheduling"]["switch_cost"].get("cost") or {}).pop("buckets", None)
    requests = agent.get("requests") or {}
    (requests.get("latency") or {}).pop("buckets", None)
    for bucket in requests.get("buckets", ()):
        bucket["components_ns"] = {name: ns for name, ns in bucket["components_ns"].items() if name in measures.SUMMED}


def slim(run):
    """Without what no figure is made of, which is most of it."""
    for load in measures.loads(run):
        slim_load(load)
    if run.get("agent"):
        slim_agent(run["agent"], measures.sysmon(run))
    return run


def pool(paths):
    """(index, [run]) of several folders of one comparison, as if the later ones were more rounds of the first; its index has
    theirs as `also`, and each run the number of its own as `folder`."""
    index, found = read(paths[0])
    index["also"] = []
    found = [{**run, "folder": 0} for run in found]
    for number, path in enumerate(paths[1:], 1):
        its_index, its_runs = read(path)
        check_same(paths[0], index, path, its_index)
        first = {key: 1 + max((run.get(key, 0) for run in found), default=-1) for key in ("repeat", "round")}
        found += [{**run, "folder": number, **{key: first[key] + run.get(key, 0) for key in first}} for run in its_runs]
        index["also"].append(its_index)
    return index, found


def origin(index):
    """What must be the same of two runs for their figures to be put together."""
    return {"machine": [index["machine"].get(key) for key in MACHINE_KEYS], **{key: index.get(key) for key in ("programs", "scenarios", "subjects")}}


def check_other(path, index, other, its_index):
    """They are not the same; INDEX has those that were put to it before as `also`."""
    if its_index["started_at"] in [of["started_at"] for of in words.origins(index)]:
        raise folder.Unusable(f"cannot use {other} beside {path}: it is the same run; name another, or leave it")


def check_same(path, index, other, its_index):
    """Figures of both may be put together."""
    check_other(path, index, other, its_index)
    ours, theirs = origin(index), origin(its_index)
    for what in ours:
        if ours[what] != theirs[what]:
            raise folder.Unusable(f"cannot put {other} to {path}: not the same {what}; report on each by itself")


def check_comparable(path, index, other, its_index):
    """Both may be held against each other: a row that both have is the same in both."""
    theirs = {(one["name"], row["row"]): row for one in its_index["scenarios"] for row in one["rows"]}
    for one in index["scenarios"]:
        for row in one["rows"]:
            its = theirs.get((one["name"], row["row"]), row)
            if (row["kind"], row["layout"], row["params"]) != (its["kind"], its["layout"], its["params"]):
                raise folder.Unusable(f"cannot hold {other} against {path}: {one['name']}/{row['row']} is another row there")


def entries(where):
    """(file, run) of each, looked over and slim, in the order that they were measured in."""
    for path, run in where.entries():
        check_keys(path, run, RUN_KEYS)
        if run["verdict"] not in VERDICTS:
            raise folder.Unusable(f"cannot use {path}: verdict '{run['verdict']}' is none of {', '.join(VERDICTS)}")
        try_out(path, run)
        yield path, slim(run)


def index_of(where):
    index, path = where.index(), os.path.join(where.path, "index.json")
    check_keys(path, index, INDEX_KEYS)
    for scenario in index["scenarios"]:
        check_keys(path, scenario, SCENARIO_KEYS)
        for row in scenario["rows"]:
            check_keys(path, row, ROW_KEYS)
    return index


def read(path):
    """(index, [run]) in the order that they were measured in."""
    where = packed.opened(path)
    return index_of(where), [run for _, run in entries(where)]


def pack(path, to_path):
    """What all figures of PATH are made of, as one file."""
    where = packed.opened(path)
    packed.write(to_path, index_of(where), entries(where))
