// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/analysis/quantile.h"

#include "user/base/rank.h"

const double quantile_list[QUANTILES] = { 0.5, 0.9, 0.99, 0.999 };

/* The last bucket has no upper edge, and thus no midpoint. */
static uint64_t midpoint_ns(uint32_t bucket)
{
	uint64_t from_ns = hist_bucket_from_ns(bucket);

	return bucket == HIST_BUCKETS - 1 ? from_ns : from_ns + (hist_bucket_to_ns(bucket) - from_ns) / 2;
}

uint64_t quantile_of_bucket_ns(uint64_t ns)
{
	return midpoint_ns(hist_bucket(ns));
}

uint64_t quantile_ns(const uint64_t buckets[HIST_BUCKETS], uint64_t count, double q)
{
	uint64_t left;

	if (!count)
		return 0;
	left = rank_of(count, q);
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		if (buckets[i] >= left)
			return midpoint_ns(i);
		left -= buckets[i];
	}
	return midpoint_ns(HIST_BUCKETS - 1);
}
