/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a request's components must be, by the book of who did what when (request_sim.h), where all of it is
 * known. */
#ifndef WHYLATE_TESTS_REQUEST_BOOK_H
#define WHYLATE_TESTS_REQUEST_BOOK_H

#include "request_sim.h"

enum { MOST_STEP_NS = 1000, MOST_STEPS = 12 };

static uint64_t by_book_ns[COMPONENTS];

/* All that TASK did from FROM_NS to now was for the request. */
static inline void expect_all_of(const struct task_struct *task, uint64_t from_ns)
{
	for (int i = 0; i < sim.stretches; i++) {
		const struct stretch *stretch = &sim.book[i];
		const struct doings *did = &stretch->did[task - sim.task];
		uint32_t component = COMPONENT_BLOCKED_FIRST + did->which;

		if (did->doing == RUNS)
			component = COMPONENT_ON_CPU;
		else if (did->doing == WAITS && did->which == AFTER_WAKEUP)
			component = COMPONENT_RUN_QUEUE_WAKEUP;
		else if (did->doing == WAITS)
			component = COMPONENT_RUN_QUEUE_PREEMPTED;
		if (stretch->from_ns >= from_ns)
			by_book_ns[component] += stretch->to_ns - stretch->from_ns;
	}
}

static inline void hold_against_book(int connection)
{
	const struct parts *parts = &sim.connections[connection].span.parts;

	for (uint32_t i = 0; i < COMPONENTS; i++)
		if (parts->components_ns[i] != by_book_ns[i])
			fail_msg("seed %u: component %u is %llu, by the book %llu", sim.seed, i,
				 (unsigned long long)parts->components_ns[i],
				 (unsigned long long)by_book_ns[i]);
}

/* TASK runs, waits and blocks for REASON, and has a CPU in the end; interrupts wake it. */
static inline void live(struct task_struct *task, uint32_t reason)
{
	for (uint64_t left = any(MOST_STEPS); left || task->now.doing != RUNS; left -= left > 0) {
		pass(1 + any(MOST_STEP_NS));
		if (task->now.doing == BLOCKS)
			wake(task, NULL);
		else if (task->now.doing == WAITS)
			switch_in(task);
		else if (left)
			switch_out(task, (int)any(2), reason);
	}
}

#endif
