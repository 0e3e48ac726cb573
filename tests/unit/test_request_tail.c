// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the requests of a tail have in common beside their components, and what they would be without a wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/between_requests.h"
#include "user/analysis/quantile.h"
#include "user/analysis/tail.h"

enum {
	ON_CPU = COMPONENT_ON_CPU,
	UNREAD = COMPONENT_SOCKET_RUN_QUEUE,
	WAKEUP = COMPONENT_RUN_QUEUE_WAKEUP,
	PREEMPTED = COMPONENT_RUN_QUEUE_PREEMPTED
};

static const uint32_t waits[] = { UNREAD, WAKEUP, PREEMPTED };

/* Each part of it leaves most of the latency where it is; all of it is three quarters and more. */
static void whole_wait_is_more_than_its_parts(void **state)
{
	const struct request
		late = { .components_ns = { [ON_CPU] = 1000, [UNREAD] = 3000, [WAKEUP] = 4000, [PREEMPTED] = 8000 },
			 .status = STATUS_2XX },
		usual = { .components_ns = { [ON_CPU] = 1000 }, .status = STATUS_2XX };
	const struct report_request_quantile *q = report.requests.quantiles;

	(void)state;
	book(to.requests, &usual, 90);
	book(to.requests, &late, 10);
	to.requests->max_ns = 16000;
	analyse(NULL);
	assert_true(report.requests.has_without_run_queue);
	assert_int_equal(q[0].without_ns[WITHOUT_RUN_QUEUE], quantile_of_bucket_ns(1000));
	for (int i = 2; i < QUANTILES; i++) {
		assert_int_equal(q[i].latency_ns, quantile_of_bucket_ns(16000));
		assert_int_equal(q[i].without_ns[UNREAD], quantile_of_bucket_ns(13000));
		assert_int_equal(q[i].without_ns[WAKEUP], quantile_of_bucket_ns(12000));
		assert_int_equal(q[i].without_ns[PREEMPTED], quantile_of_bucket_ns(8000));
		assert_int_equal(q[i].without_ns[WITHOUT_RUN_QUEUE], quantile_of_bucket_ns(1000));
	}
}

/* A request that waited in one way only is without that what it is without any. */
static void one_part_is_the_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct request late = { .components_ns = { [ON_CPU] = 1000 }, .status = STATUS_2XX };

		begin(state);
		late.components_ns[waits[i]] = 5000 * (i + 1);
		book(to.requests, &late, 10);
		analyse(NULL);
		for (int j = 0; j < QUANTILES; j++)
			assert_int_equal(report.requests.quantiles[j].without_ns[WITHOUT_RUN_QUEUE],
					 report.requests.quantiles[j].without_ns[waits[i]]);
	}
}

/* It belongs to its window as the components do, and what a later send changes of it does not stay. */
static void whole_wait_is_of_its_window(void **state)
{
	const struct request before = { .components_ns = { [ON_CPU] = 50000, [WAKEUP] = 50000 } },
			     first = { .components_ns = { [ON_CPU] = 1000, [UNREAD] = 3000 } },
			     later = { .components_ns = {
					       [ON_CPU] = 1000, [UNREAD] = 3000, [WAKEUP] = 9000 } };
	const struct report_request_quantile *q = report.requests.quantiles;

	(void)state;
	book(from.requests, &before, 100);
	*to.requests = *from.requests;
	book(to.requests, &first, 10);
	book(to.requests, &first, -10);
	book(to.requests, &later, 10);
	analyse(&from);
	assert_int_equal(report.requests.count, 10);
	for (int i = 0; i < QUANTILES; i++) {
		assert_int_equal(q[i].latency_ns, quantile_of_bucket_ns(13000));
		assert_int_equal(q[i].without_ns[WITHOUT_RUN_QUEUE], quantile_of_bucket_ns(1000));
	}
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		assert_int_equal(requests[1].without[WITHOUT_RUN_QUEUE].moves[i] -
					 requests[0].without[WITHOUT_RUN_QUEUE].moves[i],
				 10 * ((uint64_t)(i == hist_bucket(1000)) - (i == hist_bucket(13000))));
}

static void switches_are_those_of_the_tail(void **state)
{
	const struct request usual = { .components_ns = { [ON_CPU] = 1000 }, .status = STATUS_2XX },
			     late = { .components_ns = { [ON_CPU] = 1000, [PREEMPTED] = 9000 },
				      .status = STATUS_2XX,
				      .involuntary = 3,
				      .migrations = 2 };
	const struct report_requests *r = &report.requests;

	(void)state;
	book(from.requests, &late, 7);
	*to.requests = *from.requests;
	book(to.requests, &usual, 90);
	book(to.requests, &late, 10);
	analyse(&from);
	assert_int_equal(r->switches.voluntary, 100);
	assert_int_equal(r->switches.involuntary, 30);
	assert_int_equal(r->switches.migrations, 20);
	assert_int_equal(r->quantiles[0].switches.voluntary, 100);
	assert_int_equal(r->quantiles[2].tail_count, 10);
	assert_int_equal(r->quantiles[2].switches.voluntary, 10);
	assert_int_equal(r->quantiles[2].switches.involuntary, 30);
	assert_int_equal(r->quantiles[2].switches.migrations, 20);
}

/* Whatever stands in a file. */
static void switches_that_cannot_be_do_not_wrap(void **state)
{
	struct report_request_bucket buckets[2] = {
		{ .bucket = 1, .count = 1, .voluntary = INT64_MAX, .involuntary = UINT64_MAX },
		{ .bucket = 2, .count = 1, .voluntary = INT64_MAX, .involuntary = 1 },
	};
	struct report_requests r = { .buckets = buckets, .nr_buckets = 2 };

	(void)state;
	r.latency.buckets[1] = r.latency.buckets[2] = 1;
	r.latency.count = 2;
	tail_fill(&r);
	assert_true(r.switches.voluntary == UINT64_MAX - 1);
	assert_true(r.switches.involuntary == UINT64_MAX);
	assert_true(r.quantiles[3].switches.voluntary == INT64_MAX);
	assert_int_equal(r.quantiles[3].switches.involuntary, 1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_wait_is_more_than_its_parts),   TEST(one_part_is_the_whole),
		TEST(whole_wait_is_of_its_window),	   TEST(switches_are_those_of_the_tail),
		TEST(switches_that_cannot_be_do_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
