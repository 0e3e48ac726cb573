// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The load generator's histogram, against HdrHistogram's definition and sorted values. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/hist.h"
#include "tools/load/hdr.h"
#include "user/base/rank.h"

static struct hdr one, other, both;

/*
 * AbstractHistogram.java of github.com/HdrHistogram/HdrHistogram, countsArrayIndex(), for lowest value 1 and
 * three digits: subBucketCount is the power of two from 2 * 10^3 on, 2048.
 */
static uint32_t index_by_definition(uint64_t value)
{
	const uint32_t sub_bucket_count_magnitude = 11, sub_bucket_half_count_magnitude = 10;
	uint32_t bucket = 0, sub_bucket;

	while (value >> (bucket + sub_bucket_count_magnitude))
		bucket++;
	sub_bucket = (uint32_t)(value >> bucket);
	return ((bucket + 1) << sub_bucket_half_count_magnitude) + sub_bucket -
	       (1u << sub_bucket_half_count_magnitude);
}

static void every_edge_is_that_of_hdrhistogram(void **state)
{
	uint32_t last = hdr_bucket(HDR_LIMIT_NS);

	(void)state;
	assert_int_equal(hdr_bucket_from_ns(0), 0);
	for (uint32_t i = 0; i < HDR_BUCKETS; i++) {
		uint64_t from_ns = hdr_bucket_from_ns(i), to_ns = hdr_bucket_to_ns(i);

		assert_true(from_ns < to_ns);
		assert_int_equal(index_by_definition(from_ns), i);
		assert_int_equal(index_by_definition(to_ns - 1), i);
		assert_int_equal(hdr_bucket(from_ns), i < last ? i : last);
		assert_int_equal(hdr_bucket(to_ns - 1), i < last ? i : last);
		assert_true((to_ns - from_ns - 1) * HDR_SUB_BUCKETS <= from_ns);
	}
	assert_int_equal(hdr_bucket(HDR_LIMIT_NS + 1), last);
	assert_int_equal(hdr_bucket(UINT64_MAX), last);
	assert_true(last < HDR_BUCKETS);
}

/* So the report's buckets can be filled from these. */
static void buckets_lie_within_those_of_the_report(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < HDR_BUCKETS; i++)
		assert_int_equal(hist_bucket(hdr_bucket_from_ns(i)), hist_bucket(hdr_bucket_to_ns(i) - 1));
}

static uint64_t at_rank_ns(const struct hdr *hdr, uint64_t rank)
{
	return hdr_midpoint_ns(hdr_bucket_at_rank(hdr, NULL, rank), hdr->max_ns);
}

static void fill(struct hdr *hdr, const uint64_t *values_ns, size_t nr)
{
	memset(hdr, 0, sizeof(*hdr));
	for (size_t i = 0; i < nr; i++)
		hdr_record(hdr, values_ns[i]);
}

static void records_are_counted_and_added_up(void **state)
{
	static const uint64_t values_ns[] = { 0, 2047, 2048, 2049, HDR_LIMIT_NS, UINT64_MAX };

	(void)state;
	fill(&one, values_ns, 4);
	assert_int_equal(hdr_count(&one), 4);
	assert_int_equal(one.total_ns, 6144);
	assert_int_equal(one.max_ns, 2049);
	assert_int_equal(one.buckets[2048], 2); /* two values each from here on */
	fill(&one, values_ns, 6);
	assert_int_equal(one.total_ns, 6144 + 2 * HDR_LIMIT_NS);
	assert_int_equal(one.max_ns, HDR_LIMIT_NS);
	assert_int_equal(one.buckets[hdr_bucket(HDR_LIMIT_NS)], 2);
}

static void ranks_are_exact(void **state)
{
	(void)state;
	assert_int_equal(rank_of(0, 0.5), 1);
	assert_int_equal(rank_of(1, 0.5), 1);
	assert_int_equal(rank_of(2, 0.5), 1);
	assert_int_equal(rank_of(3, 0.5), 2);
	assert_int_equal(rank_of(100, 0.99), 99);
	assert_int_equal(rank_of(101, 0.99), 100);
	assert_int_equal(rank_of(10000, 0.9999), 9999);
	assert_int_equal(rank_of(10001, 0.9999), 10000);
	assert_int_equal(rank_of(7, 1), 7);
	assert_int_equal(rank_of(1000000000, 0.999999999), 999999999);
	assert_int_equal(rank_of(UINT64_MAX / 2, 1), UINT64_MAX / 2);
}

static void quantiles_are_midpoints_below_the_longest(void **state)
{
	static const uint64_t values_ns[] = { 5, 4097, 4099, 1000001 };

	(void)state;
	memset(&one, 0, sizeof(one));
	assert_int_equal(at_rank_ns(&one, 1), 0);
	fill(&one, values_ns, 4);
	assert_int_equal(at_rank_ns(&one, 1), 5);
	assert_int_equal(at_rank_ns(&one, 2), 4098); /* [4096, 4100) */
	assert_int_equal(at_rank_ns(&one, 3), 4098);
	/* [999936, 1000448), whose midpoint is above it. */
	assert_int_equal(at_rank_ns(&one, 4), 1000001);
	assert_int_equal(at_rank_ns(&one, 5), 1000001);
	fill(&other, values_ns + 1, 2);
	assert_int_equal(hdr_bucket_at_rank(&one, &other, 1), 5);
	assert_int_equal(hdr_bucket_at_rank(&one, &other, 5), hdr_bucket(4097));
	assert_int_equal(hdr_bucket_at_rank(&one, &other, 6), hdr_bucket(1000001));
	assert_int_equal(hdr_bucket_at_rank(&one, &other, 7), HDR_BUCKETS);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void every_rank_is_that_of_the_sorted_values(void **state)
{
	enum { VALUES = 1000 };
	uint64_t values_ns[VALUES];

	(void)state;
	srand(6);
	for (int i = 0; i < VALUES; i++)
		values_ns[i] = ((uint64_t)rand() << 11 | (uint64_t)rand() % 2048) >> (1 + rand() % 41);
	fill(&one, values_ns, VALUES);
	qsort(values_ns, VALUES, sizeof(*values_ns), by_value);
	for (uint64_t rank = 1; rank <= VALUES; rank++) {
		uint64_t ns = values_ns[rank - 1], found_ns = at_rank_ns(&one, rank);

		assert_int_equal(hdr_bucket_at_rank(&one, NULL, rank), hdr_bucket(ns));
		assert_true(found_ns <= ns + ns / HDR_SUB_BUCKETS &&
			    ns <= found_ns + found_ns / HDR_SUB_BUCKETS);
	}
}

static void what_is_taken_out_leaves_the_rest(void **state)
{
	static const uint64_t values_ns[] = { 7, 5000, 3, 5001, 90 };

	(void)state;
	fill(&one, values_ns, 2);
	fill(&other, values_ns + 2, 3);
	fill(&both, values_ns, 2);
	hdr_add(&both, &other);
	assert_int_equal(hdr_count(&both), 5);
	assert_int_equal(both.max_ns, 5001);
	assert_int_equal(both.total_ns, 7 + 5000 + 3 + 5001 + 90);
	hdr_subtract(&both, &one);
	assert_memory_equal(both.buckets, other.buckets, sizeof(both.buckets));
	assert_int_equal(both.total_ns, other.total_ns);
	assert_int_equal(both.max_ns, 5001); /* the bucket is [5000, 5004) */
	/* The longest was among the earlier: what is left is somewhere in its bucket. */
	fill(&both, values_ns, 2);
	hdr_record(&both, 4097);
	hdr_subtract(&both, &one);
	assert_int_equal(both.max_ns, 4099);
	hdr_subtract(&both, &both);
	assert_int_equal(both.max_ns, 0);
	assert_int_equal(both.total_ns, 0);
}

enum { WRITTEN = 300000, WRITTEN_NS = 3000 };

static void *write_many(void *context)
{
	for (int i = 0; i < WRITTEN; i++)
		hdr_record(context, WRITTEN_NS);
	return NULL;
}

/* While one thread writes, no count goes back, and the sum holds at least what is in the buckets. */
static void others_may_read_meanwhile(void **state)
{
	uint64_t before = 0, count = 0;
	pthread_t writer;

	(void)state;
	memset(&one, 0, sizeof(one));
	assert_int_equal(pthread_create(&writer, NULL, write_many, &one), 0);
	while (count < WRITTEN) {
		memset(&both, 0, sizeof(both));
		hdr_add(&both, &one);
		count = hdr_count(&both);
		assert_true(count >= before && both.total_ns >= count * WRITTEN_NS);
		assert_true(both.max_ns == (count ? WRITTEN_NS : both.max_ns));
		before = count;
	}
	pthread_join(writer, NULL);
	assert_int_equal(one.total_ns, (uint64_t)WRITTEN * WRITTEN_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_edge_is_that_of_hdrhistogram),
		cmocka_unit_test(buckets_lie_within_those_of_the_report),
		cmocka_unit_test(records_are_counted_and_added_up),
		cmocka_unit_test(ranks_are_exact),
		cmocka_unit_test(quantiles_are_midpoints_below_the_longest),
		cmocka_unit_test(every_rank_is_that_of_the_sorted_values),
		cmocka_unit_test(what_is_taken_out_leaves_the_rest),
		cmocka_unit_test(others_may_read_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
