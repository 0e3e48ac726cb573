/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A histogram of three significant digits, up to one hour, with the very buckets of HdrHistogram for these
 * (lowest value 1 ns): below 2,048 ns one for each, then 1,024 for each octave, so that no value is off by
 * more than 1/1,024.  Its buckets lie within those of bpf/hist.h, whose shape it has with five bits more.
 *
 * One thread writes and any may read meanwhile: each word is written whole and none is held back, so a reader
 * finds every value that was recorded before and may find the sum a few values ahead of the buckets.
 */
#ifndef WHYLATE_LOAD_HDR_H
#define WHYLATE_LOAD_HDR_H

#include <stddef.h>
#include <stdint.h>

#define HDR_DIGITS	3
#define HDR_SUB_BITS	10u
#define HDR_SUB_BUCKETS (1u << HDR_SUB_BITS)
#define HDR_LIMIT_NS	3600000000000ull /* longer values are recorded as this */
#define HDR_BUCKETS	(HDR_SUB_BUCKETS * 33u)

struct hdr {
	uint64_t total_ns, max_ns; /* no value lies in a bucket above that of max_ns */
	uint64_t buckets[HDR_BUCKETS];
};

/* The bucket of VALUE_NS, and its edges: [from, to). */
static inline uint32_t hdr_bucket(uint64_t value_ns)
{
	uint32_t shift;

	if (value_ns > HDR_LIMIT_NS)
		value_ns = HDR_LIMIT_NS;
	/* One octave for all that is below 2 * HDR_SUB_BUCKETS. */
	shift = 63 - HDR_SUB_BITS - (uint32_t)__builtin_clzll(value_ns | (2 * HDR_SUB_BUCKETS - 1));
	return (shift << HDR_SUB_BITS) + (uint32_t)(value_ns >> shift);
}
uint64_t hdr_bucket_from_ns(uint32_t bucket);
uint64_t hdr_bucket_to_ns(uint32_t bucket);

/* Where the buckets end that are not empty: what is behind need not be looked at. */
static inline uint32_t hdr_end(const struct hdr *hdr)
{
	return hdr_bucket(__atomic_load_n(&hdr->max_ns, __ATOMIC_RELAXED)) + 1;
}

static inline void hdr_store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* By the one thread that writes: so words are stored, not added to, which would lock the bus. */
static inline void hdr_record(struct hdr *hdr, uint64_t value_ns)
{
	uint64_t *bucket = &hdr->buckets[hdr_bucket(value_ns)];

	if (value_ns > HDR_LIMIT_NS)
		value_ns = HDR_LIMIT_NS;
	hdr_store(&hdr->total_ns, hdr->total_ns + value_ns);
	if (value_ns > hdr->max_ns)
		hdr_store(&hdr->max_ns, value_ns);
	/* Last: who sees it counted finds it in the sum.  No more than a plain store, on x86. */
	__atomic_store_n(bucket, *bucket + 1, __ATOMIC_RELEASE);
}

/* Add what FROM holds, which may be written meanwhile, to INTO, which nobody else has. */
void hdr_add(struct hdr *into, const struct hdr *from);
/* Take EARLIER, a state that INTO had before, out of it; the longest is then the upper edge of what is left. */
void hdr_subtract(struct hdr *into, const struct hdr *earlier);

uint64_t hdr_count(const struct hdr *hdr);
/*
 * The bucket of the RANK-th smallest (from 1) of HDR and MORE together, which may be NULL; HDR_BUCKETS if
 * they hold fewer.
 */
uint32_t hdr_bucket_at_rank(const struct hdr *hdr, const struct hdr *more, uint64_t rank);
/* The midpoint of BUCKET, but not above MAX_NS, which is also that of HDR_BUCKETS. */
uint64_t hdr_midpoint_ns(uint32_t bucket, uint64_t max_ns);

#endif /* WHYLATE_LOAD_HDR_H */
