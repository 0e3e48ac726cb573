/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The only place that asks "does this kernel have X".  Each accessor says since when it has it.
 */
#ifndef WHYLATE_BPF_COMPAT_H
#define WHYLATE_BPF_COMPAT_H

#include "kernel.h"

struct task_struct___before_5_14 {
	long state;
} __attribute__((preserve_access_index));

/* 6.11; called only by programs that are loaded from 7.0 on. */
extern void bpf_preempt_disable(void) __weak __ksym;
extern void bpf_preempt_enable(void) __weak __ksym;

/* `__state`, `state` before 5.14 (2f064a59a11f). */
static __always_inline __u64 task_state(struct task_struct *task)
{
	struct task_struct___before_5_14 *old = (void *)task;

	if (bpf_core_field_exists(task->__state))
		return task->__state;
	return (__u64)BPF_CORE_READ(old, state);
}

/*
 * Whether a task that leaves its CPU is still in line for one.  The state field alone lies: a task can
 * be preempted between setting its state and calling the scheduler, and with delayed dequeue (6.12,
 * 152e11f6df29) a task that sleeps may stay in the queue for a while.
 */
static __always_inline bool task_is_queued(struct task_struct *task)
{
	if (!task->on_rq)
		return false;
	if (bpf_core_field_exists(task->se.sched_delayed))
		return !task->se.sched_delayed;
	return true;
}

/* The run queue that the task belongs to; NULL on kernels without group scheduling. */
static __always_inline struct rq *task_rq(struct task_struct *task)
{
	if (bpf_core_field_exists(task->se.cfs_rq))
		return task->se.cfs_rq->rq;
	return NULL;
}

/* Time that the hypervisor and, where the kernel tells them apart, interrupts took from this CPU. */
static __always_inline __u64 rq_stolen_ns(struct rq *rq)
{
	return rq->clock - rq->clock_task;
}

static __always_inline __u64 rq_irq_ns(struct rq *rq)
{
	if (bpf_core_field_exists(rq->prev_irq_time))
		return rq->prev_irq_time;
	return 0;
}

/*
 * How long the cgroup's CPU quota has kept this task's queue on this CPU from running, as of now.
 * throttled_clock_self_time since 6.6 (677ea015f231), with parents' quotas in it.
 */
static __always_inline __u64 task_throttled_ns(struct task_struct *task)
{
	struct cfs_rq *queue;

	if (!bpf_core_field_exists(task->se.cfs_rq) ||
	    !bpf_core_field_exists(struct cfs_rq, throttled_clock_self_time))
		return 0;
	queue = task->se.cfs_rq;
	if (queue->throttled_clock_self && queue->rq->clock > queue->throttled_clock_self)
		return queue->throttled_clock_self_time + queue->rq->clock - queue->throttled_clock_self;
	return queue->throttled_clock_self_time;
}

/*
 * Reads through what bpf_rdonly_cast (6.2, a35b9af4ec2c) returns are plain loads, which give 0 where a fault
 * would be; a helper's read takes 16 ns here.  bpftool cannot link two objects that name the same function of
 * the kernel (libbpf 1.1: "failed to resolve size"), so the one whose reads are frequent defines
 * READS_BY_CAST first.
 */
#ifdef READS_BY_CAST
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __weak __ksym;
#endif

/* The file in a slot of a table of files. */
static __always_inline struct file *slot_file(struct file **slot)
{
	struct file *file = NULL;

#ifdef READS_BY_CAST
	/* Memory without a type can be read so only on newer kernels: one that begins with a pointer to a
	 * file will do. */
	if (bpf_rdonly_cast && bpf_core_field_offset(struct kiocb, ki_filp) == 0)
		return ((struct kiocb *)bpf_rdonly_cast(slot, bpf_core_type_id_kernel(struct kiocb)))->ki_filp;
#endif
	return bpf_probe_read_kernel(&file, sizeof(file), slot) ? NULL : file;
}

/* FILE is as slot_file() gave it. */
static __always_inline const void *file_operations(struct file *file)
{
#ifdef READS_BY_CAST
	if (bpf_rdonly_cast)
		return ((struct file *)bpf_rdonly_cast(file, bpf_core_type_id_kernel(struct file)))->f_op;
#endif
	return BPF_CORE_READ(file, f_op);
}

#endif /* WHYLATE_BPF_COMPAT_H */
