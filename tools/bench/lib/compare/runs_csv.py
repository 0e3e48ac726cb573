# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Each run of a comparison in a line, with its own figures, for whoever wants to count otherwise than the report does.  Pure."""
import csv
import io

from . import crowds, measures

ABOUT = ("folder", "round", "started_at", "scenario", "row", "kind", "layout", "subject", "repeat", "is_again", "verdict", "reason")
HEAD = (*ABOUT, "off_ratio", "others_ratio", "sha_round_ns", "workers", "doubtful", *measures.METRICS, *(f"connections_{key}" for key in crowds.Crowd._fields))


def shown(value):
    return f"{value:.7g}" if isinstance(value, float) else value


def line(run):
    of_run, server = measures.of_run(run), run.get("server") or {}
    return [*(run.get(key) for key in ABOUT), shown((run.get("spin") or {}).get("off_ratio")), shown((run.get("others") or {}).get("ratio")),
            server.get("sha_round_ns"), server.get("workers"), " ".join(sorted(measures.doubts(run))),
            *(shown(of_run.get(key)) for key in measures.METRICS), *(crowds.of_run(run) or [None] * len(crowds.Crowd._fields))]


def render(_index, _scenarios, runs):
    """In the order in which they were measured; what a run does not have is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    writer.writerows(map(line, runs))
    return out.getvalue()
