// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Requests between two snapshots whose answers are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/between_requests.h"

enum {
	ON_CPU = COMPONENT_ON_CPU,
	WAKEUP = COMPONENT_RUN_QUEUE_WAKEUP,
	PREEMPTED = COMPONENT_RUN_QUEUE_PREEMPTED
};
enum { DISK = COMPONENT_BLOCKED_FIRST + BLOCKED_DISK };

static struct request on_cpu_only(uint64_t ns)
{
	return (struct request){ .components_ns[ON_CPU] = ns, .status = STATUS_2XX };
}

/* TO becomes the FROM of the next window, as it is measured on. */
static void next_window(void)
{
	static struct snapshot_requests measured;
	struct err err = {};

	measured = *to.requests;
	assert_int_equal(requests_carry(&from, &to, &err), 0);
	*from.requests = *to.requests;
	*to.requests = measured;
}

/* 90 of 1 us on a CPU; 9 that waited 19 us after a wakeup; one that was preempted and read from a disk. */
static void book_hundred(struct snapshot_requests *in)
{
	const struct request plain = on_cpu_only(1000),
			     waited = { .components_ns = { [ON_CPU] = 1000, [WAKEUP] = 19000 },
					.status = STATUS_3XX,
					.blame = BLAME_PROCESS },
			     slow = { .components_ns = { [ON_CPU] = 1000, [PREEMPTED] = 9000, [DISK] = 90000 },
				      .status = STATUS_5XX,
				      .blame = BLAME_SELF };

	book(in, &plain, 90);
	book(in, &waited, 9);
	book(in, &slow, 1);
	in->max_ns = 100000;
}

static void whole_run_is_the_last_snapshot(void **state)
{
	const struct report_requests *r = &report.requests;

	(void)state;
	book_hundred(to.requests);
	analyse(NULL);
	assert_true(r->watched);
	assert_int_equal(r->count, 100);
	assert_int_equal(r->statuses[STATUS_2XX], 90);
	assert_int_equal(r->statuses[STATUS_3XX], 9);
	assert_int_equal(r->statuses[STATUS_5XX], 1);
	assert_int_equal(r->latency.count, 100);
	assert_int_equal(r->latency.total_ns, 370000);
	assert_int_equal(r->latency.max_ns, 100000);
	assert_int_equal(r->nr_buckets, 3);
	assert_int_equal(hist_bucket_from_ns(r->buckets[1].bucket), 19968);
	assert_int_equal(r->buckets[1].count, 9);
	assert_int_equal(r->buckets[1].latency_ns, 180000);
	assert_int_equal(r->buckets[1].components_ns[WAKEUP], 171000);
	assert_int_equal(r->buckets[1].blame_ns[BLAME_PROCESS], 171000);
	assert_int_equal(r->buckets[1].voluntary, 9);
}

static void tail_is_that_bucket_and_all_higher(void **state)
{
	const struct report_request_quantile *q = report.requests.quantiles;

	(void)state;
	book_hundred(to.requests);
	analyse(NULL);
	assert_int_equal(q[0].latency_ns, 1000); /* of 992 to 1008 */
	assert_int_equal(q[0].tail_count, 100);
	assert_int_equal(q[0].tail_latency_ns, 3700);
	assert_int_equal(q[0].components_ns[ON_CPU], 1000);
	assert_int_equal(q[0].components_ns[WAKEUP], 1710);
	assert_int_equal(q[0].components_ns[PREEMPTED], 90);
	assert_int_equal(q[0].components_ns[DISK], 900);
	assert_int_equal(q[1].tail_count, 100);
	assert_int_equal(q[2].latency_ns, 20224);
	assert_int_equal(q[2].tail_count, 10);
	assert_int_equal(q[2].tail_latency_ns, 28000);
	assert_int_equal(q[2].components_ns[WAKEUP], 17100);
	assert_int_equal(q[2].components_ns[PREEMPTED], 900);
	assert_int_equal(q[2].blame_ns[BLAME_PROCESS], 17100);
	assert_int_equal(q[2].blame_ns[BLAME_SELF], 900);
	assert_int_equal(q[3].latency_ns, 99328);
	assert_int_equal(q[3].tail_count, 1);
	assert_int_equal(q[3].tail_latency_ns, 100000);
	assert_int_equal(q[3].components_ns[DISK], 90000);
	assert_int_equal(q[3].blame_ns[BLAME_PROCESS], 0);
}

/* Worked out by hand from the hundred latencies less the component. */
static void quantiles_without_a_component_are_measured(void **state)
{
	const struct report_request_quantile *q = report.requests.quantiles;

	(void)state;
	book_hundred(to.requests);
	analyse(NULL);
	assert_int_equal(q[2].without_ns[WAKEUP], 1000);
	assert_int_equal(q[3].without_ns[WAKEUP], 99328);
	assert_int_equal(q[2].without_ns[PREEMPTED], 20224);
	assert_int_equal(q[3].without_ns[PREEMPTED], 91136);
	/* The slowest is not the slowest any more. */
	assert_int_equal(q[3].without_ns[DISK], 20224);
	assert_int_equal(q[0].without_ns[ON_CPU], 0);
	assert_int_equal(q[2].without_ns[ON_CPU], 19200);
	assert_int_equal(q[3].without_ns[ON_CPU], 99328);
	assert_int_equal(q[2].without_ns[WITHOUT_RUN_QUEUE], 1000);
	assert_int_equal(q[3].without_ns[WITHOUT_RUN_QUEUE], 91136);
	for (int i = 0; i < QUANTILES; i++)
		assert_int_equal(q[i].without_ns[COMPONENT_ACCEPT_WAIT], q[i].latency_ns);
}

static void window_is_the_difference(void **state)
{
	const struct report_requests *r = &report.requests;
	const struct request one = on_cpu_only(5000);

	(void)state;
	book_hundred(from.requests);
	*to.requests = *from.requests;
	book(to.requests, &one, 3);
	from.requests->not_counted[NOT_CLOSED] = 4;
	to.requests->not_counted[NOT_CLOSED] = 6;
	from.requests->not_counted[NOT_UNANSWERED] = from.requests->still_sending = 9;
	to.requests->not_counted[NOT_UNANSWERED] = to.requests->still_sending = 2;
	to.requests->max_ns = 5010;
	to.requests->listens = true;
	analyse(&from);
	assert_int_equal(r->count, 3);
	assert_int_equal(r->statuses[STATUS_2XX], 3);
	assert_int_equal(r->nr_buckets, 1);
	assert_int_equal(r->latency.total_ns, 15000);
	assert_int_equal(r->latency.max_ns, 5010);
	assert_int_equal(r->quantiles[2].components_ns[ON_CPU], 5000);
	assert_int_equal(r->quantiles[2].without_ns[ON_CPU], 0);
	assert_int_equal(r->not_counted[NOT_CLOSED], 2);
	/* These are states. */
	assert_int_equal(r->not_counted[NOT_UNANSWERED], 2);
	assert_int_equal(r->still_sending, 2);
	assert_true(r->listens);
}

static void maximum_lies_in_the_highest_bucket(void **state)
{
	(void)state;
	book_hundred(to.requests);
	to.requests->max_ns = 200000; /* booked between the look at it and that at the buckets */
	analyse(NULL);
	assert_int_equal(report.requests.latency.max_ns, 100351);
	to.requests->max_ns = 20000;
	analyse(NULL);
	assert_int_equal(report.requests.latency.max_ns, 98304);
}

/* The one that made the maximum was booked in the window before, in part. */
static void last_bucket_has_no_edge(void **state)
{
	const struct request hour = on_cpu_only(3600ull * 1000000000);

	(void)state;
	book(to.requests, &hour, 2);
	to.requests->max_ns = 70ull * 1000000000;
	analyse(NULL);
	assert_int_equal(report.requests.latency.max_ns, 3600ull * 1000000000);
	assert_int_equal(report.requests.quantiles[3].tail_latency_ns, 3600ull * 1000000000);
}

static void what_is_not_watched_is_not_there(void **state)
{
	struct err err = {};

	(void)state;
	to.requests = NULL;
	analyse(&from);
	assert_false(report.requests.watched);
	assert_int_equal(requests_carry(&from, &to, &err), 0);
	to.requests = &requests[1];
	from.requests = NULL;
	book_hundred(to.requests);
	analyse(&from);
	assert_int_equal(report.requests.count, 100);
}

/* Its first send was in the window before: that one has counted it. */
static void moved_request_is_not_counted_again(void **state)
{
	const struct report_requests *r = &report.requests;
	const struct request usual = on_cpu_only(5000), first = on_cpu_only(1000), later = on_cpu_only(50000);

	(void)state;
	book(to.requests, &first, 1);
	book(to.requests, &usual, 10);
	analyse(&from);
	assert_int_equal(r->latency.total_ns, 51000);
	next_window();

	book(to.requests, &first, -1);
	book(to.requests, &later, 1);
	book(to.requests, &usual, 10);
	analyse(&from);
	assert_int_equal(r->count, 10);
	assert_int_equal(r->statuses[STATUS_2XX], 10);
	assert_int_equal(r->nr_buckets, 2);
	assert_int_equal(r->buckets[0].count, 9);
	assert_int_equal(r->buckets[0].latency_ns,
			 9 * 5119); /* 10 of 5000 less one of 1000 are too many for 9 */
	assert_int_equal(r->buckets[1].count, 1);
	assert_int_equal(r->buckets[1].latency_ns, 50000);
	next_window();

	/* What could not be printed comes now: all that was spent, less what the other windows had of it. */
	book(to.requests, &usual, 100);
	analyse(&from);
	assert_int_equal(r->count, 100);
	assert_int_equal(r->statuses[STATUS_2XX], 100);
	assert_int_equal(r->nr_buckets, 1);
	assert_int_equal(r->latency.total_ns, 120 * 5000 + 50000 - 51000 - 9 * 5119 - 50000);
	analyse(NULL);
	assert_int_equal(r->count, 121);
}

/* The same number in the bucket as before, but of other requests. */
static void exchange_in_a_bucket_is_no_request(void **state)
{
	const struct request shorter = on_cpu_only(5000), longer = on_cpu_only(5100);

	(void)state;
	book(to.requests, &shorter, 1);
	analyse(&from);
	next_window();
	book(to.requests, &shorter, -1);
	book(to.requests, &longer, 1);
	analyse(&from);
	assert_int_equal(report.requests.count, 0);
	assert_int_equal(report.requests.nr_buckets, 0);
	assert_int_equal(report.requests.quantiles[3].latency_ns, 0);
	next_window();
	book(to.requests, &shorter, 2);
	analyse(&from);
	assert_int_equal(report.requests.count, 2);
	assert_int_equal(report.requests.latency.total_ns, 10100);
}

/* What the moved request had of a component is more than the others have: taken off where it weighs least. */
static void parts_below_0_are_settled(void **state)
{
	const struct request waited = { .components_ns = { [ON_CPU] = 1000, [WAKEUP] = 4000 },
					.status = STATUS_5XX,
					.blame = BLAME_KERNEL },
			     read = { .components_ns = { [ON_CPU] = 1000, [DISK] = 4000 },
				      .status = STATUS_2XX },
			     later = on_cpu_only(50000);
	const struct report_request_bucket *b;

	(void)state;
	book(from.requests, &waited, 1);
	*to.requests = *from.requests;
	book(to.requests, &waited, -1);
	book(to.requests, &later, 1);
	book(to.requests, &read, 3);
	analyse(&from);
	b = &report.requests.buckets[0];
	assert_int_equal(b->count, 2);
	assert_int_equal(b->statuses[STATUS_5XX], 0);
	assert_int_equal(b->statuses[STATUS_2XX], 2);
	assert_int_equal(b->latency_ns, 10000);
	assert_int_equal(b->components_ns[WAKEUP], 0);
	assert_int_equal(b->blame_ns[BLAME_KERNEL], 0);
	assert_int_equal(b->components_ns[ON_CPU], 2000);
	assert_int_equal(b->components_ns[DISK], 8000);
}

/* A copy while a request moves from one CPU's sums to another's may lack it in between. */
static void torn_copy_wraps_nothing(void **state)
{
	const struct request one = on_cpu_only(1000);

	(void)state;
	book(to.requests, &one, -1);
	to.requests->max_ns = 1000;
	analyse(NULL);
	assert_int_equal(report.requests.count, 0);
	assert_int_equal(report.requests.latency.max_ns, 0);
	to.requests->without[DISK].moves[3] = 1; /* and this of two places only one */
	book(to.requests, &one, 5);
	analyse(NULL);
	assert_int_equal(report.requests.count, 4);
}

static void turn_may_move_too(void **state)
{
	struct snapshot_hist *was = &from.requests->turns[TURN_TLS], *is = &to.requests->turns[TURN_TLS];
	const struct report_dist *tls = &report.requests.turns[TURN_TLS];

	(void)state;
	was->buckets[10] = 1;
	was->total_ns = 10;
	is->buckets[20] = 7;
	is->buckets[30] = 1;
	is->total_ns = 7 * 20 + 30;
	is->max_ns = 30;
	analyse(&from);
	assert_int_equal(tls->count, 7);
	assert_int_equal(tls->buckets[10], 0);
	assert_int_equal(tls->buckets[20], 6);
	assert_int_equal(tls->buckets[30], 1);
	assert_int_equal(tls->total_ns, 160);
	next_window();
	is->buckets[10] = 2;
	is->total_ns += 20;
	analyse(&from);
	assert_int_equal(tls->count, 2);
	assert_int_equal(tls->total_ns, 20);
}

/* A reset is taken back: it was reported, so the next one that is not is none of the next window's. */
static void what_is_taken_back_was_counted(void **state)
{
	const uint64_t *beside = report.requests.not_counted;

	(void)state;
	to.requests->not_counted[NOT_CLOSED] = 1;
	to.requests->not_counted[NOT_UNANSWERED] = (__u64)-1; /* read CPU by CPU while one was answered */
	analyse(&from);
	assert_int_equal(beside[NOT_CLOSED], 1);
	assert_int_equal(beside[NOT_UNANSWERED], 0);
	next_window();
	to.requests->not_counted[NOT_CLOSED] = 0;
	analyse(&from);
	assert_int_equal(beside[NOT_CLOSED], 0);
	next_window();
	to.requests->not_counted[NOT_CLOSED] = 1;
	analyse(&from);
	assert_int_equal(beside[NOT_CLOSED], 0);
	analyse(NULL);
	assert_int_equal(beside[NOT_CLOSED], 1);
}

static void work_at_random(struct request *request)
{
	uint64_t most_ns = 1u << rand() % 24;

	request->components_ns[rand() % COMPONENTS] += (uint64_t)rand() % most_ns;
}

static struct request random_request(void)
{
	struct request request = {};

	request.status = (uint32_t)(rand() % STATUSES);
	request.blame = (uint32_t)(rand() % BLAME_KINDS);
	for (int i = rand() % 5; i >= 0; i--)
		work_at_random(&request);
	return request;
}

struct sums {
	uint64_t count, total_ns, statuses[STATUSES], components_ns[COMPONENTS], voluntary;
};

static void add_report(struct sums *sums)
{
	const struct report_requests *r = &report.requests;

	sums->count += r->count;
	sums->total_ns += r->latency.total_ns;
	for (int i = 0; i < STATUSES; i++)
		sums->statuses[i] += r->statuses[i];
	for (size_t row = 0; row < r->nr_buckets; row++) {
		sums->voluntary += r->buckets[row].voluntary;
		for (int i = 0; i < COMPONENTS; i++)
			sums->components_ns[i] += r->buckets[row].components_ns[i];
	}
}

/*
 * Slow responses that are sent in pieces over several windows.  Each window counts its own first sends, and
 * at the end, when enough requests have come that anything can be printed, nothing is missing.
 */
static void windows_sum_to_the_whole(void **state)
{
	enum { WINDOWS = 200, OPEN = 8 };
	struct request open[OPEN], many = { .status = STATUS_2XX };
	struct sums windows = {}, whole = {};

	(void)state;
	srand(1);
	for (int i = 0; i < OPEN; i++) {
		open[i] = random_request();
		book(to.requests, &open[i], 1);
	}
	analyse(&from);
	add_report(&windows);
	for (int window = 0; window < WINDOWS; window++) {
		int fresh = rand() % 6;

		next_window();
		for (int i = 0; i < OPEN; i++) {
			if (rand() % 3)
				continue;
			book(to.requests, &open[i], -1);
			work_at_random(&open[i]);
			book(to.requests, &open[i], 1);
		}
		for (int i = 0; i < fresh; i++) {
			open[i] = random_request();
			book(to.requests, &open[i], 1);
		}
		analyse(&from);
		assert_int_equal(report.requests.count, fresh);
		add_report(&windows);
	}
	for (int i = 0; i < COMPONENTS; i++)
		many.components_ns[i] = 100000;
	/* The first can have buckets that are still short of something, the second has none. */
	for (int window = 0; window < 2; window++) {
		next_window();
		book(to.requests, &many, 1000000);
		for (many.status = 0; many.status < STATUSES - 1; many.status++)
			book(to.requests, &many, 1000);
		analyse(&from);
		add_report(&windows);
	}
	analyse(NULL);
	add_report(&whole);
	assert_true(whole.count > 1000000 + WINDOWS);
	assert_int_equal(windows.count, whole.count);
	assert_int_equal(windows.total_ns, whole.total_ns);
	assert_int_equal(windows.voluntary, whole.voluntary);
	assert_memory_equal(windows.statuses, whole.statuses, sizeof(whole.statuses));
	assert_memory_equal(windows.components_ns, whole.components_ns, sizeof(whole.components_ns));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_run_is_the_last_snapshot),
		TEST(tail_is_that_bucket_and_all_higher),
		TEST(quantiles_without_a_component_are_measured),
		TEST(window_is_the_difference),
		TEST(maximum_lies_in_the_highest_bucket),
		TEST(last_bucket_has_no_edge),
		TEST(what_is_not_watched_is_not_there),
		TEST(moved_request_is_not_counted_again),
		TEST(exchange_in_a_bucket_is_no_request),
		TEST(parts_below_0_are_settled),
		TEST(torn_copy_wraps_nothing),
		TEST(turn_may_move_too),
		TEST(what_is_taken_back_was_counted),
		TEST(windows_sum_to_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
