// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Distributions in the form that every part of this project stores. */
#include "tools/load/report_json.h"

#include "bpf/hist.h"
#include "user/base/json_writer.h"

static json_t *quantile_json(const struct load_quantile *quantile, bool has_lag)
{
	json_t *object = json_object();

	writer_set(object, "q", json_real(quantile->q));
	writer_u64(object, "ns", quantile->ns);
	if (quantile->at_least)
		writer_set(object, "at_least", json_true());
	if (quantile->has_interval) {
		writer_u64(object, "low_ns", quantile->low_ns);
		writer_optional_u64(object, "high_ns", quantile->high_ns != UINT64_MAX, quantile->high_ns);
	}
	if (has_lag)
		writer_u64(object, "without_lag_ns", quantile->without_lag_ns);
	return object;
}

/* The histogram's buckets lie within those that are stored. */
static json_t *buckets_json(const struct hdr *known, const struct hdr *at_least, uint64_t *count)
{
	json_t *array = json_array();

	*count = 0;
	for (uint32_t i = 0, bucket; i < HDR_BUCKETS;) {
		uint64_t here = 0;
		json_t *one;

		bucket = hist_bucket(hdr_bucket_from_ns(i));
		for (; i < HDR_BUCKETS && hist_bucket(hdr_bucket_from_ns(i)) == bucket; i++)
			here += known->buckets[i] + (at_least ? at_least->buckets[i] : 0);
		if (!here)
			continue;
		one = json_object();
		writer_u64(one, "from_ns", hist_bucket_from_ns(bucket));
		writer_u64(one, "to_ns", hist_bucket_to_ns(bucket));
		writer_u64(one, "count", here);
		writer_append(array, one);
		*count += here;
	}
	return array;
}

void load_json_distribution(json_t *parent, const char *key, const struct hdr *known,
			    const struct hdr *at_least, const struct load_quantile quantiles[LOAD_QUANTILES])
{
	json_t *object = json_object(), *array = json_array(), *buckets;
	uint64_t count, total_ns = known->total_ns, max_ns = known->max_ns;

	if (at_least) {
		total_ns += at_least->total_ns;
		max_ns = at_least->max_ns > max_ns ? at_least->max_ns : max_ns;
	}
	buckets = buckets_json(known, at_least, &count);
	writer_u64(object, "count", count);
	writer_u64(object, "total_ns", total_ns);
	writer_u64(object, "max_ns", max_ns);
	for (int i = 0; i < LOAD_QUANTILES; i++) {
		struct load_quantile one =
			quantiles ? quantiles[i] : load_quantile_of_both(known, at_least, load_quantiles[i]);

		writer_append(array, quantile_json(&one, quantiles));
	}
	writer_set(object, "quantiles", array);
	writer_set(object, "buckets", buckets);
	writer_set(parent, key, object);
}
