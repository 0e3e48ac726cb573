# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Medians and how far to trust them.  Pure functions on lists of numbers."""
import random
import statistics

RESAMPLES = 2000
ENOUGH = 6  # the median lies between the smallest and the largest of n with probability 1 - 2 / 2^n
RESAMPLE_SEED = 1  # the same samples always give the same interval


def interval_of_median(values):
    """The bootstrap's 95 % interval of the median; None where not even min..max would hold it so surely."""
    if len(values) < ENOUGH:
        return None
    rng = random.Random(RESAMPLE_SEED)
    medians = sorted(statistics.median(rng.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return [medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1]]


def summary(values):
    """count, median, min, max and, where there are enough values, the quartiles and the interval."""
    out = {"count": len(values), "median": None, "min": None, "max": None, "quartiles": None, "interval_95": None}
    if not values:
        return out
    out.update(median=statistics.median(values), min=min(values), max=max(values),
               interval_95=interval_of_median(values))
    if len(values) >= 2:
        q = statistics.quantiles(values, n=4, method="inclusive")
        out["quartiles"] = [q[0], q[2]]
    return out


def verdict(ratio, target):
    """Is the ratio within the target?  Settled only if the whole interval is on one side."""
    if ratio["interval_95"] is None:
        return f"not settled: an interval needs {ENOUGH} rounds"
    low, high = ratio["interval_95"]
    if high <= target:
        return "met"
    return "missed" if low > target else "not settled: the interval spans it, take more rounds"
