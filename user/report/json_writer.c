// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/report/json_writer.h"

#include "user/analysis/quantile.h"

void writer_edges(json_t *object, uint32_t bucket)
{
	writer_u64(object, "from_ns", hist_bucket_from_ns(bucket));
	writer_u64(object, "to_ns", hist_bucket_to_ns(bucket));
}

void writer_distribution(json_t *object, const char *key, const struct report_dist *dist)
{
	json_t *value = json_object(), *quantiles = json_array(), *buckets = json_array();

	writer_u64(value, "count", dist->count);
	writer_u64(value, "total_ns", dist->total_ns);
	writer_u64(value, "max_ns", dist->max_ns);
	for (int i = 0; i < QUANTILES; i++) {
		json_t *one = json_object();

		writer_set(one, "q", json_real(quantile_list[i]));
		writer_u64(one, "ns", quantile_ns(dist->buckets, dist->count, quantile_list[i]));
		writer_append(quantiles, one);
	}
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		json_t *one;

		if (!dist->buckets[i])
			continue;
		one = json_object();
		writer_edges(one, i);
		writer_u64(one, "count", dist->buckets[i]);
		writer_append(buckets, one);
	}
	writer_set(value, "quantiles", quantiles);
	writer_set(value, "buckets", buckets);
	writer_set(object, key, value);
}
