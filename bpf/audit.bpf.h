/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's own accounting, read at the same events as ours (--audit): an oracle without edges.
 *
 * The kernel books on-CPU and run-queue time by the run queue's clock, which it reads once per entry
 * to the scheduler and sometimes not even then.  `lag` is our clock less that one; over one interval
 * the difference between our figure and the kernel's must be lag at its end less lag at its start.
 * The constant between the two clocks cancels.
 */
#ifndef WHYLATE_BPF_AUDIT_H
#define WHYLATE_BPF_AUDIT_H

#include "maps.bpf.h"
#include "compat.bpf.h"

static __always_inline struct audit_clock *audit_of(struct task_struct *task)
{
	return bpf_task_storage_get(&audits, task, NULL, 0);
}

static __always_inline __u64 audit_lag_ns(struct task_struct *task, __u64 now_ns)
{
	struct rq *rq = task_rq(task);

	return rq ? now_ns - rq->clock : 0;
}

/* The same for on-CPU time, which the kernel may close earlier in the scheduler than rq->clock says. */
static __always_inline __u64 audit_exec_lag_ns(struct task_struct *task, __u64 now_ns)
{
	struct rq *rq = task_rq(task);

	return rq ? now_ns - task->se.exec_start - rq_stolen_ns(rq) : 0;
}

static __always_inline void audit_queued_at(struct task_struct *task, __u64 lag_ns)
{
	struct audit_clock *audit = audit_of(task);

	if (audit)
		audit->lag_queue_ns = lag_ns;
}

static __always_inline void audit_queued(struct task_struct *task, __u64 now_ns)
{
	audit_queued_at(task, audit_lag_ns(task, now_ns));
}

/*
 * The waiting task leaves its queue (still task_rq()) for another CPU's.  For the kernel the wait ends
 * here, by this queue's clock, and begins anew by the other's, which is known at the switch-in.
 */
static __always_inline void audit_moved(struct task_struct *task, __u64 now_ns)
{
	struct audit_clock *audit = audit_of(task);
	__u64 run_delay_ns = task->sched_info.run_delay, lag_ns;

	if (!audit)
		return;
	lag_ns = audit_lag_ns(task, now_ns);
	/* Moved before: the wait here began, for the kernel, as long ago as it has just added to its sum. */
	if (audit->moved_at_ns)
		audit->lag_queue_ns =
			audit->moved_at_ns - (now_ns - lag_ns - (run_delay_ns - audit->run_delay_ns));
	if (audit->started)
		audit->stale_queue_ns += (__s64)(lag_ns - audit->lag_queue_ns);
	audit->moved_at_ns = now_ns;
	audit->run_delay_ns = run_delay_ns;
}

/* The task got its CPU, LAG_NS after the kernel's clock said so; EXEC_LAG_NS: of on-CPU time. */
static __always_inline void audit_arrived(struct task_struct *task, __u64 lag_ns, __u64 exec_lag_ns)
{
	struct audit_clock *audit = audit_of(task);

	if (!audit)
		return;
	audit->lag_in_ns = exec_lag_ns;
	if (audit->moved_at_ns) {
		__u64 queued = task->sched_info.last_queued;

		audit->lag_queue_ns = queued ? audit->moved_at_ns - queued : lag_ns;
		audit->moved_at_ns = 0;
	}
	if (audit->started)
		audit->stale_queue_ns += (__s64)(lag_ns - audit->lag_queue_ns);
}

static __always_inline void audit_switch_in(struct task_struct *task, const struct task_clock *clock,
					    __u64 now_ns)
{
	now_ns = clock_now(clock, now_ns);
	audit_arrived(task, audit_lag_ns(task, now_ns), audit_exec_lag_ns(task, now_ns));
}

/* More switches than were announced; how long it ran is the kernel's own figure then, without staleness. */
static __always_inline void audit_absence(struct task_struct *task, const struct task_clock *clock,
					  __u64 now_ns)
{
	struct audit_clock *audit = audit_of(task);

	if (!audit)
		return;
	audit->last.voluntary += task->nvcsw + task->nivcsw - clock->voluntary - clock->involuntary - 1;
	audit->lag_in_ns = audit_exec_lag_ns(task, now_ns);
}

static __always_inline void audit_switch_out(struct task_struct *task, const struct task_clock *clock,
					     __u64 now_ns)
{
	struct audit_clock *audit = audit_of(task);
	__u64 lag_ns = audit_lag_ns(task, now_ns);
	struct audit_sums *base, *last;

	if (!audit)
		return;
	base = &audit->base;
	last = &audit->last;
	audit->seq++;
	border_barrier();
	if (task_is_queued(task))
		last->involuntary++;
	else
		last->voluntary++;
	if (!audit->started) {
		audit->started = 1;
		base->kernel_on_cpu_ns = task->se.sum_exec_runtime;
		base->kernel_run_queue_ns = task->sched_info.run_delay;
		base->on_cpu_ns = clock->sums.on_cpu_ns;
		base->run_queue_ns = clock_run_queue_ns(&clock->sums);
		base->stolen_ns = clock->sums.stolen_ns;
	} else {
		last->stale_on_cpu_ns += (__s64)(audit_exec_lag_ns(task, now_ns) - audit->lag_in_ns);
		last->stale_run_queue_ns += audit->stale_queue_ns;
		last->kernel_on_cpu_ns = task->se.sum_exec_runtime - base->kernel_on_cpu_ns;
		last->kernel_run_queue_ns = task->sched_info.run_delay - base->kernel_run_queue_ns;
		last->on_cpu_ns = clock->sums.on_cpu_ns - base->on_cpu_ns;
		last->run_queue_ns = clock_run_queue_ns(&clock->sums) - base->run_queue_ns;
		last->stolen_ns = clock->sums.stolen_ns - base->stolen_ns;
	}
	border_barrier();
	audit->seq++;
	audit->stale_queue_ns = 0;
	audit->lag_queue_ns = lag_ns; /* if it stays queued, its next wait begins here */
}

static __always_inline void audit_fold(struct task_struct *task, struct audit_sums *sum)
{
	struct audit_clock *audit = audit_of(task);
	const __u64 *from;
	__u64 *to = (__u64 *)sum;

	if (!audit)
		return;
	from = (const __u64 *)&audit->last;
	for (__u32 i = 0; i < sizeof(*sum) / sizeof(__u64); i++)
		to[i] += from[i];
}

#endif /* WHYLATE_BPF_AUDIT_H */
