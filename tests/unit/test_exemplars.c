// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Timelines of slow requests whose stays are made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/analysis/check.h"
#include "user/analysis/exemplars.h"

#define MS    1000000ull
#define BEGIN (1000 * MS)

enum {
	BUSY_BEFORE = COMPONENT_SOCKET_BUSY,
	QUEUE_BEFORE = COMPONENT_SOCKET_RUN_QUEUE,
	ON_CPU = COMPONENT_ON_CPU,
	WAKEUP = COMPONENT_RUN_QUEUE_WAKEUP,
	PREEMPTED = COMPONENT_RUN_QUEUE_PREEMPTED,
	FUTEX = COMPONENT_BLOCKED_FIRST + BLOCKED_FUTEX,
	SLEEP = COMPONENT_BLOCKED_FIRST + BLOCKED_SLEEP,
	UPSTREAM = COMPONENT_BLOCKED_UPSTREAM,
	NONE = -1,
};

static struct exemplar exemplar;
static struct snapshot_requests requests;
static struct snapshot snapshot;
static struct report report;

/* A request of 100 ms that was read when it was 40 ms old; it ran all along. */
static int begin(void **state)
{
	(void)state;
	memset(&report, 0, sizeof(report));
	report.window = (struct report_window){ "2026-11-24T06:56:56Z", 1000 * MS };
	snapshot = (struct snapshot){ .requests = &requests };
	memset(&requests, 0, sizeof(requests));
	exemplar = (struct exemplar){ .request = 7,
				      .begin_ns = BEGIN,
				      .read_ns = BEGIN + 40 * MS,
				      .end_ns = BEGIN + 100 * MS,
				      .tid = 12,
				      .pid = 11,
				      .comm = "httpd",
				      .status = STATUS_2XX };
	return 0;
}

/* An older stay: from FROM_MS, runnable from RUNNABLE_MS on, until IN_MS on CPU, which WHO had before. */
static void stay(uint64_t from_ms, uint64_t runnable_ms, uint64_t in_ms, uint32_t cpu, uint32_t who)
{
	exemplar.stays[exemplar.nr_stays++] = (struct stay){
		.in_ns = BEGIN + in_ms * MS,
		.away_16ns = (uint32_t)((in_ms - from_ms) * MS / 16),
		.waited_16ns = (uint32_t)((in_ms - runnable_ms) * MS / 16),
		.who = (cpu + 1) << STAY_CPU_SHIFT | who,
	};
}

static void part(uint32_t component, uint64_t ms)
{
	exemplar.parts.components_ns[component] = ms * MS;
}

static const struct report_exemplar *analyse(void)
{
	struct check_broken broken;

	requests.slowest.of[0] = exemplar;
	requests.slowest.nr = 1;
	memset(&report.exemplars, 0, sizeof(report.exemplars));
	exemplars_of(&snapshot, BEGIN - 5 * MS, &report);
	if (!check_report(&report, CHECK_ALWAYS, &broken))
		fail_msg("%s %s", broken.path, broken.what);
	assert_int_equal(report.exemplars.nr, 1);
	return &report.exemplars.of[0];
}

struct wanted {
	uint64_t from_ms, to_ms;
	uint32_t activity;
	int cpu; /* NONE: not known */
	uint32_t who;
};

static void expect(const struct wanted *wanted, size_t nr)
{
	const struct report_exemplar *e = analyse();

	for (size_t i = 0; i < nr && i < e->nr_segments; i++) {
		const struct report_segment *s = &e->segments[i];

		if (s->activity != wanted[i].activity)
			fail_msg("segment %zu is %s, not %s", i, report_activity_name(s->activity),
				 report_activity_name(wanted[i].activity));
		assert_int_equal(s->from_ns, wanted[i].from_ms * MS);
		assert_int_equal(s->to_ns, wanted[i].to_ms * MS);
		assert_int_equal(s->cpu,
				 wanted[i].cpu == NONE ? REPORT_CPU_UNKNOWN : (uint32_t)wanted[i].cpu);
		assert_int_equal(s->who_pid, wanted[i].who);
	}
	assert_int_equal(e->nr_segments, nr);
}

#define EXPECT(...)                                                    \
	do {                                                           \
		const struct wanted wanted_[] = { __VA_ARGS__ };       \
		expect(wanted_, sizeof(wanted_) / sizeof(wanted_[0])); \
	} while (0)

/* Queued behind another request of the loop, then its own work. */
static void what_the_reader_did_is_told(void **state)
{
	(void)state;
	part(COMPONENT_ACCEPT_WAIT, 5);
	part(BUSY_BEFORE, 20);
	part(QUEUE_BEFORE, 5);
	part(COMPONENT_SOCKET_BLOCKED, 10);
	part(ON_CPU, 60);
	stay(25, 35, 40, 1, 0);
	stay(0, 1, 3, 0, 99); /* before it had accepted */
	EXPECT({ 0, 5, COMPONENT_ACCEPT_WAIT, NONE, 0 }, { 5, 25, BUSY_BEFORE, 0, 0 },
	       { 25, 35, COMPONENT_SOCKET_BLOCKED, NONE, 0 }, { 35, 40, QUEUE_BEFORE, 1, 0 },
	       { 40, 100, ON_CPU, 1, 0 });
	assert_int_equal(report.exemplars.of[0].begun_ns, 5 * MS);
	assert_int_equal(report.exemplars.of[0].latency_ns, 100 * MS);
	assert_int_equal(report.exemplars.of[0].tid, 12);
	assert_string_equal(report.exemplars.of[0].comm, "httpd");
}

/* The longest blocked piece is told first; what is left of a reason decides about the others. */
static void work_waits_and_reasons_are_told(void **state)
{
	(void)state;
	part(BUSY_BEFORE, 40);
	part(ON_CPU, 22);
	part(WAKEUP, 6);
	part(PREEMPTED, 12);
	part(SLEEP, 12);
	part(FUTEX, 8);
	stay(87, 95, 98, 2, 33);
	stay(60, 60, 72, 1, 44);
	stay(43, 55, 58, 0, 55);
	stay(0, 0, 0, 0, 0);
	EXPECT({ 0, 40, BUSY_BEFORE, 0, 0 }, { 40, 43, ON_CPU, 0, 0 }, { 43, 55, SLEEP, NONE, 0 },
	       { 55, 58, WAKEUP, 0, 55 }, { 58, 60, ON_CPU, 0, 0 }, { 60, 72, PREEMPTED, 1, 44 },
	       { 72, 87, ON_CPU, 1, 0 }, { 87, 95, FUTEX, NONE, 0 }, { 95, 98, WAKEUP, 2, 33 },
	       { 98, 100, ON_CPU, 2, 0 });
}

/* Two reasons that either of two pieces may have had. */
static void reason_that_is_not_certain_is_not_told(void **state)
{
	(void)state;
	part(BUSY_BEFORE, 40);
	part(ON_CPU, 40);
	part(SLEEP, 10);
	part(FUTEX, 10);
	stay(80, 90, 90, 1, 0);
	stay(50, 60, 60, 1, 0);
	stay(0, 0, 0, 1, 0);
	EXPECT({ 0, 40, BUSY_BEFORE, 1, 0 }, { 40, 50, ON_CPU, 1, 0 }, { 50, 60, ACTIVITY_BLOCKED, NONE, 0 },
	       { 60, 80, ON_CPU, 1, 0 }, { 80, 90, ACTIVITY_BLOCKED, NONE, 0 }, { 90, 100, ON_CPU, 1, 0 });
}

static void work_among_that_for_others_is_not_told(void **state)
{
	(void)state;
	part(BUSY_BEFORE, 40);
	part(ON_CPU, 30);
	part(PREEMPTED, 10);
	part(COMPONENT_BUSY_WITH_OTHERS, 20);
	stay(60, 60, 75, 1, 9);
	stay(0, 0, 0, 1, 0);
	EXPECT({ 0, 40, BUSY_BEFORE, 1, 0 }, { 40, 60, ACTIVITY_BUSY, 1, 0 },
	       { 60, 75, ACTIVITY_RUN_QUEUE, 1, 9 }, { 75, 100, ACTIVITY_BUSY, 1, 0 });
	/* But for 1 %. */
	part(ON_CPU, 44);
	part(PREEMPTED, 15);
	part(COMPONENT_BUSY_WITH_OTHERS, 1);
	EXPECT({ 0, 40, BUSY_BEFORE, 1, 0 }, { 40, 60, ON_CPU, 1, 0 }, { 60, 75, PREEMPTED, 1, 9 },
	       { 75, 100, ON_CPU, 1, 0 });
	part(ON_CPU, 0);
	part(PREEMPTED, 0);
	part(COMPONENT_BUSY_WITH_OTHERS, 60);
	EXPECT({ 0, 40, BUSY_BEFORE, 1, 0 }, { 40, 60, COMPONENT_BUSY_WITH_OTHERS, 1, 0 },
	       { 60, 75, COMPONENT_BUSY_WITH_OTHERS, 1, 9 }, { 75, 100, COMPONENT_BUSY_WITH_OTHERS, 1, 0 });
}

static void upstream_is_told(void **state)
{
	(void)state;
	part(BUSY_BEFORE, 40);
	part(ON_CPU, 8);
	part(UPSTREAM, 50);
	part(COMPONENT_BLOCKED_FIRST + BLOCKED_POLL, 2);
	stay(45, 95, 95, 1, 0);
	stay(41, 43, 43, 1, 0);
	stay(0, 0, 0, 1, 0);
	EXPECT({ 0, 40, BUSY_BEFORE, 1, 0 }, { 40, 41, ON_CPU, 1, 0 },
	       { 41, 43, COMPONENT_BLOCKED_FIRST + BLOCKED_POLL, NONE, 0 }, { 43, 45, ON_CPU, 1, 0 },
	       { 45, 95, UPSTREAM, NONE, 0 }, { 95, 100, ON_CPU, 1, 0 });
	/* A loop, which served others meanwhile. */
	exemplar.nr_stays = 0;
	stay(0, 0, 0, 1, 0);
	part(ON_CPU, 20);
	part(UPSTREAM, 40);
	part(COMPONENT_BLOCKED_FIRST + BLOCKED_POLL, 0);
	EXPECT({ 0, 40, BUSY_BEFORE, 1, 0 }, { 40, 100, ACTIVITY_BUSY, 1, 0 });
}

/* What is older than the stays has a name only where the parts leave one thing. */
static void what_is_older_is_not_known(void **state)
{
	(void)state;
	part(BUSY_BEFORE, 40);
	part(ON_CPU, 40);
	part(FUTEX, 20);
	stay(70, 80, 80, 1, 0);
	EXPECT({ 0, 40, BUSY_BEFORE, NONE, 0 }, { 40, 70, ACTIVITY_UNKNOWN, NONE, 0 },
	       { 70, 80, FUTEX, NONE, 0 }, { 80, 100, ON_CPU, 1, 0 });
	part(BUSY_BEFORE, 20);
	part(QUEUE_BEFORE, 20);
	EXPECT({ 0, 70, ACTIVITY_UNKNOWN, NONE, 0 }, { 70, 80, FUTEX, NONE, 0 }, { 80, 100, ON_CPU, 1, 0 });
	exemplar.nr_stays = 0;
	EXPECT({ 0, 100, ACTIVITY_UNKNOWN, NONE, 0 });
}

/* A worker that was idle until the reader woke it: its stays before that say nothing of the request. */
static void stays_of_another_task_are_not_taken(void **state)
{
	(void)state;
	part(BUSY_BEFORE, 40);
	part(ON_CPU, 60);
	stay(0, 50, 50, 1, 0);
	EXPECT({ 0, 40, BUSY_BEFORE, NONE, 0 }, { 40, 50, ON_CPU, NONE, 0 }, { 50, 100, ON_CPU, 1, 0 });
	/* It worked for somebody else first. */
	exemplar.nr_stays = 0;
	part(ON_CPU, 20);
	part(COMPONENT_RUNTIME_QUEUE, 40);
	stay(0, 30, 30, 1, 0);
	EXPECT({ 0, 40, BUSY_BEFORE, NONE, 0 }, { 40, 100, ACTIVITY_BUSY, 1, 0 });
}

/* 31 turns of a microsecond each: none is told, and no time is lost. */
static void tiny_turns_go_to_their_neighbours(void **state)
{
	const struct report_exemplar *e;

	(void)state;
	part(BUSY_BEFORE, 40);
	part(ON_CPU, 60);
	for (uint64_t i = 0; i < STAYS - 1; i++)
		exemplar.stays[exemplar.nr_stays++] = (struct stay){ .in_ns = BEGIN + 90 * MS - i * MS + 1000,
								     .away_16ns = 1000 / 16,
								     .who = 2 << STAY_CPU_SHIFT };
	stay(0, 0, 0, 1, 0);
	EXPECT({ 0, 40, BUSY_BEFORE, 1, 0 }, { 40, 100, ON_CPU, 1, 0 });
	/* Turns of half the time: 12 segments at most, of what they are not told. */
	part(ON_CPU, 45);
	part(PREEMPTED, 15);
	for (uint64_t i = 0; i < STAYS - 1; i++) {
		exemplar.stays[i].in_ns += MS / 2 - 1000;
		exemplar.stays[i].away_16ns = exemplar.stays[i].waited_16ns = MS / 2 / 16;
	}
	e = analyse();
	assert_in_range(e->nr_segments, 3, REPORT_SEGMENTS);
	assert_int_equal(e->segments[e->nr_segments - 2].activity, ACTIVITY_MIXED);
	assert_int_equal(e->segments[e->nr_segments - 1].activity, ON_CPU);
}

static void neighbours_have_names(void **state)
{
	struct snapshot_blame_name names[] = { { 33, { .comm = "wrk" } }, { 44, { .comm = "kworker/0:1" } } };
	struct thread_record threads[] = { { .tid = 12, .pid = 11, .comm = "worker" },
					   { .tid = 11, .pid = 11, .comm = "httpd" } };
	const struct report_exemplar *e;

	(void)state;
	snapshot.names = names;
	snapshot.nr_names = 2;
	snapshot.threads = threads;
	snapshot.nr_threads = 2;
	part(BUSY_BEFORE, 40);
	part(ON_CPU, 30);
	part(PREEMPTED, 30);
	stay(80, 80, 90, 1, 44);
	stay(60, 60, 70, 1, 11);
	stay(45, 45, 55, 1, 55);
	stay(0, 0, 0, 1, 0);
	e = analyse();
	assert_int_equal(e->nr_segments, 8);
	assert_int_equal(e->segments[2].who_pid, 55);
	assert_string_equal(e->segments[2].who_comm, "");
	assert_string_equal(e->segments[4].who_comm, "httpd");
	assert_string_equal(e->segments[6].who_comm, "kworker/0:1");
}

static void any_stays_cover_the_latency(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		uint64_t wild = rand() % 4 ? 200 * MS : UINT64_MAX,
			 left_ns = (uint64_t)(rand() % 4) * 25 * MS + 1;

		begin(state);
		exemplar.end_ns = BEGIN + left_ns;
		exemplar.read_ns = BEGIN + (uint64_t)rand() % (left_ns + MS);
		exemplar.nr_stays = (uint32_t)rand() % (STAYS + 1);
		for (uint32_t i = 0; i < exemplar.nr_stays; i++) {
			struct stay *one = &exemplar.stays[i];

			one->in_ns = BEGIN - 50 * MS + ((uint64_t)rand() * (uint64_t)rand()) % wild;
			one->away_16ns = rand() % 8 ? (uint32_t)rand() % (MS / 2) : STAY_LONG;
			one->waited_16ns = (uint32_t)rand() % (MS / 2);
			one->who = (uint32_t)rand() * 3u;
		}
		for (uint32_t i = COMPONENT_RESIDUAL; i--;) {
			exemplar.parts.components_ns[i] = rand() % 3 ? 0 : (uint64_t)rand() % (left_ns + 1);
			left_ns -= exemplar.parts.components_ns[i];
		}
		exemplar.parts.components_ns[COMPONENT_RESIDUAL] = left_ns;
		analyse();
	}
}

static void five_are_reported_from_when_they_began(void **state)
{
	(void)state;
	requests.slowest.nr = SNAPSHOT_EXEMPLARS;
	for (uint64_t i = 0; i < SNAPSHOT_EXEMPLARS; i++) {
		requests.slowest.of[i] = exemplar;
		requests.slowest.of[i].end_ns -= i * MS;
	}
	exemplars_of(&snapshot, BEGIN + 3 * MS, &report);
	assert_int_equal(report.exemplars.nr, REPORT_EXEMPLARS);
	assert_int_equal(report.exemplars.of[4].latency_ns, 96 * MS);
	assert_int_equal(report.exemplars.of[4].begun_ns, -(int64_t)(3 * MS));
	/* Not watched. */
	memset(&report.exemplars, 0, sizeof(report.exemplars));
	snapshot.requests = NULL;
	exemplars_of(&snapshot, BEGIN, &report);
	assert_int_equal(report.exemplars.nr, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_the_reader_did_is_told, begin),
		cmocka_unit_test_setup(work_waits_and_reasons_are_told, begin),
		cmocka_unit_test_setup(reason_that_is_not_certain_is_not_told, begin),
		cmocka_unit_test_setup(work_among_that_for_others_is_not_told, begin),
		cmocka_unit_test_setup(upstream_is_told, begin),
		cmocka_unit_test_setup(what_is_older_is_not_known, begin),
		cmocka_unit_test_setup(stays_of_another_task_are_not_taken, begin),
		cmocka_unit_test_setup(tiny_turns_go_to_their_neighbours, begin),
		cmocka_unit_test_setup(neighbours_have_names, begin),
		cmocka_unit_test_setup(any_stays_cover_the_latency, begin),
		cmocka_unit_test_setup(five_are_reported_from_when_they_began, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
