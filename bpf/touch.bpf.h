/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A task of the target touches a request: which one it works for, and what it did for which (request.h). */
#ifndef WHYLATE_BPF_TOUCH_H
#define WHYLATE_BPF_TOUCH_H

#include "maps.bpf.h"

#define WORKS_MAX 65536

/*
 * Work for requests that their task has turned away from before it answered.  Key: the address of the
 * request's socket, so that what is never taken is overwritten when that address is used again.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WORKS_MAX);
	__type(key, __u64);
	__type(value, struct work);
} works SEC(".maps");

/* A task of the target at a socket: its clock as of now. */
struct toucher {
	struct task_struct *task;
	struct task_clock *clock;
	struct worker *worker;
	__u64 now_ns;
};

static __always_inline struct worker *worker_of(struct task_struct *task, struct task_clock *clock)
{
	struct worker *worker;

	if (clock->works)
		return bpf_task_storage_get(&workers, task, NULL, 0);
	worker = worker_create(task, clock);
	/* From here on the scheduler's hooks remember its stays; the latest one its clock still knows. */
	if (worker)
		worker_came_back(worker, clock, 0);
	return worker;
}

/* The current task, if it is the target's. */
static __always_inline bool touch_begin(struct toucher *by)
{
	by->task = bpf_get_current_task_btf();
	by->clock = clock_of(by->task);
	if (!by->clock)
		return false;
	by->worker = worker_of(by->task, by->clock);
	if (!by->worker)
		return false;
	by->now_ns = clock_now(by->clock, bpf_ktime_get_ns());
	return true;
}

/* The kernel's own account of when the current task got its CPU, where ours has missed it. */
static __noinline int stamp_by_kernel(struct task_struct *task, const struct task_clock *clock,
				      struct stamp *stamp, __u64 now_ns)
{
	__u32 number = bpf_get_smp_processor_id();
	struct cpu_clock *cpu = bpf_map_lookup_elem(&cpus, &number);

	if (cpu && cpu->rq_offset_ns)
		stamp_unannounced(stamp, clock, now_ns, task->sched_info.last_arrival + cpu->rq_offset_ns,
				  task->sched_info.run_delay - clock->run_delay_ns);
	return 0;
}

/* Bring the worker up to now: what it did since is charged to the request that it works for. */
static __always_inline void advance(struct toucher *by)
{
	struct stamp now;

	if (ran_since(by->clock, by->worker->at_ns)) {
		worker_ran(by->worker, by->now_ns);
		return;
	}
	stamp_task(by->task, by->clock, by->now_ns, &now);
	if (missed_switch(by->clock))
		stamp_by_kernel(by->task, by->clock, &now, by->now_ns);
	worker_charge(by->worker, &now, by->now_ns);
}

/* The worker's request is not answered yet: keep what it did for it where whoever answers finds it. */
static __always_inline void put_aside(struct toucher *by)
{
	struct worker *worker = by->worker;

	worker->work.request = worker->request;
	worker->work.task = by->clock->id;
	worker->work.at_ns = by->now_ns;
	worker->work.held = worker->at.held;
	if (bpf_map_update_elem(&works, &worker->socket, &worker->work, BPF_ANY))
		count_loss(LOSS_WORK_TABLE);
}

/* The worker, advanced, turns to REQUEST on SOCKET; its work begins now. */
static __always_inline void turn_to(struct toucher *by, __u64 request, __u64 socket)
{
	struct worker *worker = by->worker;

	if (worker->request && !worker->answered && worker->request != request)
		put_aside(by);
	work_begin(worker);
	worker->work.upstream_state = UPSTREAM_NONE;
	worker->request = request;
	worker->socket = socket;
	worker->answered = 0;
}

/* What was put aside for REQUEST; NULL if nothing was. */
static __always_inline struct work *aside_of(__u64 request, __u64 socket)
{
	struct work *aside = bpf_map_lookup_elem(&works, &socket);

	return aside && aside->request == request ? aside : NULL;
}

/*
 * The worker, advanced, turns to a request that it held before, or that another did.  Work that began before
 * somebody else touched the span is in the span already.  BEFORE_NS: request.h.
 */
static __always_inline void turn_back(struct toucher *by, struct span *span, __u64 socket, __u64 before_ns)
{
	struct work *aside = aside_of(span->request, socket);
	struct worker *worker = by->worker;

	if (aside && aside->from_ns != span->at_ns)
		aside = NULL;
	if (aside && aside->task == by->clock->id) {
		turn_to(by, span->request, socket);
		worker->work = *aside;
		span_touch(span, worker);
		bpf_map_delete_elem(&works, &socket);
		return;
	}
	if (!aside && span->holder == by->clock->id && worker->request != span->request &&
	    span->state == SPAN_READ)
		count_loss(LOSS_WORK_TABLE);
	span_hand_over(span, worker, before_ns, aside);
	turn_to(by, span->request, socket);
}

/* Bring the span up to now, in the name of the current task. */
static __always_inline void touch(struct toucher *by, struct span *span, __u64 socket)
{
	struct worker *worker = by->worker;
	__u64 before_ns = worker->at_ns;

	if (span_touch_run(span, worker, by->clock, by->now_ns))
		return;
	advance(by);
	if (was_handed(worker, span) && !waited_itself(worker, span)) {
		span_take_handed(span, worker, before_ns);
		turn_to(by, span->request, socket);
	} else if (holds(worker, span)) {
		span_touch(span, worker);
	} else {
		turn_back(by, span, socket, before_ns);
	}
	work_begin(worker);
	if (worker->work.upstream_state)
		upstream_begin(&worker->work, &worker->at.held);
	span->at_ns = by->now_ns;
	span->holder = by->clock->id;
}

#endif /* WHYLATE_BPF_TOUCH_H */
