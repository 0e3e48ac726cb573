// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/hdr.h"

uint64_t hdr_bucket_from_ns(uint32_t bucket)
{
	uint32_t octave = bucket >> HDR_SUB_BITS, shift = octave ? octave - 1 : 0;

	return (uint64_t)(bucket - (shift << HDR_SUB_BITS)) << shift;
}

uint64_t hdr_bucket_to_ns(uint32_t bucket)
{
	return hdr_bucket_from_ns(bucket + 1);
}

static uint64_t load_word(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* The longest comes first: so it bounds what is taken, and what is longer and comes meanwhile is left. */
void hdr_add(struct hdr *into, const struct hdr *from)
{
	uint64_t max_ns = load_word(&from->max_ns);
	uint32_t end = hdr_bucket(max_ns) + 1;

	for (uint32_t i = 0; i < end; i++)
		into->buckets[i] += __atomic_load_n(&from->buckets[i], __ATOMIC_ACQUIRE);
	into->total_ns += load_word(&from->total_ns);
	if (max_ns > into->max_ns)
		into->max_ns = max_ns;
}

void hdr_subtract(struct hdr *into, const struct hdr *earlier)
{
	uint32_t end = hdr_end(into);
	uint64_t max_ns = 0;

	for (uint32_t i = 0; i < end; i++) {
		into->buckets[i] -= earlier->buckets[i];
		if (into->buckets[i])
			max_ns = hdr_bucket_to_ns(i) - 1;
	}
	into->total_ns -= earlier->total_ns;
	if (max_ns < into->max_ns)
		into->max_ns = max_ns;
}

uint64_t hdr_count(const struct hdr *hdr)
{
	uint32_t end = hdr_end(hdr);
	uint64_t count = 0;

	for (uint32_t i = 0; i < end; i++)
		count += hdr->buckets[i];
	return count;
}

uint32_t hdr_bucket_at_rank(const struct hdr *hdr, const struct hdr *more, uint64_t rank)
{
	for (uint32_t i = 0; i < HDR_BUCKETS; i++) {
		uint64_t count = hdr->buckets[i] + (more ? more->buckets[i] : 0);

		if (count >= rank)
			return i;
		rank -= count;
	}
	return HDR_BUCKETS;
}

uint64_t hdr_midpoint_ns(uint32_t bucket, uint64_t max_ns)
{
	uint64_t from_ns = hdr_bucket_from_ns(bucket);
	uint64_t ns = from_ns + (hdr_bucket_to_ns(bucket) - from_ns) / 2;

	return bucket < HDR_BUCKETS && ns < max_ns ? ns : max_ns;
}
