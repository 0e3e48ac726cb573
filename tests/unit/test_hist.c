// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bpf/hist.h"

static void every_bucket_holds_its_edges_and_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(hist_bucket_from_ns(0), 0);
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		assert_true(hist_bucket_from_ns(i) < hist_bucket_to_ns(i));
		assert_int_equal(hist_bucket(hist_bucket_from_ns(i)), i);
		assert_int_equal(hist_bucket(hist_bucket_to_ns(i) - 1), i);
		if (i + 1 < HIST_BUCKETS) {
			assert_int_equal(hist_bucket_to_ns(i), hist_bucket_from_ns(i + 1));
			assert_int_equal(hist_bucket(hist_bucket_to_ns(i)), i + 1);
		}
	}
}

static void the_midpoint_is_off_by_at_most_one_in_64(void **state)
{
	(void)state;
	for (uint32_t i = HIST_SUB_BUCKETS; i < HIST_BUCKETS; i++) {
		uint64_t from_ns = hist_bucket_from_ns(i), width_ns = hist_bucket_to_ns(i) - from_ns;

		assert_true(width_ns * 32 <= from_ns);
	}
}

static void the_last_bucket_holds_all_that_is_longer(void **state)
{
	(void)state;
	assert_int_equal(hist_bucket_to_ns(HIST_BUCKETS - 1), HIST_LIMIT_NS);
	assert_int_equal(hist_bucket(HIST_LIMIT_NS - 1), HIST_BUCKETS - 1);
	assert_int_equal(hist_bucket(HIST_LIMIT_NS), HIST_BUCKETS - 1);
	assert_int_equal(hist_bucket(UINT64_MAX), HIST_BUCKETS - 1);
}

static void log2_is_that_of_the_compiler(void **state)
{
	(void)state;
	for (int bit = 0; bit < 64; bit++) {
		uint64_t value = 1ull << bit;

		assert_int_equal(hist_log2(value), bit);
		assert_int_equal(hist_log2(value | (value - 1)), bit);
		assert_int_equal(hist_log2(value | 1), bit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bucket_holds_its_edges_and_nothing_else),
		cmocka_unit_test(the_midpoint_is_off_by_at_most_one_in_64),
		cmocka_unit_test(the_last_bucket_holds_all_that_is_longer),
		cmocka_unit_test(log2_is_that_of_the_compiler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
