// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests whose threads say what they work for: where that is true, all of their latency is known, to the
 * nanosecond; and whatever they say, no time is in two requests, and none that nobody spent.
 */
#include "record_sim.h"

enum { LIVES = 10000, LIARS = 3000 };

/* The pool's thread had another request before, without anybody looking in between, or waited for one. */
static void pool_takes(struct context *context, struct context *before)
{
	struct task_struct *pool = &sim.task[POOL];

	if (any(2)) {
		take(pool, before);
		live(pool, BLOCKED_DISK);
		queue(pool, before);
	} else if (any(2)) {
		switch_out(pool, 0, BLOCKED_FUTEX);
		pass(1 + any(MOST_STEP_NS));
		wake(pool, NULL);
		pass(1 + any(MOST_STEP_NS));
		switch_in(pool);
		pass(1 + any(MOST_STEP_NS));
	}
	take(pool, context);
}

/* From the reader to a pool and back, by queues; the reader serves another one meanwhile. */
static void two_hops_are_explained(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		struct task_struct *reader = &sim.task[READER], *pool = &sim.task[POOL];
		struct context context = context_of(0x5000), before = context_of(0x6000);
		uint64_t since_ns;
		int is_busy = (int)any(2);

		begin(seed);
		read_request(reader, 0);
		since_ns = sim.now_ns;
		pass(any(MOST_STEP_NS));
		take(reader, &context);
		queue(reader, &context);
		expect_all_of(reader, since_ns);
		if (is_busy) /* else it polls */
			read_request(reader, 1);
		else
			switch_out(reader, 0, BLOCKED_POLL);
		pass(any(MOST_STEP_NS));
		pool_takes(&context, &before);
		since_ns = sim.now_ns;
		live(pool, BLOCKED_SLEEP);
		expect_all_of(pool, since_ns);
		queue(pool, &context);
		pass(any(MOST_STEP_NS)); /* on its way */
		if (!is_busy) {
			wake(reader, pool);
			pass(1 + any(MOST_STEP_NS));
			switch_in(reader);
		}
		pass(1 + any(MOST_STEP_NS));
		take(reader, &context);
		since_ns = sim.now_ns;
		live(reader, BLOCKED_SOCKET);
		expect_all_of(reader, since_ns);
		send_response(reader, 0, 0);
		hold_against_book(0);
	}
}

/* What the loop did for the one that it handed back is not in the one that it still holds. */
static void the_other_request_has_the_rest(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		struct task_struct *reader = &sim.task[READER];
		struct context context = context_of(0x5000);
		uint64_t since_ns, read_ns;

		begin(seed);
		read_request(reader, 0);
		take(reader, &context);
		queue(reader, &context);
		read_request(reader, 1);
		read_ns = sim.now_ns;
		pass(1 + any(MOST_STEP_NS));
		live(reader, BLOCKED_DISK);
		memset(by_book_ns, 0, sizeof(by_book_ns));
		expect_all_of(reader, read_ns);
		take(reader, &context);
		by_book_ns[COMPONENT_RUNTIME_QUEUE] = 0;
		since_ns = sim.now_ns;
		pass(1 + any(MOST_STEP_NS));
		send_response(reader, 0, 0);
		by_book_ns[COMPONENT_BUSY_WITH_OTHERS] = sim.now_ns - since_ns;
		leave(reader);
		since_ns = sim.now_ns;
		send_response(reader, 1, 0);
		hold_against_book(1);
	}
}

/* It worked for another one, says its record, and never left its CPU. */
static void what_was_for_another_is_not_for_its_own(void **state)
{
	struct task_struct *reader = &sim.task[READER];
	struct context context = context_of(0x5000);

	(void)state;
	begin(1);
	switch_out(&sim.task[OTHER], 0, BLOCKED_FUTEX);
	read_request(reader, 0);
	memset(by_book_ns, 0, sizeof(by_book_ns));
	pass(100);
	context.queued_at_ns = sim.now_ns - 50;
	take(reader, &context);
	by_book_ns[COMPONENT_RUNTIME_QUEUE] = 0;
	pass(1000);
	wake(&sim.task[OTHER], reader);
	leave(reader);
	pass(10);
	by_book_ns[COMPONENT_ON_CPU] = 110;
	by_book_ns[COMPONENT_BUSY_WITH_OTHERS] = 1000;
	send_response(reader, 0, 0);
	hold_against_book(0);
}

/* It was woken with one request, and says that it works for another. */
static void what_is_told_is_not_handed_on_as_well(void **state)
{
	struct task_struct *reader = &sim.task[READER], *pool = &sim.task[POOL];
	struct context context = context_of(0x5000);
	uint64_t ran_ns;

	(void)state;
	begin(1);
	switch_out(pool, 0, BLOCKED_FUTEX);
	read_request(reader, 1);
	read_request(reader, 0);
	wake(pool, reader);
	switch_out(reader, 0, BLOCKED_POLL);
	switch_in(pool);
	context.queued_at_ns = sim.now_ns - 50;
	take(pool, &context);
	pass(1000);
	switch_out(pool, 0, BLOCKED_DISK);
	pass(1000);
	wake(pool, NULL);
	switch_in(pool);
	ran_ns = 1000;
	leave(pool);
	pass(10);
	ran_ns += 10;
	send_response(pool, 0, 0);
	take(pool, &context);
	send_response(pool, 1, 0);
	assert_true(sim.on_cpu_ns >= 1000);
	assert_true(sim.on_cpu_ns <= ran_ns);
}

/* It says that it has worked for one all along, while it answered another. */
static void what_was_booked_is_not_told_again(void **state)
{
	struct task_struct *reader = &sim.task[READER];
	struct context context = context_of(0x5000);

	(void)state;
	begin(1);
	read_request(reader, 1);
	read_request(reader, 0);
	context.queued_at_ns = sim.now_ns;
	pass(1000);
	send_response(reader, 0, 0);
	pass(10);
	take(reader, &context);
	reader->shows.since_ns -= 1000;
	send_response(reader, 1, 0);
	assert_int_equal(sim.on_cpu_ns, 1010);
}

/* It says that it took up one request before it turned away from the other. */
static void what_is_told_of_two_requests_is_ones(void **state)
{
	struct task_struct *pool = &sim.task[POOL];
	struct context one = context_of(0x5000), two = context_of(0x6000);

	(void)state;
	begin(1);
	read_request(&sim.task[READER], 0);
	read_request(&sim.task[READER], 1);
	one.queued_at_ns = two.queued_at_ns = sim.now_ns;
	toucher_of(pool);
	switch_out(&sim.task[OTHER], 0, BLOCKED_FUTEX);
	switch_out(&sim.task[READER], 0, BLOCKED_POLL);
	pass(10);
	take(pool, &one);
	pass(1000);
	take(pool, &two);
	pool->says.left_since_ns = pool->shows.since_ns = 1;
	pass(100);
	switch_out(pool, 0, BLOCKED_FUTEX);
	wake(&sim.task[OTHER], NULL);
	switch_in(&sim.task[OTHER]);
	for (int i = 0; i < 2; i++) {
		sim.task[OTHER].shows = i ? two.look : one.look;
		send_response(&sim.task[OTHER], i, 0);
	}
	assert_in_range(sim.on_cpu_ns, 1, 1110);
}

/* Whatever it is. */
static struct record_look any_look(void)
{
	struct record_look look = { .object = any(3) * 0x100 };

	look.since_ns = any(4) ? sim.now_ns - any(sim.now_ns) : (uint64_t)rand() << any(33);
	look.waited_ns = any(2) ? any(3000) : (uint64_t)rand() << any(33);
	look.trace_id[0] = (uint8_t)any(3);
	if (any(3))
		look.tag = record_tag(look.trace_id, look.object, 1);
	return look;
}

static void publish_anything(struct task_struct *task)
{
	task->shows = any_look();
	if (any(2)) {
		task->says.before = address_of(&sim.task[any(TASKS + 1)]);
		task->says.before_since_ns = any(4) ? sim.now_ns - any(sim.now_ns) :
						      (uint64_t)rand() << any(33);
		task->says.before_until_ns = any(4) ? sim.now_ns - any(100) : (uint64_t)rand() << any(33);
	}
	if (any(2))
		return;
	task->says.left_since_ns = any(4) ? sim.now_ns - any(sim.now_ns) : (uint64_t)rand() << any(33);
	task->says.left_until_ns = any(4) ? sim.now_ns - any(100) : (uint64_t)rand() << any(33);
	task->says.left_request = any(3) * 0x100;
	task->says.left_trace_id[0] = (uint8_t)any(3);
}

static void serve(struct task_struct *task, int connection)
{
	struct span *span = &sim.connections[connection].span;

	if (!span->request || (span->state == SPAN_ANSWERED && any(2)))
		read_request(task, connection);
	else
		send_response(task, connection, !any(4));
}

static void step(void)
{
	struct task_struct *task = &sim.task[any(TASKS)], *by = &sim.task[any(TASKS)];

	if (task->now.doing == BLOCKS)
		wake(task, by->now.doing == RUNS ? by : NULL);
	else if (task->now.doing == WAITS)
		switch_in(task);
	else if (!any(3))
		publish_anything(task);
	else if (!any(3))
		switch_out(task, (int)any(2), (uint32_t)any(BLOCKED_REASONS));
	else if (!any(6))
		any(2) ? ask(task, (int)any(UPSTREAMS)) : read_answer(task, (int)any(UPSTREAMS));
	else
		serve(task, (int)any(CONNECTIONS));
}

/* Nor are there more components than latency: request_sim.h holds all that is booked to that. */
static void lies_put_no_time_into_two_requests(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIARS; seed++) {
		sim_begin(seed, TASKS);
		for (int i = 0; i < TASKS; i++)
			sim.task[i].clock.recorded = any(4) ? RECORDED_THERE : RECORDED_NOT;
		for (int i = 0; i < STRETCHES / 4; i++) {
			pass(1 + any(MOST_STEP_NS));
			for (uint64_t left = any(5); left; left--)
				step();
			hold_against_runs(ran_by_book_ns());
		}
	}
}

/* Without a state two open requests of one trace are one: that is noticed. */
static void a_shared_trace_is_noticed(void **state)
{
	struct context context = context_of(0);

	(void)state;
	begin(1);
	read_request(&sim.task[READER], 0);
	read_request(&sim.task[READER], 1);
	for (int i = 0; i < 2; i++) {
		pass(100);
		sim.task[POOL].shows = context.look;
		pass(100);
		send_response(&sim.task[POOL], i, 0);
		assert_int_equal(sim.shared, i);
		leave(&sim.task[POOL]);
		switch_out(&sim.task[POOL], 0, BLOCKED_FUTEX);
		pass(100);
		live(&sim.task[POOL], BLOCKED_FUTEX);
	}
	/* One after another they may. */
	read_request(&sim.task[READER], 0);
	sim.task[POOL].shows = context.look;
	send_response(&sim.task[POOL], 0, 0);
	assert_int_equal(sim.shared, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_hops_are_explained),
		cmocka_unit_test(the_other_request_has_the_rest),
		cmocka_unit_test(what_was_for_another_is_not_for_its_own),
		cmocka_unit_test(what_is_told_is_not_handed_on_as_well),
		cmocka_unit_test(what_was_booked_is_not_told_again),
		cmocka_unit_test(what_is_told_of_two_requests_is_ones),
		cmocka_unit_test(lies_put_no_time_into_two_requests),
		cmocka_unit_test(a_shared_trace_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
