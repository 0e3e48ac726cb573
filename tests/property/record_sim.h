/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a program that publishes its requests does, by include/whylate/thread_context.h, among simulated
 * tasks. */
#ifndef WHYLATE_TESTS_RECORD_SIM_H
#define WHYLATE_TESTS_RECORD_SIM_H

#include "request_book.h"

enum { READER, POOL, OTHER }; /* tasks */

/* What include/whylate/thread_context.h publishes of a request. */
struct context {
	struct record_look look;
	uint64_t queued_at_ns;
	uint64_t before, before_since_ns, before_until_ns;
};

static inline struct context context_of(uint64_t object)
{
	struct context context = { .look = { .object = object } };

	context.look.trace_id[0] = (uint8_t)any(256);
	context.look.tag = record_tag(context.look.trace_id, object, 1);
	return context;
}

/* It turns away from what it works for. */
static inline void leave(struct task_struct *task)
{
	struct record_thread *says = &task->says;

	if (!task->shows.tag)
		return;
	if (task->shows.object) {
		says->left_since_ns = task->shows.since_ns;
		says->left_until_ns = sim.now_ns;
		says->left_request = task->shows.object;
		memcpy(says->left_trace_id, task->shows.trace_id, TRACE_ID_BYTES);
	}
	memset(&task->shows, 0, sizeof(task->shows));
}

static inline void take(struct task_struct *task, struct context *context)
{
	if (context->queued_at_ns)
		context->look.waited_ns += sim.now_ns - context->queued_at_ns;
	by_book_ns[COMPONENT_RUNTIME_QUEUE] = context->look.waited_ns;
	context->queued_at_ns = 0;
	context->look.since_ns = sim.now_ns;
	leave(task);
	task->shows = context->look;
	task->says.before = context->before;
	task->says.before_since_ns = context->before_since_ns;
	task->says.before_until_ns = context->before_until_ns;
}

static inline void queue(struct task_struct *task, struct context *context)
{
	context->before = address_of(task);
	context->before_since_ns = task->shows.since_ns;
	context->before_until_ns = sim.now_ns;
	leave(task);
	context->queued_at_ns = sim.now_ns;
}

static inline void begin(unsigned seed)
{
	sim_begin(seed, TASKS);
	memset(by_book_ns, 0, sizeof(by_book_ns));
	for (int i = 0; i < TASKS; i++) {
		sim.task[i].clock.recorded = RECORDED_THERE;
		live(&sim.task[i], BLOCKED_FUTEX);
		toucher_of(&sim.task[i]);
	}
}

/* How long all tasks ran, by the book. */
static inline uint64_t ran_by_book_ns(void)
{
	uint64_t ran_ns = 0;

	for (int i = 0; i < sim.stretches; i++)
		for (int j = 0; j < TASKS; j++)
			if (sim.book[i].did[j].doing == RUNS)
				ran_ns += sim.book[i].to_ns - sim.book[i].from_ns;
	return ran_ns;
}

/* What all requests together had of CPUs is no more than the RAN_NS that the tasks had. */
static inline void hold_against_runs(uint64_t ran_ns)
{
	if (sim.on_cpu_ns > ran_ns)
		fail_msg("seed %u: requests ran for %llu ns, the tasks for %llu", sim.seed,
			 (unsigned long long)sim.on_cpu_ns, (unsigned long long)ran_ns);
}

#endif /* WHYLATE_TESTS_RECORD_SIM_H */
