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
	struct stamp now;
};

static __always_inline struct worker *worker_of(struct task_struct *task, struct task_clock *clock)
{
	struct worker *worker =
		bpf_task_storage_get(&workers, task, NULL, clock->works ? 0 : BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u64 runnable_ns;

	if (!worker) {
		count_loss(LOSS_WORKER_CREATE);
		return NULL;
	}
	if (!clock->works) {
		/* From here on the scheduler's hooks remember its stays; the latest one its clock still
		 * knows. */
		runnable_ns = clock->since_ns - clock->waited_ns;
		worker_came_back(worker, runnable_ns - clock->latest_block_ns, runnable_ns, clock->since_ns);
		clock->works = 1;
	}
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
	stamp_task(by->task, by->clock, by->now_ns, &by->now);
	return true;
}

/* The worker's request is not answered yet: keep what it did for it where whoever answers finds it. */
static __always_inline void put_aside(struct toucher *by)
{
	struct worker *worker = by->worker;

	worker->work.request = worker->request;
	worker->work.task = by->clock->id;
	worker->work.at_ns = by->now_ns;
	worker->work.held = by->now.held;
	if (bpf_map_update_elem(&works, &worker->socket, &worker->work, BPF_ANY))
		count_loss(LOSS_WORK_TABLE);
}

/* The worker turns to REQUEST on SOCKET; its work begins now. */
static __always_inline void turn_to(struct toucher *by, __u64 request, __u64 socket)
{
	struct worker *worker = by->worker;

	worker_charge(worker, &by->now, by->now_ns);
	if (worker->request && !worker->answered)
		put_aside(by);
	__builtin_memset(&worker->work, 0, sizeof(worker->work));
	worker->work.from = by->now.held;
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

/* It turns to a request that it held before, or that another did, and that is not answered. */
static __always_inline void turn_back(struct toucher *by, struct span *span, __u64 socket)
{
	struct work *aside = aside_of(span->request, socket);
	struct worker *worker = by->worker;

	if (span->holder == by->clock->id) {
		turn_to(by, span->request, socket);
		if (aside) {
			worker->work = *aside;
			span_touch(span, &worker->work, &by->now.held);
		} else if (!(span->flags & SPAN_BOOKED)) {
			count_loss(LOSS_WORK_TABLE);
		}
	} else {
		span_hand_over(span, worker, aside, &by->now);
		turn_to(by, span->request, socket);
	}
	if (aside)
		bpf_map_delete_elem(&works, &socket);
}

/* Bring the span up to now, in the name of the current task. */
static __always_inline void touch(struct toucher *by, struct span *span, __u64 socket)
{
	struct worker *worker = by->worker;

	if (was_handed(worker, span)) {
		span_take_handed(span, worker, &by->now);
		turn_to(by, span->request, socket);
	} else if (worker->request == span->request) {
		worker_charge(worker, &by->now, by->now_ns);
		span_touch(span, &worker->work, &by->now.held);
	} else {
		turn_back(by, span, socket);
	}
	work_restart(&worker->work, &by->now.held);
	span->at_ns = by->now_ns;
	span->holder = by->clock->id;
}

#endif /* WHYLATE_BPF_TOUCH_H */
