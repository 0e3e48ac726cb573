/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The slowest requests of a window, from a snapshot to the report.  Pure. */
#ifndef WHYLATE_ANALYSIS_EXEMPLARS_H
#define WHYLATE_ANALYSIS_EXEMPLARS_H

#include "user/report/report.h"
#include "user/trace/snapshot.h"

/*
 * Fill out->exemplars with the slowest that SNAPSHOT has, as many as fit, in a window that began at
 * BEGAN_AT_NS (CLOCK_MONOTONIC).  What is shorter than 1 % of a latency, and the shortest of more than
 * REPORT_SEGMENTS parts, are put to their neighbours: no time is lost, and all identities hold.  Where one
 * may be missing that would stand among them, that is a loss.
 */
void exemplars_of(const struct snapshot *snapshot, uint64_t began_at_ns, struct report *out);

#endif /* WHYLATE_ANALYSIS_EXEMPLARS_H */
