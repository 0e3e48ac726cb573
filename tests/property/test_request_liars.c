// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Threads of which some tell what they do, some lie, and some say nothing, on a machine that does not
 * announce every switch: in the end all that can be claimed is claimed, and is no more than what ran.
 */
#include "record_sim.h"

enum { LIVES = 100000, MOST_EVENTS = 40, CONTEXTS = 4, SERVED = 2 };

static struct context contexts[CONTEXTS];
static uint64_t sleepers; /* by bit: tasks that nobody wakes again */

static int lies_are_told(void)
{
	return sim.seed & 1;
}

/* Of the switches to, or from, a task some are not announced. */
static int comes_unseen(void)
{
	return (sim.seed & 6) == 2;
}

static int goes_unseen(void)
{
	return (sim.seed & 6) == 4;
}

/* Connections from SERVED on are answered in the end alone: there is room for whatever is claimed. */
static void begin_life(unsigned seed)
{
	sim_begin(seed, TASKS);
	for (int i = 0; i < CONTEXTS; i++)
		contexts[i] = context_of(any(4) ? 0x5000 + 0x1000 * (uint64_t)i : 0);
	for (int i = 0; i < TASKS; i++) {
		sim.task[i].clock.recorded = any(5) ? RECORDED_THERE : RECORDED_NOT;
		sim.task[i].no_run = !any(6);
		if (sim.task[i].now.doing == BLOCKS)
			wake(&sim.task[i], NULL);
		if (sim.task[i].now.doing == WAITS)
			switch_in(&sim.task[i]);
		toucher_of(&sim.task[i]);
	}
	for (int i = 0; i < CONNECTIONS; i++)
		read_request(&sim.task[any(TASKS)], i);
	for (int i = 0; i < TASKS; i++)
		if (any(3))
			switch_out(&sim.task[i], 0, BLOCKED_FUTEX);
	sleepers = any(4) ? any(1u << TASKS) : 0;
}

static uint64_t any_moment(void)
{
	return any(4) ? sim.now_ns - any(sim.now_ns) : any(2) ? sim.now_ns + any(100) : any(2000);
}

static void lie(struct task_struct *task)
{
	const struct context *context = &contexts[any(CONTEXTS)];
	struct record_thread *says = &task->says;

	if (any(2)) {
		says->before = address_of(&sim.task[any(TASKS + 1)]);
		says->before_since_ns = any_moment();
		says->before_until_ns = any_moment();
	}
	if (any(2)) {
		says->left_since_ns = any_moment();
		says->left_until_ns = any_moment();
		says->left_request = context->look.object;
		memcpy(says->left_trace_id, context->look.trace_id, TRACE_ID_BYTES);
	}
	if (any(2)) {
		task->shows = contexts[any(CONTEXTS)].look;
		task->shows.since_ns = any_moment();
		task->shows.waited_ns = any(3) ? any(500) : ~0ull;
	}
}

/* It got what it shows from somebody who had it all along. */
static void claim(struct task_struct *task, const struct context *context)
{
	task->shows = context->look;
	task->says.before = address_of(&sim.task[any(TASKS)]);
	task->says.before_since_ns = any(2) ? 0 : any_moment();
	task->says.before_until_ns = any(2) ? sim.now_ns : any_moment();
}

static void serve(struct task_struct *task)
{
	int connection = (int)any(SERVED);
	struct span *span = &sim.connections[connection].span;

	if (lies_are_told() && !any(3))
		claim(task, &contexts[any(CONTEXTS)]);
	if (span->state == SPAN_ANSWERED && any(2))
		read_request(task, connection);
	else
		send_response(task, connection, !any(4));
}

/* BLOCKED_FUTEX, or it is preempted; the switch to it may not have been announced. */
static void leaves(struct task_struct *task)
{
	int queued = (int)any(2);
	struct clock_interval closed;

	leaves_cpu(task, queued, BLOCKED_FUTEX);
	if (goes_unseen() && task->clock.state == CLOCK_RUNNING && !any(3)) { /* for its clock it runs on */
		task->now.doing = WAITS;
		return;
	}
	if (missed_switch(&task->clock)) {
		if (task->clock.state == CLOCK_BLOCKED)
			clock_wakeup(&task->clock,
				     task->arrived_ns - (task->run_delay_ns - task->clock.run_delay_ns), 0, 0,
				     &closed);
		clock_in(task, task->arrived_ns);
	}
	clock_out(task, queued, BLOCKED_FUTEX);
}

static void runs(struct task_struct *task)
{
	struct context *context = &contexts[any(CONTEXTS)];

	switch (any(8)) {
	case 0:
	case 1:
		take(task, context);
		break;
	case 2:
	case 3:
		if (task->shows.tag == context->look.tag)
			queue(task, context);
		else
			leave(task);
		break;
	case 4:
		if (lies_are_told())
			lie(task);
		break;
	case 5:
		leaves(task);
		break;
	default:
		serve(task);
	}
}

static void event(void)
{
	struct task_struct *task = &sim.task[any(TASKS)], *by = &sim.task[any(TASKS)];

	if (task->now.doing == BLOCKS) {
		if (!(sleepers >> (task - sim.task) & 1))
			wake(task, by->now.doing == RUNS ? by : NULL);
	} else if (task->now.doing == WAITS) {
		if (comes_unseen() && !any(3))
			gets_cpu(task);
		else
			switch_in(task);
	} else {
		runs(task);
	}
}

static uint64_t ran_by_clocks_ns(void)
{
	uint64_t ran_ns = 0;

	for (int i = 0; i < TASKS; i++) {
		const struct task_clock *clock = &sim.task[i].clock;

		ran_ns += clock->sums.on_cpu_ns + running_ns(clock, sim.now_ns);
	}
	return ran_ns;
}

/* Whoever has a CPU answers what is left, and claims all that any of the tasks may have run. */
static void claim_the_rest(void)
{
	struct task_struct *task = &sim.task[any(TASKS)];

	for (int i = 0; i < TASKS; i++) {
		if (sim.task[i].now.doing != RUNS || any(2))
			continue;
		if (any(2))
			leaves(&sim.task[i]);
		else
			toucher_of(&sim.task[i]);
	}
	if (task->now.doing == BLOCKS)
		wake(task, NULL);
	if (task->now.doing == WAITS)
		switch_in(task);
	for (int i = 0; i < CONNECTIONS; i++) {
		if (!any(4))
			pass(1);
		if (any(4))
			claim(task, &contexts[(sim.seed / 8 + (unsigned)i) % CONTEXTS]);
		send_response(task, i, 0);
	}
}

static void no_time_is_claimed_twice(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		begin_life(seed);
		for (uint64_t left = any(MOST_EVENTS); left; left--) {
			pass(any(3) ? 1 + any(MOST_STEP_NS) : 0);
			event();
		}
		claim_the_rest();
		hold_against_runs(goes_unseen() ? ran_by_clocks_ns() : ran_by_book_ns());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_time_is_claimed_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
