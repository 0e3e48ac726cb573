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

#include "stays.h"

enum span_state {
	SPAN_IDLE,     /* owes no answer, and never gave one */
	SPAN_READ,     /* its request was read */
	SPAN_ANSWERED, /* and booked; more may be sent */
	SPAN_CLOSED,
	SPAN_LOST, /* closed, and its request, read and not answered, is counted as that */
};

/* What a connection was seen to speak. */
enum span_protocol {
	SPEAKS_UNKNOWN, /* nothing could be looked at so far: taken for HTTP */
	SPEAKS_HTTP,
	SPEAKS_TURNS, /* + enum turn_protocol */
};

/* How far a connection of TCP's was at the latest read or send that was seen: its own counters (tcp_sock).
 * Both 0: not known, or not needed, as nothing is missed. */
struct progress {
	__u32 read_seq;
	__u32 sent_seq;
	__u32 hooked_seq; /* read_seq at the latest read that was seen */
};

/* One connection of the target's, with its latest request. */
struct span {
	__u64 arrived_ns; /* the first unread byte, to 2 ns; 0: none.  Set by any CPU (ARRIVAL_COUNTED). */
	__u64 established_ns; /* until the first request is read; 0: not known, or over */
	__u64 accepted_ns;    /* the same */
	__u64 socket;	      /* its address: what work put aside for it is found by */
	__u64 request;	      /* number of the latest request that was read; 0: none */
	__u64 begin_ns;
	__u64 read_ns;
	__u64 at_ns;  /* the latest touch */
	__u64 holder; /* clock id of the task that touched it */
	__u8 protocol;
	__u8 status;	    /* enum request_status */
	__u8 flags;	    /* SPAN_... */
	__u8 waits_accept;  /* the first byte came before the connection was accepted */
	__u8 owes;	    /* an answer to what we did not see: 1 + enum not_counted; 0: none */
	__u8 unread_before; /* of what it owes, the first byte was not read yet when we came */
	__u8 was_http;	    /* what it was seen to speak last may be the middle of an answer of HTTP's */
	__u8 begins;	    /* enum http_begins, of the latest read that began a request */
	__u32 looked_at;    /* the latest look for answers that are still being sent */
	__u32 state;	    /* enum span_state; a reset may end it at any time, on any CPU (span_enter) */
	__u32 doubts;	    /* DOUBT for each answer that may be a pipelined one, less the reads since */
	__u64 waited_ns;    /* by its record: of that, what is in its parts already */
	struct progress seen;
	__u8 trace_id[TRACE_ID_BYTES];
	struct parts parts;
};

/*
 * In `arrived_ns`: a request that is counted as open begins with that byte.  While another one is open, it
 * may be the rest of that.  One word says both, for those who set it and those who take it to agree.
 */
#define ARRIVAL_COUNTED 1ull

/* In `doubts`: answers are pipelined if more than two come within so few reads, or more of many. */
#define DOUBT	    64u
#define DOUBTS_MOST (2 * DOUBT)

#define SPAN_BOOKED  1u /* the latest request is in the sums */
#define SPAN_CONNECT 2u /* asked for a tunnel */
#define SPAN_UNSEEN  4u /* nobody looked whether its first bytes begin a request */
#define SPAN_UNSENT  8u /* the socket did not take all of an answer at once: its task may have put it aside */
#define SPAN_SHOWN   16u /* it was kept as one of the slowest */
#define SPAN_SPREAD  32u /* in more places than one: by several CPUs, in several intervals */

_Static_assert(sizeof(struct span) <= 512 - 72, "with the storage's own head it fits kmalloc-512");

/*
 * SPAN goes on to state TO, but from its end nowhere: nothing comes after.  Returns what it was in.  Whoever
 * finds it closed knows that what it held itself, and whoever closes it does not see, is its own to count.
 */
static __always_inline __u32 span_enter(struct span *span, __u32 to)
{
	__u32 was = __sync_lock_test_and_set(&span->state, to);

	if (was >= SPAN_CLOSED)
		span->state = was;
	return was;
}

/*
 * The commonest touch: the task read the request and has been on its CPU with it ever since.  Returns 0 if
 * it was not so.
 */
static __always_inline int span_touch_run(struct span *span, struct worker *worker,
					  const struct task_clock *clock, __u64 now_ns)
{
	__u64 ran_ns = now_ns - span->at_ns;

	/* As one condition: each that is asked alone doubles what the verifier has to look at. */
	__u64 differs = (worker->request ^ span->request) | (worker->at_ns ^ span->at_ns) |
			(worker->work.from_ns ^ span->at_ns) | worker->work.upstream_state;

	if (differs || !ran_since(clock, span->at_ns))
		return 0;
	span->parts.components_ns[COMPONENT_ON_CPU] += ran_ns;
	stamp_run(&worker->at, ran_ns);
	worker->work.from.active_ns += ran_ns;
	worker->at_ns = worker->work.from_ns = span->at_ns = now_ns;
	return 1;
}

/* The task, advanced, worked for SPAN's request all along, or took its own work up again, and touches it. */
static __always_inline void span_touch(struct span *span, const struct worker *worker)
{
	const struct work *work = &worker->work;

	parts_add_stint(&span->parts, &work->own, &work->from, &worker->at.held, &work->upstream);
}

/*
 * The task, advanced, touches SPAN that another one read, or worked for before it.  ASIDE: what that one had
 * put aside, if it had.  From then on until the present one sent another answer the request waited in
 * user space; since then it was worked for.  Where a bound is not known, the time is residual.
 *
 * Returns 0, or since when the request may have been with the present task, if that was free all along.
 */
static __always_inline __u64 span_hand_over(struct span *span, const struct worker *worker,
					    const struct work *aside)
{
	__u64 before_ns = worker->work.from_ns; /* and not the latest touch: that may be an upstream's */
	__u64 queued_at_ns = span->at_ns;

	if (aside) {
		__u64 *on_cpu_ns = &span->parts.components_ns[COMPONENT_ON_CPU];

		parts_add_stint(&span->parts, &aside->own, &aside->from, &aside->held, &aside->upstream);
		queued_at_ns = aside->at_ns;
		/* It turns to another request on another CPU at the same time, a little later. */
		*on_cpu_ns = later_ns(*on_cpu_ns, later_ns(queued_at_ns, worker->at_ns));
	}
	/* It works for another, or what it did since it answered one has been handed on already. */
	if (!worker->answered || !before_ns)
		return 0;
	if (before_ns < queued_at_ns)
		return queued_at_ns;
	if (aside)
		span->parts.components_ns[COMPONENT_RUNTIME_QUEUE] += before_ns - queued_at_ns;
	parts_add_stint(&span->parts, &worker->work.own, &worker->work.from, &worker->at.held, NULL);
	return 0;
}

/* Whether a task blocked for REASON may be one that has nothing to do. */
static __always_inline int is_idle_reason(__u32 reason)
{
	return reason == BLOCKED_FUTEX || reason == BLOCKED_POLL || reason == BLOCKED_IO_URING;
}

/*
 * The task of WORKER, advanced, touches SPAN, whose request has been with others up to a time since which it
 * was free itself, and did what is in FREE: nobody woke it with that request, so it found it in a queue. What
 * it ran is for the request, and what it was blocked in that is no waiting for work; the rest is residual.
 */
VERIFIED_ONCE int span_take_found(struct span *span, const struct worker *worker, const struct unread *free)
{
	__u64 preempted_ns, blocked_ns;

	if (!span || !worker || !free)
		return 0;
	preempted_ns = at_most(worker->work.own.run_queue_ns[AFTER_PREEMPTION], free->run_queue_ns);
	blocked_ns = free->blocked_ns;
	/* Of what it ran, some may have been for others, by what it says. */
	span->parts.components_ns[COMPONENT_ON_CPU] += at_most(free->busy_ns, worker->work.own.on_cpu_ns);
	span->parts.components_ns[COMPONENT_RUN_QUEUE_PREEMPTED] += preempted_ns;
	span->parts.components_ns[COMPONENT_RUN_QUEUE_WAKEUP] += free->run_queue_ns - preempted_ns;
	NOT_UNROLLED for (__u32 i = 0; i < BLOCKED_REASONS; i++)
	{
		if (!is_idle_reason(i))
			span->parts.components_ns[COMPONENT_BLOCKED_FIRST + i] += blame_take(
				gained_ns(worker->at.held.blocked_ns[i], worker->work.from.blocked_ns[i]),
				&blocked_ns);
	}
	/* More of it than there is run queue is taken off when the request is booked. */
	NOT_UNROLLED for (__u32 i = 0; i < BLAME_KINDS; i++)
		span->parts.blame_ns[i] += worker->work.own.blame_ns[i];
	span->parts.voluntary += worker->work.own.voluntary;
	span->parts.involuntary += worker->work.own.involuntary;
	span->parts.migrations += worker->work.own.migrations;
	return 0;
}

/* Whether the worker touched SPAN last, and nobody else did since. */
static __always_inline int holds(const struct worker *worker, const struct span *span)
{
	return worker->request == span->request && worker->work.from_ns == span->at_ns;
}

/* A new request begins on the connection, with the read at NOW_NS; SPAN has no arrival any more, and enters
 * SPAN_READ next. */
static __always_inline void span_open(struct span *span, __u64 request, __u64 begin_ns, __u64 now_ns)
{
	__builtin_memset(&span->parts, 0, sizeof(span->parts));
	span->request = request;
	span->begin_ns = begin_ns;
	span->status = STATUS_UNKNOWN;
	span->flags = 0;
	span->waited_ns = 0;
	__builtin_memset(span->trace_id, 0, sizeof(span->trace_id));
	span->at_ns = span->read_ns = now_ns;
}

/*
 * Each ns on the run queue has one to blame: what a replayed switch brought is nobody's in particular, and
 * who that was may have been learned since.
 */
static __always_inline void parts_settle_blame(struct parts *parts)
{
	__u64 left_ns = blamed_ns(parts->components_ns);

	for (__u32 i = 0; i < BLAME_KINDS; i++)
		parts->blame_ns[i] = blame_take(parts->blame_ns[i], &left_ns);
	parts->blame_ns[BLAME_OTHER] += left_ns;
}

/* PARTS, whatever they are, become no more than LEFT_NS: the last ones give way first. */
VERIFIED_ONCE int parts_cut(struct parts *parts, __u64 left_ns)
{
	if (!parts)
		return 0;
	NOT_UNROLLED for (__u32 i = 0; i < COMPONENT_RESIDUAL; i++)
	{
		parts->components_ns[i] = at_most(parts->components_ns[i], left_ns);
		left_ns -= parts->components_ns[i];
	}
	return 0;
}

/*
 * The latency as of the latest touch; what no component explains of it becomes the residual.  Returns 0 if
 * the components were more than the latency: that cannot be, and the caller counts it; what is too much is
 * taken off, so that the sums of all requests stay those of their latencies.
 */
static __always_inline int span_close(struct span *span, __u64 *latency_ns)
{
	struct parts *parts = &span->parts;
	__u64 left_ns = span->at_ns - span->begin_ns, any = 0;
	int whole;

	*latency_ns = left_ns;
	for (__u32 i = 0; i < COMPONENT_RESIDUAL; i++) {
		left_ns -= parts->components_ns[i];
		any |= parts->components_ns[i];
	}
	whole = (__s64)(left_ns | any) >= 0; /* neither is the sum more, nor one of them less than nothing */
	if (!whole) {
		parts_cut(parts, *latency_ns);
		left_ns = 0;
	}
	parts->components_ns[COMPONENT_RESIDUAL] = left_ns;
	parts_settle_blame(parts);
	return whole;
}

#endif /* WHYLATE_BPF_REQUEST_H */
