// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The slowest of all CPUs and intervals, each once, and what may be missing among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/analysis/exemplars.h"

#define MS    1000000ull
#define BEGIN (1000 * MS)

static struct snapshot_requests requests;

static int begin(void **state)
{
	(void)state;
	memset(&requests, 0, sizeof(requests));
	return 0;
}

/* A CPU has REQUEST in its set, which took MS. */
static void take(uint64_t request, uint64_t ms)
{
	const struct exemplar one = { .request = request, .begin_ns = BEGIN, .end_ns = BEGIN + ms * MS };

	snapshot_take_exemplar(&requests, &one);
}

static void expect_slowest(struct snapshot_slowest *slowest, const uint64_t *wanted, size_t nr)
{
	snapshot_sort_slowest(slowest);
	assert_int_equal(slowest->nr, nr);
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(slowest->of[i].request, wanted[i]);
}

#define EXPECT_SLOWEST(slowest, ...)                                                    \
	do {                                                                            \
		const uint64_t wanted_[] = { __VA_ARGS__ };                             \
		expect_slowest(slowest, wanted_, sizeof(wanted_) / sizeof(wanted_[0])); \
	} while (0)

static void slowest_are_kept(void **state)
{
	static const uint64_t order[] = { 3, 9, 1, 7, 5, 8, 2, 6, 4, 10 };

	(void)state;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		take(order[i], order[i]);
	EXPECT_SLOWEST(&requests.slowest, 10, 9, 8, 7, 6, 5, 4, 3);
	assert_int_equal(requests.slowest.gone_ns, 2 * MS);
}

/* Sent by several CPUs, it may be in the sets of all of them; these are read in any order. */
static void of_one_request_the_latest_end_is_right(void **state)
{
	(void)state;
	take(1, 30);
	take(2, 20);
	take(1, 50);
	take(3, 40);
	take(1, 10);
	EXPECT_SLOWEST(&requests.slowest, 1, 3, 2);
	assert_int_equal(requests.slowest.of[0].end_ns, BEGIN + 50 * MS);
	/* As it was before it may have been displaced. */
	for (uint64_t i = 10; i < 18; i++)
		take(i, 60);
	take(1, 30);
	take(1, 70);
	snapshot_sort_slowest(&requests.slowest);
	assert_int_equal(requests.slowest.of[0].request, 1);
	assert_int_equal(requests.slowest.of[0].end_ns, BEGIN + 70 * MS);
	for (size_t i = 1; i < SNAPSHOT_EXEMPLARS; i++)
		assert_int_not_equal(requests.slowest.of[i].request, 1);
}

/* From one interval to the next. */
static void slowest_of_all_intervals_are_merged(void **state)
{
	struct snapshot_slowest kept = {};

	(void)state;
	take(1, 30);
	take(2, 20);
	take(3, 10);
	requests.slowest.gone_ns = 5 * MS;
	snapshot_merge_slowest(&kept, &requests);
	memset(&requests, 0, sizeof(requests));
	take(2, 50); /* more of it was sent */
	take(4, 15);
	requests.slowest.gone_ns = 4 * MS;
	snapshot_merge_slowest(&kept, &requests);
	EXPECT_SLOWEST(&kept, 2, 1, 4, 3);
	assert_int_equal(kept.of[0].end_ns, BEGIN + 50 * MS);
	assert_int_equal(kept.gone_ns, 5 * MS);
}

static void sets_are_of_their_interval(void **state)
{
	struct slowest head = { .sets = { { .interval = 4 }, { .interval = 3 } } };

	(void)state;
	assert_ptr_equal(snapshot_slowest_set(&head, 3), &head.sets[1]);
	assert_ptr_equal(snapshot_slowest_set(&head, 4), &head.sets[0]);
	/* Nothing was slow on this CPU in that one. */
	assert_null(snapshot_slowest_set(&head, 5));
	assert_int_equal(snapshot_take_head(&requests, &head, 5), 0);
	assert_int_equal(requests.slowest.gone_ns, 0);
	/* It never ended: nobody knows. */
	head.writing = 1;
	assert_null(snapshot_slowest_set(&head, 3));
	assert_int_equal(snapshot_take_head(&requests, &head, 3), 0);
	assert_int_equal(requests.slowest.gone_ns, UINT64_MAX);
}

/* Found to be no request: on no CPU, and not in any interval before, however many they are. */
static void withdrawn_are_dropped(void **state)
{
	struct snapshot_slowest kept = {};
	struct slowest head = { .sets = { { .interval = 2, .gone_ns = 7 } } };

	(void)state;
	for (uint64_t i = 1; i <= SNAPSHOT_EXEMPLARS; i++)
		take(i, i);
	snapshot_merge_slowest(&kept, &requests);
	memset(&requests, 0, sizeof(requests));
	for (uint64_t cpu = 0; cpu < 10; cpu++) {
		head.sets[0].nr_withdrawn = 0;
		while (head.sets[0].nr_withdrawn < EXEMPLARS_WITHDRAWN) {
			uint32_t nr = head.sets[0].nr_withdrawn++;

			head.sets[0].withdrawn[nr] = 2 + cpu * EXEMPLARS_WITHDRAWN + nr;
		}
		assert_int_equal(snapshot_take_head(&requests, &head, 2), 0);
	}
	assert_int_equal(requests.nr_withdrawn, 10 * EXEMPLARS_WITHDRAWN);
	assert_int_equal(requests.slowest.gone_ns, 7);
	take(5, 100);
	take(10000, 2);
	take(10 * EXEMPLARS_WITHDRAWN + 1, 100);
	snapshot_merge_slowest(&kept, &requests);
	EXPECT_SLOWEST(&kept, 10000, 1);
	free(requests.withdrawn);
}

static uint64_t losses_of_report(uint64_t gone_ns)
{
	static struct report report;
	const struct snapshot snapshot = { .requests = &requests };

	memset(&report, 0, sizeof(report));
	requests.slowest.gone_ns = gone_ns;
	exemplars_of(&snapshot, BEGIN, &report);
	return report.losses[LOSS_EXEMPLARS];
}

/* Where one that gave way would be shown: what it gave way to was no request after all. */
static void what_may_be_missing_is_a_loss(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= SNAPSHOT_EXEMPLARS; i++)
		take(i, i);
	snapshot_sort_slowest(&requests.slowest);
	assert_int_equal(losses_of_report(4 * MS), 0); /* as slow as the fifth */
	assert_int_equal(losses_of_report(4 * MS + 1), 1);
	requests.slowest.nr = REPORT_EXEMPLARS - 1;
	assert_int_equal(losses_of_report(0), 0);
	assert_int_equal(losses_of_report(1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(slowest_are_kept, begin),
		cmocka_unit_test_setup(of_one_request_the_latest_end_is_right, begin),
		cmocka_unit_test_setup(slowest_of_all_intervals_are_merged, begin),
		cmocka_unit_test_setup(sets_are_of_their_interval, begin),
		cmocka_unit_test_setup(withdrawn_are_dropped, begin),
		cmocka_unit_test_setup(what_may_be_missing_is_a_loss, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
