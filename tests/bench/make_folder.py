# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A folder as tools/bench/compare writes one, with figures that are made up: for tests of the report, never results.

    PYTHONPATH=tests/bench python3 -m make_folder DIR
"""
import json
import math
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "bench"))
from lib import folder  # noqa: E402

MADE_UP = "made up by tests/bench/make_folder.py"
LOAD_QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0)
AGENT_QUANTILES = (0.5, 0.9, 0.99, 0.999)
SUBJECTS = {"go-net-http": ("go", "Go", 7.1e6, 19400), "tokio-hyper": ("tokio", "Rust", 2.9e6, 10800),
            "async-pool": ("async-pool", "C", 2.2e5, 320), "green-threads": ("green-threads", "C", 2.4e5, 4100)}
# name: (median of the latency in us, its spread, parts of it)
SHAPES = {"go-net-http": (2900, 0.45, {"on_cpu": 6, "run_queue_preempted": 3, "residual": 1}),
          "tokio-hyper": (2600, 0.5, {"on_cpu": 6, "run_queue_wakeup": 2, "runtime_queue": 2}),
          "async-pool": (2700, 0.55, {"on_cpu": 5, "run_queue_preempted": 3, "runtime_queue": 2}),
          "green-threads": (2550, 0.4, {"on_cpu": 7, "socket_busy": 3})}
MODES = {"rate": "rate", "connections": "rate", "max": "find-max", "closed": "closed"}


def edges_ns(value):
    """Of the bucket that VALUE is in (bpf/hist.h): 32 of them an octave."""
    octave = max(int(math.log2(value)) - 5, 0)
    return value >> octave << octave, (value >> octave << octave) + (1 << octave)


def pick(values, q):
    return values[math.ceil(q * len(values)) - 1]


def distribution(values, quantiles=LOAD_QUANTILES):
    values, buckets = sorted(values), {}
    for value in values:
        buckets[edges_ns(value)] = buckets.get(edges_ns(value), 0) + 1
    return {"count": len(values), "total_ns": sum(values), "max_ns": max(values, default=0),
            "quantiles": [{"q": q, "ns": pick(values, q) if values else 0} for q in quantiles],
            "buckets": [{"from_ns": low, "to_ns": high, "count": count} for (low, high), count in sorted(buckets.items())]}


def load(kind, latencies_ns, rate, found=True):
    count, mode = len(latencies_ns), MODES[kind]
    out = {"schema_version": 1, "plan": {"mode": mode, "threads": 1}, "window": {"duration_ns": round(1e9 * count / rate) if count else 1},
           "due": count, "outcomes": {"answered": {"200": count}}, "latency": {"from_send": distribution(latencies_ns)}}
    if mode != "closed":
        out["latency"]["from_due"] = distribution(latencies_ns)
    if mode == "find-max":
        out["find_max"] = {"low": {"rate": rate} if found else None, "is_client_bound": False}
    return out


def tail(q, latencies_ns, parts):
    at_least = edges_ns(pick(latencies_ns, q))[0]
    of = [ns for ns in latencies_ns if ns >= at_least]
    mean = sum(of) // len(of)
    return {"q": q, "latency_ns": pick(latencies_ns, q), "tail_count": len(of), "tail_latency_ns": mean,
            "components_ns": {name: round(mean * share / sum(parts.values())) for name, share in parts.items()}}


def agent(latencies_ns, parts, on_cpu_ns, scheduled_ns=None):
    """ON_CPU_NS: of each request; SCHEDULED_NS: of the whole server, some more if not given."""
    latencies_ns = sorted(latencies_ns)
    buckets = {}
    for value in latencies_ns:
        buckets.setdefault(edges_ns(value), []).append(value)
    return {"target": {"cpus_allowed": 2}, "losses": {"clock_gap": 0}, "blame": [{"kind": "self", "pid": 0, "comm": "", "ns": 700},
                                                                                {"kind": "process", "pid": 9, "comm": "load", "ns": 300}],
            "scheduling": {"on_cpu_ns": round(scheduled_ns if scheduled_ns is not None else 1.03 * on_cpu_ns * len(latencies_ns)),
                           "switches": {"voluntary": 2 * len(latencies_ns), "involuntary": len(latencies_ns)},
                           "switch_cost": {"available": True, "cost": {"count": 100, "total_ns": 150_000}}},
            "requests": {"count": len(latencies_ns), "indirect_switch_cost": {"ns": 2000, "low_ns": 900, "high_ns": 3100},
                         "quantiles": [tail(q, latencies_ns, parts) for q in AGENT_QUANTILES],
                         "buckets": [{"from_ns": low, "to_ns": high, "count": len(of), "latency_ns": sum(of),
                                      "components_ns": {"on_cpu": round(on_cpu_ns * len(of))}} for (low, high), of in sorted(buckets.items())]}}


def server(cpu_ns, requests, workers=2):
    return {"cpu_ns": round(cpu_ns * requests), "kernel_workers_cpu_ns": 0, "wall_ns": 10 ** 9, "requests": requests, "sha_round_ns": 10_000, "workers": workers}


def crowd(wanted, **less):
    """Counts of a run of kind connections; LESS: what was otherwise than it should."""
    return {"wanted": wanted, "open": wanted, "answered": 2 * wanted, "reconnects": 0, "failed": 0, **less}


def run(row, subject, repeat, **more):
    """A run of ROW as (scenario, row as in the index)."""
    scenario, about = row
    return {"scenario": scenario, "row": about["row"], "kind": about["kind"], "subject": subject, "repeat": repeat, "round": repeat,
            "is_again": False, "layout": about["layout"], "params": about["params"], "cpus": {"server": [0, 1], "load": [0, 1]},
            "commands": {"server": MADE_UP, "load": MADE_UP, "agent": MADE_UP}, "started_at": "2026-01-01T00:00:00Z",
            "load": None, "agent": None, "server": None, "memory": None, "startup_ns": None, "switch_ns": None, "verdict": "ok", "reason": None, **more}


def row(name, kind, title, **params):
    return {"row": name, "kind": kind, "title": title, "layout": params.pop("layout", "shared"), "subjects": list(SUBJECTS),
            "params": {"work": "", "stated_work_ns": None, "agent": True, **params}}


def subject(name, cannot=None):
    model, language, size, _ = SUBJECTS.get(name, (name, "C", 2e5, 320))
    return {"model": model, "version": "0", "workers": 2, "language": language, "linkage": "dynamic", "stripped_bytes": int(size),
            "libraries": [], "program": name, "options": [], "environment": {}, "cannot": cannot or {}}


def index(scenarios, subjects):
    return {"schema_version": 1, "command": f"no command: {MADE_UP}", "started_at": "2026-01-01T00:00:00Z", "seed": 1,
            "machine": {"kernel": "0", "arch": "none", "cpus": 2, "model": f"no machine, {MADE_UP}", "memory_bytes": 10 ** 9}, "options": {},
            "scenarios": scenarios, "subjects": subjects}


def write(path, of_index, runs):
    where = folder.Folder.make(path, of_index)
    for one in runs:
        where.add(one)


def scenario(name="table"):
    return {"name": name, "title": "A comparison, made up", "question": "Goroutines or async: who is faster, and why?", "repeats": 3, "rows": [
        row("max", "max", "highest rate, some 2 ms of work a request", work="sha=200"),
        row("max-bare", "max", "the same, nobody watching", work="sha=200", bare_of="max", agent=False),
        row("rate", "rate", "latency at 500 requests a second, some 2 ms of work", work="sha=200", rate=500),
        row("share", "rate", "latency at 0.95 of the subject's own highest rate", work="sha=200", share_ratio=0.95, of="max"),
        *[row(f"pool-{threads}", "closed", f"peak with {threads} threads in the pool, some 2 ms of work", work="sha=200", options=["--blocking-threads", str(threads)])
          for threads in (2, 8, 64, 512)],
        row("connections", "connections", "memory of a connection, with 10,000 open", layout="split", connections=10000),
        row("startup", "startup", "from the fork to the first 200", layout="split"),
        row("switch", "switch", "a switch in user space", layout="split"),
        row("size", "size", "size of the file, stripped, and its libraries", layout="split")]}


def clocks():
    rows = [row(f"peak-{clock}", "closed", f"peak with 2 ms of work by {clock}_us", work=f"{clock}_us=2000", stated_work_ns=2_000_000)
            for clock in ("cpu", "wall", "seed")]
    return {"name": "clocks", "title": "Which clock the work is by", "question": "2 ms of work, but by which clock?", "repeats": 3, "rows": rows}


def latencies(rng, name, stretch=1.0, count=3000):
    middle_us, spread, _ = SHAPES[name]
    return [max(2_050_000, round(1000 * middle_us * stretch * rng.lognormvariate(0, spread))) for _ in range(count)]


def one_run(rng, key, name, repeat):
    """Of the made-up comparison."""
    of, about = key
    kind, clock = about["kind"], about["params"]["work"].partition("_us")[0]
    if kind == "startup":
        return run(key, name, repeat, startup_ns=round(4e6 * rng.lognormvariate(len(name) / 20, 0.05)))
    if kind == "switch":
        return run(key, name, repeat, switch_ns=20.0 * len(name) + repeat)
    tricked = clock == "seed" and name in ("tokio-hyper", "async-pool")
    cpu_ns = (45_000 if tricked else 2_040_000) * rng.lognormvariate(0, 0.01)
    rate = {"max": 880, "closed": 31_000 if tricked else 930}.get(kind, 500) * rng.lognormvariate(len(name) / 400, 0.02)
    taken_ns = latencies(rng, name, 2.2 if about["row"] == "share" else 1)
    memory = {**crowd(about["params"]["connections"]), "user_bytes": SUBJECTS[name][3],
              "kernel_bytes": -900 if (name, repeat) == ("async-pool", 1) else 5800} if kind == "connections" else None
    cpus = {"server": [0], "load": [1]} if about["layout"] == "split" else {"server": [0, 1], "load": [0, 1]}
    return run(key, name, repeat, cpus=cpus, memory=memory, server=server(cpu_ns, 4000, len(cpus["server"])), load=load(kind, taken_ns, rate),
               agent=agent(taken_ns, SHAPES[name][2], 0.9 * cpu_ns, 0.98 * cpu_ns * len(taken_ns)))


def comparison(seed=1, repeats=3):
    """(index, runs): two scenarios, one of which leaves its work out; a subject that cannot do a row, one client-bound, one off."""
    rng, scenarios, runs = random.Random(seed), [scenario(), clocks()], []
    subjects = {name: subject(name) for name in SUBJECTS}
    subjects["green-threads"]["cannot"] = {"table/connections": "32,753 of its stacks can be guarded here"}
    subjects["async-pool"]["cannot"] = {"table/switch": "it has no switch of its own"}
    for of in scenarios:
        for about in of["rows"]:
            for name in SUBJECTS if about["kind"] != "size" else ():
                why_not = subjects[name]["cannot"].get(f"{of['name']}/{about['row']}")
                runs += [run((of["name"], about), name, repeat, verdict="cannot", reason=why_not) if why_not else one_run(rng, (of["name"], about), name, repeat)
                         for repeat in range(repeats)]
    for one in runs:
        if (one["row"], one["subject"]) == ("max", "go-net-http"):
            one.update(verdict="client-bound", reason="the generator used 93% of its CPU")
        if (one["row"], one["subject"]) == ("rate", "async-pool"):
            one.update(verdict="off", reason="a CPU's speed was 9.1% off its usual one")
    return index(scenarios, subjects), runs


def main():
    if len(sys.argv) != 2:
        print("usage: python3 -m make_folder DIR", file=sys.stderr)
        return 2
    write(sys.argv[1], *comparison())
    print(json.dumps({"written": sys.argv[1], "what": MADE_UP}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
