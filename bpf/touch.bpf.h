/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What touch.h asks of the kernel: the current task's clock and worker, and a table of work put aside. */
#ifndef WHYLATE_BPF_TOUCH_BPF_H
#define WHYLATE_BPF_TOUCH_BPF_H

#include "record.bpf.h"
#include "touch.h"

#define WORKS_MAX 65536

/* Work for requests that their task has turned away from before it answered, by the request's socket. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WORKS_MAX);
	__type(key, __u64);
	__type(value, struct work);
} works SEC(".maps");

static __always_inline struct worker *worker_of(struct task_struct *task, struct task_clock *clock)
{
	struct worker *worker;

	if (clock->works)
		return bpf_task_storage_get(&workers, task, NULL, 0);
	worker = worker_create(task, clock);
	record_ask();
	return worker;
}

/* A look at what the toucher, which is TASK, says of itself. */
static __always_inline void touch_record(struct toucher *by, struct task_struct *task)
{
	if (by->clock->recorded == RECORDED_THERE) {
		by->recorded = bpf_task_storage_get(&records, task, NULL, 0);
		look_at_record(by->clock, by->recorded, by->worker, by->now_ns, by->now_ns);
		return;
	}
	by->clock->recorded = RECORDED_NOT;
	record_ask();
}

/* TASK, the current one, if it is the target's. */
static __always_inline bool touch_begin(struct toucher *by, struct task_struct *task)
{
	by->recorded = NULL;
	by->clock = clock_of(task);
	if (!by->clock)
		return false;
	by->worker = worker_of(task, by->clock);
	if (!by->worker)
		return false;
	by->now_ns = clock_now(by->clock, bpf_ktime_get_ns());
	if (by->clock->recorded)
		touch_record(by, task);
	return true;
}

static __always_inline const struct earlier *earlier_of(const struct toucher *by)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (by->worker->keeps)
		return bpf_task_storage_get(&earliers, task, NULL, 0);
	if (bpf_task_storage_get(&earliers, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE))
		by->worker->keeps = KEEPS_HANDED;
	else
		count_loss(LOSS_WORKER_CREATE);
	return NULL;
}

static __always_inline const struct history *history_of(const struct toucher *by)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (by->worker->remembers)
		return bpf_task_storage_get(&histories, task, NULL, 0);
	if (bpf_task_storage_get(&histories, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE))
		by->worker->remembers = 1;
	else
		count_loss(LOSS_WORKER_CREATE);
	return NULL;
}

VERIFIED_ONCE int charge_now(struct worker *worker, const struct task_clock *clock, __u64 now_ns)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct stamp now;

	if (!worker || !clock)
		return 0;
	stamp_current(task, clock, now_ns, &now);
	worker_charge(worker, &now, now_ns);
	return 0;
}

VERIFIED_ONCE int charge_nobody(struct worker *worker, const struct task_clock *clock, __u64 now_ns)
{
	if (!worker || !clock)
		return 0;
	stamp_current(bpf_get_current_task_btf(), clock, now_ns, &worker->at);
	worker->at_ns = now_ns;
	return 0;
}

static __always_inline struct work *work_find(__u64 socket)
{
	return bpf_map_lookup_elem(&works, &socket);
}

static __always_inline void work_lost(void)
{
	count_loss(LOSS_WORK_TABLE);
}

static __always_inline void work_keep(__u64 socket, const struct worker *unused)
{
	/* The same once more, as a value of a map: the argument of a global function is none up to 6.1. */
	struct worker *worker = bpf_task_storage_get(&workers, bpf_get_current_task_btf(), NULL, 0);

	(void)unused;
	if (!worker || bpf_map_update_elem(&works, &socket, &worker->work, BPF_ANY))
		work_lost();
}

static __always_inline void work_drop(__u64 socket)
{
	bpf_map_delete_elem(&works, &socket);
}

#endif /* WHYLATE_BPF_TOUCH_BPF_H */
