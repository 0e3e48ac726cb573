// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/analysis/tail.h"

#include "user/analysis/quantile.h"

/* Sums that cannot wrap, whatever stands in a file. */
struct tail {
	unsigned __int128 count, latency_ns, components_ns[COMPONENTS], blame_ns[BLAME_KINDS];
	unsigned __int128 voluntary, involuntary, migrations;
};

static void add_bucket(struct tail *tail, const struct report_request_bucket *row)
{
	tail->count += row->count;
	tail->latency_ns += row->latency_ns;
	for (int i = 0; i < COMPONENTS; i++)
		tail->components_ns[i] += row->components_ns[i];
	for (int i = 0; i < BLAME_KINDS; i++)
		tail->blame_ns[i] += row->blame_ns[i];
	tail->voluntary += row->voluntary;
	tail->involuntary += row->involuntary;
	tail->migrations += row->migrations;
}

static uint64_t at_most_64_bits(unsigned __int128 sum)
{
	return sum < UINT64_MAX ? (uint64_t)sum : UINT64_MAX;
}

static void fill_switches(struct report_request_switches *out, const struct tail *tail)
{
	out->voluntary = at_most_64_bits(tail->voluntary);
	out->involuntary = at_most_64_bits(tail->involuntary);
	out->migrations = at_most_64_bits(tail->migrations);
}

static void fill_means(struct report_request_quantile *out, const struct tail *tail)
{
	unsigned __int128 count = tail->count ? tail->count : 1;

	out->tail_count = (uint64_t)tail->count;
	out->tail_latency_ns = (uint64_t)(tail->latency_ns / count);
	for (int i = 0; i < COMPONENTS; i++)
		out->components_ns[i] = (uint64_t)(tail->components_ns[i] / count);
	for (int i = 0; i < BLAME_KINDS; i++)
		out->blame_ns[i] = (uint64_t)(tail->blame_ns[i] / count);
	fill_switches(&out->switches, tail);
}

void tail_fill(struct report_requests *requests)
{
	const struct report_dist *latency = &requests->latency;
	struct tail all = {};

	for (size_t row = 0; row < requests->nr_buckets; row++)
		add_bucket(&all, &requests->buckets[row]);
	fill_switches(&requests->switches, &all);
	for (int i = 0; i < QUANTILES; i++) {
		struct report_request_quantile *out = &requests->quantiles[i];
		struct tail tail = {};

		out->q = quantile_list[i];
		out->latency_ns = quantile_ns(latency->buckets, latency->count, out->q);
		for (size_t row = 0; row < requests->nr_buckets; row++)
			if (requests->buckets[row].bucket >= hist_bucket(out->latency_ns))
				add_bucket(&tail, &requests->buckets[row]);
		fill_means(out, &tail);
	}
}
