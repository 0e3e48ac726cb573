# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""ns a run of each BPF program, from the kernel's own statistics, which themselves cost: a pass of its own."""
import statistics
import sys

from . import CannotMeasure, conditions, kernel

PASSES = 3
OFTEN = 0.01  # programs that run more seldom than this an operation are left out


def difference(before, after):
    """What each program ran between two readings."""
    return [{"name": after[i]["name"], "run_count": after[i]["run_count"] - before[i]["run_count"],
             "run_ns": after[i]["run_ns"] - before[i]["run_ns"]}
            for i in before if after[i]["run_count"] > before[i]["run_count"]]


def measure(workload, chosen, passes, failures):
    """{bias_ns, passes, conditions {key: [{name, runs_per_op, raw_ns}]}, raw [...]}."""
    empty = next(c for c in conditions.CONDITIONS if c.kind == "empty")
    wanted = [empty] + [c for c in chosen if c.kind in ("agent", "rival") and not c.key.startswith("perf")]
    raw, runs = [], {}
    with kernel.RunTimeStatistics():
        for condition in (c for _ in range(passes) for c in wanted):
            try:
                sample = workload.measure(condition, with_events=True)
            except CannotMeasure as reason:
                if condition.key not in failures:
                    print(f"overhead: {condition.key}: no statistics: {reason}", file=sys.stderr)
                    failures[condition.key] = str(reason)
                continue
            raw.append({"condition": condition.key, "programs": sample["programs"]})
            for program in sample["programs"]:
                by_name = runs.setdefault(condition.key, {}).setdefault(program["name"], [])
                by_name.append((program["run_count"] / sample["operations"], program["run_ns"] / program["run_count"]))
    out = {key: [{"name": name, "runs_per_op": statistics.median(n for n, _ in by_name),
                  "raw_ns": statistics.median(t for _, t in by_name)} for name, by_name in programs.items()]
           for key, programs in runs.items()}
    out = {key: [p for p in programs if p["runs_per_op"] >= OFTEN] for key, programs in out.items()}
    bias = out.pop("empty", [])
    return {"bias_ns": bias[0]["raw_ns"] if bias else None, "passes": passes, "conditions": out, "raw": raw}
