/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A request goes from task to task with a wakeup: the waker leaves with the woken one what it did for the
 * request so far, which counts if that one touches it next.
 *
 * Pure C, compiled into the BPF programs and into the host's property tests.  Whoever includes it has the
 * variable `passed_is_taken`: somebody has taken over what was passed on by one that was woken with it
 * himself.
 */
#ifndef WHYLATE_BPF_HANDOFF_H
#define WHYLATE_BPF_HANDOFF_H

#include "request.h"

/* Whether a task that is blocked for REASON may be woken with a request: nobody waits for one in a fault. */
static __always_inline int may_be_handed(__u32 reason)
{
	return reason != BLOCKED_FAULT && reason != BLOCKED_DISK && reason != BLOCKED_SLEEP;
}

/* Whether its request is what it was handed by the latest wakeup, in whose name it has asked elsewhere. */
static __always_inline int took_handed(const struct worker *worker)
{
	return worker->took_ns && worker->took_ns == worker->handed.at_ns;
}

/* Whether it goes on with what it was handed when it was woken: it has touched no other since. */
static __always_inline int works_for_handed(const struct worker *worker)
{
	return worker->handed.request && worker->handed.at_ns > worker->at_ns;
}

/* The request that the task works for now; 0: none. */
static __always_inline __u64 works_for(const struct worker *worker)
{
	if (works_for_handed(worker))
		return worker->handed.request;
	return worker->answered ? 0 : worker->request;
}

/* Whether WORKER, which is woken with REQUEST, may still need what it was woken with before. */
static __always_inline int may_need_handed(const struct worker *worker, __u64 request)
{
	return worker->keeps && worker->handed.request != request &&
	       (works_for_handed(worker) || took_handed(worker));
}

/* It may: that is kept in its EARLIER. */
static __always_inline void earlier_keep(struct earlier *earlier, struct worker *worker)
{
	if (worker->keeps == KEEPS_OVER)
		for (__u32 i = 0; i < HANDED_EARLIER; i++)
			earlier->handed[i].request = 0;
	worker->keeps = KEEPS_HANDED;
	earlier->handed[earlier->next++ & (HANDED_EARLIER - 1)] = worker->handed;
}

/*
 * WAKER, which works for a request, wakes a task: it may be handing that on.  BY: its clock at NOW_NS; the
 * woken one's is in HANDED->to.  Taken for true only when that one touches this very request.
 *
 * What it has done since it was handed that itself is in this request then, and in no other.  If it has one
 * of its own still to answer, it may go on with that: then this time is that one's, and here it is not known.
 * So it is where it has answered one, while nobody was seen to take over what was passed on like that: threads
 * with a connection each wake each other by the locks that they share, between the parts of their answers.
 */
static __always_inline void hand_on(struct worker *waker, const struct stamp *by, struct handed *handed,
				    __u64 now_ns)
{
	struct work_sums own = waker->work.own;

	handed->request = works_for(waker);
	handed->socket = works_for_handed(waker) ? waker->handed.socket : waker->socket;
	if (works_for_handed(waker)) {
		handed->from_ns = waker->handed.from_ns;
		handed->parts = waker->handed.parts;
		handed->passed = 1;
		if (!waker->request || (waker->answered && passed_is_taken)) {
			parts_add_all(&handed->parts, &waker->handed.to, by);
			waker->work.from_ns = 0;
		}
	} else {
		handed->from_ns = waker->work.from_ns;
		handed->passed = 0;
		if (took_handed(waker))
			handed->parts = waker->handed.parts;
		else
			__builtin_memset(&handed->parts, 0, sizeof(handed->parts));
		work_sums_add(&own, &by->sums, &waker->at.sums);
		parts_add_stint(&handed->parts, &own, &waker->work.from, &by->held, &waker->work.upstream);
	}
	handed->at_ns = now_ns;
}

/* Whether what was HANDED is SPAN's request, and goes on from its latest touch. */
static __always_inline int is_of_handed(const struct handed *handed, const struct span *span)
{
	return handed->request == span->request && handed->from_ns == span->at_ns;
}

/* Whether WORKER was woken last by somebody who worked for SPAN's request, and nobody has touched that since.
 */
static __always_inline int was_handed(const struct worker *worker, const struct span *span)
{
	return worker->handed.at_ns && is_of_handed(&worker->handed, span);
}

/* The same of an earlier wakeup: what it was handed by that; NULL: nothing.  EARLIER may be NULL. */
static __always_inline const struct handed *earlier_find(const struct earlier *earlier,
							 const struct span *span)
{
	if (!earlier)
		return NULL;
	for (__u32 i = 0; i < HANDED_EARLIER; i++)
		if (is_of_handed(&earlier->handed[i], span))
			return &earlier->handed[i];
	return NULL;
}

/*
 * Whether the worker held the request all along and waited for whoever woke it: in a lock, a read.  One that
 * polls until then is a loop which handed the request on and got it back.
 */
static __always_inline int waited_itself(const struct worker *worker, const struct span *span)
{
	const struct held_sums *from = &worker->work.from, *now = &worker->handed.to.held;
	__u64 polled_ns = gained_ns(now->blocked_ns[BLOCKED_POLL], from->blocked_ns[BLOCKED_POLL]) +
			  gained_ns(now->blocked_ns[BLOCKED_IO_URING], from->blocked_ns[BLOCKED_IO_URING]);
	__u64 blocked_ns = 0;

	if (!holds(worker, span))
		return 0;
	for (__u32 i = 0; i < BLOCKED_REASONS; i++)
		blocked_ns += gained_ns(now->blocked_ns[i], from->blocked_ns[i]);
	return blocked_ns > 2 * polled_ns;
}

/*
 * What WORKER, advanced, has done since it was woken, its clock being WOKEN, is in the request that it was
 * handed, and not in the one that it worked for before.
 */
VERIFIED_ONCE int worker_give_up(struct worker *worker, const struct stamp *woken)
{
	if (!worker || !woken)
		return 0;
	NOT_UNROLLED for (__u32 i = 0; i < sizeof(worker->work.own) / sizeof(__u64); i++)
	{
		__u64 *own = (__u64 *)&worker->work.own + i;

		*own = gained_ns(*own, word_since(&worker->at.sums, &woken->sums, i));
	}
	return 0;
}

/*
 * And, advanced, it touches it: what the wakers did is known, and the rest is its own.  BEFORE_NS: when it
 * touched another request, or an upstream, last; which it may have asked in the name of what it was handed
 * later.
 */
static __always_inline void span_take_handed(struct span *span, struct worker *worker,
					     const struct handed *handed, __u64 before_ns)
{
	const struct work *work = &worker->work;

	if (handed->passed)
		passed_is_taken = 1;
	parts_add(&span->parts, &handed->parts);
	if (worker->took_ns == handed->at_ns) { /* and asked an upstream on its behalf */
		parts_add_stint(&span->parts, &work->own, &work->from, &worker->at.held, &work->upstream);
	} else if (before_ns < handed->at_ns || worker->took_ns) {
		parts_add_all(&span->parts, &handed->to, &worker->at);
		worker_give_up(worker, &handed->to);
	} else if (worker->answered && work->from_ns >= handed->at_ns) { /* on the way to others then */
		span->parts.components_ns[COMPONENT_RUNTIME_QUEUE] += work->from_ns - handed->at_ns;
		parts_add_stint(&span->parts, &work->own, &work->from, &worker->at.held, NULL);
	}
}

#endif /* WHYLATE_BPF_HANDOFF_H */
