/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Differences of cumulative figures, made into figures that can be printed.  Pure.
 *
 * They are taken modulo 2^64 and settled at the end: what was booked before a window may be corrected
 * inside it, so that single differences are below 0.
 */
#ifndef WHYLATE_ANALYSIS_DIFFERENCE_H
#define WHYLATE_ANALYSIS_DIFFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include "user/report/dist.h"
#include "user/trace/snapshot.h"

static inline uint64_t at_least_0(uint64_t difference)
{
	return (int64_t)difference < 0 ? 0 : difference;
}

/*
 * Make of PARTS some that sum to WHOLE exactly, none below 0.  What is too much is taken from the largest,
 * where it weighs least; what is missing goes to REST.
 */
void settle_parts(__u64 *parts, size_t nr, uint64_t whole, size_t rest);

/* What came to a histogram from FROM (NULL: all of it) to TO. */
void dist_between(const struct snapshot_hist *from, const struct snapshot_hist *to, struct report_dist *out);

/*
 * Set the maximum of DIST, whose buckets stand.  MAX_NS is kept per interval with a small race at its edge:
 * the buckets have the last word.
 */
void dist_set_max(struct report_dist *dist, uint64_t max_ns);

#endif /* WHYLATE_ANALYSIS_DIFFERENCE_H */
