// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The slope of on-CPU time over switches: rows, squares, and lines that were drawn by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/switches.h"
#include "tests/unit/book_requests.h"
#include "user/analysis/requests.h"
#include "user/analysis/slope.h"

static struct switch_table table;
static struct report_slope slope;
static struct snapshot_requests requests[2];

static int begin(void **state)
{
	(void)state;
	memset(&table, 0, sizeof(table));
	return 0;
}

static void book_row(uint64_t switches, uint64_t on_cpu_ns, int64_t count)
{
	switch_row_book(&table.rows[switch_row_of(switches)], switches, on_cpu_ns, count);
}

static void rows_are_numbers_and_then_octaves(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 32; i++)
		assert_int_equal(switch_row_of(i), i);
	for (unsigned octave = 5; octave < 36; octave++) {
		assert_int_equal(switch_row_of(1ull << octave), 27 + octave);
		assert_int_equal(switch_row_of((2ull << octave) - 1), 27 + octave);
	}
	assert_int_equal(switch_row_of(1ull << 36), 63);
	assert_int_equal(switch_row_of(UINT64_MAX), 63);
}

/* A request without a switch and without time on a CPU is known, unless something is not. */
static void unknown_time_is_not_held_against_others(void **state)
{
	(void)state;
	assert_true(switches_are_known(0, 0));
	assert_false(switches_are_known(0, 1));
	assert_true(switches_are_known(6400, 100));
	assert_false(switches_are_known(6400, 101));
	assert_false(switches_are_known(6399, 100));
	assert_true(switches_are_known(UINT64_MAX, UINT64_MAX >> 6));
}

/* Of what one CPU has booked and another taken out again nothing is left, in either word of the square. */
static void squares_are_exact_and_go_again(void **state)
{
	static const struct switch_row empty;
	struct switch_row *row = &table.rows[3];
	const uint64_t limit = SWITCHES_ON_CPU_LIMIT_NS;
	unsigned __int128 sum;

	(void)state;
	book_row(3, limit, 1);
	book_row(3, limit + 1, 1); /* counts as the limit */
	book_row(3, 123456789, 1);
	sum = ((unsigned __int128)row->squares_high << SWITCHES_SQUARE_BITS) + row->squares_low;
	assert_true(sum == 2 * (unsigned __int128)limit * limit + 123456789ull * 123456789);
	assert_int_equal(row->on_cpu_ns, 2 * limit + 123456789);
	assert_int_equal(row->switches, 9);
	book_row(3, 123456789, -1);
	book_row(3, UINT64_MAX, -2);
	assert_memory_equal(row, &empty, sizeof(empty));
}

/*
 * 50 requests with one switch, 50 with three; each half a us below its row's mean and half above.  By hand:
 * mean x 2, Sxx = 100, Sxy = 50 * 2000 + 50 * 2000 = 200,000, slope 2,000; every residual is 1,000, so
 * the variance is 100 / 98 * 100 * 1000^2 / 100^2 = 10,204.1, its root 101.015; times 1.98417: 200.4.
 */
static void line_through_two_rows(void **state)
{
	(void)state;
	for (int sign = -1; sign <= 1; sign += 2) {
		book_row(1, (uint64_t)(2000 + sign * 1000), 25);
		book_row(3, (uint64_t)(6000 + sign * 1000), 25);
	}
	slope_fit(&table, &slope);
	assert_true(slope.known);
	assert_int_equal(slope.count, 100);
	assert_int_equal(slope.ns, 2000);
	assert_int_equal(slope.low_ns, 1800);
	assert_int_equal(slope.high_ns, 2200);
}

/*
 * The scatter is where the switches are: 200 requests without a switch, all alike, and 50 with five of which
 * half took 2,000 and half 4,000.  By hand: mean x 1, Sxx = 200 * 1 + 50 * 16 = 1000, slope (3000 - 1000) / 5
 * = 400; residuals 0 and 1,000; variance 250 / 248 * 50 * 16 * 1000^2 / 1000^2 = 806.45, its root 28.398;
 * times 1.96957: 55.9.  (As if the scatter were the same everywhere it would be 14.2, and half as wide.)
 */
static void scatter_counts_where_it_is(void **state)
{
	(void)state;
	book_row(0, 1000, 200);
	book_row(5, 2000, 25);
	book_row(5, 4000, 25);
	slope_fit(&table, &slope);
	assert_int_equal(slope.ns, 400);
	assert_int_equal(slope.low_ns, 344);
	assert_int_equal(slope.high_ns, 456);
}

/* In an octave the switches themselves are summed: a line stays one, and without scatter it is sure. */
static void octaves_know_their_mean(void **state)
{
	(void)state;
	for (uint64_t switches = 20; switches < 1000; switches++)
		book_row(switches, 5000 + 7 * switches, 1);
	slope_fit(&table, &slope);
	assert_int_equal(slope.ns, 7);
	assert_true(slope.low_ns >= 6 && slope.high_ns <= 8);
}

static void interval_may_hold_nothing(void **state)
{
	(void)state;
	book_row(1, 1000, 50);
	book_row(1, 9000, 50);
	book_row(2, 1000, 51);
	book_row(2, 9000, 49);
	slope_fit(&table, &slope);
	assert_true(slope.known && slope.low_ns < 0 && slope.high_ns > 0);
	assert_int_equal(slope.ns, -80); /* 4,920 less 5,000 */
}

static void too_few_are_not_told(void **state)
{
	(void)state;
	slope_fit(&table, &slope);
	assert_false(slope.known);
	book_row(1, 1000, 49);
	book_row(2, 2000, 50);
	slope_fit(&table, &slope);
	assert_false(slope.known);
	book_row(1, 1000, 1);
	slope_fit(&table, &slope);
	assert_true(slope.known);
}

/* However many there are, if as good as all have the same number of switches. */
static void one_number_of_switches_is_not_told(void **state)
{
	(void)state;
	book_row(1, 1000, 1000000);
	slope_fit(&table, &slope);
	assert_false(slope.known);
	book_row(7, 90000, 29);
	slope_fit(&table, &slope);
	assert_false(slope.known);
	book_row(9, 90000, 1);
	slope_fit(&table, &slope);
	assert_true(slope.known);
}

/* A request of a window before was sent on in this one: its old row has one less than nothing. */
static void moved_requests_wrap_nothing(void **state)
{
	(void)state;
	book_row(0, 1000, 100);
	book_row(4, 3000, 100);
	book_row(6, 500, -1);
	book_row(9, UINT64_MAX, -1);
	book_row(0, 90000, -1); /* more than the others have together, and its square */
	slope_fit(&table, &slope);
	assert_true(slope.known);
	assert_int_equal(slope.count, 199);
	assert_true(slope.low_ns <= slope.ns && slope.ns <= slope.high_ns);
	assert_true(slope.ns > 0 && slope.ns < 1000);
}

/* Whatever words a table holds, the answer is one. */
static void any_table_has_an_answer(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		for (size_t i = 0; i < sizeof(table) / sizeof(uint64_t); i++)
			((uint64_t *)&table)[i] =
				((uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand()) >>
				rand() % 64;
		slope_fit(&table, &slope);
		assert_true(slope.low_ns <= slope.ns && slope.ns <= slope.high_ns);
	}
}

static struct request one_of(uint64_t on_cpu_ns)
{
	return (struct request){ .components_ns[COMPONENT_ON_CPU] = on_cpu_ns, .status = STATUS_2XX };
}

static void window_between(const struct snapshot *from, const struct snapshot *to, struct report *report)
{
	struct err err = {};

	report_fini(report);
	assert_int_equal(requests_between(from, to, report, &err), 0);
}

/* Of the class with the most requests, in this window; its table may have others of earlier ones. */
static void slope_is_that_of_the_window(void **state)
{
	struct request few = one_of(9000), plain = one_of(1000), preempted = one_of(1600);
	struct report report = {};
	const struct report_slope *found = &report.requests.slope;
	const struct snapshot from = { .requests = &requests[0] }, to = { .requests = &requests[1] };

	(void)state;
	memset(requests, 0, sizeof(requests));
	few.status = STATUS_5XX;
	preempted.involuntary = 3;
	book(from.requests, &few, 500);
	*to.requests = *from.requests;
	book(to.requests, &few, 20);
	book(to.requests, &plain, 60);
	book(to.requests, &preempted, 39);
	window_between(&from, &to, &report);
	assert_false(found->known);
	book(to.requests, &preempted, 1);
	window_between(&from, &to, &report);
	assert_true(found->known);
	assert_int_equal(found->status, STATUS_2XX);
	assert_int_equal(found->count, 100);
	assert_int_equal(found->ns, 200);
	assert_int_equal(found->low_ns, 200);
	/* One of the window before has been sent on: it is half in a row that has none left. */
	preempted.involuntary = 5;
	book(to.requests, &preempted, -1);
	preempted.involuntary = 7;
	book(to.requests, &preempted, 1);
	window_between(&from, &to, &report);
	assert_int_equal(found->count, 100);
	report_fini(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(rows_are_numbers_and_then_octaves, begin),
		cmocka_unit_test(unknown_time_is_not_held_against_others),
		cmocka_unit_test_setup(squares_are_exact_and_go_again, begin),
		cmocka_unit_test_setup(line_through_two_rows, begin),
		cmocka_unit_test_setup(scatter_counts_where_it_is, begin),
		cmocka_unit_test_setup(octaves_know_their_mean, begin),
		cmocka_unit_test_setup(interval_may_hold_nothing, begin),
		cmocka_unit_test_setup(too_few_are_not_told, begin),
		cmocka_unit_test_setup(one_number_of_switches_is_not_told, begin),
		cmocka_unit_test_setup(moved_requests_wrap_nothing, begin),
		cmocka_unit_test(slope_is_that_of_the_window),
		cmocka_unit_test_setup(any_table_has_an_answer, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
