/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A task touches a request: which one it works for from then on, and what it did until then for which.
 *
 * A request that it turns away from before the answer is put aside, where whoever answers finds the work.
 *
 * Pure C, compiled into the BPF programs (touch.bpf.h) and into the host's property tests.
 */
#ifndef WHYLATE_BPF_TOUCH_H
#define WHYLATE_BPF_TOUCH_H

#include "handoff.h"
#include "recording.h"

/* The current task, one of the target's, at a socket: its clock as of now. */
struct toucher {
	struct task_clock *clock;
	struct worker *worker;
	struct recorded *recorded; /* what it says of itself, as of now; NULL: nothing */
	__u64 now_ns;
};

/*
 * Of whoever includes this.  The clock of the current task, which has WORKER, moved on by more than its run:
 * to its state as of NOW_NS, whether or not it learned of the switch to it.
 */
VERIFIED_ONCE int charge_now(struct worker *worker, const struct task_clock *clock, __u64 now_ns);

/* The same where what the worker did since its latest touch is nobody's: only its clock is taken. */
VERIFIED_ONCE int charge_nobody(struct worker *worker, const struct task_clock *clock, __u64 now_ns);

/*
 * And the work put aside, by the address of the request's socket: what is never taken is overwritten when
 * that address is used again.  What work_find() returns lasts until work_drop() for the same socket.
 */
static __always_inline struct work *work_find(__u64 socket);
static __always_inline void work_keep(__u64 socket, const struct worker *worker); /* the current task's */
static __always_inline void work_drop(__u64 socket);

/* What was kept is gone. */
static __always_inline void work_lost(void);

/* What the current task was handed earlier; if nothing is kept of that, it is from now on.  NULL: there is
 * nothing. */
static __always_inline const struct earlier *earlier_of(const struct toucher *by);

/* The current task's history; if it has none, it has one from now on.  NULL: there is nothing in it. */
static __always_inline const struct history *history_of(const struct toucher *by);

/*
 * What the current task did since ARRIVED_NS; what is older than all that it remembers is in none of it. What
 * its waits were behind is added to BLAMES, which may be NULL.
 */
static __always_inline struct unread unread_since(const struct toucher *by, __u64 arrived_ns,
						  struct blames *blames)
{
	struct unread out = { .arrived_ns = arrived_ns, .until_ns = by->now_ns };

	const struct stay *latest = &by->worker->stays[(by->worker->stay - 1) & (STAYS - 1)];

	/* Mostly that is all: it slept, and was woken by what it reads. */
	if (unread_add_stay(&out, latest, blames) && out.until_ns > arrived_ns)
		split_unread(&out, by->worker, blames);
	if (out.until_ns > arrived_ns)
		split_history(&out, history_of(by), blames);
	return out;
}

/* The last part of advance(): of what the worker did for its request, some went to accounts. */
static __always_inline void advance_told(struct toucher *by)
{
	if (by->recorded && by->recorded->is_away)
		worker_give_away(by->worker, by->recorded);
}

/* Bring the worker up to now: what it did since is charged to the request that it works for. */
static __always_inline void advance(struct toucher *by)
{
	if (ran_since(by->clock, by->worker->at_ns))
		worker_ran(by->worker, by->now_ns);
	else
		charge_now(by->worker, by->clock, by->now_ns);
	advance_told(by);
}

/* Whether the worker, if it turns to a request on SOCKET, turns away from another one that is not answered:
 * an older one on the same connection nobody can touch any more. */
static __always_inline int leaves_open(const struct worker *worker, __u64 socket)
{
	return has_open(worker) && !worker->took_ns && worker->socket != socket;
}

/* advance(), before the worker turns to a new request on SOCKET: what it did since may be nobody's. */
static __always_inline void advance_anew(struct toucher *by, __u64 socket)
{
	if (leaves_open(by->worker, socket) || ran_since(by->clock, by->worker->at_ns)) {
		advance(by);
		return;
	}
	charge_nobody(by->worker, by->clock, by->now_ns);
	advance_told(by);
}

/*
 * The request of WORKER, advanced, the current task's with that clock id, is not answered yet: keep what it
 * did for it where whoever answers finds it, unless another has touched the connection since, and has put
 * that aside.
 */
VERIFIED_ONCE int put_aside(struct worker *worker, __u64 clock_id)
{
	const struct work *newer;

	if (!worker)
		return 0;
	newer = work_find(worker->socket);
	if (newer && newer->from_ns > worker->work.from_ns)
		return 0;
	worker->work.request = worker->request;
	worker->work.task = clock_id;
	worker->work.at_ns = worker->at_ns;
	worker->work.held = worker->at.held;
	work_keep(worker->socket, worker);
	return 0;
}

/* The worker, advanced, turns to REQUEST on SOCKET; its work begins now. */
static __always_inline void turn_to(struct toucher *by, __u64 request, __u64 socket)
{
	struct worker *worker = by->worker;

	if (leaves_open(worker, socket))
		put_aside(worker, by->clock->id);
	work_begin(worker);
	worker->work.upstream_state = UPSTREAM_NONE;
	worker->request = request;
	worker->socket = socket;
	worker->answered = 0;
	worker->took_ns = 0;
}

/* What was put aside for REQUEST; NULL if nothing was. */
static __always_inline struct work *aside_of(__u64 request, __u64 socket)
{
	struct work *aside = work_find(socket);

	return aside && aside->request == request ? aside : NULL;
}

/* The worker, advanced, turns to a request that it put aside itself. */
static __always_inline void take_up(struct toucher *by, const struct work *aside, __u64 socket)
{
	turn_to(by, aside->request, socket);
	by->worker->work = *aside;
	work_drop(socket);
}

/* The current task, which has WORKER, advanced, and CLOCK, was free since FREE_AT_NS: it has found SPAN's
 * request. */
VERIFIED_ONCE int touch_found(struct worker *worker, struct task_clock *clock, struct span *span,
			      __u64 free_at_ns, __u64 now_ns)
{
	struct toucher by = { clock, worker, NULL, now_ns };
	struct unread did;

	if (!worker || !clock || !span)
		return 0;
	did = unread_since(&by, free_at_ns, NULL);
	span_take_found(span, worker, &did);
	return 0;
}

/*
 * The worker, advanced, turns to a request that it held before, or that another did.  Work that began before
 * somebody else touched the span is in the span already.
 */
static __always_inline void turn_back(struct toucher *by, struct span *span)
{
	struct work *aside = aside_of(span->request, span->socket);
	struct worker *worker = by->worker;
	__u64 free_at_ns;

	if (aside && aside->from_ns != span->at_ns)
		aside = NULL;
	if (aside && aside->task == by->clock->id) {
		take_up(by, aside, span->socket);
		span_touch(span, worker);
		return;
	}
	if (!aside && span->holder == by->clock->id && worker->request != span->request &&
	    span->state == SPAN_READ)
		work_lost();
	free_at_ns = span_hand_over(span, worker, aside);
	if (free_at_ns)
		touch_found(worker, by->clock, span, free_at_ns, by->now_ns);
	turn_to(by, span->request, span->socket);
}

/* SPAN is up to now; or further, by a task that was faster from its call to its hook. */
static __always_inline void touch_ends(struct toucher *by, struct span *span)
{
	struct worker *worker = by->worker;

	work_begin(worker);
	if (worker->work.upstream_state)
		upstream_begin(&worker->work, &worker->at.held);
	worker->took_ns = 0;
	span->at_ns += gained_ns(by->now_ns, span->at_ns);
	span->holder = by->clock->id;
}

/* By which wakeup the toucher, advanced, has SPAN's request; NULL: by none. */
static __always_inline const struct handed *handed_with(const struct toucher *by, const struct span *span)
{
	const struct worker *worker = by->worker;

	if (was_handed(worker, span) && !waited_itself(worker, span)) {
		if (!worker->keeps)
			earlier_of(by);
		return &worker->handed;
	}
	if ((holds(worker, span) && !worker->took_ns) || !worker->handed.at_ns || worker->keeps == KEEPS_OVER)
		return NULL;
	return earlier_find(earlier_of(by), span);
}

/*
 * The current task, which has WORKER, CLOCK and RECORDED (NULL: none), touches SPAN at NOW_NS, and has done
 * more since the touch before than run with this request.
 */
VERIFIED_ONCE int touch_again(struct worker *worker, struct task_clock *clock, struct recorded *recorded,
			      struct span *span, __u64 now_ns)
{
	struct toucher by = { clock, worker, recorded, now_ns };
	const struct handed *handed;
	__u64 before_ns;

	if (!worker || !clock || !span)
		return 0;
	before_ns = worker->at_ns;
	advance(&by);
	handed = handed_with(&by, span);
	if (handed) {
		span_take_handed(span, worker, handed, before_ns);
		turn_to(&by, span->request, span->socket);
	} else if (holds(worker, span)) {
		span_touch(span, worker);
	} else {
		turn_back(&by, span);
	}
	touch_ends(&by, span);
	return 0;
}

/* What the sockets tell of the request that the toucher, advanced, answers, into its scratch. */
static __always_inline void told_by_sockets(struct recorded *recorded, const struct worker *worker,
					    const struct span *span)
{
	struct parts *parts = &recorded->sockets;
	const struct work *work;

	__builtin_memset(parts, 0, sizeof(*parts));
	if (holds(worker, span)) {
		work = &worker->work;
		parts_add_stint(parts, &work->own, &work->from, &worker->at.held, &work->upstream);
		return;
	}
	work = aside_of(span->request, span->socket);
	if (work && work->from_ns == span->at_ns)
		parts_add_stint(parts, &work->own, &work->from, &work->held, &work->upstream);
	else if (is_of_handed(&worker->handed, span))
		*parts = worker->handed.parts;
}

/*
 * The toucher, advanced, shows the record of SPAN's request: what other threads did for it is in ACCOUNT
 * (NULL: nothing), what it has waited since the touch before is WAITED_NS.  First goes what is known by a
 * clock, then the program's word; what the sockets tell of the reader's side may overlap with both, and has
 * what room is left.  While others have the request, what its reader does, or polls for, is not for it.
 */
static __always_inline void span_touch_recorded(struct recorded *recorded, const struct worker *worker,
						struct span *span, const struct account *account,
						__u64 waited_ns, __u64 now_ns)
{
	struct parts *sockets = &recorded->sockets;
	__u64 left_ns = later_ns(now_ns, span->at_ns), queued_ns;

	told_by_sockets(recorded, worker, span);
	sockets->components_ns[COMPONENT_BUSY_WITH_OTHERS] = 0;
	sockets->components_ns[COMPONENT_BLOCKED_FIRST + BLOCKED_POLL] = 0;
	sockets->components_ns[COMPONENT_BLOCKED_FIRST + BLOCKED_IO_URING] = 0;
	if (account)
		left_ns = parts_add_capped(&span->parts, &account->parts, left_ns);
	queued_ns = at_most(waited_ns, left_ns);
	span->parts.components_ns[COMPONENT_RUNTIME_QUEUE] += queued_ns;
	parts_add_capped(&span->parts, sockets, left_ns - queued_ns);
}

/* What it does from here on for the same request is known by its socket. */
static __always_inline void turn_to_recorded(struct toucher *by, struct recorded *recorded, struct span *span)
{
	if (by->worker->request != span->request) {
		work_drop(span->socket);
		turn_to(by, span->request, span->socket);
	}
	recorded->own_tag = recorded->look.tag;
	recorded->own_request = span->request;
	touch_ends(by, span);
}

/* touch_again() where the task says what it works for, and that tells more than the sockets: returns 0 if
 * not. */
VERIFIED_ONCE int touch_recorded(struct worker *worker, struct task_clock *clock, struct recorded *recorded,
				 struct span *span, __u64 now_ns)
{
	struct toucher by = { clock, worker, recorded, now_ns };
	const struct record_look *look;
	struct account *account;
	__u64 waited_ns, ran_ns;

	if (!worker || !clock || !span || !recorded || !recorded->look.tag)
		return 0;
	look = &recorded->look;
	__builtin_memcpy(span->trace_id, look->trace_id, sizeof(span->trace_id));
	account = account_find(look->tag);
	waited_ns = look->object ? later_ns(look->waited_ns, span->waited_ns) : 0;
	ran_ns = look->object ? ran_before_ns(recorded, span->at_ns, now_ns) : 0;
	if (!account && !waited_ns && !ran_ns)
		return 0;
	if (!account && look->object) /* what comes late is to find it answered */
		account = account_open(look->tag, now_ns);
	if (account)
		account->parts.components_ns[COMPONENT_ON_CPU] += ran_ns;
	advance(&by);
	span_touch_recorded(recorded, worker, span, account, waited_ns, now_ns);
	span->waited_ns += waited_ns;
	if (account)
		account_end(account, look, span->request, span->read_ns, now_ns);
	turn_to_recorded(&by, recorded, span);
	return 1;
}

/* Bring the span up to now, in the name of the current task. */
static __always_inline void touch(struct toucher *by, struct span *span)
{
	if (by->recorded ? touch_recorded(by->worker, by->clock, by->recorded, span, by->now_ns) :
			   span_touch_run(span, by->worker, by->clock, by->now_ns))
		return;
	touch_again(by->worker, by->clock, by->recorded, span, by->now_ns);
}

/*
 * Until when the connection waited for accept, and from when its reader could have read it: if nobody saw the
 * accept, by the reader's birth, or else by the read.  Between the two it had been taken and had no reader.
 */
static __always_inline void split_accept(const struct toucher *by, struct span *span, __u64 begin_ns,
					 __u64 *readable_ns)
{
	__u64 accepted_ns = at_most(span->accepted_ns, by->now_ns), born_ns = by->clock->began_at_ns;

	if (born_ns <= begin_ns)
		born_ns = 0;
	if (!accepted_ns)
		accepted_ns = born_ns ? born_ns : by->now_ns;
	else if (accepted_ns < begin_ns)
		accepted_ns = begin_ns;
	*readable_ns = born_ns > accepted_ns ? born_ns : accepted_ns;
	span->parts.components_ns[COMPONENT_ACCEPT_WAIT] = accepted_ns - begin_ns;
	span->parts.components_ns[COMPONENT_RUNTIME_QUEUE] = *readable_ns - accepted_ns;
}

/* What the reading task, advanced, did while the request lay unread: from READABLE_NS on. */
static __always_inline void span_was_unread(const struct toucher *by, struct span *span, __u64 readable_ns)
{
	const struct unread unread = unread_since(by, readable_ns, (struct blames *)span->parts.blame_ns);

	span->parts.components_ns[COMPONENT_SOCKET_BUSY] = unread.busy_ns;
	span->parts.components_ns[COMPONENT_SOCKET_RUN_QUEUE] = unread.run_queue_ns;
	span->parts.components_ns[COMPONENT_SOCKET_BLOCKED] = unread.blocked_ns;
}

/*
 * The current task reads a new request, number REQUEST: from when it waited, and what for.  SEEN: it reads it
 * now; or else it has, and nobody saw when: then what it did since the arrival is residual.
 */
static __always_inline void touch_first(struct toucher *by, struct span *span, __u64 request,
					__u64 arrived_ns, int seen)
{
	__u64 now_ns = by->now_ns, begin_ns = arrived_ns && arrived_ns < now_ns ? arrived_ns : now_ns;
	int unsent = span->flags & SPAN_UNSENT;
	__u64 readable_ns;

	if (span->waits_accept && span->established_ns && span->established_ns < begin_ns)
		begin_ns = span->established_ns;
	advance_anew(by, span->socket);
	turn_to(by, request, span->socket);
	span_open(span, request, begin_ns, now_ns);
	span->holder = by->clock->id;
	readable_ns = begin_ns;
	if (span->waits_accept && seen)
		split_accept(by, span, begin_ns, &readable_ns);
	span->established_ns = span->accepted_ns = 0;
	span->waits_accept = 0;
	span->owes = 0;
	if (seen)
		span_was_unread(by, span, readable_ns);
	if (unsent) /* what was put aside for the request before is nobody's now, whatever still answers it */
		work_drop(span->socket);
}

/*
 * The current task has touched SPAN to send its answer.  MORE: the socket took less than it has to send; then
 * what the task does next is as much this request's as before.
 */
static __always_inline void touch_sent(struct toucher *by, struct span *span, int more)
{
	by->worker->answered = !more;
	if (more)
		span->flags |= SPAN_UNSENT;
}

#endif /* WHYLATE_BPF_TOUCH_H */
