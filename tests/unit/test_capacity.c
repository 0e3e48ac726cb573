// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How many requests there could be, and when that is too few. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "user/analysis/capacity.h"

#define SECOND 1000000000ull

static struct report report;
static struct capacity capacity;

/* 1,000 requests in 2 s that took 0.5 s of 4 CPUs: 0.5 ms each, so 8,000 a second at most; 500 were there. */
static int begin(void **state)
{
	(void)state;
	memset(&report, 0, sizeof(report));
	report.requests.watched = true;
	report.requests.count = 1000;
	report.window.duration_ns = 2 * SECOND;
	report.scheduling.on_cpu_ns = SECOND / 2;
	report.target.cpus_allowed = 4;
	return 0;
}

static bool about(double value, double wanted)
{
	return value > wanted * (1 - 1e-12) && value < wanted * (1 + 1e-12);
}

static void cpus_over_what_each_takes(void **state)
{
	(void)state;
	assert_true(capacity_of(&report, &capacity));
	assert_int_equal(capacity.on_cpu_ns_per_request, 500000);
	assert_true(about(capacity.requests_per_second, 8000));
	assert_true(about(capacity.used_ratio, 0.0625));
	assert_true(about(capacity.cpus, 4));
}

static void quota_is_the_limit_where_it_is_less(void **state)
{
	struct report_quota *quota = &report.scheduling.quota;

	(void)state;
	*quota = (struct report_quota){ .present = true, .quota_ns = 50000, .period_ns = 100000 };
	assert_true(capacity_of(&report, &capacity));
	assert_true(about(capacity.cpus, 0.5));
	assert_true(about(capacity.requests_per_second, 1000));
	assert_true(about(capacity.used_ratio, 0.5));
	quota->quota_ns = 500000;
	assert_true(capacity_of(&report, &capacity));
	assert_true(about(capacity.cpus, 4));
	quota->period_ns = 0;
	assert_true(capacity_of(&report, &capacity));
	assert_true(about(capacity.cpus, 4));
}

static void nothing_is_told_of_nothing(void **state)
{
	(void)state;
	report.requests.watched = false;
	assert_false(capacity_of(&report, &capacity));
	begin(NULL);
	report.requests.count = 0;
	assert_false(capacity_of(&report, &capacity));
	begin(NULL);
	report.scheduling.on_cpu_ns = 0;
	assert_false(capacity_of(&report, &capacity));
	begin(NULL);
	report.target.cpus_allowed = 0;
	assert_false(capacity_of(&report, &capacity));
}

/* A tenth of it may be other work than that of requests. */
static void work_of_other_protocols_is_none_of_requests(void **state)
{
	(void)state;
	report.requests.turns[TURN_TLS].count = 60;
	report.requests.turns[TURN_OTHER].count = 40;
	assert_true(capacity_of(&report, &capacity));
	report.requests.turns[TURN_OTHER].count = 41;
	assert_false(capacity_of(&report, &capacity));
}

static void note(struct report_loads *loads, uint64_t count, uint64_t duration_ns, uint64_t on_cpu_ns)
{
	report.requests.count = count;
	report.window.duration_ns = duration_ns;
	report.scheduling.on_cpu_ns = on_cpu_ns;
	loads_note(loads, &report);
}

static void lightest_and_busiest_are_by_rate(void **state)
{
	struct report_loads loads = {};

	(void)state;
	note(&loads, 99, SECOND / 10, 1);      /* too few to tell */
	note(&loads, 5000, SECOND / 1000, 10); /* too short */
	note(&loads, 500, SECOND, 50000);
	note(&loads, 1000, 2 * SECOND, 100000); /* as many a second */
	assert_false(loads.known);
	note(&loads, 600, 4 * SECOND, 90000);
	note(&loads, 400, SECOND / 4, 20000);
	note(&loads, 450, SECOND, 45000);
	assert_true(loads.known);
	assert_int_equal(loads.lightest.count, 600);
	assert_int_equal(loads.lightest.on_cpu_ns, 90000);
	assert_int_equal(loads.busiest.count, 400);
	assert_int_equal(loads.busiest.duration_ns, SECOND / 4);
}

/* 150 ns each in the lightest: 100 is two thirds. */
static void fall_is_more_than_a_third(void **state)
{
	struct report_loads loads = {};

	(void)state;
	assert_false(loads_fall(&loads));
	note(&loads, 600, 4 * SECOND, 90000);
	assert_false(loads_fall(&loads));
	note(&loads, 1000, SECOND, 100000);
	assert_false(loads_fall(&loads));
	loads.busiest.on_cpu_ns--;
	assert_true(loads_fall(&loads));
	loads.known = false;
	assert_false(loads_fall(&loads));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(cpus_over_what_each_takes, begin),
		cmocka_unit_test_setup(quota_is_the_limit_where_it_is_less, begin),
		cmocka_unit_test_setup(nothing_is_told_of_nothing, begin),
		cmocka_unit_test_setup(work_of_other_protocols_is_none_of_requests, begin),
		cmocka_unit_test_setup(lightest_and_busiest_are_by_rate, begin),
		cmocka_unit_test_setup(fall_is_more_than_a_third, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
