/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A distribution, as every part of the report has it. */
#ifndef WHYLATE_REPORT_DIST_H
#define WHYLATE_REPORT_DIST_H

#include <stdint.h>

#include "bpf/hist.h"

/*
 * Closed intervals that ended inside the window.  Quantiles are derived (analysis/quantile.h) and not
 * stored here; count is the sum of the buckets.  max_ns lies in the highest bucket that is not empty.
 */
struct report_dist {
	uint64_t count;
	uint64_t total_ns;
	uint64_t max_ns;
	uint64_t buckets[HIST_BUCKETS];
};

#endif /* WHYLATE_REPORT_DIST_H */
