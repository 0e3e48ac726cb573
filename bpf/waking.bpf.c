// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A task of the target wakes another one, perhaps with the request that it works for.  What it says of itself
 * is looked at here too: what it did for a request is known before the one who answers that runs.
 *
 * In the waker's context, as sched_wakeup is not where another CPU is asked to put the task into its queue
 * (ttwu_queue_wakelist() in kernel/sched/core.c: where that CPU is idle, mostly).  Attached only if the
 * target has threads: with one alone, nothing is handed on.
 */
#include "compat.bpf.h"
#include "reason.bpf.h"
#include "record.bpf.h"
#include "handoff.h"

/*
 * A look at what CURRENT, whose clock is BY, says of itself.  Returns whether what it does is not all for the
 * request that its sockets say.
 */
static __always_inline bool is_told_otherwise(struct task_struct *current, struct task_clock *by,
					      __u64 now_ns)
{
	struct recorded *recorded = bpf_task_storage_get(&records, current, NULL, 0);

	look_at_record(by, recorded, bpf_task_storage_get(&workers, current, NULL, 0), now_ns, now_ns);
	return recorded && recorded->is_away;
}

/* TASK, which has WOKEN, is woken with REQUEST, and may not be done with what it was woken with before. */
static __always_inline void keep_handed(struct task_struct *task, struct worker *woken, __u64 request)
{
	struct earlier *earlier;

	if (!may_need_handed(woken, request))
		return;
	earlier = bpf_task_storage_get(&earliers, task, NULL, 0);
	if (earlier)
		earlier_keep(earlier, woken);
}

/*
 * CURRENT, whose clock is BY, wakes TASK, whose clock says that it is blocked; both answer requests.  Perhaps
 * it does so with the one that it works for.  Not inlined: its stack is not to lie under that of a look.
 */
static __noinline void note_waker(struct task_struct *current, const struct task_clock *by,
				  struct task_struct *task, struct task_clock *clock, __u64 now_ns)
{
	struct worker *waker = bpf_task_storage_get(&workers, current, NULL, 0);
	struct worker *woken = bpf_task_storage_get(&workers, task, NULL, 0);
	const struct kernel_counts counts = kernel_counts_of(task);
	__u32 reason = clock->reason;
	struct stamp stamp;

	if (!waker || !woken || !works_for(waker))
		return;
	if (clock->state == CLOCK_SEEDED)
		reason = blocked_reason(task, 0, clock);
	if (!may_be_handed(reason))
		return;
	keep_handed(task, woken, works_for(waker));
	stamp_task(current, by, clock_now(by, now_ns), &stamp);
	now_ns = clock_now(clock, now_ns);
	stamp_blocked(clock, &counts, now_ns, reason, &woken->handed.to);
	hand_on(waker, &stamp, &woken->handed, now_ns);
}

SEC("?tp_btf/sched_waking")
int BPF_PROG(on_waking, struct task_struct *task)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct task_clock *by = clock_of(current), *clock;
	__u64 now_ns;

	if (!by || !by->works || task == current)
		return 0;
	now_ns = bpf_ktime_get_ns();
	if (by->recorded == RECORDED_THERE && is_told_otherwise(current, by, clock_now(by, now_ns)))
		return 0;
	clock = clock_of(task);
	if (clock && clock->works &&
	    (clock->state == CLOCK_BLOCKED || (clock->state == CLOCK_SEEDED && !task->on_cpu)))
		note_waker(current, by, task, clock, now_ns);
	return 0;
}
