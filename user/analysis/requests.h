/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From two snapshots to the requests of the time between them.  Pure. */
#ifndef WHYLATE_ANALYSIS_REQUESTS_H
#define WHYLATE_ANALYSIS_REQUESTS_H

#include "user/base/err.h"
#include "user/report/report.h"
#include "user/trace/snapshot.h"

/*
 * Fill out->requests from what lies between FROM (NULL, or without requests: attach) and TO; where TO has
 * none, they were not watched.
 *
 * A request belongs to the window of its first send.  Where a later send moves one that an earlier window
 * has printed, its old bucket has one too few: that bucket's differences go into the one with the
 * most requests, where they weigh least.  So the number of requests is right in each window, and
 * every identity holds (analysis/check.h); what cannot be printed at all is for requests_carry().
 * Returns 0 or -ENOMEM.
 */
int requests_between(const struct snapshot *from, const struct snapshot *to, struct report *out,
		     struct err *err);

/*
 * Prepare TO for being the FROM of the next window: what requests_between(FROM, TO) printed otherwise than it
 * was is made up for there, so that the windows sum to the whole.  Returns 0 or -ENOMEM.
 */
int requests_carry(const struct snapshot *from, struct snapshot *to, struct err *err);

#endif /* WHYLATE_ANALYSIS_REQUESTS_H */
