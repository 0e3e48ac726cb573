// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests that go from task to task, by wakeups and by a queue in user space: what each did for them while
 * it had them is known, and so is all of the latency.
 */
#include "request_book.h"

enum { LIVES = 10000 };
enum { LOOP, FIRST, SECOND }; /* tasks */

/* TASK is blocked for REASON. */
static void park(struct task_struct *task, uint32_t reason)
{
	live(task, reason);
	pass(1 + any(MOST_STEP_NS));
	switch_out(task, 0, reason);
}

/* A world where the loop has a CPU, and the others are blocked, having answered something or not. */
static void begin(unsigned seed)
{
	sim_begin(seed, TASKS);
	memset(by_book_ns, 0, sizeof(by_book_ns));
	for (int i = FIRST; i < TASKS; i++) {
		live(&sim.task[i], BLOCKED_FUTEX);
		toucher_of(&sim.task[i]);
		if (any(2)) {
			read_request(&sim.task[i], i);
			send_response(&sim.task[i], i, 0);
		}
		park(&sim.task[i], BLOCKED_FUTEX);
	}
	live(&sim.task[LOOP], BLOCKED_POLL);
	read_request(&sim.task[LOOP], 0);
}

/* From FROM to TO, which is blocked: what FROM did since it got it at *SINCE_NS was for the request. */
static void relay(int from, int to, uint64_t *since_ns)
{
	live(&sim.task[from], from == LOOP ? BLOCKED_POLL : BLOCKED_FUTEX);
	pass(1 + any(MOST_STEP_NS));
	expect_all_of(&sim.task[from], *since_ns);
	wake(&sim.task[to], &sim.task[from]);
	*since_ns = sim.now_ns;
	pass(any(MOST_STEP_NS));
	if (any(2))
		switch_out(&sim.task[from], 0, from == LOOP ? BLOCKED_POLL : BLOCKED_FUTEX);
}

/* The loop hands its request to a worker; that one answers it, or hands it on, or back, for others to answer.
 */
static void handed_on_by_wakeups(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		uint64_t since_ns;
		int last = FIRST;

		begin(seed);
		passed_is_taken =
			1; /* what a worker adds that passes on is believed from the second time on */
		since_ns = sim.now_ns;
		relay(LOOP, FIRST, &since_ns);
		if (any(2)) {
			relay(FIRST, SECOND, &since_ns);
			last = SECOND;
		}
		if (any(2)) {
			if (sim.task[LOOP].now.doing == RUNS)
				switch_out(&sim.task[LOOP], 0, BLOCKED_POLL);
			relay(last, LOOP, &since_ns);
			last = LOOP;
		}
		live(&sim.task[last], BLOCKED_SOCKET);
		expect_all_of(&sim.task[last], since_ns);
		send_response(&sim.task[last], 0, 0);
		hold_against_book(0);
	}
}

/* It keeps it, and waits for a lock that the worker holds: all that it does is the request's, and no more. */
static void a_lock_is_no_hand_off(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		struct task_struct *task = &sim.task[LOOP], *other = &sim.task[FIRST];
		uint64_t read_ns;

		begin(seed);
		read_ns = sim.now_ns;
		wake(other, any(2) ? task : NULL);
		park(task, BLOCKED_FUTEX);
		live(other, BLOCKED_DISK);
		if (any(2))
			read_request(other, FIRST);
		live(other, BLOCKED_DISK);
		wake(task, other);
		live(task, BLOCKED_FUTEX);
		if (any(2)) /* it had the lock, and another one waits for it */
			wake(&sim.task[SECOND], task);
		live(task, BLOCKED_FUTEX);
		expect_all_of(task, read_ns);
		send_response(task, 0, 0);
		hold_against_book(0);
	}
}

/* A world where the first worker, which keeps what it was handed, is woken with the loop's request, while the
 * second one works for its own.  Returns when it was. */
static uint64_t begin_handed(unsigned seed)
{
	uint64_t since_ns;

	begin(seed);
	sim.task[FIRST].worker.keeps = KEEPS_HANDED;
	wake(&sim.task[SECOND], NULL);
	live(&sim.task[SECOND], BLOCKED_FUTEX);
	read_request(&sim.task[SECOND], SECOND);
	since_ns = sim.connections[0].span.at_ns;
	relay(LOOP, FIRST, &since_ns);
	return since_ns;
}

/* So it is for a worker that has it by a wakeup, and waits for locks that another leaves with its own
 * request. */
static void a_lock_of_a_worker_is_no_hand_off(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		struct task_struct *worker = &sim.task[FIRST], *other = &sim.task[SECOND];
		uint64_t since_ns;

		since_ns = begin_handed(seed);
		for (uint64_t locks = any(1 + HANDED_EARLIER); locks; locks--) {
			live(worker, BLOCKED_FUTEX);
			park(worker, BLOCKED_FUTEX);
			live(other, BLOCKED_DISK);
			if (any(2)) {
				send_response(other, SECOND, 0);
				pass(1);
				read_request(other, SECOND);
			}
			live(other, BLOCKED_DISK);
			wake(worker, other);
		}
		live(worker, BLOCKED_SOCKET);
		expect_all_of(worker, since_ns);
		send_response(worker, 0, 0);
		hold_against_book(0);
	}
}

/* All of the latency of what is answered at CONNECTION is explained. */
static void expect_no_residual(int connection)
{
	uint64_t residual_ns = sim.connections[connection].span.parts.components_ns[COMPONENT_RESIDUAL];

	if (residual_ns)
		fail_msg("seed %u: %lu ns are residual", sim.seed, (unsigned long)residual_ns);
}

/* A worker asks an upstream for what it was handed, and whoever wakes it with the answer works for another. */
static void asking_for_it_forgets_no_hand_off(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		struct task_struct *worker = &sim.task[FIRST], *other = &sim.task[SECOND];

		begin_handed(seed);
		live(worker, BLOCKED_DISK);
		ask(worker, 0);
		park(worker, BLOCKED_SOCKET);
		live(other, BLOCKED_DISK);
		upstream_arrives(0);
		wake(worker, any(2) ? other : NULL);
		live(worker, BLOCKED_DISK);
		read_answer(worker, 0);
		live(worker, BLOCKED_DISK);
		if (any(2)) {
			if (sim.task[LOOP].now.doing == RUNS)
				switch_out(&sim.task[LOOP], 0, BLOCKED_POLL);
			if (worker->worker.handed.request != sim.connections[0].span.request)
				continue; /* it hands on what it was woken with, for all that anybody knows */
			wake(&sim.task[LOOP], worker);
			worker = &sim.task[LOOP];
			live(worker, BLOCKED_DISK);
		}
		send_response(worker, 0, 0);
		expect_no_residual(0);
	}
}

/* A worker that was handed a request first reads an answer that came too late for the one before. */
static void a_late_answer_hides_no_hand_off(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		struct task_struct *worker = &sim.task[FIRST];
		uint64_t since_ns;

		begin(seed);
		wake(worker, NULL);
		live(worker, BLOCKED_FUTEX);
		read_request(worker, FIRST);
		live(worker, BLOCKED_FUTEX);
		ask(worker, 0);
		live(worker, BLOCKED_FUTEX);
		send_response(worker, FIRST, 0);
		park(worker, BLOCKED_FUTEX);
		since_ns = sim.connections[0].span.at_ns;
		relay(LOOP, FIRST, &since_ns);
		live(worker, BLOCKED_DISK);
		upstream_arrives(0);
		read_answer(worker, 0);
		live(worker, BLOCKED_DISK);
		expect_all_of(worker, since_ns);
		send_response(worker, 0, 0);
		hold_against_book(0);
	}
}

/* What a thread that was handed a request does for another one, by its record, is not in the first as well. */
static void what_is_told_ends_an_earlier_hand_off(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		struct task_struct *worker = &sim.task[FIRST], *other = &sim.task[SECOND];
		uint64_t told_ns = 0;
		const struct parts *parts = &sim.connections[0].span.parts;

		begin_handed(seed);
		worker->clock.recorded = RECORDED_THERE;
		worker->recorded.at_ns = sim.now_ns;
		park(worker, BLOCKED_FUTEX);
		live(other, BLOCKED_DISK);
		wake(worker, other);
		live(worker, BLOCKED_FUTEX);
		worker->shows = (struct record_look){ .tag = 9, .since_ns = sim.now_ns };
		pass(1 + any(MOST_STEP_NS));
		look_at(worker, 1);
		pass(1 + any(MOST_STEP_NS));
		look_at(worker, 1);
		memset(&worker->shows, 0, sizeof(worker->shows));
		park(worker, BLOCKED_FUTEX);
		live(other, BLOCKED_DISK);
		wake(worker, other);
		live(worker, BLOCKED_DISK);
		send_response(worker, 0, 0);
		for (int i = 0; i < ACCOUNTS; i++)
			told_ns += sim.tags[i] == 9 ? sim.accounts[i].parts.components_ns[COMPONENT_ON_CPU] :
						      0;
		assert_true(told_ns > 0);
		if (parts->components_ns[COMPONENT_ON_CPU] + told_ns >
		    sim.task[LOOP].clock.sums.on_cpu_ns + worker->clock.sums.on_cpu_ns +
			    running_ns(&sim.task[LOOP].clock, sim.now_ns) +
			    running_ns(&worker->clock, sim.now_ns))
			fail_msg("seed %u: %lu ns are in both", seed, (unsigned long)told_ns);
	}
}

/* Nobody is handed a request while it waits for a page. */
static void a_fault_of_a_worker_is_no_hand_off(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		struct task_struct *worker = &sim.task[FIRST], *other = &sim.task[SECOND];
		uint64_t since_ns;

		begin(seed);
		since_ns = sim.connections[0].span.at_ns;
		relay(LOOP, FIRST, &since_ns);
		live(worker, BLOCKED_FUTEX);
		wake(other, worker);
		park(worker, BLOCKED_FAULT);
		live(other, BLOCKED_SLEEP);
		if (any(2))
			read_request(other, SECOND);
		wake(worker, other);
		live(worker, BLOCKED_SOCKET);
		expect_all_of(worker, since_ns);
		send_response(worker, 0, 0);
		hold_against_book(0);
	}
}

/*
 * Threads with a connection each wake each other by a lock that they share, between the parts of their
 * answers: none takes over what it is woken with, and all that one does from part to part is its own
 * request's.
 */
static void a_lock_between_parts_is_no_hand_off(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		struct task_struct *task = &sim.task[FIRST], *other = &sim.task[LOOP];
		uint64_t since_ns;

		begin(seed);
		passed_is_taken = 0;
		wake(task, NULL);
		live(task, BLOCKED_SOCKET);
		read_request(task, FIRST);
		live(task, BLOCKED_FUTEX);
		send_response(task, FIRST, 0);
		since_ns = sim.now_ns;
		memcpy(by_book_ns, sim.connections[FIRST].span.parts.components_ns, sizeof(by_book_ns));
		park(task, BLOCKED_FUTEX);
		live(other, BLOCKED_DISK);
		wake(task, other);
		live(task, BLOCKED_DISK);
		wake(&sim.task[SECOND], task); /* it leaves the lock to a third one, for its own next part */
		live(task, BLOCKED_DISK);
		expect_all_of(task, since_ns);
		send_response(task, FIRST, 0);
		hold_against_book(FIRST);
	}
}

/* The loop turns to another request; a worker takes the first one up when it has answered what it has. */
static void handed_on_by_a_queue(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		struct task_struct *worker = &sim.task[FIRST];
		uint64_t since_ns, queued_ns;

		begin(seed);
		wake(worker, NULL);
		live(worker, BLOCKED_FUTEX);
		read_request(worker, FIRST);
		live(worker, BLOCKED_FUTEX);
		live(&sim.task[LOOP], BLOCKED_POLL);
		expect_all_of(&sim.task[LOOP], sim.connections[0].span.at_ns);
		queued_ns = sim.now_ns;
		read_request(&sim.task[LOOP], SECOND);
		live(worker, BLOCKED_FUTEX);
		send_response(worker, FIRST, 0);
		since_ns = sim.now_ns;
		by_book_ns[COMPONENT_RUNTIME_QUEUE] = since_ns - queued_ns;
		live(worker, BLOCKED_PIPE);
		expect_all_of(worker, since_ns);
		send_response(worker, 0, 0);
		hold_against_book(0);
	}
}

/* TASK reads more of the request that is open there, later than anybody did anything. */
static void read_more(struct task_struct *task, int connection)
{
	struct span *span = &sim.connections[connection].span;
	struct toucher by;

	pass(1);
	by = toucher_of(task);
	touch(&by, span);
	task->now.request = span->request;
}

/*
 * A worker has touched the loop's request, or the one before it on that connection, and turns to another only
 * when the loop has put its own aside: what it finds there then is newer than what it knows.
 */
static void late_turning_away_hides_nothing(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		struct task_struct *loop = &sim.task[LOOP], *worker = &sim.task[FIRST];

		begin(seed);
		wake(worker, NULL);
		live(worker, BLOCKED_IO_URING);
		read_more(worker, 0);
		live(loop, BLOCKED_POLL);
		if (any(2)) {
			send_response(loop, 0, 0);
			pass(1);
			read_request(loop, 0);
		} else {
			read_more(loop, 0);
		}
		live(loop, BLOCKED_POLL);
		read_request(loop, SECOND);
		live(worker, BLOCKED_IO_URING);
		read_request(worker, FIRST);
		live(loop, BLOCKED_POLL);
		send_response(loop, 0, 0);
		if (sim.lost)
			fail_msg("seed %u: what the loop did is lost", seed);
	}
}

/* A task is held up between its last write and the hook on that, while the client asks again and another task
 * reads it. */
static void a_hook_that_comes_late_takes_no_time_back(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		struct task_struct *loop = &sim.task[LOOP], *worker = &sim.task[FIRST];
		struct span *span = &sim.connections[0].span;
		struct toucher late;

		begin(seed);
		send_response(loop, 0, 0);
		pass(1 + any(MOST_STEP_NS));
		late = toucher_of(loop);
		pass(1 + any(MOST_STEP_NS));
		arrive(0, 0);
		pass(any(MOST_STEP_NS));
		live(worker, BLOCKED_FUTEX);
		read_request(worker, 0);
		touch(&late, span);
		assert_true(span->at_ns >= span->read_ns);
		pass(1 + any(MOST_STEP_NS));
		live(worker, BLOCKED_SOCKET);
		send_response(worker, 0, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handed_on_by_wakeups),
		cmocka_unit_test(a_lock_is_no_hand_off),
		cmocka_unit_test(a_lock_of_a_worker_is_no_hand_off),
		cmocka_unit_test(asking_for_it_forgets_no_hand_off),
		cmocka_unit_test(a_late_answer_hides_no_hand_off),
		cmocka_unit_test(what_is_told_ends_an_earlier_hand_off),
		cmocka_unit_test(a_fault_of_a_worker_is_no_hand_off),
		cmocka_unit_test(a_lock_between_parts_is_no_hand_off),
		cmocka_unit_test(handed_on_by_a_queue),
		cmocka_unit_test(late_turning_away_hides_nothing),
		cmocka_unit_test(a_hook_that_comes_late_takes_no_time_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
