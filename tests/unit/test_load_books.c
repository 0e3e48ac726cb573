// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The books of the load generator add up, and times of the wall clock are put where they belong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/load/books.h"
#include "tools/load/walltime.h"
#include "user/base/clock.h"

/* Every word of the outcomes but due is one, so that one which is left out shows. */
static void test_sum_has_every_outcome(void **state)
{
	struct load_outcomes outcomes;
	uint64_t *words = (uint64_t *)&outcomes;
	const size_t nr = sizeof(outcomes) / sizeof(uint64_t);

	(void)state;
	for (size_t i = 0; i < nr; i++)
		words[i] = 1;
	outcomes.due = 1000000;
	assert_int_equal(load_outcomes_sum(&outcomes), nr - 1);
}

/* All words of the books are different numbers; twice them is what adding them to nothing twice must give. */
static void test_add_has_every_word(void **state)
{
	struct load_books *from = calloc(1, sizeof(*from)), *into = calloc(1, sizeof(*into));
	struct hdr *const hdrs[] = { &from->from_due.known,  &from->from_due.at_least,
				     &from->from_send.known, &from->from_send.at_least,
				     &from->wait_connection, &from->by_class[0],
				     &from->by_class[1],     &from->by_class[2],
				     &from->by_class[3],     &from->by_class[4],
				     &from->by_class[5],     &from->lag_send,
				     &from->lag_receive,     &from->without_lag };
	uint64_t *words = (uint64_t *)from, *sums = (uint64_t *)into;
	const size_t nr = sizeof(*from) / sizeof(uint64_t);

	(void)state;
	assert_non_null(from);
	assert_non_null(into);
	for (size_t i = 0; i < nr; i++)
		words[i] = i + 1;
	/* All buckets count but those that no value reaches, and the longest are not added up. */
	for (size_t i = 0; i < sizeof(hdrs) / sizeof(hdrs[0]); i++) {
		hdrs[i]->max_ns = HDR_LIMIT_NS;
		for (uint32_t bucket = hdr_bucket(HDR_LIMIT_NS) + 1; bucket < HDR_BUCKETS; bucket++)
			hdrs[i]->buckets[bucket] = 0;
	}
	load_books_add(into, from);
	load_books_add(into, from);
	for (size_t i = 0; i < nr; i++)
		if (words[i] != HDR_LIMIT_NS)
			assert_int_equal(sums[i], 2 * words[i]);
		else
			assert_int_equal(sums[i], HDR_LIMIT_NS);
	free(from);
	free(into);
}

static void test_names_differ(void **state)
{
	const char *names[LOAD_FAILURES + LOAD_UNSENT];

	(void)state;
	for (uint32_t i = 0; i < LOAD_FAILURES; i++)
		names[i] = load_failure_name(i);
	for (uint32_t i = 0; i < LOAD_UNSENT; i++)
		names[LOAD_FAILURES + i] = load_unsent_name(i);
	for (uint32_t i = 0; i < LOAD_FAILURES + LOAD_UNSENT; i++)
		for (uint32_t j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
}

static void test_wall_clock_is_converted(void **state)
{
	struct walltime walltime;
	uint64_t before_ns, wall_ns, after_ns, ns;

	(void)state;
	walltime_begin(&walltime);
	before_ns = clock_monotonic_ns();
	wall_ns = clock_wall_ns();
	after_ns = clock_monotonic_ns();
	assert_true(walltime_convert(&walltime, wall_ns, after_ns, &ns));
	/* Measured to a microsecond or better, of which the reading of two clocks is the most. */
	assert_in_range(ns, before_ns - 100000, after_ns);
	walltime_check(&walltime);
	assert_int_equal(walltime.steps, 0);
}

/* As if the clock had been set back or forward by a second since. */
static void test_steps_are_found(void **state)
{
	const int64_t second_ns = 1000000000;

	(void)state;
	for (int sign = -1; sign <= 1; sign += 2) {
		struct walltime walltime;
		uint64_t ns, wall_ns;

		walltime_begin(&walltime);
		walltime.offset_ns += sign * second_ns;
		/* The clock is ahead of what is known of it: what came now would come in the future. */
		wall_ns = clock_wall_ns();
		assert_int_equal(walltime_convert(&walltime, wall_ns, clock_monotonic_ns(), &ns), sign > 0);
		walltime_check(&walltime);
		assert_int_equal(walltime.steps, 1);
		/* In this order: being away between the two only makes it older. */
		wall_ns = clock_wall_ns() - 100000;
		assert_true(walltime_convert(&walltime, wall_ns, clock_monotonic_ns(), &ns));
		walltime_check(&walltime);
		assert_int_equal(walltime.steps, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum_has_every_outcome), cmocka_unit_test(test_add_has_every_word),
		cmocka_unit_test(test_names_differ),	      cmocka_unit_test(test_wall_clock_is_converted),
		cmocka_unit_test(test_steps_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
