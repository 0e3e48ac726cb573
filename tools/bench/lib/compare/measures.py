# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One run's numbers: {metric: value}, without those that the run does not have.  Pure."""
from typing import NamedTuple

from .. import drive
from . import groups


class Metric(NamedTuple):
    title: str
    unit: str  # a form of words.FORMS
    is_more_better: bool = False
    explained: str = ""


METRICS = {
    "max_rate": Metric("maximum throughput", "rate", True, "highest constant rate that was answered in time"),
    "closed_rate": Metric("closed-loop peak", "rate", True, "as many as get through when each client waits for its answer"),
    "answered_rate": Metric("answered", "rate", True, "good answers a second"),
    "p50_ns": Metric("p50", "ns", False, "half of the requests took at most this"),
    "p99_ns": Metric("p99", "ns", False, "1 of 100 took longer"),
    "p999_ns": Metric("p99.9", "ns", False, "1 of 1,000 took longer"),
    "cpu_ns": Metric("CPU time a request", "ns", False, "all that the server used, by the number of its answers"),
    "cpu_s_per_million": Metric("CPU seconds a million requests", "s", False, "what a bill for CPUs grows with"),
    "run_queue_p99_ratio": Metric("waiting for a CPU, of p99", "percent", False, "of the time of the slowest hundredth"),
    "switches": Metric("switches a request", "number", False, "how often a thread of the server left its CPU"),
    "sysmon_switches": Metric("switches of Go's sysmon a request", "number", False, "a thread of Go's runtime that looks after the others, every 20 us at first"),
    "sysmon_cpu_ns": Metric("CPU time of Go's sysmon a request", "ns", False, "as the agent has it, without what its switches cost the kernel"),
    "switch_direct_ns": Metric("a switch, kernel", "ns", False, "the scheduler's own time for one, in the mean"),
    "switch_indirect_ns": Metric("a switch, after-effect", "ns", False, "what a request pays more for each: cold caches and the calls around it"),
    "switch_user_ns": Metric("a switch, user space", "ns", False, "between two tasks of the model's own scheduler, by its own yield, with what that asks the kernel"),
    "user_bytes": Metric("memory a connection", "bytes", False, "the server's own, resident"),
    "kernel_bytes": Metric("kernel memory a connection", "bytes", False, "both ends together"),
    "utilisation_ratio": Metric("CPU utilisation", "percent", False, "of the CPUs that it may use"),
    "gc_pause_ns": Metric("a collection's stop", "ns", False, "for how long a garbage collection stops all that run, in the mean"),
    "gc_stopped_ratio": Metric("stopped by collections", "percent", False, "of the time, all that run"),
    "startup_ns": Metric("startup", "ns", False, "from the start of the process to its first answer"),
    "size_bytes": Metric("binary size", "bytes", False, "stripped, with its libraries but libc's"),
}
STEPS = {"max_rate": 1.05}  # a search ends when the next rate that did not hold is that near (SEARCH_RATIO, tools/load/search.h)
QUANTILES = {"p50_ns": 0.5, "p99_ns": 0.99, "p999_ns": 0.999}
AT_QUANTILE = {q: metric for metric, q in QUANTILES.items()}
MOST_UNKNOWN = 1 / 64  # of on-CPU time, as residual (bpf/switches.h)
SUMMED = ("on_cpu", "residual")  # of the buckets' components what any figure is made of
# By both of which lag must change a quantile to have made it.  The generator's own limits (tools/load/result.c), which it does not
# apply with fewer than 100 requests beyond the quantile: there it widens the quantile's interval.
LAG_RATIO, LAG_NS = 0.05, 50_000


def loads(run):
    load = run.get("load")
    return load if isinstance(load, list) else [load] if load else []


def main_load(run):
    """The one whose latencies are the row's: an open loop if there is one."""
    of = loads(run)
    return next((one for one in of if one["latency"].get("from_due", {}).get("count")), of[0] if of else None)


def distribution(load):
    return load["latency"].get("from_due") or load["latency"]["from_send"]


def good(load):
    return sum(n for status, n in load["outcomes"]["answered"].items() if status.startswith("2"))


def quantile_ns(load, q):
    return next((one["ns"] for one in distribution(load)["quantiles"] if one["q"] == q), None)


def is_late(quantile):
    """It would be another one without the generator's own lag."""
    return quantile["ns"] - quantile.get("without_lag_ns", quantile["ns"]) > max(LAG_RATIO * quantile["ns"], LAG_NS)


def doubts(run):
    """{metric: mark} of what it measured that is not the server's own, or not known: from the first quantile that the generator's
    lag made on all of them, a rate whose search contradicted itself, and all that was measured at a share of such a rate."""
    if run.get("is_of_guess"):
        return dict.fromkeys(METRICS, "unsure")
    load = main_load(run)
    known = {one["q"]: one for one in distribution(load)["quantiles"]} if load else {}
    first = min((q for q in QUANTILES.values() if q in known and is_late(known[q])), default=1)
    out = {metric: "client-bound" for metric, q in QUANTILES.items() if q >= first}
    if any(map(drive.is_unsure, loads(run))):
        out["max_rate"] = "unsure"
    return out


def cpus(run):
    """That the server could use; None if the run does not say."""
    return len((run.get("cpus") or {}).get("server") or ()) or None


def cpu_ns(run):
    """Of a request, warm-up and all: the whole server's by the number of its answers."""
    server = run.get("server") or {}
    return server["cpu_ns"] / server["requests"] if server.get("requests") and server.get("cpu_ns") is not None else None


def utilisation_ratio(run):
    """Of the server's CPUs, the kernel's own threads included, whoever they worked for."""
    server = run.get("server") or {}
    if not server.get("wall_ns") or not cpus(run):
        return None
    return (server["cpu_ns"] + max(0, server.get("kernel_workers_cpu_ns") or 0)) / server["wall_ns"] / cpus(run)


def of_load(run):
    out = {}
    for load in loads(run):
        seconds = load["window"]["duration_ns"] / 1e9
        if load.get("find_max") and load["find_max"].get("low"):
            out["max_rate"] = load["find_max"]["low"]["rate"]
        if load["plan"]["mode"] == "closed" and seconds:
            out["closed_rate"] = good(load) / seconds
    load = main_load(run)
    if load and distribution(load)["count"]:
        out.update({key: quantile_ns(load, q) for key, q in QUANTILES.items()})
        out["answered_rate"] = good(load) / (load["window"]["duration_ns"] / 1e9)
    return out


def is_alike(run, requests):
    """All do the same work, and how long they were on a CPU is known: else those that work more, or of which more is known, have
    more switches as well, and the slope is of that."""
    sums = {name: sum(bucket["components_ns"].get(name, 0) for bucket in requests["buckets"]) for name in SUMMED}
    return not run["params"].get("streams") and sums["residual"] <= MOST_UNKNOWN * sums["on_cpu"]


def of_agent(run):
    agent = run.get("agent")
    if not agent:
        return {}
    scheduling, requests = agent["scheduling"], agent.get("requests")
    out = {}
    cost = scheduling["switch_cost"]
    if cost["available"] and cost["cost"]["count"]:
        out["switch_direct_ns"] = cost["cost"]["total_ns"] / cost["cost"]["count"]
    if not requests or not requests["count"]:
        return out
    out["switches"] = sum(scheduling["switches"][kind] for kind in ("voluntary", "involuntary")) / requests["count"]
    slope = requests.get("indirect_switch_cost")
    if slope and slope["low_ns"] > 0 and is_alike(run, requests):  # else it cannot be told from nothing
        out["switch_indirect_ns"] = slope["ns"]
    tail = next((one for one in requests["quantiles"] if one["q"] == 0.99), None)
    if tail and tail["tail_latency_ns"]:
        out["run_queue_p99_ratio"] = groups.sums(tail["components_ns"])["W"] / tail["tail_latency_ns"]
    return out


def collections(run):
    """What Go's runtime says of its own before and after; (None, None) of whatever has none."""
    stats = (run.get("server") or {}).get("stats") or {}
    return tuple((stats.get(when) or {}).get("runtime", {}).get("gc") for when in ("before", "after"))


def sysmon(run):
    """Of Go's threads the one that slept most by a call of its own, as the agent has it: goroutines sleep by the poller's time
    limit, and other threads so but for a moment, where a lock or another's queue is not to be had (runtime/proc.go, Go 1.26)."""
    threads = (run.get("agent") or {}).get("threads") or () if any(collections(run)) else ()
    return max((one for one in threads if one["threads"] == 1), key=lambda one: one["blocked"]["sleep"], default=None)


def of_sysmon(run):
    thread, requests = sysmon(run), ((run.get("agent") or {}).get("requests") or {}).get("count")
    if not thread or not requests:
        return {}
    return {"sysmon_switches": (thread["voluntary"] + thread["involuntary"]) / requests, "sysmon_cpu_ns": thread["on_cpu_ns"] / requests}


def of_collections(run):
    """While it was driven; nothing where there are none."""
    before, after = collections(run)
    if not before or not after or after["count"] <= before["count"]:
        return {}
    server = run["server"]
    stopped_ns = after["pause_ns"] - before["pause_ns"]
    return {"gc_pause_ns": stopped_ns / (after["count"] - before["count"]), "gc_stopped_ratio": stopped_ns / server["wall_ns"]}


def of_run(run):
    """What it measured, whatever the verdict."""
    if run["verdict"] in ("cannot", "failed"):
        return {}
    out = {**of_load(run), **of_agent(run), **of_sysmon(run), **of_collections(run)}
    out["utilisation_ratio"] = utilisation_ratio(run)
    used_ns = cpu_ns(run)
    if used_ns is not None:
        out["cpu_ns"], out["cpu_s_per_million"] = used_ns, used_ns / 1e3
    for key in ("user_bytes", "kernel_bytes"):
        value = (run.get("memory") or {}).get(key)
        if value is not None:
            out[key] = value
    out["startup_ns"], out["switch_user_ns"] = run.get("startup_ns"), run.get("switch_ns")
    return {key: value for key, value in out.items() if value is not None}
