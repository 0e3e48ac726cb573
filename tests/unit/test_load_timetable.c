// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The timetable against exact rational arithmetic, and its draws against the distributions they are of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tools/load/timetable.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define S	      1000000000ull

typedef unsigned __int128 u128;

static struct load_plan plan_of(struct load_segment *segments, uint32_t nr)
{
	return (struct load_plan){ .mode = LOAD_RATE, .segments = segments, .nr_segments = nr, .seed = 1 };
}

/* floor(NUMBER / rate), the rate in 1e-9 requests a second. */
static uint64_t exact_due_ns(uint64_t number, uint64_t nano_rate)
{
	return (uint64_t)((u128)number * S * S / nano_rate);
}

static void a_constant_rate_is_exact_to_the_last_request(void **state)
{
	static const struct {
		double rate;
		uint64_t nano_rate, duration_ns, nr;
	} cases[] = {
		{ 1000, 1000 * S, 10 * S, 10000 },
		{ 3.7, 3700000000, 10 * S, 37 }, /* 3.7 is no binary fraction: not 38 */
		{ 3.7, 3700000000, 600 * S, 2220 },
		{ 0.1, 100000000, 600 * S, 60 },
		{ 0.001, 1000000, 10 * S, 1 },
		{ 333.25, 333250000000, S, 334 }, /* request 333 is due before the second ends */
		{ 49999.999999999, 49999999999999, 100 * S, 5000000 },
		{ 1000000, 1000000 * S, 3 * S, 3000000 },
		{ 1000, 1000 * S, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct load_segment segment = { cases[i].rate, cases[i].rate, cases[i].duration_ns };
		struct load_plan plan = plan_of(&segment, 1);
		uint64_t nr = 0, total, last_ns;
		struct timetable t;

		for (timetable_begin(&t, &plan, 0, 1); t.due_ns != TIMETABLE_OVER; timetable_next(&t), nr++)
			if (t.number != nr || t.due_ns != exact_due_ns(nr, cases[i].nano_rate))
				fail_msg("rate %g: %llu is due at %llu", cases[i].rate,
					 (unsigned long long)nr, (unsigned long long)t.due_ns);
		assert_int_equal(nr, cases[i].nr);
		timetable_total(&plan, &total, &last_ns);
		assert_int_equal(total, nr);
		assert_int_equal(last_ns, exact_due_ns(nr - 1, cases[i].nano_rate));
		timetable_next(&t);
		assert_int_equal(t.due_ns, TIMETABLE_OVER); /* and stays so */
	}
}

/* A part of a thousand, so that a thousandth of the steps goes all the way. */
static void there_is_no_drift(void **state)
{
	static const struct {
		double rate;
		uint64_t numerator, denominator, duration_ns, nr;
	} cases[] = {
		{ 1e6, 1000000, 1, 1000 * S, 1000000000 },
		{ 1e6 / 3, 1000000, 3, 600 * S, 200000000 },
		{ 1e6 / 7, 1000000, 7, 7000 * S, 1000000000 },
		{ 3.7, 37, 10, 600 * S, 2220 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct load_segment segment = { cases[i].rate, cases[i].rate, cases[i].duration_ns };
		struct load_plan plan = plan_of(&segment, 1);
		uint64_t number = 0, due_ns = 0, nr, last_ns;
		struct timetable t;
		int64_t off_ns;

		for (timetable_begin(&t, &plan, 999, 1000); t.due_ns != TIMETABLE_OVER; timetable_next(&t)) {
			number = t.number;
			due_ns = t.due_ns;
		}
		assert_in_range(number, cases[i].nr - 1000, cases[i].nr - 1);
		timetable_total(&plan, &nr, &last_ns);
		/* 1e6 / 7 is rounded up to 1e-9: then one more is due just before the end. */
		assert_in_range(nr, cases[i].nr, cases[i].nr + 1);
		assert_in_range(last_ns, due_ns, cases[i].duration_ns - 1);
		off_ns = (int64_t)(due_ns -
				   (uint64_t)((u128)number * S * cases[i].denominator / cases[i].numerator));
		if (off_ns < -1000 || off_ns > 1000)
			fail_msg("rate %g: %llu is off by %lld ns", cases[i].rate, (unsigned long long)number,
				 (long long)off_ns);
	}
}

static void steps_carry_the_fraction_of_a_request_over(void **state)
{
	/* Integrals: 1.5 after a second, 1001.5 after two, 1001.75 after three. */
	struct load_segment segments[] = { { 1.5, 1.5, S }, { 1000, 1000, S }, { 0.25, 0.25, S } };
	struct load_plan plan = plan_of(segments, 3);
	struct timetable t;

	(void)state;
	timetable_begin(&t, &plan, 0, 1);
	assert_int_equal(t.due_ns, 0);
	timetable_next(&t);
	assert_int_equal(t.due_ns, 666666666);
	for (uint64_t number = 2; number < 1002; number++) {
		timetable_next(&t);
		assert_int_equal(t.due_ns, S + (number * 2 - 3) * 500000);
	}
	timetable_next(&t);
	assert_int_equal(t.due_ns, TIMETABLE_OVER);
	segments[2].to_rate = 1.25; /* 1002.25 */
	timetable_begin(&t, &plan, 1002, 1003);
	assert_in_range(t.due_ns, 2 * S, 3 * S - 1);
	segments[1] = (struct load_segment){ 0.5, 0.5, S }; /* exactly 2 after two: none in the second */
	timetable_begin(&t, &plan, 2, 3);
	assert_int_equal(t.due_ns, 2 * S);
}

/* Of the rate until AT_NS after the segment's beginning. */
static long double integral(const struct load_segment *segment, uint64_t at_ns)
{
	long double at = (long double)at_ns / S, all = (long double)segment->duration_ns / S;

	return segment->from_rate * at + (segment->to_rate - segment->from_rate) * at * at / (2 * all);
}

static void a_ramp_follows_its_integral(void **state)
{
	static const struct load_segment cases[] = {
		{ 1000, 5000, 30 * S },	    { 5000, 1000, 30 * S },   { 1, 100000, 10 * S },
		{ 100000, 1, 10 * S },	    { 0.001, 5000, 600 * S }, { 5000, 0.001, 600 * S },
		{ 1000, 1000.001, 60 * S }, { 7, 3.5, 3 * S },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct load_segment segment = cases[i];
		struct load_plan plan = plan_of(&segment, 1);
		long double all = integral(&segment, segment.duration_ns);
		uint64_t nr = 0, before_ns = 0;
		struct timetable t;

		for (timetable_begin(&t, &plan, 0, 1); t.due_ns != TIMETABLE_OVER; timetable_next(&t), nr++) {
			uint64_t from_ns = t.due_ns > 1 ? t.due_ns - 1 : 0;

			assert_true(t.due_ns >= before_ns && t.due_ns < segment.duration_ns);
			before_ns = t.due_ns;
			/* 1 ns for what rounding may do on both sides. */
			if (integral(&segment, from_ns) > nr + 1e-9L ||
			    integral(&segment, t.due_ns + 2) < nr - 1e-9L)
				fail_msg("%g..%g: %llu is due at %llu", segment.from_rate, segment.to_rate,
					 (unsigned long long)nr, (unsigned long long)t.due_ns);
		}
		assert_int_equal(nr, (uint64_t)ceill(all - 1e-9L));
	}
}

static void parts_together_are_the_whole(void **state)
{
	struct load_segment segments[] = {
		{ 999.9, 999.9, S }, { 1000, 3000, 2 * S }, { 3000, 500, S }, { 2, 2, 5 * S }
	};
	struct load_request requests[] = { { .weight = 1 }, { .weight = 3 } };
	struct load_plan plan = plan_of(segments, 4);
	static const uint32_t parts[] = { 1, 2, 7, 64, 20000 };

	(void)state;
	plan.requests = requests;
	plan.nr_requests = 2;
	plan.weights = 4;
	for (size_t i = 0; i < 2 * LENGTH(parts); i++) {
		uint32_t nr_parts = parts[i / 2];
		struct timetable whole, *each = calloc(nr_parts, sizeof(*each));
		uint64_t nr, last_ns, last_seen_ns = 0, number = 0;

		plan.arrivals = i % 2 ? ARRIVALS_POISSON : ARRIVALS_CONSTANT;
		timetable_total(&plan, &nr, &last_ns);
		assert_true(nr > 6000);
		for (uint32_t part = 0; part < nr_parts; part++)
			timetable_begin(&each[part], &plan, part, nr_parts);
		for (timetable_begin(&whole, &plan, 0, 1); whole.due_ns != TIMETABLE_OVER;
		     timetable_next(&whole)) {
			struct timetable *own = &each[number++ % nr_parts];

			assert_int_equal(own->number, whole.number);
			assert_int_equal(own->due_ns, whole.due_ns);
			assert_int_equal(own->request, whole.request);
			last_seen_ns = whole.due_ns;
			timetable_next(own);
		}
		assert_int_equal(number, nr);
		assert_int_equal(last_seen_ns, last_ns);
		for (uint32_t part = 0; part < nr_parts; part++)
			assert_int_equal(each[part].due_ns, TIMETABLE_OVER);
		free(each);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Kolmogorov-Smirnov: the largest distance from 1 - exp(-x), times the root of their number. */
static double distance(double *values, size_t nr)
{
	double most = 0;

	qsort(values, nr, sizeof(*values), by_value);
	for (size_t i = 0; i < nr; i++) {
		double expected = -expm1(-values[i]);

		most = fmax(most,
			    fmax(expected - (double)i / (double)nr, (double)(i + 1) / (double)nr - expected));
	}
	return most * sqrt((double)nr);
}

static void poisson_gaps_are_exponential_whatever_the_rate_does(void **state)
{
	enum { MOST = 120000 };
	static const struct load_segment cases[] = { { 1000, 1000, 100 * S },
						     { 100, 1900, 100 * S },
						     { 1900, 100, 100 * S } };
	double *gaps = malloc(MOST * sizeof(*gaps));

	(void)state;
	for (size_t i = 0; i < 3 * LENGTH(cases); i++) {
		struct load_segment segment = cases[i % 3];
		struct load_plan plan = plan_of(&segment, 1);
		long double before = 0, now;
		struct timetable t;
		size_t nr = 0;

		plan.arrivals = ARRIVALS_POISSON;
		plan.seed = i / 3 + 1;
		for (timetable_begin(&t, &plan, 0, 1); t.due_ns != TIMETABLE_OVER && nr < MOST;
		     timetable_next(&t)) {
			now = integral(&segment, t.due_ns);
			gaps[nr++] = (double)(now - before);
			before = now;
		}
		/* The count is Poisson's too: 100,000, and 5 of its standard deviations. */
		assert_in_range(nr, 98419, 101581);
		/* 1.63: exceeded by 1 % of the seeds; none of these is one of them. */
		if (distance(gaps, nr) > 1.63)
			fail_msg("%g..%g, seed %llu: %g", segment.from_rate, segment.to_rate,
				 (unsigned long long)plan.seed, distance(gaps, nr));
	}
	free(gaps);
}

static void another_seed_is_another_timetable(void **state)
{
	struct load_segment segment = { 1000, 1000, S };
	struct load_plan plan = plan_of(&segment, 1);
	struct timetable a, b;

	(void)state;
	plan.arrivals = ARRIVALS_POISSON;
	timetable_begin(&a, &plan, 0, 1);
	timetable_begin(&b, &plan, 0, 1);
	assert_int_equal(a.due_ns, b.due_ns);
	plan.seed = 2;
	timetable_begin(&b, &plan, 0, 1);
	assert_true(a.due_ns != b.due_ns);
	plan.arrivals = ARRIVALS_CONSTANT;
	timetable_begin(&b, &plan, 0, 1);
	assert_int_equal(b.due_ns, 0);
}

static void requests_are_drawn_by_weight(void **state)
{
	struct load_request requests[] = { { .weight = 1 }, { .weight = 2 }, { .weight = 7 } };
	struct load_plan plan = { .requests = requests, .nr_requests = 3, .weights = 10, .seed = 5 };
	enum { DRAWS = 1000000 };
	uint32_t counts[3] = {}, same = 0;

	(void)state;
	for (uint64_t number = 0; number < DRAWS; number++)
		counts[timetable_pick(&plan, number)]++;
	/* 5 standard deviations of a binomial. */
	for (unsigned i = 0; i < 3; i++) {
		double share = requests[i].weight / 10.0, off = 5 * sqrt(DRAWS * share * (1 - share));

		assert_true(fabs(counts[i] - DRAWS * share) < off);
	}
	/* With another seed, as often the same as chance has it: 0.01 + 0.04 + 0.49. */
	for (uint64_t number = 0; number < DRAWS; number++) {
		uint32_t one = timetable_pick(&plan, number);

		plan.seed = 6;
		same += one == timetable_pick(&plan, number);
		plan.seed = 5;
	}
	assert_true(fabs(same - 0.54 * DRAWS) < 5 * sqrt(DRAWS * 0.54 * 0.46));
	plan.nr_requests = 1;
	assert_int_equal(timetable_pick(&plan, 1), 0);
}

static void a_file_is_replayed_as_it_is(void **state)
{
	struct load_arrival arrivals[] = { { 0, 0 }, { 5, 3 }, { 5, 1 }, { 1000, 2 } };
	struct load_plan plan = { .mode = LOAD_REPLAY, .replay = arrivals, .nr_replay = 4 };
	struct timetable t;
	uint64_t nr, last_ns;

	(void)state;
	timetable_total(&plan, &nr, &last_ns);
	assert_int_equal(nr, 4);
	assert_int_equal(last_ns, 1000);
	timetable_begin(&t, &plan, 1, 2);
	assert_int_equal(t.due_ns, 5);
	assert_int_equal(t.request, 3);
	timetable_next(&t);
	assert_int_equal(t.number, 3);
	assert_int_equal(t.request, 2);
	timetable_next(&t);
	assert_int_equal(t.due_ns, TIMETABLE_OVER);
}

static void a_closed_loop_has_none(void **state)
{
	struct load_plan plan = { .mode = LOAD_CLOSED };
	struct timetable t;

	(void)state;
	timetable_begin(&t, &plan, 0, 1);
	assert_int_equal(t.due_ns, TIMETABLE_OVER);
	timetable_next(&t);
	assert_int_equal(t.due_ns, TIMETABLE_OVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_constant_rate_is_exact_to_the_last_request),
		cmocka_unit_test(there_is_no_drift),
		cmocka_unit_test(steps_carry_the_fraction_of_a_request_over),
		cmocka_unit_test(a_ramp_follows_its_integral),
		cmocka_unit_test(parts_together_are_the_whole),
		cmocka_unit_test(poisson_gaps_are_exponential_whatever_the_rate_does),
		cmocka_unit_test(another_seed_is_another_timetable),
		cmocka_unit_test(requests_are_drawn_by_weight),
		cmocka_unit_test(a_file_is_replayed_as_it_is),
		cmocka_unit_test(a_closed_loop_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
