/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Quantiles from buckets. */
#ifndef WHYLATE_ANALYSIS_QUANTILE_H
#define WHYLATE_ANALYSIS_QUANTILE_H

#include <stdint.h>

#include "bpf/hist.h"

/* The quantiles that every report has. */
#define QUANTILES 4
extern const double quantile_list[QUANTILES]; /* 0.5 0.9 0.99 0.999 */

/*
 * The midpoint of the bucket that holds the ceil(q * count)-th smallest of COUNT values; 0 if there are
 * none.  The last bucket has no upper end: its lower edge is given.  0 < Q <= 1.
 */
uint64_t quantile_ns(const uint64_t buckets[HIST_BUCKETS], uint64_t count, double q);

/* What a quantile in the bucket of NS is given as. */
uint64_t quantile_of_bucket_ns(uint64_t ns);

#endif /* WHYLATE_ANALYSIS_QUANTILE_H */
