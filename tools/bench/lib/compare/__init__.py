# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a folder of runs says: figures, verdicts, text and a page.  Pure but for runs.py, which reads the folder."""
