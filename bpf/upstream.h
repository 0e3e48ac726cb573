/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A task asks elsewhere on behalf of a request, by a socket that the target made itself: that leads back to
 * the request when it is read, and what the task waited until then was for it.
 *
 * Pure C, compiled into the BPF programs and into the host's property tests.
 */
#ifndef WHYLATE_BPF_UPSTREAM_H
#define WHYLATE_BPF_UPSTREAM_H

#include "touch.h"

/* A socket that the target made itself, and for which request it was connected, or last written to. */
struct upstream {
	__u64 request;
	__u64 socket;	  /* of the request's connection */
	__u64 arrived_ns; /* the first byte of the answer that nobody has read; 0: none */
	__u32 connecting; /* or connected, which is the answer then, and not used yet */
	__u32 in_vain;	  /* writes since anything was read */
	struct progress seen;
	__u32 pad;
};

/* A socket that is only written to, such as a log's, is no upstream.  It may take some writes to ask. */
#define IN_VAIN_MOST 16

/*
 * The worker, advanced, does not answer what it was handed yet, but asks elsewhere on its behalf: from here
 * on it holds that request, and has done all for it since it was woken.
 */
static __always_inline void take_handed(struct toucher *by)
{
	struct worker *worker = by->worker;
	const struct handed *handed = &worker->handed;

	turn_to(by, handed->request, handed->socket);
	work_sums_add(&worker->work.own, &worker->at.sums, &handed->to.sums);
	worker->work.from = handed->to.held;
	worker->work.from_ns = handed->from_ns;
	worker->took_ns = handed->at_ns;
}

/* Whether what the worker asks elsewhere now is on behalf of a request: its own, or what it was handed. */
static __always_inline int asks_for_request(const struct worker *worker)
{
	return works_for(worker) != 0;
}

/* It asks there. */
static __always_inline void touch_asked(struct toucher *by, struct upstream *upstream)
{
	struct worker *worker = by->worker;
	int takes = !has_open(worker) && works_for_handed(worker);

	advance(by);
	if (takes)
		take_handed(by);
	upstream->request = worker->request;
	upstream->socket = worker->socket;
	upstream->arrived_ns = 0;
	upstream_asked(&worker->work, &worker->at.held);
}

/* It connects it: a question as well, which its first use finds answered. */
static __always_inline void touch_connects(struct toucher *by, struct upstream *upstream)
{
	touch_asked(by, upstream);
	upstream->connecting = 1;
}

/*
 * The current task, which has WORKER, CLOCK and RECORDED (NULL: none), reads at NOW_NS what it asked for on
 * behalf of a request: that is what it works for now.  So it is when it first uses what it has connected,
 * whether to ask there or to be greeted.
 */
VERIFIED_ONCE int touch_answered(struct worker *worker, struct task_clock *clock, struct recorded *recorded,
				 struct upstream *upstream, __u64 now_ns)
{
	struct toucher by = { clock, worker, recorded, now_ns };
	struct unread late = {};

	if (!worker || !clock || !upstream)
		return 0;
	upstream->connecting = 0;
	/* It answered that request without, and has left it. */
	if (worker->answered && works_for_handed(worker))
		return 0;
	if (worker->request != upstream->request) {
		struct work *aside = aside_of(upstream->request, upstream->socket);

		if (!aside || aside->task != clock->id) /* answered or gone meanwhile, or another's */
			return 0;
		advance(&by);
		take_up(&by, aside, upstream->socket);
	} else {
		advance(&by);
	}
	if (upstream->arrived_ns)
		late = unread_since(&by, upstream->arrived_ns, NULL);
	upstream_answered(&worker->work, &worker->at.held, late.busy_ns + late.run_queue_ns);
	upstream->arrived_ns = 0;
	return 0;
}

#endif /* WHYLATE_BPF_UPSTREAM_H */
