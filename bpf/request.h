/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The request span: where the latency of one request went, from its task's clock.
 *
 *   arrival        read                    send (booked)   send (corrected)   arrival of the next
 *    |   ARRIVED    |         READ           |      ANSWERED     |      ...      |
 *    |  what the    |  what the task that    |
 *    |  reader did  |  holds it did          |
 *
 * A task works for one request at a time: the one whose socket (or whose upstream's) it touched last.  Its
 * clock is charged to that one alone (struct worker); for all others that it holds, its time on a CPU
 * or waiting for one is `busy_with_others`, and only its blocked time is theirs as well.
 *
 * A touch brings a span up to now: what its task did since the touch before, of that the part that was for
 * this request, and the rest.  Since the task's clock sums to the wall clock, so do the components.
 *
 * Pure C, compiled into the BPF programs and into the host's property tests.
 */
#ifndef WHYLATE_BPF_REQUEST_H
#define WHYLATE_BPF_REQUEST_H

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
	UPSTREAM_AWAITED, /* asked, and nothing has come back: all blocked time is for it */
	UPSTREAM_ANSWERS, /* something came; what more comes was waited for as well */
};

/* Work that is not in its request's span yet: the socket is not at hand when a task turns to another one. */
struct work {
	struct work_sums own;
	__u64 upstream_ns[BLOCKED_REASONS];    /* of the time blocked since the span's latest touch */
	__u64 upstream_at_ns[BLOCKED_REASONS]; /* the task's clock at the latest question or answer */
	__u64 request;
	__u64 task;	/* clock id of whose clock that is */
	__u32 upstream; /* enum upstream_state */
	__u32 pad;
};

/* A stay off the CPU: blocked from OUT to RUNNABLE, waiting from there to IN.  OUT = RUNNABLE: preempted. */
struct stay {
	__u64 out_ns;
	__u64 runnable_ns;
	__u64 in_ns;
};

#define STAYS 8u /* a power of two: the latest are kept */

/* A task that reads or answers requests.  Only that task writes it, but for `stays`: the scheduler's hooks. */
struct worker {
	__u64 request;	     /* whose work it does; 0: nobody's */
	__u64 socket;	     /* the address of its connection's */
	struct work_sums at; /* its clock, when that was last charged */
	struct work work;    /* charged, and not in the request's span yet */
	__u32 answered; /* it has sent the answer: what follows is charged to nobody, unless more is sent */
	__u32 stay;	/* number of the next one */
	struct stay stays[STAYS];
};

enum span_state {
	SPAN_IDLE,     /* owes no answer, and never gave one */
	SPAN_READ,     /* its request was read */
	SPAN_ANSWERED, /* and booked; more may be sent */
	SPAN_CLOSED,
};

/* What a connection was seen to speak. */
enum span_protocol {
	SPEAKS_UNKNOWN, /* nothing could be looked at so far: taken for HTTP */
	SPEAKS_HTTP,
	SPEAKS_TURNS, /* + enum turn_protocol */
};

/* One connection of the target's, with its latest request. */
struct span {
	__u64 arrived_ns;     /* the first unread byte of what comes next; 0: none.  Set by any CPU. */
	__u64 established_ns; /* until the first request is read; 0: not known, or over */
	__u64 request;	      /* number of the latest request that was read; 0: none */
	__u64 begin_ns;
	__u64 at_ns;  /* the latest touch */
	__u64 holder; /* clock id of the task that touched it */
	__u8 state;   /* enum span_state */
	__u8 protocol;
	__u8 status;	    /* enum request_status */
	__u8 flags;	    /* SPAN_... */
	__u8 waits_accept;  /* the first byte came before the connection was accepted */
	__u8 owes;	    /* an answer to what we did not see: 1 + enum not_counted; 0: none */
	__u8 unread_before; /* of what it owes, the first byte was not read yet when we came */
	__u8 pad;
	struct held_sums at;
	__u64 components_ns[COMPONENTS];
	__u64 blame_ns[BLAME_KINDS];
	__u64 voluntary;
	__u64 involuntary;
	__u64 migrations;
};

#define SPAN_BOOKED  1u /* the latest request is in the sums */
#define SPAN_SENDING 2u /* and the socket took no more of what was to be sent */
#define SPAN_CONNECT 4u /* asked for a tunnel */

_Static_assert(sizeof(struct span) <= 512 - 72, "with the storage's own head it fits kmalloc-512");

/* How much A is more than B; 0 if it is not (a replayed switch moves time from one sum to another). */
static __always_inline __u64 later_ns(__u64 a_ns, __u64 b_ns)
{
	return a_ns > b_ns ? a_ns - b_ns : 0;
}

static __always_inline void work_sums_add(struct work_sums *to, const struct work_sums *now,
					  const struct work_sums *before)
{
	for (__u32 i = 0; i < sizeof(*to) / sizeof(__u64); i++)
		((__u64 *)to)[i] += ((const __u64 *)now)[i] - ((const __u64 *)before)[i];
}

/* Of the open slice; if the switch to it was not announced, it is known only when it ends. */
static __always_inline __u64 running_ns(const struct task_clock *clock, __u64 now_ns)
{
	return clock->state == CLOCK_RUNNING || clock->state == CLOCK_SEEDED ? now_ns - clock->since_ns : 0;
}

/* CLOCK as of NOW_NS (from clock_now()) while its task runs; the kernel's own counters in COUNTS. */
static __always_inline void work_stamp(const struct task_clock *clock, const struct kernel_counts *counts,
				       __u64 now_ns, struct work_sums *out)
{
	out->on_cpu_ns = clock->sums.on_cpu_ns + running_ns(clock, now_ns);
	for (__u32 i = 0; i < RUN_QUEUE_CAUSES; i++)
		out->run_queue_ns[i] = clock->sums.run_queue_ns[i];
	for (__u32 i = 0; i < BLAME_KINDS; i++)
		out->blame_ns[i] = clock->sums.blame_ns[i];
	out->voluntary = counts->voluntary;
	out->involuntary = counts->involuntary;
	out->migrations = counts->migrations;
}

/* The same of what is shared. */
static __always_inline void held_stamp(const struct task_clock *clock, __u64 now_ns, struct held_sums *out)
{
	out->active_ns = clock->sums.on_cpu_ns + clock_run_queue_ns(&clock->sums) + running_ns(clock, now_ns);
	for (__u32 i = 0; i < BLOCKED_REASONS; i++)
		out->blocked_ns[i] = clock->sums.blocked_ns[i];
}

/* The task of WORKER got its CPU: remember the stay that has ended. */
static __always_inline void worker_came_back(struct worker *worker, __u64 out_ns, __u64 runnable_ns,
					     __u64 in_ns)
{
	struct stay *stay = &worker->stays[worker->stay & (STAYS - 1)];

	stay->out_ns = out_ns;
	stay->runnable_ns = runnable_ns;
	stay->in_ns = in_ns;
	worker->stay++;
}

/* How long [FROM, TO) and [BEGIN, END) overlap. */
static __always_inline __u64 overlap_ns(__u64 from_ns, __u64 to_ns, __u64 begin_ns, __u64 end_ns)
{
	__u64 first_ns = from_ns > begin_ns ? from_ns : begin_ns, last_ns = to_ns < end_ns ? to_ns : end_ns;

	return last_ns > first_ns ? last_ns - first_ns : 0;
}

/*
 * What the reading task did from ARRIVED_NS to NOW_NS, added to the three components of an unread request.
 * What is older than the stays that it remembers is in none of them.
 */
static __always_inline void split_unread(const struct worker *worker, __u64 arrived_ns, __u64 now_ns,
					 __u64 components_ns[COMPONENTS])
{
	__u64 until_ns = now_ns;

	for (__u32 i = 1; i <= STAYS && until_ns > arrived_ns; i++) {
		const struct stay *stay = &worker->stays[(worker->stay - i) & (STAYS - 1)];

		if (!stay->in_ns)
			break;
		components_ns[COMPONENT_SOCKET_BUSY] += overlap_ns(stay->in_ns, until_ns, arrived_ns, now_ns);
		components_ns[COMPONENT_SOCKET_RUN_QUEUE] +=
			overlap_ns(stay->runnable_ns, stay->in_ns, arrived_ns, now_ns);
		components_ns[COMPONENT_SOCKET_BLOCKED] +=
			overlap_ns(stay->out_ns, stay->runnable_ns, arrived_ns, now_ns);
		until_ns = stay->out_ns;
	}
}

/* Charge what the task did since the latest charge to the request that it works for; NOW: work_stamp(). */
static __always_inline void worker_charge(struct worker *worker, const struct work_sums *now)
{
	if (worker->request)
		work_sums_add(&worker->work.own, now, &worker->at);
	worker->at = *now;
}

/* The task has asked an upstream on behalf of its request; NOW: held_stamp(). */
static __always_inline void upstream_asked(struct work *work, const struct held_sums *now)
{
	if (work->upstream == UPSTREAM_AWAITED)
		return;
	for (__u32 i = 0; i < BLOCKED_REASONS; i++)
		work->upstream_at_ns[i] = now->blocked_ns[i];
	work->upstream = UPSTREAM_AWAITED;
}

/* Whether time blocked for REASON was for the upstream: before its first answer any, then that on sockets. */
static __always_inline int is_for_upstream(const struct work *work, __u32 reason)
{
	return work->upstream == UPSTREAM_AWAITED || reason == BLOCKED_POLL || reason == BLOCKED_SOCKET ||
	       reason == BLOCKED_IO_URING;
}

/*
 * Bytes of the upstream's answer were read: the time blocked since it was asked, or since the bytes before,
 * was for it.  So what is sent and never answered, such as a log, is no upstream.
 */
static __always_inline void upstream_answered(struct work *work, const struct held_sums *now)
{
	if (work->upstream == UPSTREAM_NONE)
		return;
	for (__u32 i = 0; i < BLOCKED_REASONS; i++) {
		if (is_for_upstream(work, i))
			work->upstream_ns[i] += later_ns(now->blocked_ns[i], work->upstream_at_ns[i]);
		work->upstream_at_ns[i] = now->blocked_ns[i];
	}
	work->upstream = UPSTREAM_ANSWERS;
}

/* The span takes what was blocked until now: what an upstream's answer is charged later begins here. */
static __always_inline void upstream_restart(struct work *work, const struct held_sums *now)
{
	if (work->upstream == UPSTREAM_NONE)
		return;
	for (__u32 i = 0; i < BLOCKED_REASONS; i++)
		work->upstream_at_ns[i] = now->blocked_ns[i];
}

static __always_inline __u64 work_active_ns(const struct work_sums *own)
{
	return own->on_cpu_ns + own->run_queue_ns[AFTER_WAKEUP] + own->run_queue_ns[AFTER_PREEMPTION];
}

/* What was charged for the request of SPAN since its latest touch goes into it, and WORK begins anew. */
static __always_inline void span_take_own(struct span *span, struct work *work)
{
	struct work_sums *own = &work->own;

	span->components_ns[COMPONENT_ON_CPU] += own->on_cpu_ns;
	span->components_ns[COMPONENT_RUN_QUEUE_WAKEUP] += own->run_queue_ns[AFTER_WAKEUP];
	span->components_ns[COMPONENT_RUN_QUEUE_PREEMPTED] += own->run_queue_ns[AFTER_PREEMPTION];
	for (__u32 i = 0; i < BLAME_KINDS; i++)
		span->blame_ns[i] += own->blame_ns[i];
	span->voluntary += own->voluntary;
	span->involuntary += own->involuntary;
	span->migrations += own->migrations;
	__builtin_memset(own, 0, sizeof(*own));
}

/* The task that holds SPAN touches it; HELD: its held_stamp(), WORK: what was charged since the touch before.
 */
static __always_inline void span_touch(struct span *span, struct work *work, const struct held_sums *held,
				       __u64 now_ns)
{
	upstream_restart(work, held);
	span->components_ns[COMPONENT_BUSY_WITH_OTHERS] +=
		later_ns(held->active_ns - span->at.active_ns, work_active_ns(&work->own));
	for (__u32 i = 0; i < BLOCKED_REASONS; i++) {
		__u64 blocked_ns = later_ns(held->blocked_ns[i], span->at.blocked_ns[i]);
		__u64 upstream_ns = work->upstream_ns[i] < blocked_ns ? work->upstream_ns[i] : blocked_ns;

		if (!blocked_ns)
			continue;
		span->components_ns[COMPONENT_BLOCKED_FIRST + i] += blocked_ns - upstream_ns;
		span->components_ns[COMPONENT_BLOCKED_UPSTREAM] += upstream_ns;
		work->upstream_ns[i] = 0;
	}
	span_take_own(span, work);
	span->at = *held;
	span->at_ns = now_ns;
}

/*
 * Another task touches SPAN than the one that held it: how that one went on is not known, but for what it
 * charged; the new one takes over with what it did for the request itself.
 */
static __always_inline void span_hand_over(struct span *span, struct work *work, const struct held_sums *held,
					   __u64 now_ns)
{
	span_take_own(span, work);
	span->at = *held;
	span->at_ns = now_ns;
}

/* A new request begins on the connection, with the read at NOW_NS; SPAN has no arrival any more. */
static __always_inline void span_open(struct span *span, __u64 request, __u64 begin_ns, __u64 now_ns,
				      const struct held_sums *held)
{
	__builtin_memset(span->components_ns, 0, sizeof(span->components_ns));
	__builtin_memset(span->blame_ns, 0, sizeof(span->blame_ns));
	span->voluntary = span->involuntary = span->migrations = 0;
	span->request = request;
	span->begin_ns = begin_ns;
	span->state = SPAN_READ;
	span->status = STATUS_UNKNOWN;
	span->flags = 0;
	span->at = *held;
	span->at_ns = now_ns;
}

/*
 * The latency as of the latest touch; what no component explains of it becomes the residual.  Returns 0 if
 * the components were more than the latency: that cannot be, and the caller counts it; what is too much is
 * taken off, the last ones first, so that the sums of all requests stay those of their latencies.
 */
static __always_inline int span_close(struct span *span, __u64 *latency_ns)
{
	__u64 left_ns = span->at_ns - span->begin_ns;
	int whole = 1;

	*latency_ns = left_ns;
	for (__u32 i = 0; i < COMPONENT_RESIDUAL; i++) {
		__u64 ns = span->components_ns[i];

		if (ns > left_ns) {
			span->components_ns[i] = ns = left_ns;
			whole = 0;
		}
		left_ns -= ns;
	}
	span->components_ns[COMPONENT_RESIDUAL] = left_ns;
	return whole;
}

#endif /* WHYLATE_BPF_REQUEST_H */
