// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/analysis/difference.h"

#include <string.h>

void settle_parts(__u64 *parts, size_t nr, uint64_t whole, size_t rest)
{
	unsigned __int128 sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += parts[i] = at_least_0(parts[i]);
	while (sum > whole) {
		size_t most = 0;
		uint64_t off;

		for (size_t i = 1; i < nr; i++)
			if (parts[i] > parts[most])
				most = i;
		off = sum - whole < parts[most] ? (uint64_t)(sum - whole) : parts[most];
		parts[most] -= off;
		sum -= off;
	}
	parts[rest] += whole - (uint64_t)sum;
}

void dist_between(const struct snapshot_hist *from, const struct snapshot_hist *to, struct report_dist *out)
{
	__u64 counts[HIST_BUCKETS];

	out->count = 0;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		counts[i] = to->buckets[i] - (from ? from->buckets[i] : 0);
		out->count += counts[i];
	}
	out->count = at_least_0(out->count);
	settle_parts(counts, HIST_BUCKETS, out->count, 0);
	memcpy(out->buckets, counts, sizeof(out->buckets));
	/* One of the window before may have been found to be shorter since. */
	out->total_ns = at_least_0(to->total_ns - (from ? from->total_ns : 0));
	dist_set_max(out, to->max_ns);
}

void dist_set_max(struct report_dist *dist, uint64_t max_ns)
{
	uint32_t top = 0;

	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		if (dist->buckets[i])
			top = i;
	dist->max_ns = max_ns;
	if (dist->max_ns < hist_bucket_from_ns(top))
		dist->max_ns = hist_bucket_from_ns(top);
	if (top < HIST_BUCKETS - 1 && dist->max_ns >= hist_bucket_to_ns(top))
		dist->max_ns = hist_bucket_to_ns(top) - 1;
	if (!dist->count)
		dist->max_ns = 0;
}
