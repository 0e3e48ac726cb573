# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Interleaved rounds: every condition once a round, in random order, against the baseline of the same round.

What drifts on a machine (clock speed, neighbours, the hypervisor) then meets all conditions alike, and the
order favours none.  The baseline is measured BASELINES times a round: its median is what the others are held
against, since one bad baseline would spoil a whole round, and what they differ by is the noise of the method.
"""
import math
import statistics
import sys
import time

from . import CannotMeasure, kernel, stats

BASELINES = 3
AGAIN = 2  # so often is a sample taken again that somebody else's tracing fell into
AGAIN_AFTER_S = 5
BACKGROUND_S = 30
TRIES = 2  # a condition that fails so often at first is left out


def background():
    """Ids of others' tracing programs that stay: they are in every figure, the baseline's too."""
    stay = kernel.tracing_programs()
    for left in range(BACKGROUND_S, 0, -1):
        if not stay:
            return set()
        if left == BACKGROUND_S:
            print(f"overhead: others trace ({', '.join(sorted(set(stay.values()))[:6])}): waiting until they have "
                  f"ended, at most {BACKGROUND_S} s", file=sys.stderr)
        time.sleep(1)
        now = kernel.tracing_programs()
        stay = {number: name for number, name in stay.items() if number in now}
    print(f"overhead: {len(stay)} tracing programs of others stay loaded, and are in every figure", file=sys.stderr)
    return set(stay)


def others(known, workload):
    known = known | workload.context.own_programs
    return {name for number, name in kernel.tracing_programs().items() if number not in known}


def still_there(known):
    """Of those that are in every figure."""
    return known & set(kernel.tracing_programs()) if known else set()


def undisturbed(workload, condition, known):
    """A sample without somebody else's tracing that came or went; after AGAIN tries, one that is marked."""
    for _ in range(AGAIN + 1):
        for _ in range(AGAIN_AFTER_S):
            if not others(known, workload):
                break
            time.sleep(1)
        before, stayed = others(known, workload), still_there(known)
        sample = workload.measure(condition)
        gone = stayed - still_there(known)
        sample["foreign_programs"] = sorted(before | others(known, workload) | {f"program {number}, which ended" for number in gone})
        if not sample["foreign_programs"]:
            break
    return sample


def one_round(workload, conditions, rng, state):
    """STATE: tries {key: failures before it ever succeeded}, failures {key: reason}, known.  Yields the samples as they come."""
    order = [c for c in conditions for _ in range(BASELINES if c.kind == "off" else 1)]
    rng.shuffle(order)
    tries, failures = state["tries"], state["failures"]
    for condition in order:
        if tries.get(condition.key, 0) >= TRIES:
            continue
        try:
            yield {"condition": condition.key, **undisturbed(workload, condition, state["known"])}
            tries[condition.key] = -math.inf
        except CannotMeasure as reason:
            tries[condition.key] = tries.get(condition.key, 0) + 1
            if failures.get(condition.key) != str(reason):
                print(f"overhead: {condition.key} cannot be measured: {reason}", file=sys.stderr)
            failures[condition.key] = str(reason)


def run(workload, conditions, nr_rounds, rng, failures):
    """Returns (rounds, stopped): [{round, samples: [{condition, ...}]}] in the order measured.

    FAILURES {key: reason} is filled.  Ctrl-C ends it early, with what there is, if a round is complete.
    """
    state = {"tries": {}, "failures": failures, "known": background()}
    rounds = []
    for number in range(nr_rounds):
        rounds.append({"round": number, "samples": []})
        try:
            for sample in one_round(workload, conditions, rng, state):
                rounds[-1]["samples"].append(sample)
        except KeyboardInterrupt:
            if not number:
                raise
            print(f"overhead: stopped after {number} rounds", file=sys.stderr)
            return rounds[:-1], True
        print(f"overhead: {workload.name}: round {number + 1} of {nr_rounds}", file=sys.stderr, flush=True)
    return rounds, False


def samples(one, key, metric):
    """Of one round; those that others' tracing fell into are left out."""
    return [s[metric] for s in one["samples"] if s["condition"] == key and not s["foreign_programs"]]


def values(rounds, key, metric):
    """Per round the median of the condition's samples, or None."""
    out = []
    for one in rounds:
        found = samples(one, key, metric)
        out.append(statistics.median(found) if found else None)
    return out


def paired(left, right, how):
    return [how(a, b) for a, b in zip(left, right) if a is not None and b is not None]


def noise(rounds, metric):
    """What two measurements of the same nothing differ by, in one round."""
    out = []
    for one in rounds:
        found = samples(one, "off", metric)
        out += [abs(a - b) for a, b in zip(found, found[1:])]
    return stats.summary(out)


def summarise(rounds, conditions, metric):
    """Per condition: added over the baseline, ratio of that to runqlat's, and for agent-b the difference."""
    off = values(rounds, "off", metric)
    added = {c.key: [None if v is None or o is None else v - o for v, o in zip(values(rounds, c.key, metric), off)]
             for c in conditions if c.kind != "off"}
    disturbed = sum(bool(s["foreign_programs"]) for one in rounds for s in one["samples"])
    out = {"disturbed_samples": disturbed, "baseline": stats.summary([v for v in off if v is not None]), "noise": noise(rounds, metric),
           "conditions": {}}
    for key, difference in added.items():
        entry = {"added": stats.summary([v for v in difference if v is not None])}
        if "runqlat" in added and key != "runqlat":
            entry["ratio_to_runqlat"] = stats.summary(paired(difference, added["runqlat"], lambda a, b: a / b))
        if key.endswith("@b"):
            first = added.get(key.removesuffix("@b"), [])
            entry["more_than_agent"] = stats.summary(paired(difference, first, lambda b, a: b - a))
        out["conditions"][key] = entry
    return out


def measured(rounds, key):
    return any(samples(one, key, "cpu_ns") for one in rounds)
