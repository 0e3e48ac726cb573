# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Of a cell's runs together: latency by percentile, where the time went, the physical limit, and who had the CPU.  Pure."""
import statistics

from . import groups, measures

SHARES_OF = (0.5, 0.99, 0.999)
BEYOND_RATIO = 1.1  # what is under way where a window begins and ends may make a rate a little more than is possible
LEAST_BEYOND = 10  # requests that a point of a curve must have beyond it, in all runs together


def counted(runs):
    """Without those at a share of a rate that was guessed: no figure is of such a run where there is another (measures.doubts())."""
    return [run for run in runs if not run.get("is_of_guess")] or runs


def merged(runs):
    """[(upper edge in ns, count)] of all their buckets, in order."""
    buckets = {}
    for run in counted(runs):
        load = measures.main_load(run)
        for one in measures.distribution(load)["buckets"] if load else []:
            buckets[one["to_ns"]] = buckets.get(one["to_ns"], 0) + one["count"]
    return sorted(buckets.items())


def percentiles(runs):
    """[(share of requests that took longer, ns)], from the median on, as far as there are requests to tell."""
    buckets = merged(runs)
    total, seen, out = sum(count for _, count in buckets), 0, []
    for to_ns, count in buckets:
        seen += count
        beyond = total - seen
        if beyond < LEAST_BEYOND:
            break
        if 2 * beyond <= total:
            out.append((beyond / total, to_ns))
    return out


def shares(runs, q):
    """{letter: share} of the requests at or above Q, of all runs together, as the agent has it; None if nobody watched."""
    sums, count = dict.fromkeys(groups.GROUPS, 0), 0
    for run in counted(runs):
        requests = (run.get("agent") or {}).get("requests")
        tail = next((one for one in requests["quantiles"] if one["q"] == q), None) if requests else None
        if not tail or not tail["tail_count"]:
            continue
        count += tail["tail_count"]
        for letter, ns in groups.sums(tail["components_ns"]).items():
            sums[letter] += ns * tail["tail_count"]
    whole = sum(sums.values())
    return {letter: ns / whole for letter, ns in sums.items()} if count and whole else None


def splits(runs, quantiles=SHARES_OF):
    """[(quantile, shares(), server_quantile_ns())], those that are known."""
    return [(q, of, server_quantile_ns(runs, q)) for q in quantiles if (of := shares(runs, q))]


def server_quantile_ns(runs, q):
    """The median of what the agent says."""
    found = [one["latency_ns"] for run in counted(runs) for one in ((run.get("agent") or {}).get("requests") or {}).get("quantiles", [])
             if one["q"] == q]
    return statistics.median(found) if found else None


def blame(runs):
    """[(who, share)] of the time that the server's threads waited for a CPU, the most first."""
    sums = {}
    for run in counted(runs):
        for one in (run.get("agent") or {}).get("blame", []):
            who = one["comm"] if one["kind"] in ("process", "kernel") and one["comm"] else one["kind"]
            sums[who] = sums.get(who, 0) + one["ns"]
    whole = sum(sums.values())
    return sorted(((who, ns / whole) for who, ns in sums.items() if ns), key=lambda pair: -pair[1]) if whole else []


def limit(cell):
    """What its CPUs could answer, by the CPU time that a request takes of it: {rate, reached_ratio, cpus}; None if unknown.

    Of all its runs together, but for searches that contradicted themselves where there are others; the generator's share of CPUs that it has as well is not taken off.
    """
    certain = [run for run in cell.runs if "max_rate" not in measures.doubts(run)]
    known = [(measures.cpus(run), measures.of_run(run)) for run in certain or cell.runs]
    known = [(cpus, one) for cpus, one in known if cpus and one.get("cpu_ns")]
    rates = [rate(one) for _, one in known]
    if not known or None in rates:
        return None
    limits = [cpus * 1e9 / one["cpu_ns"] for cpus, one in known]
    return {"rate": statistics.median(limits), "cpus": known[0][0],
            "reached_ratio": statistics.median(done / most for done, most in zip(rates, limits))}


def rate(values):
    """The throughput that a row is about."""
    return next((values[key] for key in ("max_rate", "closed_rate", "answered_rate") if values.get(key)), None)


def cell_rate(cell):
    return rate({key: one["median"] for key, one in cell.values.items()})


def is_beyond(rate, limit):
    return rate > BEYOND_RATIO * limit


def stated_limit(row, cpus):
    """What CPUS could answer if each request did the stated work and nothing else; None if none is stated."""
    work_ns = row.params.get("stated_work_ns")
    return cpus * 1e9 / work_ns if work_ns and cpus else None


def limits(row):
    """[(cell, limit(), how many times what its CPUs can give with the stated work was answered)], of a row of throughput; None for no more than that."""
    out = []
    for cell in row.cells.values() if row.kind in ("max", "closed") else ():
        if found := limit(cell):
            stated = stated_limit(row, found["cpus"])
            out.append((cell, found, cell_rate(cell) / stated if stated and is_beyond(cell_rate(cell), stated) else None))
    return out
