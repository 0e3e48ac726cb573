// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Random but legal sequences of scheduler events through the clock code that the BPF side compiles:
 * an independent book of times must agree to the nanosecond.  The seed is printed when they do not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/clock.h"

enum { SEQUENCES = 5000, EVENTS = 60 };

/* What the sums are to be; MAX and COUNT of what has ended and began under the clock's eyes. */
struct book {
	uint64_t on_cpu, queue[RUN_QUEUE_CAUSES], blocked[BLOCKED_REASONS];
	uint64_t on_cpu_count, queue_count[RUN_QUEUE_CAUSES], blocked_count;
	uint64_t on_cpu_max, queue_max, blocked_max;
};

/* What the task is in: of STATE by WHICH, its cause or reason. */
struct doing {
	int state, which;
};

static void note_max(uint64_t *max, uint64_t ns)
{
	if (ns > *max)
		*max = ns;
}

/* COUNTS: it has ended, and was seen from its beginning. */
static void note(struct book *book, struct doing doing, uint64_t ns, bool counts)
{
	if (doing.state == CLOCK_RUNNING) {
		book->on_cpu += ns;
		book->on_cpu_count += counts;
		note_max(&book->on_cpu_max, counts ? ns : 0);
	} else if (doing.state == CLOCK_RUNNABLE) {
		book->queue[doing.which] += ns;
		book->queue_count[doing.which] += counts;
		note_max(&book->queue_max, counts ? ns : 0);
	} else {
		book->blocked[doing.which] += ns;
		book->blocked_count += counts;
		note_max(&book->blocked_max, counts ? ns : 0);
	}
}

static void expect(const struct clock_sums *sums, const struct book *book, unsigned seed, const char *what)
{
	if (sums->on_cpu_ns != book->on_cpu || memcmp(sums->run_queue_ns, book->queue, sizeof(book->queue)) ||
	    memcmp(sums->blocked_ns, book->blocked, sizeof(book->blocked)))
		fail_msg("seed %u: the times of %s and the book differ", seed, what);
	if (sums->on_cpu_count != book->on_cpu_count || sums->blocked_count != book->blocked_count ||
	    memcmp(sums->run_queue_count, book->queue_count, sizeof(book->queue_count)))
		fail_msg("seed %u: the counts of %s and the book differ", seed, what);
	if (sums->on_cpu_max_ns != book->on_cpu_max || sums->run_queue_max_ns != book->queue_max ||
	    sums->blocked_max_ns != book->blocked_max)
		fail_msg("seed %u: the maxima of %s and the book differ", seed, what);
}

/* A copy that is closed a little later has what the task does by then, and the clock is as it was. */
static void expect_of_copy(const struct task_clock *clock, const struct book *book, struct doing doing,
			   uint64_t now, unsigned seed)
{
	uint64_t open_ns = (uint64_t)(rand() % 1000);
	struct task_clock copy = *clock;
	struct book later = *book;

	note(&later, doing, open_ns, false);
	assert_int_equal(clock_close_copy(&copy, now + open_ns, (__u8)doing.state, (__u8)doing.which),
			 open_ns);
	expect(&copy.sums, &later, seed, "a copy");
}

/* It ends what it is doing; returns what it does next. */
static struct doing move(struct task_clock *clock, struct doing doing, uint64_t now, bool dies)
{
	struct doing next = { CLOCK_RUNNABLE, AFTER_WAKEUP };
	struct clock_interval closed = {};

	if (doing.state == CLOCK_RUNNABLE) {
		assert_int_equal(clock_switch_in(clock, now).gap, 0);
		return (struct doing){ CLOCK_RUNNING, 0 };
	}
	if (doing.state == CLOCK_BLOCKED) {
		assert_int_equal(clock_wakeup(clock, now, 0, (__u8)doing.which, &closed), 1);
		return next;
	}
	/* A wakeup of a task that runs changes nothing. */
	assert_int_equal(clock_wakeup(clock, now, 1, 0, &closed), 0);
	if (dies) {
		assert_int_equal(clock_die(clock, now).gap, 0);
		return (struct doing){ CLOCK_DEAD, 0 };
	}
	next = rand() % 2 ? (struct doing){ CLOCK_BLOCKED, rand() % BLOCKED_REASONS } :
			    (struct doing){ CLOCK_RUNNABLE, AFTER_PREEMPTION };
	assert_int_equal(clock_switch_out(clock, now, next.state == CLOCK_RUNNABLE, (__u8)next.which).gap, 0);
	return next;
}

enum begins { BORN, BORN_UNSEEN, SEEDED };

/* How the clock begins at NOW; returns what the task does then. */
static struct doing begin(struct task_clock *clock, enum begins begins, uint64_t now)
{
	const struct doing doings[] = { { CLOCK_RUNNABLE, AFTER_PREEMPTION },
					{ CLOCK_RUNNING, 0 },
					{ CLOCK_BLOCKED, rand() % BLOCKED_REASONS } };

	if (begins == SEEDED) {
		clock_begin(clock, now, CLOCK_SEEDED);
		return doings[rand() % 3];
	}
	clock_begin(clock, 0, CLOCK_NEW);
	if (begins == BORN) {
		clock_wakeup_new(clock, now);
		return (struct doing){ CLOCK_RUNNABLE, AFTER_WAKEUP };
	}
	/* Its first wakeup was lost: its time begins with what comes then. */
	assert_int_equal(clock_switch_in(clock, now).gap, 1);
	return (struct doing){ CLOCK_RUNNING, 0 };
}

/* A task's life: queued, running, preempted or blocked, woken ... with random lengths. */
static void live(unsigned seed, enum begins begins)
{
	struct task_clock clock = {};
	struct book book = {};
	uint64_t now = 1000, began = now;
	struct doing doing;

	srand(seed);
	doing = begin(&clock, begins, now);
	for (int i = 0; i < EVENTS && doing.state != CLOCK_DEAD; i++) {
		uint64_t length = (uint64_t)(rand() % 100000);

		expect_of_copy(&clock, &book, doing, now, seed);
		now += length;
		note(&book, doing, length, begins != SEEDED || i);
		doing = move(&clock, doing, now, !(rand() % EVENTS));
		expect(&clock.sums, &book, seed, "the clock");
	}
	assert_int_equal(clock.since_ns - clock.began_at_ns, now - began);
	assert_int_equal(clock.sums.cut_count, begins == SEEDED);
	assert_int_equal(clock_is_live(&clock), doing.state != CLOCK_DEAD);
}

static void test_born(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEQUENCES; seed++)
		live(seed, BORN);
}

static void test_born_unseen(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEQUENCES; seed++)
		live(seed, BORN_UNSEEN);
}

static void test_seeded(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEQUENCES; seed++)
		live(seed, SEEDED);
}

static void test_time_never_goes_back(void **state)
{
	struct task_clock clock = {};

	(void)state;
	clock_wakeup_new(&clock, 1000);
	clock_switch_in(&clock, 990);
	assert_int_equal(clock.since_ns, 1000);
	assert_int_equal(clock.sums.run_queue_ns[AFTER_WAKEUP], 0);
}

static void test_lost_event_is_seen(void **state)
{
	struct task_clock clock = {};

	(void)state;
	clock_wakeup_new(&clock, 1000);
	assert_int_equal(clock_switch_out(&clock, 2000, 1, 0).gap, 1);
}

static void test_every_bucket_edge(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		assert_int_equal(hist_bucket(hist_bucket_from_ns(i)), i);
		assert_int_equal(hist_bucket(hist_bucket_to_ns(i) - 1), i);
	}
	assert_int_equal(hist_bucket(UINT64_MAX), HIST_BUCKETS - 1);
}

/* It ran and waited unseen in its latest block, and never more than that block was long. */
static void a_block_is_split(void **state)
{
	struct task_clock clock = {};
	struct clock_interval closed;
	__u64 ran_ns = 30, waited_ns = 20;

	(void)state;
	clock_wakeup_new(&clock, 1000);
	clock_switch_in(&clock, 1010);
	clock_switch_out(&clock, 1020, 0, BLOCKED_POLL);
	clock_wakeup(&clock, 1120, 0, 0, &closed);
	assert_int_equal(clock_split_block(&clock, &ran_ns, &waited_ns), 50);
	assert_int_equal(clock.sums.on_cpu_ns, 10 + 30);
	assert_int_equal(clock_run_queue_ns(&clock.sums), 10 + 20);
	assert_int_equal(clock.sums.blocked_ns[BLOCKED_POLL], 50);
	assert_int_equal(clock.sums.blame_ns[BLAME_OTHER], 20);
	ran_ns = 1000;
	waited_ns = 1000;
	assert_int_equal(clock_split_block(&clock, &ran_ns, &waited_ns), 50);
	assert_int_equal(waited_ns, 0);
	assert_int_equal(clock.sums.blocked_ns[BLOCKED_POLL], 0);
	assert_int_equal(clock.sums.on_cpu_count, 3);
	assert_int_equal(clock.sums.run_queue_count[AFTER_WAKEUP], 2); /* none of no length */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_born),
		cmocka_unit_test(test_born_unseen),
		cmocka_unit_test(test_seeded),
		cmocka_unit_test(test_time_never_goes_back),
		cmocka_unit_test(test_lost_event_is_seen),
		cmocka_unit_test(test_every_bucket_edge),
		cmocka_unit_test(a_block_is_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
