// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Quantiles of which some values are only known not to be less, their intervals, and what lag does to them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/load/order.h"
#include "tools/load/result.h"

enum { US = 1000, MS = 1000000 };

static struct load_result result;
static struct load_plan plan;

static void begin(enum load_mode mode)
{
	memset(&result, 0, sizeof(result));
	plan.mode = mode;
	result.plan = &plan;
}

static void record(struct hdr *hdr, uint64_t ns, uint64_t times)
{
	while (times--)
		hdr_record(hdr, ns);
}

static void expect_ranks(uint64_t count, double q, uint64_t low, uint64_t high)
{
	struct order_interval found = order_interval(count, q);

	if (found.low != low || found.high != high)
		fail_msg("q %g of %lu: %lu to %lu", q, count, found.low, found.high);
}

/* From tables of the binomial distribution. */
static void intervals_by_hand(void **state)
{
	(void)state;
	expect_ranks(5, 0.5, 0, UINT64_MAX);
	expect_ranks(6, 0.5, 1, 6);
	expect_ranks(100, 0.5, 40, 61);
	expect_ranks(1, 0.99, 1, UINT64_MAX);
	expect_ranks(100, 0.99, 97, UINT64_MAX);
	expect_ranks(10000, 0.999, 9983, 9997);
	expect_ranks(0, 1, 0, UINT64_MAX);
	expect_ranks(12, 1, 12, UINT64_MAX);
}

/* P(at most K of N), by logarithms of factorials. */
static double at_most(uint64_t k, uint64_t n, double q)
{
	double sum = 0;

	for (uint64_t i = 0; i <= k; i++)
		sum += exp(lgamma((double)n + 1) - lgamma((double)i + 1) - lgamma((double)(n - i) + 1) +
			   (double)i * log(q) + (double)(n - i) * log1p(-q));
	return sum;
}

/* As tight as can be at each end, and no tighter. */
static void intervals_leave_out_a_fortieth_at_each_end(void **state)
{
	(void)state;
	for (int i = 0; i < LOAD_QUANTILES - 1; i++) {
		for (uint64_t n = 1; (double)n * (1 - load_quantiles[i]) < 100 && n < 3000; n += 1 + n / 7) {
			double q = load_quantiles[i];
			struct order_interval found = order_interval(n, q);

			if (found.low)
				assert_true(at_most(found.low - 1, n, q) <= 0.025);
			assert_true(at_most(found.low, n, q) > 0.025);
			if (found.high != UINT64_MAX)
				assert_true(at_most(found.high - 1, n, q) >= 0.975 - 1e-9);
			else
				assert_true(at_most(n - 1, n, q) < 0.975);
			if (found.high != UINT64_MAX && found.high > 1)
				assert_true(at_most(found.high - 2, n, q) < 0.975);
		}
	}
}

static void unanswered_decide_the_tail(void **state)
{
	struct load_censored *latency = &result.books.from_due;
	struct load_quantile found;

	(void)state;
	begin(LOAD_RATE);
	record(&latency->known, 100, 989);
	record(&latency->at_least, 2000, 10);
	record(&latency->known, 500, 1);
	found = load_quantile_of(latency, 0.99);
	assert_int_equal(found.ns, 500);
	assert_false(found.at_least);
	found = load_quantile_of(latency, 0.999);
	assert_int_equal(found.ns, 2000);
	assert_true(found.at_least);
	found = load_quantile_of(latency, 1);
	assert_int_equal(found.ns, 2000);
	assert_true(found.at_least);
	/* Given up early, before many were answered: 10 of the 990 below 500 may be above it. */
	memset(&latency->at_least, 0, sizeof(latency->at_least));
	record(&latency->at_least, 50, 10);
	found = load_quantile_of(latency, 0.5);
	assert_int_equal(found.ns, 100);
	assert_false(found.at_least);
	found = load_quantile_of(latency, 0.99);
	assert_int_equal(found.ns, 100);
	assert_true(found.at_least);
	found = load_quantile_of(latency, 0.999);
	assert_int_equal(found.ns, 100);
	assert_true(found.at_least);
	found = load_quantile_of(latency, 1);
	assert_int_equal(found.ns, 500);
	assert_true(found.at_least);
}

static void no_value_has_no_quantile(void **state)
{
	struct load_quantile found;

	(void)state;
	begin(LOAD_RATE);
	found = load_quantile_of(&result.books.from_due, 0.5);
	assert_true(!found.ns && !found.at_least && !found.has_interval);
}

/* Ranks 97 and none of 100 (above), where all are told apart. */
static void few_beyond_have_an_interval(void **state)
{
	struct load_censored *latency = &result.books.from_due;
	struct load_quantile found;

	(void)state;
	begin(LOAD_RATE);
	for (uint64_t i = 1; i <= 100; i++)
		hdr_record(&latency->known, i);
	found = load_quantile_of(latency, 0.99);
	assert_true(found.has_interval);
	assert_int_equal(found.ns, 99);
	assert_int_equal(found.low_ns, 97);
	assert_true(found.high_ns == UINT64_MAX);
	found = load_quantile_of(latency, 0.5);
	assert_true(found.has_interval);
	assert_int_equal(found.low_ns, 40);
	assert_int_equal(found.high_ns, 61);
	/* 40 of them may have been anything more: then the 61st is one of these. */
	begin(LOAD_RATE);
	for (uint64_t i = 1; i <= 100; i++)
		hdr_record(i % 5 < 2 ? &latency->at_least : &latency->known, i);
	found = load_quantile_of(latency, 0.5);
	assert_int_equal(found.low_ns, 40);
	assert_true(found.high_ns == UINT64_MAX);
	/* With 199 the median has 99 beyond it, with 200 it has enough. */
	begin(LOAD_RATE);
	record(&latency->known, 7, 199);
	assert_true(load_quantile_of(latency, 0.5).has_interval);
	record(&latency->known, 7, 1);
	assert_false(load_quantile_of(latency, 0.5).has_interval);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorted, with those that may be more where they are, and with all of them behind the rest. */
static void quantiles_are_those_of_the_sorted_values(void **state)
{
	enum { ROUNDS = 300, VALUES = 400 };

	(void)state;
	srand(66);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t all_ns[VALUES], most_ns[VALUES], nr = 1 + (uint64_t)rand() % VALUES;
		int one_in = 1 + rand() % 40;
		uint64_t range_ns = 1ull << (1 + rand() % 30);

		begin(LOAD_RATE);
		for (uint64_t i = 0; i < nr; i++) {
			bool at_least = rand() % one_in == 0;

			all_ns[i] = (uint64_t)rand() % range_ns;
			most_ns[i] = at_least ? UINT64_MAX : all_ns[i];
			hdr_record(at_least ? &result.books.from_due.at_least : &result.books.from_due.known,
				   all_ns[i]);
		}
		qsort(all_ns, nr, sizeof(*all_ns), by_value);
		qsort(most_ns, nr, sizeof(*most_ns), by_value);
		for (int i = 0; i < LOAD_QUANTILES; i++) {
			struct load_quantile found =
				load_quantile_of(&result.books.from_due, load_quantiles[i]);
			uint64_t rank = (uint64_t)ceil((double)nr * load_quantiles[i] - 1e-9);
			uint64_t ns = all_ns[rank - 1], most = most_ns[rank - 1];

			assert_int_equal(hdr_bucket(found.ns), hdr_bucket(ns));
			assert_int_equal(found.at_least,
					 most == UINT64_MAX || hdr_bucket(most) != hdr_bucket(ns));
			assert_int_equal(found.has_interval, nr - rank < 100);
			if (!found.has_interval)
				continue;
			assert_true(found.low_ns <= found.ns && found.ns <= found.high_ns);
			assert_true(most != UINT64_MAX || found.high_ns == UINT64_MAX);
		}
	}
}

/* 10,000 answers of 1 ms, of which the generator made the slowest 2 % later by LAG_NS. */
static void late_by(uint64_t lag_ns)
{
	begin(LOAD_RATE);
	record(&result.books.from_due.known, MS, 9800);
	record(&result.books.from_due.known, MS + lag_ns, 200);
	record(&result.books.without_lag, MS, 10000);
}

static void lag_matters_where_it_could_change_a_figure(void **state)
{
	struct load_quantile found[LOAD_QUANTILES];

	(void)state;
	assert_int_equal(load_lag_limit_ns(0), 50 * US);
	assert_int_equal(load_lag_limit_ns(MS), 50 * US);
	assert_int_equal(load_lag_limit_ns(2 * MS), 100 * US);
	late_by(48 * US);
	load_result_quantiles(&result, found);
	assert_false(load_result_lag_matters(found));
	late_by(55 * US);
	load_result_quantiles(&result, found);
	assert_true(load_result_lag_matters(found));
	assert_true(found[4].q == 0.99 && found[4].lag_matters && !found[4].has_interval);
	assert_int_equal(hdr_bucket(found[4].without_lag_ns), hdr_bucket(MS));
	/* Those with few values beyond say so by their interval instead. */
	assert_true(found[5].q == 0.999 && !found[5].lag_matters && found[5].has_interval);
	assert_int_equal(hdr_bucket(found[5].low_ns), hdr_bucket(MS));
	assert_false(found[3].lag_matters);
}

/* What was not answered stands on both sides, less what of its wait was ours. */
static void lag_is_also_in_the_unanswered(void **state)
{
	struct load_quantile found[LOAD_QUANTILES];

	(void)state;
	begin(LOAD_RATE);
	record(&result.books.from_due.known, MS, 5000);
	record(&result.books.without_lag, MS, 5000);
	record(&result.books.from_due.at_least, 1000 * MS, 5000);
	record(&result.books.without_lag, 1000 * MS, 5000);
	load_result_quantiles(&result, found);
	assert_false(load_result_lag_matters(found));
	assert_true(found[4].at_least && found[4].without_lag_ns == found[4].ns);
	begin(LOAD_RATE);
	record(&result.books.from_due.known, MS, 5000);
	record(&result.books.from_due.at_least, 1000 * MS, 5000);
	record(&result.books.without_lag, MS, 5000);
	record(&result.books.without_lag, 0, 5000);
	load_result_quantiles(&result, found);
	assert_true(load_result_lag_matters(found) && found[4].at_least);
}

/* Only where it had no time to spare, and something waited: and then whatever the lag of each request was. */
static void busy_generator_may_be_why_requests_waited(void **state)
{
	struct load_quantile found[LOAD_QUANTILES];

	(void)state;
	begin(LOAD_RATE);
	record(&result.books.from_due.known, 10 * MS, 10000);
	record(&result.books.without_lag, 10 * MS, 10000);
	record(&result.books.wait_connection, 9 * MS, 10000);
	load_result_quantiles(&result, found);
	result.busy_ratio = 0.85;
	assert_false(load_result_is_late(&result, found));
	result.busy_ratio = 0.95;
	assert_false(load_result_lag_matters(found));
	assert_true(load_result_is_late(&result, found));
	plan.mode = LOAD_CLOSED;
	assert_false(load_result_is_saturated(&result));
	plan.mode = LOAD_RATE;
	/* No more waits than the limit of what lag may do. */
	memset(&result.books.wait_connection, 0, sizeof(result.books.wait_connection));
	record(&result.books.wait_connection, 400 * US, 10000);
	assert_false(load_result_is_saturated(&result));
	result.books.measured.never_sent[UNSENT_BUSY] = 1;
	assert_true(load_result_is_saturated(&result));
}

static void closed_loop_is_timed_from_the_send(void **state)
{
	struct load_quantile found[LOAD_QUANTILES];

	(void)state;
	begin(LOAD_CLOSED);
	record(&result.books.from_send.known, 70, 300);
	record(&result.books.without_lag, 60, 300);
	load_result_quantiles(&result, found);
	assert_int_equal(found[0].ns, 70);
	assert_int_equal(found[0].without_lag_ns, 60);
	assert_int_equal(found[7].low_ns, 60);
	assert_true(found[7].high_ns == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intervals_by_hand),
		cmocka_unit_test(intervals_leave_out_a_fortieth_at_each_end),
		cmocka_unit_test(unanswered_decide_the_tail),
		cmocka_unit_test(no_value_has_no_quantile),
		cmocka_unit_test(few_beyond_have_an_interval),
		cmocka_unit_test(quantiles_are_those_of_the_sorted_values),
		cmocka_unit_test(lag_matters_where_it_could_change_a_figure),
		cmocka_unit_test(busy_generator_may_be_why_requests_waited),
		cmocka_unit_test(lag_is_also_in_the_unanswered),
		cmocka_unit_test(closed_loop_is_timed_from_the_send),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
