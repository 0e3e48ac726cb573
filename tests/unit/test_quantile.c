// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "user/analysis/quantile.h"

/* Buckets below 32 ns are single values, so that a quantile is the value itself. */
static void rank_is_the_ceiling_and_nothing_above_it(void **state)
{
	uint64_t buckets[HIST_BUCKETS] = {};

	(void)state;
	buckets[1] = 98;
	buckets[2] = 1;
	buckets[3] = 1;
	/* In binary 0.99 * 100 is more than 99, and its ceiling would be the hundredth. */
	assert_int_equal(quantile_ns(buckets, 100, 0.99), 2);
	assert_int_equal(quantile_ns(buckets, 100, 0.98), 1);
	assert_int_equal(quantile_ns(buckets, 100, 0.981), 2);
	assert_int_equal(quantile_ns(buckets, 100, 0.991), 3);
	assert_int_equal(quantile_ns(buckets, 100, 0.999), 3);
	assert_int_equal(quantile_ns(buckets, 100, 1), 3);
	assert_int_equal(quantile_ns(buckets, 100, 0.5), 1);
}

/* Against a rank found by whole numbers only, for every count and every permille. */
static void rank_is_exact_for_every_permille(void **state)
{
	(void)state;
	for (uint64_t count = 1; count <= 3000; count++) {
		for (uint64_t permille = 1; permille <= 1000; permille++) {
			uint64_t rank = (count * permille + 999) / 1000;
			uint64_t buckets[4] = { 0, rank - 1, 1, count - rank };
			uint64_t all[HIST_BUCKETS];

			/* Only the first four are read: the rank lies in the third. */
			memcpy(all, buckets, sizeof(buckets));
			if (quantile_ns(all, count, (double)permille / 1000) != 2)
				fail_msg("count %lu, permille %lu", count, permille);
		}
	}
}

static void wide_buckets_give_their_midpoint(void **state)
{
	uint64_t buckets[HIST_BUCKETS] = {};
	uint32_t bucket = hist_bucket(1000000);

	(void)state;
	buckets[bucket] = 5;
	assert_int_equal(quantile_ns(buckets, 5, 0.5),
			 (hist_bucket_from_ns(bucket) + hist_bucket_to_ns(bucket)) / 2);
}

static void nothing_is_zero_and_the_endless_bucket_gives_its_lower_edge(void **state)
{
	uint64_t buckets[HIST_BUCKETS] = {};

	(void)state;
	assert_int_equal(quantile_ns(buckets, 0, 0.99), 0);
	buckets[HIST_BUCKETS - 1] = 1;
	assert_int_equal(quantile_ns(buckets, 1, 0.5), hist_bucket_from_ns(HIST_BUCKETS - 1));
}

static void counts_beyond_a_double_stay_exact(void **state)
{
	uint64_t buckets[HIST_BUCKETS] = {};
	uint64_t count = 1ull << 62;

	(void)state;
	buckets[1] = count / 2;
	buckets[2] = count / 2;
	assert_int_equal(quantile_ns(buckets, count, 0.5), 1);
	buckets[1]--;
	buckets[2]++;
	assert_int_equal(quantile_ns(buckets, count, 0.5), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rank_is_the_ceiling_and_nothing_above_it),
		cmocka_unit_test(rank_is_exact_for_every_permille),
		cmocka_unit_test(wide_buckets_give_their_midpoint),
		cmocka_unit_test(nothing_is_zero_and_the_endless_bucket_gives_its_lower_edge),
		cmocka_unit_test(counts_beyond_a_double_stay_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
