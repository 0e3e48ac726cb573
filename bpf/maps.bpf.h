/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The state that the programs share: configuration, maps, counters of losses.
 * Defined once, in maps.bpf.c; every other object declares them and the static linker joins them.
 */
#ifndef WHYLATE_BPF_MAPS_H
#define WHYLATE_BPF_MAPS_H

#include "kernel.h"
#include "abi.h"
#include "clock.h"
#include "request.h"
#include "record.h"

#ifdef WHYLATE_DEFINE_MAPS
#define SHARED
#else
#define SHARED extern
#endif

/* Filled between open and load; read-only from then on, so that unused branches are dropped. */
SHARED const volatile struct bpf_config config;

/* Number of the interval that is running; user space bumps it (struct hist_slot).  Read at every record. */
SHARED __u32 interval_number __attribute__((aligned(64)));

/* Switches to a thread of ours that were not announced, and replayed from the kernel's own record. */
SHARED __u64 switches_replayed __attribute__((aligned(64))); /* a line apart from what is only read */

/* Depth of the agent's PID namespace; 0 is the first one.  Set by the seeding iterator, which the agent
 * reads. */
SHARED __u32 agent_level;
SHARED __u64 agent_pid_ns; /* that namespace, by its address in the kernel */

/* The moment that the seeding or the reading iterator stands for; CLOCK_MONOTONIC, set before it runs. */
SHARED __u64 as_of_ns;
SHARED __u64 attached_at_ns; /* of the first seeding */
SHARED __u32 nr_clockless;   /* 0: nobody has ever been in `clockless` */
SHARED __u32 seeds_failed;   /* of the pass of the seeding iterator that runs, or ran last */

/* Entries of blame_names. */
SHARED __u32 nr_blame_names;

/* How many clocks have been numbered, and how many of the numbers came to nothing. */
SHARED __u64 clock_ids, clock_ids_unused;

/* A task's clock, in the task itself: no key to reuse, no map to fill, gone when the task is. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_clock);
} clocks SEC(".maps");

/* A task that reads or answers requests has one; its clock says so (`works`). */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct worker);
} workers SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct history);
} histories SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct earlier);
} earliers SEC(".maps");

/* A task whose process publishes what each thread works for; its clock says so (`recorded`). */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct recorded);
} records SEC(".maps");

/* Where processes have their records, by their id; those that were asked for and have none are there as well.
 */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct record_place);
} record_places SEC(".maps");

/* Processes that begin to serve, or have threads that do: the agent is to look at them. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* the smallest there is */
} record_asks SEC(".maps");

/* Powers of two.  Of 512 requests that are with threads other than their readers, one in 100,000 finds no
 * place. */
#define ACCOUNT_PLACES 512u
#define ACCOUNTS_MAX   (ACCOUNT_PLACES * ACCOUNT_WAYS)

SHARED struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ACCOUNT_PLACES);
	__uint(map_flags, BPF_F_MMAPABLE); /* for each to be in one cache line */
	__type(key, __u32);
	__type(value, struct account_names);
} account_names SEC(".maps");

/* Written under the run queue's lock, where nothing may be allocated. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ACCOUNTS_MAX);
	__type(key, __u32);
	__type(value, struct account);
} accounts SEC(".maps");

#define RUNS_MAX 4096u /* a power of two: threads that publish what they work for, or may yet */

SHARED struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RUNS_MAX);
	__type(key, __u32);
	__type(value, struct run);
} runs SEC(".maps");

SHARED __u32 passed_is_taken; /* handoff.h */

/* How many listeners the target has or had: without any, nobody needs a worker. */
SHARED __u32 nr_listeners;

/* The kernel's accounting beside the clock; only touched with --audit. */
struct audit_clock {
	struct audit_sums base; /* at the first switch-out */
	struct audit_sums last; /* at the latest switch-out; figures since base */
	__u64 lag_in_ns;	/* of on-CPU time, at the latest switch-in */
	__u64 lag_queue_ns;	/* of run-queue time, when the latest wait began */
	__u64 run_delay_ns;	/* the kernel's sum of waits, at that move */
	__u64 moved_at_ns;	/* our clock, when the waiting task was moved to another CPU; 0: it was not */
	__s64 stale_queue_ns; /* of the waits since the latest switch-out: `last` tells of whole stays only */
	__u32 started;
	__u32 seq; /* odd while `last` changes */
};

SHARED struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct audit_clock);
} audits SEC(".maps");

/* Indexed by CPU number, and not per-CPU: wakeups and migrations read another CPU's. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);		   /* set to the highest possible CPU number + 1 */
	__uint(map_flags, BPF_F_MMAPABLE); /* for its values to begin at a page, and so at a cache line */
	__type(key, __u32);
	__type(value, struct cpu_clock);
} cpus SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HIST_IDS);
	__type(key, __u32);
	__type(value, struct hist_slot);
} hists SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ended_slot);
} ended SEC(".maps");

/* Preallocated: written under the run queue's lock, where nothing may be allocated. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BLAME_NAMES_MAX);
	__type(key, __u32);
	__type(value, struct blame_name);
} blame_names SEC(".maps");

/* Threads of the target that got no clock at birth, by the kernel's own tid, until they get one. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} clockless SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOSS_KINDS);
	__type(key, __u32);
	__type(value, __u64);
} losses SEC(".maps");

/* Processes named on the command line; the seed iterator looks up each task's ancestors here. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct target_process);
} targets SEC(".maps");

/* What PID is called in its namespace of depth LEVEL, which it must have. */
static __always_inline void read_upid(struct pid *pid, __u32 level, struct upid *out)
{
	bpf_probe_read_kernel(out, sizeof(*out),
			      (void *)__builtin_preserve_access_index(&pid->numbers) + level * sizeof(*out));
}

/* Ids as the agent has them: of its own PID namespace.  0 for a task that is not to be seen there. */
static __always_inline __u32 pid_number(struct pid *pid)
{
	__u32 level = agent_level;
	struct upid upid = {};

	if (!pid || BPF_CORE_READ(pid, level) < level)
		return 0;
	read_upid(pid, level, &upid);
	/* Others of that depth have numbers of their own; of depth 0 there is but one. */
	return agent_level && (__u64)upid.ns != agent_pid_ns ? 0 : (__u32)upid.nr;
}

static __always_inline __u32 task_tid(struct task_struct *task)
{
	return pid_number(BPF_CORE_READ(task, thread_pid));
}

static __always_inline __u32 task_process(struct task_struct *task)
{
	return pid_number(BPF_CORE_READ(task, group_leader, thread_pid));
}

/* The same without a read where it can be had: on the way of every foreign slice. */
static __always_inline __u32 shown_process(struct task_struct *task)
{
	return agent_level ? task_process(task) : (__u32)task->tgid;
}

static __always_inline void count_loss(__u32 loss)
{
	__u64 *count = bpf_map_lookup_elem(&losses, &loss);

	/* Interrupts lose things as well, in the middle of a task's. */
	if (count)
		__sync_fetch_and_add(count, 1);
}

static __always_inline struct task_clock *clock_of(struct task_struct *task)
{
	/* One load settles it for nearly every task of the machine, without the helper's call. */
	if (!task->bpf_storage)
		return NULL;
	return bpf_task_storage_get(&clocks, task, NULL, 0);
}

/*
 * A worker for TASK, which is not in the scheduler's hands: the current one, one that is being born, or one
 * that the iterator meets.  NULL if there is no memory.
 */
static __always_inline struct worker *worker_create(struct task_struct *task, struct task_clock *clock)
{
	struct worker *worker = bpf_task_storage_get(&workers, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!worker) /* who comes second is refused */
		worker = bpf_task_storage_get(&workers, task, NULL, 0);
	if (!worker) {
		count_loss(LOSS_WORKER_CREATE);
		return NULL;
	}
	/*
	 * From here on the scheduler's hooks remember its stays; the latest one its clock still knows: one
	 * that runs since before us and never sleeps has no other.
	 */
	if (!clock->works && clock->state != CLOCK_NEW)
		worker_begins(worker, clock);
	clock->works = 1;
	return worker;
}

/* The task's process has its records at PLACE; as worker_create(), and only for one that has a worker. */
static __always_inline void record_create(struct task_struct *task, struct task_clock *clock,
					  const struct record_place *place)
{
	struct recorded *recorded =
		bpf_task_storage_get(&records, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!recorded) {
		count_loss(LOSS_RECORDS);
		return;
	}
	recorded->place = *place;
	recorded->process = (__u32)task->tgid;
	recorded->at_ns = bpf_ktime_get_ns(); /* what it did before is its sockets' */
	clock->recorded = RECORDED_THERE;
}

/* The run of the thread that has RECORDED; NULL: none is kept. */
static __always_inline struct run *own_run(const struct recorded *recorded)
{
	__u32 place = recorded->run - 1;

	return bpf_map_lookup_elem(&runs, &place); /* NULL for what is no place */
}

/* The thread ends, or becomes another program: its run is nobody's. */
static __always_inline void run_drop(struct recorded *recorded)
{
	struct run *run = own_run(recorded);

	if (run) {
		run->from_ns = 0;
		*(volatile __u64 *)&run->key = ACCOUNT_FREE;
	}
	recorded->run = 0;
}

static __always_inline __u64 task_thread_pointer(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return task->thread.fsbase;
#elif defined(__TARGET_ARCH_arm64)
	return task->thread.uw.tp_value;
#endif
}

static __always_inline struct kernel_counts kernel_counts_of(struct task_struct *task)
{
	return (struct kernel_counts){ task->nvcsw, task->nivcsw, task->se.nr_migrations };
}

/* The clock of TASK, which runs or has just been woken, as of NOW_NS. */
static __always_inline void stamp_task(struct task_struct *task, const struct task_clock *clock, __u64 now_ns,
				       struct stamp *out)
{
	const struct kernel_counts counts = kernel_counts_of(task);

	stamp_take(clock, &counts, now_ns, out);
}

/* What the current task, which has CLOCK, did since its latest touch is in accounts, or others took it. */
static __always_inline void worker_forget(struct task_struct *task, const struct task_clock *clock)
{
	struct worker *worker = bpf_task_storage_get(&workers, task, NULL, 0);

	if (!worker)
		return;
	worker->at_ns = clock_now(clock, bpf_ktime_get_ns());
	stamp_task(task, clock, worker->at_ns, &worker->at);
}

/* The current task has become another program. */
static __always_inline void record_forget(struct task_struct *task, struct task_clock *clock)
{
	__u32 process = shown_process(task);
	struct recorded *recorded;
	struct run *run;

	if (clock->recorded == RECORDED_THERE) {
		recorded = bpf_task_storage_get(&records, task, NULL, 0);
		run = recorded ? own_run(recorded) : NULL;
		if (recorded)
			run_drop(recorded);
		if ((recorded && recorded->is_away) || (run && run->given_ns != run->seen_ns))
			worker_forget(task, clock);
		bpf_task_storage_delete(&records, task);
	}
	clock->recorded = clock->works ? RECORDED_ASK : RECORDED_NOT;
	bpf_map_delete_elem(&record_places, &process);
}

static __always_inline void hist_note_max(struct hist_slot *slot, __u64 ns)
{
	__u32 number = interval_number;
	__u32 parity = number & 1;

	if (slot->max_interval[parity] != number) {
		slot->max_interval[parity] = number;
		slot->max_ns[parity] = ns;
	} else if (ns > slot->max_ns[parity]) {
		slot->max_ns[parity] = ns;
	}
}

static __always_inline void hist_record(__u32 id, __u64 ns)
{
	struct hist_slot *slot = bpf_map_lookup_elem(&hists, &id);

	if (!slot)
		return;
	slot->total_ns += ns;
	slot->buckets[hist_bucket(ns) & (HIST_BUCKETS - 1)]++;
	hist_note_max(slot, ns);
}

/* What was recorded there was NS shorter in fact; its bucket stays. */
static __always_inline void hist_shorten(__u32 id, __u64 ns)
{
	struct hist_slot *slot = bpf_map_lookup_elem(&hists, &id);

	if (slot)
		slot->total_ns -= ns; /* below 0 on this CPU alone: only the sum over CPUs is read */
}

#endif /* WHYLATE_BPF_MAPS_H */
