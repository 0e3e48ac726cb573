# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How a test that is a script says what held and what did not."""
import sys

failures = []


def check(ok, text, quiet=False):
    """Print and count; QUIET: print only what failed."""
    if not ok or not quiet:
        print(("ok   " if ok else "FAIL ") + text, flush=True)
    if not ok:
        failures.append(text)


def done():
    sys.exit(1 if failures else 0)
