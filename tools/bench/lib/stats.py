# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Medians and how far to trust them.  Pure functions on lists of numbers."""
import math
import statistics

OUTSIDE = 0.05  # an interval lacks what it is of with at most this probability
ENOUGH = 6  # the median lies between the smallest and the largest of n with probability 1 - 2 / 2^n
STUDENT_T = {3: 4.303, 4: 3.182, 5: 2.776}  # by how many values there are: 97.5 % lie below
LEAST_RATIOS = min(STUDENT_T)


def interval_of_median(values):
    """A 95 % interval of the median, whatever they are distributed like; None where not even min..max would hold it so surely.

    By order statistics: that the k-th smallest of n lies above the median has the probability that fewer than k of n coins
    show heads.  A bootstrap of so few has less than it says: of seven 87 %.
    """
    count = len(values)
    if count < ENOUGH:
        return None
    outside, cut = 0, 0
    while outside + 2 * math.comb(count, cut) <= OUTSIDE * 2 ** count:
        outside += 2 * math.comb(count, cut)
        cut += 1
    ordered = sorted(values)
    return [ordered[cut - 1], ordered[count - cut]]


def interval_of_ratio(ratios):
    """A 95 % interval of what RATIOS, all above 0, scatter around; None with less than three of them.

    With too few for interval_of_median() that is Student's of their logarithms, which supposes that these scatter
    normally, and is wide: with three, 2.5 times their standard deviation to each side.
    """
    if len(ratios) >= ENOUGH or len(ratios) not in STUDENT_T:
        return interval_of_median(ratios)
    logs = [math.log(one) for one in ratios]
    half = STUDENT_T[len(logs)] * statistics.stdev(logs) / math.sqrt(len(logs))
    return [math.exp(statistics.mean(logs) - half), math.exp(statistics.mean(logs) + half)]


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
