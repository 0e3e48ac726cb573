/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the scheduler's hooks remember for tasks that read or answer requests (work.h, handoff.h). */
#ifndef WHYLATE_BPF_WORKER_H
#define WHYLATE_BPF_WORKER_H

#include "record.bpf.h"
#include "handoff.h"

static __always_inline __u32 stay_who(struct task_struct *before)
{
	return (shown_process(before) & ((1u << STAY_CPU_SHIFT) - 1)) | (bpf_get_smp_processor_id() + 1)
										<< STAY_CPU_SHIFT;
}

/*
 * A task that reads requests has its CPU again: what it did meanwhile explains what it will read.  BEFORE had
 * that CPU last; NULL: not known.
 */
static __always_inline void note_stay(const struct task_clock *clock, struct task_struct *task,
				      struct task_struct *before)
{
	struct worker *worker = bpf_task_storage_get(&workers, task, NULL, 0);

	if (!worker)
		return;
	if (worker->remembers) {
		struct history *history = bpf_task_storage_get(&histories, task, NULL, 0);

		if (history)
			history_take(history, worker);
	}
	worker_came_back(worker, clock, before ? stay_who(before) : 0);
}

/* What the task does is not all for the request that its sockets say. */
static __always_inline bool is_told_otherwise(struct task_struct *task, const struct task_clock *clock)
{
	const struct recorded *recorded =
		clock->recorded == RECORDED_THERE ? bpf_task_storage_get(&records, task, NULL, 0) : NULL;

	return recorded && recorded->is_away;
}

/* The current task wakes one that answers requests: perhaps with the one that it works for itself. */
static __noinline void note_waker(struct task_clock *clock, struct task_struct *task, __u64 now_ns)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct task_clock *by_clock = clock_of(current);
	struct worker *waker, *woken;
	struct stamp by;

	if (!by_clock || !by_clock->works)
		return;
	waker = bpf_task_storage_get(&workers, current, NULL, 0);
	woken = bpf_task_storage_get(&workers, task, NULL, 0);
	if (!waker || !woken || !works_for(waker) || is_told_otherwise(current, by_clock))
		return;
	stamp_task(current, by_clock, clock_now(by_clock, now_ns), &by);
	stamp_task(task, clock, now_ns, &woken->handed.to);
	hand_on(waker, &by, &woken->handed, now_ns);
}

#endif /* WHYLATE_BPF_WORKER_H */
