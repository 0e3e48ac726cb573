// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a thread did between two looks is taken by those who answer what it was for: all of it, and each ns
 * once.
 */
#include "record_sim.h"

enum { LIVES = 10000 };

/* TASK works, and may lose its CPU meanwhile: what it ran, and what it waited. */
static void work_unseen(struct task_struct *task, uint64_t *ran_ns, uint64_t *waited_ns)
{
	uint64_t ns = 1 + any(MOST_STEP_NS);

	pass(ns);
	*ran_ns += ns;
	if (any(3))
		return;
	switch_out(task, 1, 0);
	ns = 1 + any(MOST_STEP_NS);
	pass(ns);
	*waited_ns += ns;
	switch_in(task);
	ns = 1 + any(MOST_STEP_NS);
	pass(ns);
	*ran_ns += ns;
}

/* The pool's only thread works for one after the other, and is seldom seen; the reader comes late. */
static void what_a_thread_did_in_a_row_is_told_apart(void **state)
{
	enum { ROW = 3 };

	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		struct task_struct *reader = &sim.task[READER], *pool = &sim.task[POOL];
		struct context contexts[ROW] = { context_of(0x5000), context_of(0x6000), context_of(0x7000) };
		uint64_t ran_ns[ROW] = {}, waited_ns[ROW] = {};

		begin(seed);
		for (int i = 0; i < ROW; i++) {
			read_request(reader, i);
			take(reader, &contexts[i]);
			queue(reader, &contexts[i]);
		}
		for (int i = 0; i < ROW; i++) {
			take(pool, &contexts[i]);
			work_unseen(pool, &ran_ns[i], &waited_ns[i]);
			queue(pool, &contexts[i]);
			pass(any(20));
		}
		if (any(2))
			switch_out(pool, (int)any(2), BLOCKED_FUTEX);
		for (int i = 0; i < ROW; i++) {
			const struct span *span = &sim.connections[i].span;

			take(reader, &contexts[i]);
			send_response(reader, i, 0);
			leave(reader);
			if (span->parts.components_ns[COMPONENT_ON_CPU] != ran_ns[i] ||
			    span->parts.components_ns[COMPONENT_RUN_QUEUE_PREEMPTED] != waited_ns[i])
				fail_msg("seed %u: request %d ran for %llu and not %llu ns, waited for %llu "
					 "and not %llu",
					 seed, i,
					 (unsigned long long)span->parts.components_ns[COMPONENT_ON_CPU],
					 (unsigned long long)ran_ns[i],
					 (unsigned long long)
						 span->parts.components_ns[COMPONENT_RUN_QUEUE_PREEMPTED],
					 (unsigned long long)waited_ns[i]);
		}
	}
}

/*
 * The pool's thread worked for ONE for 1000 ns, unseen, as the other thread knows that answers it on
 * connection 0 then.  Nobody else is on a CPU.
 */
static void answer_what_the_pool_did(struct context *one)
{
	struct task_struct *pool = &sim.task[POOL], *other = &sim.task[OTHER];

	one->queued_at_ns = sim.now_ns - 50;
	take(pool, one);
	pass(1000);
	queue(pool, one);
	wake(other, NULL);
	switch_in(other);
	take(other, one);
	send_response(other, 0, 0);
	leave(other);
	assert_int_equal(sim.on_cpu_ns, 1000);
	switch_out(other, 0, BLOCKED_FUTEX);
}

/* The reader has read both, or only that one. */
static void begin_with_pool_alone(int both)
{
	begin(1);
	if (both)
		read_request(&sim.task[READER], 1);
	read_request(&sim.task[READER], 0);
	pass(100);
	switch_out(&sim.task[READER], 0, BLOCKED_POLL);
	switch_out(&sim.task[OTHER], 0, BLOCKED_FUTEX);
}

/* The reader, which sleeps, is woken and answers on CONNECTION. */
static void reader_answers(struct context *context, int connection)
{
	struct task_struct *reader = &sim.task[READER];

	wake(reader, NULL);
	switch_in(reader);
	take(reader, context);
	send_response(reader, connection, 0);
}

/* It has read one itself before. */
static void what_was_taken_is_not_its_own_requests(void **state)
{
	struct task_struct *pool = &sim.task[POOL];
	struct context one = context_of(0x5000);

	(void)state;
	begin_with_pool_alone(0);
	read_request(pool, 1);
	answer_what_the_pool_did(&one);
	pass(10);
	send_response(pool, 1, 0);
	assert_int_equal(sim.on_cpu_ns, 1010);
}

/* It says afterwards that it did all that for another. */
static void what_was_taken_is_not_told_again(void **state)
{
	struct task_struct *pool = &sim.task[POOL];
	struct context one = context_of(0x5000), two = context_of(0x6000);

	(void)state;
	begin_with_pool_alone(1);
	answer_what_the_pool_did(&one);
	pool->says.left_request = 0x6000;
	memcpy(pool->says.left_trace_id, two.look.trace_id, TRACE_ID_BYTES);
	pass(10);
	switch_out(pool, 0, BLOCKED_FUTEX);
	two.queued_at_ns = sim.now_ns;
	reader_answers(&two, 1);
	assert_in_range(sim.on_cpu_ns, 1000, 1010);
}

/* And before that, worked a little for TWO. */
static void answer_what_the_pool_did_after(struct context *one, struct context *two)
{
	struct task_struct *pool = &sim.task[POOL];

	begin_with_pool_alone(1);
	two->queued_at_ns = sim.now_ns - 10;
	take(pool, two);
	pass(20);
	toucher_of(pool);
	queue(pool, two);
	answer_what_the_pool_did(one);
}

/* It showed another one before, for which it did nothing more. */
static void what_was_taken_is_not_for_the_one_before(void **state)
{
	struct task_struct *pool = &sim.task[POOL];
	struct context one = context_of(0x5000), two = context_of(0x6000);

	(void)state;
	answer_what_the_pool_did_after(&one, &two);
	pass(10);
	switch_out(pool, 0, BLOCKED_FUTEX);
	reader_answers(&two, 1);
	assert_int_equal(sim.on_cpu_ns, 1020);
}

/* What it did unseen is kept for who answers that, and its own request has it not. */
static void what_is_kept_is_not_its_own_requests(void **state)
{
	struct task_struct *pool = &sim.task[POOL];
	struct context one = context_of(0x5000), two = context_of(0x6000);

	(void)state;
	begin_with_pool_alone(0);
	read_request(pool, 1);
	send_response(pool, 1, 0); /* and there is more to come */
	one.queued_at_ns = two.queued_at_ns = sim.now_ns - 50;
	take(pool, &one);
	pass(1000);
	queue(pool, &one);
	take(pool, &two);
	pass(100);
	queue(pool, &two);
	send_response(pool, 1, 0);
	reader_answers(&one, 0);
	assert_in_range(sim.on_cpu_ns, 1000, 1200);
}

/* Nor is it when its way off its CPU was not announced, and the way back is. */
static void what_was_taken_is_not_for_the_one_before_it_went_unseen(void **state)
{
	struct task_struct *pool = &sim.task[POOL];
	struct context one = context_of(0x5000), two = context_of(0x6000);

	(void)state;
	answer_what_the_pool_did_after(&one, &two);
	leaves_cpu(pool, 1, 0);
	switch_in(pool);
	two.before = 0;
	reader_answers(&two, 1);
	assert_in_range(sim.on_cpu_ns, 1000, 1020);
}

/* The switch to it was not announced: it had no CPU before. */
static void what_is_kept_is_what_it_ran(void **state)
{
	struct task_struct *pool = &sim.task[POOL], *reader = &sim.task[READER];
	struct context one = context_of(0x5000), two = context_of(0x6000);

	(void)state;
	begin_with_pool_alone(1);
	switch_out(pool, 0, BLOCKED_FUTEX);
	pass(1000);
	is_woken(pool);
	gets_cpu(pool);
	one.queued_at_ns = two.queued_at_ns = sim.now_ns - 50;
	take(pool, &one);
	pass(100);
	queue(pool, &one);
	take(pool, &two);
	queue(pool, &two);
	toucher_of(pool);
	wake(reader, NULL);
	switch_in(reader);
	take(reader, &one);
	reader->says.before_since_ns = 0;
	send_response(reader, 0, 0);
	assert_int_equal(sim.on_cpu_ns, 200); /* its own 100 ns are in it */
}

/* It finds a request in a queue, and says nothing of that; what it ran before it was for another, as it said.
 */
static void what_was_told_is_not_found(void **state)
{
	struct task_struct *pool = &sim.task[POOL], *reader = &sim.task[READER], *other = &sim.task[OTHER];
	struct context one = context_of(0x5000);

	(void)state;
	begin(1);
	read_request(reader, 2);
	read_request(pool, 3);
	send_response(pool, 3, 0);
	pass(10);
	read_request(reader, 0);
	read_request(reader, 1);
	switch_out(reader, 0, BLOCKED_POLL);
	switch_out(other, 0, BLOCKED_FUTEX);
	one.queued_at_ns = sim.now_ns;
	take(pool, &one);
	pass(1000);
	leave(pool);
	send_response(pool, 1, 0);
	take(pool, &one);
	send_response(pool, 0, 0);
	assert_in_range(sim.on_cpu_ns, 1000, 1030);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_thread_did_in_a_row_is_told_apart),
		cmocka_unit_test(what_was_taken_is_not_its_own_requests),
		cmocka_unit_test(what_was_taken_is_not_told_again),
		cmocka_unit_test(what_was_taken_is_not_for_the_one_before),
		cmocka_unit_test(what_is_kept_is_not_its_own_requests),
		cmocka_unit_test(what_was_taken_is_not_for_the_one_before_it_went_unseen),
		cmocka_unit_test(what_is_kept_is_what_it_ran),
		cmocka_unit_test(what_was_told_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
