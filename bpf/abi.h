/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What crosses the border between the kernel's side and the user's side, and nothing else; of requests that
 * is in request_abi.h, of context records in record_abi.h.
 *
 * Rules: fixed widths, no pointers, no `long`, no bare bool or enum in a struct; padding is spelled out
 * and zeroed; size and the offset of the last field are asserted.  Both sides are built from one tree
 * and never mixed, so there is no version field; enum order may change freely between builds.
 */
#ifndef WHYLATE_BPF_ABI_H
#define WHYLATE_BPF_ABI_H

#include "hist.h"

#define COMM_BYTES 16 /* TASK_COMM_LEN */

/* Why a task is blocked.  Order is the order of the report. */
enum blocked_reason {
	BLOCKED_FUTEX,
	BLOCKED_POLL, /* poll, select, epoll */
	BLOCKED_SOCKET,
	BLOCKED_PIPE,
	BLOCKED_DISK,
	BLOCKED_SLEEP,
	BLOCKED_FAULT,
	BLOCKED_IO_URING,
	BLOCKED_OTHER,
	BLOCKED_REASONS,
};

/*
 * How a system call's number leads to a reason; below BLOCKED_REASONS it is the reason itself.
 * User space fills the tables (struct bpf_config) from the architecture's own headers.
 */
enum syscall_class {
	SYSCALL_FILE = BLOCKED_REASONS, /* read, write and kin: the kind of file behind argument 0 */
	SYSCALL_RESTART,		/* restart_syscall: the reason before the signal stands */
};

/* Where a system call that reads or writes a socket has its bytes: what its second argument points to. */
enum syscall_buffer {
	BUFFER_NONE,
	BUFFER_BYTES,
	BUFFER_VECTOR,	 /* struct iovec[] */
	BUFFER_MESSAGE,	 /* struct msghdr */
	BUFFER_MESSAGES, /* struct mmsghdr[]; which of them is moved is not to be seen */
};

#define SYSCALL_TABLE_LEN 512u /* a power of two above every number in use */

/* Whose side of the run-queue wait it was. */
enum run_queue_cause {
	AFTER_WAKEUP,
	AFTER_PREEMPTION,
	RUN_QUEUE_CAUSES,
};

/* Who had the CPU while the target waited for it. */
enum blame_kind {
	BLAME_SELF,    /* another task of the target: oversubscription */
	BLAME_PROCESS, /* a user process that is not the target */
	BLAME_KERNEL,  /* a kernel thread */
	BLAME_IDLE,    /* nobody: the wakeup's own way to the CPU */
	BLAME_QUOTA,   /* the cgroup's CPU quota kept it off */
	BLAME_OTHER,   /* not known, e.g. a wait that had begun before attach */
	BLAME_KINDS,
};

#define CPU_KINDS (BLAME_IDLE + 1) /* the kinds that a CPU can be busy with */

/* One histogram each; per CPU in the kernel, summed in a snapshot. */
enum hist_id {
	HIST_ON_CPU,	   /* one slice, switch-in to switch-out */
	HIST_AFTER_WAKEUP, /* + enum run_queue_cause */
	HIST_AFTER_PREEMPTION,
	HIST_BLOCKED_FIRST, /* + enum blocked_reason */
	HIST_SWITCH_COST = HIST_BLOCKED_FIRST + BLOCKED_REASONS,
	HIST_REQUEST_MAX, /* only the longest latency is kept here: the rest is in request_abi.h's buckets */
	HIST_TURN_FIRST,  /* + enum turn_protocol */
	HIST_TURN_LAST = HIST_TURN_FIRST + 4,
	HIST_IDS,
};

struct hist_slot {
	__u64 total_ns;
	/*
	 * The longest value of the interval that is running, and of the one before it, by the parity of
	 * the interval's number: user space bumps the number and then reads the quiet slot.
	 */
	__u64 max_ns[2];
	__u32 max_interval[2];
	__u64 buckets[HIST_BUCKETS];
};

_Static_assert(sizeof(struct hist_slot) == 32 + 8 * HIST_BUCKETS, "no hidden padding");

/* What a clock adds up.  Times are cumulative; wall = on-CPU + run queue + blocked, exactly. */
struct clock_sums {
	__u64 on_cpu_ns;
	__u64 run_queue_ns[RUN_QUEUE_CAUSES];
	__u64 blocked_ns[BLOCKED_REASONS];
	__u64 stolen_ns; /* part of on_cpu_ns: hypervisor and, where the kernel knows them, interrupts */
	__u64 irq_ns;	 /* part of stolen_ns */
	__u64 on_cpu_count;
	__u64 run_queue_count[RUN_QUEUE_CAUSES];
	__u64 blocked_count;
	__u64 on_cpu_max_ns;
	__u64 run_queue_max_ns;
	__u64 blocked_max_ns;
	/* Intervals that began before the clock did: in the sums, in no count, maximum or histogram. */
	__u64 cut_count;
	__u64 cut_ns;
	/* Who had the CPU meanwhile: sums to run_queue_ns less what of an open wait is not charged yet. */
	__u64 blame_ns[BLAME_KINDS];
};

_Static_assert(sizeof(struct clock_sums) == 8 * (23 + BLAME_KINDS), "no hidden padding");

/* Counters that the kernel keeps itself, as differences since the clock began. */
struct kernel_counts {
	__u64 voluntary;
	__u64 involuntary;
	__u64 migrations;
};

_Static_assert(sizeof(struct kernel_counts) == 24, "no hidden padding");

enum clock_state {
	CLOCK_NEW,    /* forked, not yet runnable: nothing is counted */
	CLOCK_SEEDED, /* there before us; its first event tells what it was doing */
	CLOCK_RUNNING,
	CLOCK_RUNNABLE,
	CLOCK_BLOCKED,
	CLOCK_DEAD,
};

/* The kernel's own accounting beside ours, at the same two switch-outs; only with --audit. */
struct audit_sums {
	__u64 kernel_on_cpu_ns;	   /* sum_exec_runtime */
	__u64 kernel_run_queue_ns; /* sched_info.run_delay */
	__u64 on_cpu_ns;
	__u64 run_queue_ns;
	__u64 stolen_ns;
	/*
	 * How much later than the run queue's clock our own was, summed over the ends less the starts of
	 * the same intervals: what the staleness of that clock alone explains.
	 */
	__s64 stale_on_cpu_ns;
	__s64 stale_run_queue_ns;
	__u64 voluntary; /* counted by our own switch events, to hold against the kernel's */
	__u64 involuntary;
};

_Static_assert(sizeof(struct audit_sums) == 72, "no hidden padding");

/* One living thread of the target, "as of now": the open interval is in the sums. */
struct thread_record {
	__u32 tid;
	__u32 pid; /* thread group id; both in the agent's PID namespace */
	__u8 comm[COMM_BYTES];
	__u32 state;	   /* enum clock_state, after the seeded state has been resolved */
	__u32 reason;	   /* enum blocked_reason, if blocked */
	__u64 clock_id;	   /* names the thread for good: tids change at exec, births collide */
	__u64 began_at_ns; /* CLOCK_MONOTONIC */
	__u64 wall_ns;
	__u64 open_ns;			  /* length of the open interval */
	__u64 open_blame_ns[BLAME_KINDS]; /* of an open run-queue wait; sums to its unblamed part */
	struct clock_sums sums;
	struct kernel_counts counts;
	struct audit_sums audit;
};

_Static_assert(sizeof(struct thread_record) ==
		       8 + COMM_BYTES + 8 + 32 + 8 * BLAME_KINDS + sizeof(struct clock_sums) + 24 + 72,
	       "no hidden padding");
_Static_assert(__builtin_offsetof(struct thread_record, audit) ==
		       sizeof(struct thread_record) - sizeof(struct audit_sums),
	       "audit is last");

/* The sum of the threads that have ended; one per CPU, added up by the reader. */
struct ended_sums {
	__u64 threads;
	__u64 wall_ns;
	struct clock_sums sums;
	struct kernel_counts counts;
	struct audit_sums audit;
};

_Static_assert(sizeof(struct ended_sums) == 16 + sizeof(struct clock_sums) + 24 + 72, "no hidden padding");

#define ENDED_IDS 1024u /* a power of two; many times what can end on a CPU during one read */

/*
 * One per CPU, which alone writes it.  Copies are made upwards (copy_map_value_long() of
 * include/linux/bpf.h): what is raised last is copied first, and so a copy is whole if BEGUN is SUMS.THREADS
 * in it.  The ids let a reader leave out the living that ended while it read.
 */
struct ended_slot {
	struct ended_sums sums; /* threads is raised after the rest */
	__u64 ids[ENDED_IDS];	/* clock ids of the latest; that of the n-th, from 0, at n % ENDED_IDS */
	__u64 begun;		/* raised before it */
};

_Static_assert(sizeof(struct ended_slot) == sizeof(struct ended_sums) + 8 * ENDED_IDS + 8, "no hidden "
											   "padding");
_Static_assert(!__builtin_offsetof(struct ended_slot, sums) &&
		       !__builtin_offsetof(struct ended_sums, threads) &&
		       __builtin_offsetof(struct ended_slot, begun) == sizeof(struct ended_slot) - 8,
	       "a copy begins with threads and ends with begun");

/*
 * A named neighbour: how long it ran while the target waited.  Key: its pid (thread group id); where there
 * have been too many, another had its pid before, or it has none for the agent, BLAME_NAME_SHARED and a hash
 * of the name that several neighbours go by.
 */
struct blame_name {
	__u64 ns;
	__u64 born_ns; /* start time of the process that has the pid; of a shared name, of the first */
	__u32 kind;    /* BLAME_PROCESS or BLAME_KERNEL */
	__u32 pad;
	__u8 comm[COMM_BYTES];
};

_Static_assert(sizeof(struct blame_name) == 40, "no hidden padding");

#define BLAME_NAMES_MAX	       4096u
#define BLAME_NAMES_SHARED_MAX 1024u	   /* of them for shared names */
#define BLAME_NAME_SHARED      0x80000000u /* above every pid */

/* What was lost or could not be told; each non-zero one is printed with the report. */
enum loss {
	LOSS_CLOCK_CREATE, /* no clock for a new thread, as long as it lived: it is in no figure */
	LOSS_CLOCK_GAP,	   /* an event of the scheduler did not reach us: time went to the state before it */
	LOSS_BLAME_NAMES,  /* table of names full: the time stays in its kind without a name */
	LOSS_THREADS_UNREAD, /* at an end of the window: their time is missing, or in the window after */
	/* A program was skipped since it ran on that CPU already: the kernel counts, and skipped.bpf.h. */
	LOSS_RECURSION,
	LOSS_SPAN_CREATE, /* no memory to note something at a socket: each arrival, read and send tries anew */
	LOSS_WORKER_CREATE, /* no memory for a task that read a request: it is in no figure */
	LOSS_WORK_TABLE,    /* what a task did for a request before it turned to others is in no component */
	LOSS_EXEMPLARS,	    /* one of the slowest requests may not be among them: it is in the figures */
	LOSS_COMPONENTS,    /* a request with components that were more than its latency */
	LOSS_ARRIVALS,	    /* nobody saw a request's first byte come: it begins when it was read */
	LOSS_RECORDS,	    /* a thread's record could not be read or followed, or is that of two requests */
	LOSS_KINDS,
};

/* What a watched process left when it ended.  Key: pid as the kernel's first namespace has it. */
struct target_process {
	__u32 exited;
	__s32 exit_status; /* as wait(2) gives it */
};

_Static_assert(sizeof(struct target_process) == 8, "no hidden padding");

/* Read-only configuration, set between open and load, so that the verifier drops what is not used. */
struct bpf_config {
	__u8 follow;
	__u8 audit;
	__u8 switch_cost;
	__u8 refuse_births; /* tests: every so manieth newborn gets no clock; 0: none */
	__u8 requests;
	__u8 pad[3];
	__u8 buffers[SYSCALL_TABLE_LEN];	 /* enum syscall_buffer; of native calls only */
	__u8 syscalls[SYSCALL_TABLE_LEN];	 /* enum blocked_reason or enum syscall_class */
	__u8 syscalls_compat[SYSCALL_TABLE_LEN]; /* the same for 32-bit tasks */
};

_Static_assert(sizeof(struct bpf_config) == 8 + 3 * SYSCALL_TABLE_LEN, "no hidden padding");

#endif /* WHYLATE_BPF_ABI_H */
