/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The work that tasks do for requests, from their clocks: what of it was for which request, and what an
 * upstream took of it.  Knows tasks and no sockets; request.h brings both together.
 *
 * Pure C, compiled into the BPF programs and into the host's property tests.
 */
#ifndef WHYLATE_BPF_WORK_H
#define WHYLATE_BPF_WORK_H

#include "clock.h"
#include "request_abi.h"

/* What a task's clock and counters say of the work that it does; differences of two are one stint. */
struct work_sums {
	__u64 on_cpu_ns;
	__u64 run_queue_ns[RUN_QUEUE_CAUSES];
	__u64 blame_ns[BLAME_KINDS];
	__u64 voluntary;
	__u64 involuntary;
	__u64 migrations;
};

_Static_assert(sizeof(struct work_sums) == 8 * (6 + BLAME_KINDS), "added up word by word");

/* What all the requests that a task holds share. */
struct held_sums {
	__u64 active_ns; /* on a CPU or waiting for one */
	__u64 blocked_ns[BLOCKED_REASONS];
};

_Static_assert(sizeof(struct held_sums) == 8 * (1 + BLOCKED_REASONS), "subtracted word by word");

enum upstream_state {
	UPSTREAM_NONE,
	UPSTREAM_AWAITED, /* asked, and nothing has been read */
	UPSTREAM_ANSWERS, /* something has; what more comes was waited for as well */
};

/* A task's clock at one moment. */
struct stamp {
	struct work_sums sums;
	struct held_sums held;
};

/* Work that is not in its request's span yet: the socket is not at hand when a task turns to another one. */
struct work {
	struct work_sums own;
	__u64 from_ns;	       /* the span's latest touch, when this work began, */
	struct held_sums from; /* and the task's clock then */
	/* Of the time since then, what an upstream took: of that blocked, and of that for others. */
	struct held_sums upstream;
	/* The task's clock at the latest question or answer, and its own part of the work by then. */
	struct held_sums upstream_at;
	__u64 upstream_own_ns;
	__u32 upstream_state; /* enum upstream_state */
	__u32 pad;
	/* Once it is put aside: whose it is, when that was, and the task's clock then. */
	__u64 request;
	__u64 task; /* clock id */
	__u64 at_ns;
	struct held_sums held;
};

/* A request that another task worked for when it woke this one: perhaps it is what it was woken for. */
struct handed {
	__u64 request;
	__u64 socket;  /* of its connection */
	__u64 at_ns;   /* 0: it has said since that it works for another */
	__u64 from_ns; /* the span's latest touch, which the parts begin with */
	__u64 passed;  /* that one was woken with it, too */
	struct parts parts;
	struct stamp to; /* the woken task's clock, then */
};

#define HANDED_EARLIER 2u /* a power of two */

/*
 * What a task was woken with before the latest: who waits for a lock in the middle of a request is woken by
 * the one that leaves it, which works for another.  Or it found no work, the first time.  What it touches
 * tells.
 */
struct earlier {
	struct handed handed[HANDED_EARLIER];
	__u64 next;
};

_Static_assert(sizeof(struct earlier) <= 1024 - 72, "with the storage's own head it fits kmalloc-1k");

/* Whether a task has a struct earlier. */
enum keeps {
	KEEPS_NONE,
	KEEPS_HANDED,
	KEEPS_OVER, /* it has said since that it works for another: what is in there is no more to be had */
};

/*
 * A task that reads or answers requests.  Only that task writes it, but for `stays`, `handed` and what
 * `keeps` says of one that sleeps, which the scheduler's hooks do.
 */
struct worker {
	__u64 request;	  /* whose work it does; 0: nobody's */
	__u64 socket;	  /* the address of its connection's */
	__u64 at_ns;	  /* when it last touched a request, */
	struct stamp at;  /* and its clock then: charged up to there */
	struct work work; /* charged, and not in the request's span yet */
	__u64 took_ns;	  /* its request is what it was handed then, and has not touched; 0: it is not */
	__u16 answered;	  /* it has sent the answer: what follows is charged to nobody, unless more is sent */
	__u8 remembers;	  /* it has a history, which takes the stays that are too many here */
	__u8 keeps;	  /* enum keeps */
	__u32 stay;	  /* number of the next one */
	struct stay stays[STAYS];
	struct handed handed;	     /* by the latest wakeup; written under the lock that the wakeup holds */
	__u64 blame_ns[BLAME_KINDS]; /* its clock's at the end of the latest stay */
};

_Static_assert(sizeof(struct worker) <= 2048 - 72, "with the storage's own head it fits kmalloc-2k");

/* Whether it works for a request of its own, which is not answered. */
static __always_inline int has_open(const struct worker *worker)
{
	return worker->request && !worker->answered;
}

/* How much A is more than B, whatever they are; 0 if it is not. */
static __always_inline __u64 later_ns(__u64 a_ns, __u64 b_ns)
{
	return a_ns > b_ns ? a_ns - b_ns : 0;
}

static __always_inline __u64 at_most(__u64 a_ns, __u64 limit_ns)
{
	return a_ns < limit_ns ? a_ns : limit_ns;
}

static __always_inline void work_sums_add(struct work_sums *to, const struct work_sums *now,
					  const struct work_sums *before)
{
	for (__u32 i = 0; i < sizeof(*to) / sizeof(__u64); i++)
		((__u64 *)to)[i] += gained_ns(((const __u64 *)now)[i], ((const __u64 *)before)[i]);
}

/* Of the open slice; the switch to it may not have been announced: see stamp_unannounced(). */
static __always_inline __u64 running_ns(const struct task_clock *clock, __u64 now_ns)
{
	/* A program of ours may have been preempted since it read the time. */
	return clock->state == CLOCK_RUNNING || clock->state == CLOCK_SEEDED ?
		       later_ns(now_ns, clock->since_ns) :
		       0;
}

/* CLOCK as of NOW_NS (from clock_now()); the kernel's own counters in COUNTS. */
static __always_inline void stamp_take(const struct task_clock *clock, const struct kernel_counts *counts,
				       __u64 now_ns, struct stamp *out)
{
	__u64 on_cpu_ns = clock->sums.on_cpu_ns + running_ns(clock, now_ns);

	out->sums.on_cpu_ns = on_cpu_ns;
	for (__u32 i = 0; i < RUN_QUEUE_CAUSES; i++)
		out->sums.run_queue_ns[i] = clock->sums.run_queue_ns[i];
	for (__u32 i = 0; i < BLAME_KINDS; i++)
		out->sums.blame_ns[i] = clock->sums.blame_ns[i];
	out->sums.voluntary = counts->voluntary;
	out->sums.involuntary = counts->involuntary;
	out->sums.migrations = counts->migrations;
	out->held.active_ns = on_cpu_ns + clock_run_queue_ns(&clock->sums);
	for (__u32 i = 0; i < BLOCKED_REASONS; i++)
		out->held.blocked_ns[i] = clock->sums.blocked_ns[i];
}

/* The same of a task that is being woken: it was blocked, for REASON, up to now. */
static __always_inline void stamp_blocked(const struct task_clock *clock, const struct kernel_counts *counts,
					  __u64 now_ns, __u32 reason, struct stamp *out)
{
	stamp_take(clock, counts, clock->since_ns, out);
	out->held.blocked_ns[reason < BLOCKED_REASONS ? reason : BLOCKED_OTHER] += now_ns - clock->since_ns;
}

/* Whether the clock of a task that runs missed the switch to it. */
static __always_inline int missed_switch(const struct task_clock *clock)
{
	return clock->state == CLOCK_BLOCKED || clock->state == CLOCK_RUNNABLE;
}

/*
 * STAMP is of a task that runs since ARRIVED_NS and waited for WAITED_NS before, by the kernel's account,
 * though the switch to it was not announced: its clock will learn that from its next switch, and say the same.
 */
static __always_inline void stamp_unannounced(struct stamp *stamp, const struct task_clock *clock,
					      __u64 now_ns, __u64 arrived_ns, __u64 waited_ns)
{
	__u64 left_ns = now_ns - clock->since_ns, ran_ns = blame_take(later_ns(now_ns, arrived_ns), &left_ns);
	__u32 cause = clock->state == CLOCK_RUNNABLE ? clock->cause : AFTER_WAKEUP;
	__u32 reason = clock->reason < BLOCKED_REASONS ? clock->reason : BLOCKED_OTHER;

	waited_ns = clock->state == CLOCK_RUNNABLE ? left_ns : at_most(waited_ns, left_ns);
	stamp->sums.on_cpu_ns += ran_ns;
	stamp->sums.run_queue_ns[cause == AFTER_WAKEUP ? AFTER_WAKEUP : AFTER_PREEMPTION] += waited_ns;
	stamp->sums.blame_ns[BLAME_OTHER] += waited_ns;
	stamp->held.active_ns += ran_ns + waited_ns;
	stamp->held.blocked_ns[reason] += left_ns - waited_ns;
}

static __always_inline __u64 work_active_ns(const struct work_sums *own)
{
	return own->on_cpu_ns + own->run_queue_ns[AFTER_WAKEUP] + own->run_queue_ns[AFTER_PREEMPTION];
}

/* From here on, what the task does that is not its own work for the request may be for an upstream. */
static __always_inline void upstream_begin(struct work *work, const struct held_sums *now)
{
	work->upstream_at = *now;
	work->upstream_own_ns = work_active_ns(&work->own);
}

/* The task, charged up to NOW, has asked an upstream on behalf of its request. */
static __always_inline void upstream_asked(struct work *work, const struct held_sums *now)
{
	if (work->upstream_state == UPSTREAM_AWAITED)
		return;
	upstream_begin(work, now);
	work->upstream_state = UPSTREAM_AWAITED;
}

/* Whether time blocked for REASON was for the upstream: before its first answer any, then that on sockets. */
static __always_inline int is_for_upstream(const struct work *work, __u32 reason)
{
	return work->upstream_state == UPSTREAM_AWAITED || reason == BLOCKED_POLL ||
	       reason == BLOCKED_SOCKET || reason == BLOCKED_IO_URING;
}

/*
 * The task, charged up to NOW, has read bytes of the upstream's answer: since it asked, or read the bytes
 * before, the request waited for them, whatever its task did for others meanwhile; but for LATE_NS, which
 * that was busy, or waited for a CPU, when they had arrived.  What is asked and never answered, such
 * as a log that is sent somewhere, is no upstream.
 */
static __always_inline void upstream_answered(struct work *work, const struct held_sums *now, __u64 late_ns)
{
	__u64 own_ns = later_ns(work_active_ns(&work->own), work->upstream_own_ns);

	if (work->upstream_state == UPSTREAM_NONE)
		return;
	work->upstream.active_ns += later_ns(now->active_ns, work->upstream_at.active_ns + own_ns + late_ns);
	for (__u32 i = 0; i < BLOCKED_REASONS; i++)
		if (is_for_upstream(work, i))
			work->upstream.blocked_ns[i] +=
				later_ns(now->blocked_ns[i], work->upstream_at.blocked_ns[i]);
	upstream_begin(work, now);
	work->upstream_state = UPSTREAM_ANSWERS;
}

static __always_inline void parts_add(struct parts *to, const struct parts *from)
{
	for (__u32 i = 0; i < sizeof(*to) / sizeof(__u64); i++)
		((__u64 *)to)[i] += ((const __u64 *)from)[i];
}

/* How far the N-th word of NOW is ahead of BEFORE, which may be NULL: nothing. */
static __always_inline __u64 word_since(const void *now, const void *before, __u32 n)
{
	__u64 word = ((const __u64 *)now)[n];

	return before ? gained_ns(word, ((const __u64 *)before)[n]) : word;
}

#define WORD_OF(type, field) (__builtin_offsetof(struct type, field) / sizeof(__u64))

static __always_inline __u64 work_active_since(const struct work_sums *own, const struct work_sums *before)
{
	return word_since(own, before, WORD_OF(work_sums, on_cpu_ns)) +
	       word_since(own, before, WORD_OF(work_sums, run_queue_ns[AFTER_WAKEUP])) +
	       word_since(own, before, WORD_OF(work_sums, run_queue_ns[AFTER_PREEMPTION]));
}

/*
 * A replayed switch has moved NS of what TO may hold already from one sum of a clock to another, where
 * they are new.  Mostly a task turned out to have been off its CPU, or to have been on it a little less.
 */
VERIFIED_ONCE int parts_take_off(struct parts *to, __u64 ns)
{
	if (!to)
		return 0;
	NOT_UNROLLED for (__u32 i = COMPONENT_ON_CPU; i < COMPONENT_RUNTIME_QUEUE; i++)
		to->components_ns[i] -= blame_take(to->components_ns[i], &ns);
	return 0;
}

/*
 * parts_add_stint(), its OWN part being what has come to it since BEFORE (NULL: all).  No copy of that is
 * made: kernels before 6.13 have 512 bytes of stack for a program and all that it calls.
 */
static __always_inline void parts_add_since(struct parts *to, const struct work_sums *own,
					    const struct work_sums *before, const struct held_sums *from,
					    const struct held_sums *until, const struct held_sums *upstream)
{
	__u64 own_ns = work_active_since(own, before), others_ns, for_it_ns, excess_ns;

	others_ns = later_ns(until->active_ns, from->active_ns + own_ns);
	/* More than the clock moved on altogether, as its sums do: one of these went back meanwhile. */
	excess_ns = own_ns + others_ns - (until->active_ns - from->active_ns);
	for_it_ns = upstream ? at_most(upstream->active_ns, others_ns) : 0;
	to->components_ns[COMPONENT_ON_CPU] += word_since(own, before, WORD_OF(work_sums, on_cpu_ns));
	to->components_ns[COMPONENT_RUN_QUEUE_WAKEUP] +=
		word_since(own, before, WORD_OF(work_sums, run_queue_ns[AFTER_WAKEUP]));
	to->components_ns[COMPONENT_RUN_QUEUE_PREEMPTED] +=
		word_since(own, before, WORD_OF(work_sums, run_queue_ns[AFTER_PREEMPTION]));
	NOT_UNROLLED for (__u32 i = 0; i < BLAME_KINDS; i++)
		to->blame_ns[i] += word_since(own->blame_ns, before ? before->blame_ns : NULL, i);
	to->voluntary += word_since(own, before, WORD_OF(work_sums, voluntary));
	to->involuntary += word_since(own, before, WORD_OF(work_sums, involuntary));
	to->migrations += word_since(own, before, WORD_OF(work_sums, migrations));
	to->components_ns[COMPONENT_BUSY_WITH_OTHERS] += others_ns - for_it_ns;
	to->components_ns[COMPONENT_BLOCKED_UPSTREAM] += for_it_ns;
	NOT_UNROLLED for (__u32 i = 0; i < BLOCKED_REASONS; i++)
	{
		__u64 blocked_ns = gained_ns(until->blocked_ns[i], from->blocked_ns[i]);

		excess_ns += blocked_ns - (until->blocked_ns[i] - from->blocked_ns[i]);
		for_it_ns = upstream ? lesser_ns(upstream->blocked_ns[i], blocked_ns) : 0;
		to->components_ns[COMPONENT_BLOCKED_FIRST + i] += blocked_ns - for_it_ns;
		to->components_ns[COMPONENT_BLOCKED_UPSTREAM] += for_it_ns;
	}
	if (excess_ns)
		parts_take_off(to, excess_ns);
}

/*
 * What a task did between two moments of its clock, as parts of one request: its OWN part, and what it shares
 * with the others that the task held.  UPSTREAM: of what it shares, what an upstream took; NULL: nothing.
 */
VERIFIED_ONCE int parts_add_stint(struct parts *to, const struct work_sums *own, const struct held_sums *from,
				  const struct held_sums *until, const struct held_sums *upstream)
{
	if (to && own && from && until)
		parts_add_since(to, own, NULL, from, until, upstream);
	return 0;
}

/* The same where all of it was for the request. */
VERIFIED_ONCE int parts_add_all(struct parts *to, const struct stamp *from, const struct stamp *until)
{
	if (to && from && until)
		parts_add_since(to, &until->sums, &from->sums, &from->held, &until->held, NULL);
	return 0;
}

/* Whether the task has been on its CPU ever since AT_NS: then nothing else of its clock has moved. */
static __always_inline int ran_since(const struct task_clock *clock, __u64 at_ns)
{
	return clock->state == CLOCK_RUNNING && clock->since_ns <= at_ns;
}

static __always_inline void stamp_run(struct stamp *stamp, __u64 ran_ns)
{
	stamp->sums.on_cpu_ns += ran_ns;
	stamp->held.active_ns += ran_ns;
}

/* The task touches a request, or an upstream, at NOW_NS, having run since it did so before. */
static __always_inline void worker_ran(struct worker *worker, __u64 now_ns)
{
	worker->work.own.on_cpu_ns += now_ns - worker->at_ns;
	stamp_run(&worker->at, now_ns - worker->at_ns);
	worker->at_ns = now_ns;
}

/* The same whatever it did meanwhile; NOW: its clock. */
static __always_inline void worker_charge(struct worker *worker, const struct stamp *now, __u64 now_ns)
{
	work_sums_add(&worker->work.own, &now->sums, &worker->at.sums);
	worker->at = *now;
	worker->at_ns = now_ns;
}

/* The worker begins to do something else, or the same once more: from its latest advance on. */
static __always_inline void work_begin(struct worker *worker)
{
	struct work *work = &worker->work;

	__builtin_memset(&work->own, 0, sizeof(work->own));
	if (work->upstream_state)
		__builtin_memset(&work->upstream, 0, sizeof(work->upstream));
	work->from = worker->at.held;
	work->from_ns = worker->at_ns;
}

#endif /* WHYLATE_BPF_WORK_H */
