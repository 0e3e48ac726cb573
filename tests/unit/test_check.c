// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each identity holds in a report that is right, and names itself when it is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_report.h"
#include "user/analysis/check.h"
#include "user/analysis/quantile.h"

static struct report report;

/* Two threads that live, and three that ended; some blame of each kind; requests. */
static int begin(void **state)
{
	(void)state;
	for (unsigned seed = 1;; seed++) {
		fake_report(&report, seed);
		if (report.nr_threads >= 3 && report.threads[0].sums.blame_ns[BLAME_PROCESS] > 1 &&
		    report.scheduling.has_irq && report.scheduling.on_cpu.count &&
		    report.target.threads_ended && report.requests.nr_buckets >= 3)
			return 0;
		report_fini(&report);
	}
}

static int end(void **state)
{
	(void)state;
	report_fini(&report);
	return 0;
}

static void expect(enum check_when when, const char *path, const char *what)
{
	struct check_broken broken = {};

	if (check_report(&report, when, &broken))
		fail_msg("%s is not seen to be broken", path);
	assert_string_equal(broken.path, path);
	if (!strstr(broken.what, what))
		fail_msg("%s: %s, not %s", path, broken.what, what);
}

/* What one more in VALUE breaks, alone. */
static void one_more(uint64_t *value, const char *path, const char *what)
{
	++*value;
	expect(CHECK_ALWAYS, path, what);
	--*value;
}

static void whole_is_held_together(void **state)
{
	struct report_scheduling *s = &report.scheduling;
	struct check_broken broken;

	(void)state;
	assert_true(check_report(&report, CHECK_ALWAYS, &broken));
	one_more(&s->wall_ns, "scheduling.wall_ns", "on-CPU, run-queue and blocked");
	one_more(&s->run_queue_cause_ns[AFTER_WAKEUP], "scheduling.run_queue_ns", "its causes");
	one_more(&s->blocked_reason_ns[BLOCKED_DISK], "scheduling.blocked_ns", "its reasons");
	one_more(&s->voluntary, "scheduling.switches.voluntary", "over the threads");
	one_more(&s->involuntary, "scheduling.switches.involuntary", "over the threads");
	one_more(&s->migrations, "scheduling.migrations", "over the threads");
	one_more(&report.target.threads, "target.threads", "living threads");
	one_more(&report.target.threads_ended, "target.threads_ended", "ended threads");
	one_more(&report.blame[0].ns, "blame", "threads' blame");
	assert_true(check_report(&report, CHECK_ALWAYS, &broken));
}

/* Both sides of the first identity wrong in the same way: the next one sees it. */
static void whole_is_the_sum_of_its_threads(void **state)
{
	struct report_scheduling *s = &report.scheduling;

	(void)state;
	s->wall_ns++;
	s->on_cpu_ns++;
	expect(CHECK_ALWAYS, "scheduling.wall_ns", "over the threads");
	s->wall_ns--;
	s->run_queue_ns--;
	s->run_queue_cause_ns[AFTER_WAKEUP]--;
	expect(CHECK_ALWAYS, "scheduling.on_cpu_ns", "over the threads");
	s->on_cpu_ns--;
	s->run_queue_ns++;
	s->run_queue_cause_ns[AFTER_PREEMPTION]++;
	expect(CHECK_ALWAYS, "scheduling.run_queue.after_wakeup_ns", "over the threads");
	s->run_queue_cause_ns[AFTER_WAKEUP]++;
	s->run_queue_cause_ns[AFTER_PREEMPTION]--;
	s->stolen_ns++;
	expect(CHECK_ALWAYS, "scheduling.stolen.total_ns",
	       s->stolen_ns > s->on_cpu_ns ? "more than all on-CPU" : "over the threads");
	s->stolen_ns = s->on_cpu_ns + 1;
	expect(CHECK_ALWAYS, "scheduling.stolen.total_ns", "more than all on-CPU");
	s->stolen_ns = s->irq_ns - 1;
	expect(CHECK_ALWAYS, "scheduling.stolen.irq_ns", "more than all that was stolen");
}

/* A name moves from one kind to another: the sum stands, the kinds do not. */
static void blame_holds_kind_by_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < report.nr_blame; i++)
		if (report.blame[i].kind == BLAME_PROCESS && report.blame[i].pid)
			report.blame[i].kind = BLAME_KERNEL;
	expect(CHECK_ALWAYS, "blame", "threads' blame");
}

static void rows_are_held_together(void **state)
{
	struct clock_sums *sums = &report.threads[1].sums;

	(void)state;
	one_more(&report.threads[2].wall_ns, "threads[2].wall_ns", "on-CPU, run-queue and blocked");
	sums->blame_ns[BLAME_IDLE]++;
	expect(CHECK_ALWAYS, "threads[1].blame_ns", "run-queue time");
	sums->blame_ns[BLAME_IDLE]--;
	sums->stolen_ns = sums->on_cpu_ns + 1;
	expect(CHECK_ALWAYS, "threads[1].stolen_ns", "on-CPU");
}

static void sums_do_not_wrap(void **state)
{
	struct clock_sums *sums = &report.threads[0].sums;

	(void)state;
	sums->blocked_ns[BLOCKED_POLL] += 1ull << 63;
	sums->blocked_ns[BLOCKED_SLEEP] += 1ull << 63;
	expect(CHECK_ALWAYS, "threads[0].wall_ns", "on-CPU, run-queue and blocked");
}

static void distributions_are_held_together(void **state)
{
	struct report_dist *dist = &report.scheduling.blocked[BLOCKED_FUTEX];

	(void)state;
	memset(dist, 0, sizeof(*dist));
	dist->buckets[hist_bucket(1000)] = 2;
	dist->count = 2;
	dist->max_ns = 1000;
	dist->total_ns = 2000;
	one_more(&dist->count, "scheduling.blocked.futex.count", "its buckets");
	dist->max_ns = 500;
	expect(CHECK_ALWAYS, "scheduling.blocked.futex.max_ns", "highest bucket");
	dist->max_ns = 2000;
	expect(CHECK_ALWAYS, "scheduling.blocked.futex.max_ns", "highest bucket");
}

static void requests_are_held_together(void **state)
{
	struct report_requests *r = &report.requests;
	struct report_request_bucket *b = &r->buckets[1];

	(void)state;
	one_more(&b->statuses[STATUS_2XX], "requests.buckets[1].by_status", "the count");
	one_more(&b->count, "requests.buckets[1].by_status", "the count");
	one_more(&b->components_ns[COMPONENT_ON_CPU], "requests.buckets[1].components_ns", "latency_ns");
	one_more(&b->latency_ns, "requests.buckets[1].components_ns", "latency_ns");
	one_more(&b->blame_ns[BLAME_QUOTA], "requests.buckets[1].blame_ns", "run-queue time");
	one_more(&r->count, "requests.count", "its buckets");
	one_more(&r->statuses[STATUS_5XX], "requests.by_status", "the buckets");
	one_more(&r->latency.count, "requests.latency.count", "its buckets");
	one_more(&r->latency.total_ns, "requests.latency.total_ns", "the buckets");
	one_more(&r->turns[TURN_TLS].count, "requests.by_protocol.tls.count", "its buckets");
	memset(&r->turns[TURN_HTTP2], 0, sizeof(r->turns[TURN_HTTP2]));
	one_more(&r->turns[TURN_HTTP2].total_ns, "requests.by_protocol", "none");
	r->latency.max_ns = hist_bucket_from_ns(0);
	expect(CHECK_ALWAYS, "requests.latency.max_ns", "highest bucket");
	r->watched = false;
	assert_true(check_report(&report, CHECK_ALWAYS, &(struct check_broken){}));
}

/* Both sides of a sum wrong in the same way: what they must fit to sees it. */
static void request_buckets_lie_in_their_edges(void **state)
{
	struct report_request_bucket *b = &report.requests.buckets[1];
	uint64_t off_ns = b->latency_ns - b->count * hist_bucket_from_ns(b->bucket) + 1;

	(void)state;
	b->latency_ns -= off_ns;
	memset(b->components_ns, 0, sizeof(b->components_ns));
	memset(b->blame_ns, 0, sizeof(b->blame_ns));
	b->components_ns[COMPONENT_RESIDUAL] = b->latency_ns;
	expect(CHECK_ALWAYS, "requests.buckets[1].latency_ns", "edges");
	b->latency_ns = b->components_ns[COMPONENT_RESIDUAL] = b->count * hist_bucket_to_ns(b->bucket);
	expect(CHECK_ALWAYS, "requests.buckets[1].latency_ns", "edges");
	memset(b, 0, sizeof(*b));
	expect(CHECK_ALWAYS, "requests.buckets[1].count", "is 0");
}

static void request_buckets_are_those_of_the_latency(void **state)
{
	struct report_request_bucket *b = report.requests.buckets, first = b[0];

	(void)state;
	b[0] = b[1];
	b[1] = first;
	expect(CHECK_ALWAYS, "requests.buckets", "in order");
}

static void quantiles_without_a_component_can_be(void **state)
{
	struct report_request_quantile *q = report.requests.quantiles;
	uint64_t ns = q[3].latency_ns;
	struct check_broken broken;

	(void)state;
	for (int i = 0; i < QUANTILES; i++)
		q[i].without_ns[COMPONENT_ON_CPU] = 0;
	assert_true(ns > 65);
	q[3].without_ns[COMPONENT_ON_CPU] = quantile_of_bucket_ns(2 * ns + 2);
	expect(CHECK_ALWAYS, "requests.quantiles", "without_ns");
	q[3].without_ns[COMPONENT_ON_CPU] = 64; /* the lower edge of [64, 66) */
	expect(CHECK_ALWAYS, "requests.quantiles", "without_ns");
	q[3].without_ns[COMPONENT_ON_CPU] = 0;
	q[2].without_ns[COMPONENT_ON_CPU] = 1;
	expect(CHECK_ALWAYS, "requests.quantiles", "without_ns");
	q[2].without_ns[COMPONENT_ON_CPU] = 0;
	report.requests.has_without_run_queue = true;
	q[0].without_ns[WITHOUT_RUN_QUEUE] = quantile_of_bucket_ns(2 * ns + 2);
	expect(CHECK_ALWAYS, "requests.quantiles", "without_ns");
	report.requests.has_without_run_queue = false;
	assert_true(check_report(&report, CHECK_ALWAYS, &broken));
}

static void slope_lies_in_its_interval(void **state)
{
	struct report_slope *slope = &report.requests.slope;
	const struct report_slope good = { .known = true, .ns = -2, .low_ns = -3, .high_ns = -1 };

	(void)state;
	*slope = good;
	slope->ns = -4;
	expect(CHECK_ALWAYS, "requests.indirect_switch_cost", "interval");
	slope->ns = 0;
	expect(CHECK_ALWAYS, "requests.indirect_switch_cost", "interval");
	*slope = good;
	slope->count = report.requests.statuses[0];
	one_more(&slope->count, "requests.indirect_switch_cost", "interval");
}

static void loads_differ(void **state)
{
	struct report_loads *loads = &report.requests.loads;

	(void)state;
	*loads = (struct report_loads){ true, { 100, 2000, 1 }, { 101, 2000, 1 } };
	loads->lightest.count = 101;
	expect(CHECK_ALWAYS, "requests.loads", "lightest");
	loads->lightest.count = 0;
	expect(CHECK_ALWAYS, "requests.loads", "no requests");
	loads->lightest.count = 100;
	loads->lightest.duration_ns = 0;
	expect(CHECK_ALWAYS, "requests.loads", "no requests");
}

static void client_is_of_buckets_that_rise(void **state)
{
	struct report_client *client = &report.requests.client;

	(void)state;
	*client =
		(struct report_client){ .present = true, .ns = { 1, 65, 65, 67 }, .sent_ns = { 0, 1, 1, 1 } };
	client->ns[1] = 64; /* the lower edge of [64, 66) */
	expect(CHECK_ALWAYS, "requests.client", "quantiles");
	client->ns[1] = 69;
	expect(CHECK_ALWAYS, "requests.client", "quantiles");
	client->ns[1] = 65;
	client->sent_ns[3] = 0;
	expect(CHECK_ALWAYS, "requests.client", "quantiles");
}

static void rest_adds_what_moves_otherwise(void **state)
{
	struct report_scheduling *s = &report.scheduling;
	struct check_broken broken;

	(void)state;
	report_fini(&report);
	report.machine.cpus = report.target.cpus_allowed = 1;
	report.window.duration_ns = 1000;
	report.threads = calloc(1, sizeof(*report.threads));
	report.nr_threads = 1;
	report.threads[0].tid = 1;
	report.target.threads = 1;
	report.threads[0].wall_ns = report.threads[0].sums.on_cpu_ns = s->wall_ns = s->on_cpu_ns = 1000;
	s->utilisation_ratio = 1;
	s->on_cpu.buckets[hist_bucket(900)] = s->on_cpu.count = 1;
	s->on_cpu.total_ns = s->on_cpu.max_ns = 900;
	s->open_ns = 250;
	s->open_at_start_ns = 160;
	s->cut_ns = 10;
	assert_true(check_report(&report, CHECK_AT_REST, &broken));
	s->open_ns++;
	assert_true(check_report(&report, CHECK_ALWAYS, &broken));
	expect(CHECK_AT_REST, "scheduling.wall_ns", "distributions");
	report.machine.cpus = 0;
	expect(CHECK_AT_REST, "scheduling.on_cpu_ns", "CPUs");
	s->on_cpu.total_ns = 1000;
	expect(CHECK_AT_REST, "scheduling.on_cpu.total_ns", "buckets");
}

static void utilisation_follows_from_the_window(void **state)
{
	struct report_scheduling *s = &report.scheduling;
	double ratio = s->utilisation_ratio;
	struct check_broken broken;

	(void)state;
	s->utilisation_ratio = ratio * (1 + 4e-9); /* nine digits of it are stored */
	assert_true(check_report(&report, CHECK_ALWAYS, &broken));
	s->utilisation_ratio = ratio * (1 - 4e-9);
	assert_true(check_report(&report, CHECK_ALWAYS, &broken));
	s->utilisation_ratio = ratio * (1 + 1e-7);
	expect(CHECK_ALWAYS, "scheduling.utilisation_ratio", "duration_ns x cpus_allowed");
	s->utilisation_ratio = 0;
	expect(CHECK_ALWAYS, "scheduling.utilisation_ratio", "duration_ns x cpus_allowed");
	report.target.cpus_allowed = 0;
	expect(CHECK_ALWAYS, "target.cpus_allowed", "is 0");
	report.window.duration_ns = 0;
	expect(CHECK_ALWAYS, "window.duration_ns", "is 0");
}

/* One that slept all the time, or ended at once, used nothing. */
static void what_never_ran_used_nothing(void **state)
{
	struct check_broken broken;

	(void)state;
	report_fini(&report);
	report.window.duration_ns = 1000;
	assert_true(check_report(&report, CHECK_ALWAYS, &broken));
	report.scheduling.utilisation_ratio = 0.1;
	expect(CHECK_ALWAYS, "scheduling.utilisation_ratio", "duration_ns x cpus_allowed");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_is_held_together),
		TEST(whole_is_the_sum_of_its_threads),
		TEST(blame_holds_kind_by_kind),
		TEST(rows_are_held_together),
		TEST(sums_do_not_wrap),
		TEST(distributions_are_held_together),
		TEST(requests_are_held_together),
		TEST(request_buckets_lie_in_their_edges),
		TEST(request_buckets_are_those_of_the_latency),
		TEST(quantiles_without_a_component_can_be),
		TEST(slope_lies_in_its_interval),
		TEST(loads_differ),
		TEST(client_is_of_buckets_that_rise),
		TEST(rest_adds_what_moves_otherwise),
		TEST(utilisation_follows_from_the_window),
		TEST(what_never_ran_used_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
