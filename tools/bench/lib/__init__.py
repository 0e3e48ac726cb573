# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the benchmarks share.  Nothing here knows a time bound: a benchmark measures, it does not judge."""


class CannotMeasure(Exception):
    """One sentence: what could not be measured, and why."""


class CannotGoOn(Exception):
    """The same, of what the tool itself lacks: no fault of what it measures."""
