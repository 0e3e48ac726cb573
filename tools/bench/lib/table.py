# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Plain text of what was measured.  No figure without its spread."""
from . import stats

CLOCKS = {"cpu": "CPU time", "wall": "wall clock"}


def plain_ns(value):
    return f"{value:,.0f}".replace(",", " ")


def ns(value):
    return f"{value:+,.0f}".replace(",", " ")


def spread(summary, form):
    """'median [95 % interval] min..max'."""
    if not summary["count"]:
        return "-"
    middle = ""
    if summary["interval_95"]:
        middle = f" [{form(summary['interval_95'][0])}, {form(summary['interval_95'][1])}]"
    return f"{form(summary['median']):>9}{middle} {form(summary['min'])}..{form(summary['max'])}"


def ratio(value):
    return f"{value:.2f}"


def print_rounds(workload, clock, summaries, conditions, nr_rounds):
    """SUMMARIES: by clock; the table is of CLOCK, the other's ratios stand beside the targets."""
    summary = summaries[clock]
    other = next((key, value) for key, value in summaries.items() if key != clock)
    base = summary["baseline"]
    if not base["count"]:
        print("\nno baseline was measured")
        return
    print(f"\n{workload.describe()}")
    print(f"{nr_rounds} interleaved rounds; ns {workload.UNIT} by {CLOCKS[clock]}, over the same round's baseline of "
          f"{plain_ns(base['median'])} ({plain_ns(base['min'])}..{plain_ns(base['max'])})")
    print("median [95 % interval of the median, from 6 rounds on] min..max of the paired differences and ratios\n")
    print(f"  {'':42}{'added ns':<40}  {'x runqlat':<34}")
    for condition in conditions:
        entry = summary["conditions"].get(condition.key)
        if not entry:
            continue
        to_runqlat = entry.get("ratio_to_runqlat")
        print(f"  {condition.title:<42}{spread(entry['added'], ns):<40}  "
              f"{spread(to_runqlat, ratio) if to_runqlat else '     1':<34}".rstrip())
    noise = summary["noise"]
    if noise["count"]:
        print(f"  {'(two baselines of a round differ by)':<42}{spread(noise, ns)}")
    if summary["disturbed_samples"]:
        print(f"  {summary['disturbed_samples']} samples are left out: tracing programs of others came or went")
    print_targets(summary, other, conditions)


def print_targets(summary, other, conditions):
    other_clock, other_summary = other
    print()
    for condition in conditions:
        entry = summary["conditions"].get(condition.key, {})
        to_runqlat = entry.get("ratio_to_runqlat")
        if condition.target_ratio and to_runqlat and to_runqlat["count"]:
            by_other = other_summary["conditions"][condition.key]["ratio_to_runqlat"]["median"]
            print(f"  target: {condition.key} at most {condition.target_ratio:.2f} x runqlat: "
                  f"{to_runqlat['median']:.2f}, {stats.verdict(to_runqlat, condition.target_ratio)} "
                  f"(by {CLOCKS[other_clock]} {by_other:.2f})")
        more = entry.get("more_than_agent")
        if more and more["count"]:
            print(f"  agent-b less agent, {condition.key.removesuffix('@b')}: {spread(more, ns)} ns")


def print_events(events, conditions):
    """EVENTS: {bias_ns or None, conditions {key: [{name, runs_per_op, raw_ns}]}}."""
    bias = events["bias_ns"]
    said = f"{bias:.0f} ns for an empty program, measured here" if bias is not None else "could not be measured"
    print(f"\nns a run of each BPF program, by the kernel's own statistics, in a separate pass (median of "
          f"{events['passes']})\nraw, and less the statistics' own share ({said})\n")
    print(f"  {'':24}{'program':<22}{'runs/op':>8}{'raw ns':>9}{'less bias':>11}")
    for condition in conditions:
        programs = events["conditions"].get(condition.key, [])
        for program in programs:
            less = f"{program['raw_ns'] - bias:>11.0f}" if bias is not None else f"{'-':>11}"
            print(f"  {condition.key:<24}{program['name']:<22}{program['runs_per_op']:>8.2f}"
                  f"{program['raw_ns']:>9.0f}{less}")
        if len(programs) > 1 and bias is not None:
            runs = sum(p["runs_per_op"] for p in programs)
            inside_ns = sum(p["runs_per_op"] * (p["raw_ns"] - bias) for p in programs)
            print(f"  {'':24}{'all, ns/op inside':<22}{runs:>8.2f}{'':>9}{inside_ns:>11.0f}")
