/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A thread that publishes which request it works for (docs/thread-context.md): what it does goes to the
 * account of that request, where whoever answers finds it.
 *
 *      look       taken up      look        turned away     look
 *   nothing           |          T               |        nothing
 *       |- sockets -->|-- T's -->|----- T's ---->|-- sockets -->|
 *
 * A look is taken where a program runs in the thread anyway: at its switch-outs, its wakeups of others, its
 * reads and sends.  Between two looks it may have done anything; what it says of itself only ever moves time
 * that its clock has, and each of its ns goes to one request.  So a record that lies changes whose time it
 * is, and no sum.
 *
 * Pure C, compiled into the BPF programs and into the host's property tests.
 */
#ifndef WHYLATE_BPF_RECORDING_H
#define WHYLATE_BPF_RECORDING_H

#include "record.h"

/*
 * Of whoever includes this: the account of TAG, open or not; NULL if there is none.  And the same where one
 * is made, and open, if there is none: then NULL means that there is no place, which is counted.
 */
static __always_inline struct account *account_of(__u64 tag);
static __always_inline struct account *account_make(__u64 tag, __u64 now_ns);

/* Two open requests with the same id got one account. */
static __always_inline void record_shared(void);

/*
 * Who says what a thread works for.  The record is believed before the sockets, since the program itself
 * speaks; but where both mean the same request, the sockets tell all of it already.  A further source, such
 * as a runtime's own structures, is one more name here, a look of its own that yields a tag, and its place in
 * this order.
 */
enum work_source {
	WORK_OF_NOBODY,
	WORK_BY_SOCKETS,
	WORK_BY_RECORD,
};

static __always_inline enum work_source work_source_of(const struct recorded *recorded,
						       const struct worker *worker, __u64 tag)
{
	if (tag && (tag != recorded->own_tag || worker->request != recorded->own_request))
		return WORK_BY_RECORD;
	return worker->request ? WORK_BY_SOCKETS : WORK_OF_NOBODY;
}

/* Whether the thread has taken up what it shows now since the look before. */
static __always_inline int is_taken_up(const struct recorded *recorded)
{
	const struct record_look *look = &recorded->look, *next = &recorded->next;

	return next->tag && (next->tag != look->tag || next->since_ns != look->since_ns);
}

/*
 * For how long the thread has been on its CPU since SINCE_NS, as it says, but no longer than since the look
 * before: each time that it leaves its CPU it is looked at, so nothing else of its clock has moved.
 */
static __always_inline __u64 ran_for_ns(const struct recorded *recorded, const struct task_clock *clock,
					__u64 now_ns, __u64 since_ns)
{
	/* All but the slice that runs is in its clock's sums. */
	__u64 from_ns = now_ns - later_ns(recorded->now.sums.on_cpu_ns, clock->sums.on_cpu_ns);

	if (from_ns < recorded->at_ns)
		from_ns = recorded->at_ns;
	if (from_ns < since_ns)
		from_ns = since_ns;
	return later_ns(now_ns, from_ns);
}

/* The request that it turned away from since the look before; 0: none, or it does not say. */
static __always_inline __u64 left_tag(const struct recorded *recorded, __u64 now_ns)
{
	const struct record_thread *thread = &recorded->thread;
	__u64 until_ns = thread->left_until_ns, tag;

	if (!until_ns || until_ns < recorded->at_ns || until_ns > now_ns || thread->left_since_ns > until_ns)
		return 0;
	tag = record_tag(thread->left_trace_id, thread->left_request, recorded->process);
	/* It is about to. */
	if (tag == recorded->next.tag && thread->left_since_ns == recorded->next.since_ns)
		return 0;
	return tag;
}

static __always_inline struct account *account_find(__u64 tag)
{
	struct account *account = account_of(tag);

	return account && account->open ? account : NULL;
}

static __always_inline struct account *account_open(__u64 tag, __u64 now_ns)
{
	struct account *account = account_make(tag, now_ns);

	if (account && !account->open)
		account_reopen(account, now_ns);
	return account;
}

/* Is what it took up the request that it has just read?  A request that has waited comes from another thread.
 */
static __always_inline int takes_up_own(const struct recorded *recorded, const struct worker *worker)
{
	const struct record_look *next = &recorded->next;

	if (!worker->request || worker->answered)
		return 0;
	return next->object ? !next->waited_ns : !account_find(next->tag);
}

/* What goes to accounts is no other request's, whatever the sockets or who woke the thread say. */
static __always_inline void note_away(struct recorded *recorded, struct worker *worker)
{
	recorded->is_away = 1;
	worker->handed.at_ns = 0;
}

/* What it did for the request that it showed before, but for the last REST_NS. */
VERIFIED_ONCE int charge_before(struct recorded *recorded, struct worker *worker, __u64 rest_ns, __u64 now_ns)
{
	struct account *account;
	__u64 *on_cpu_ns;

	if (!recorded || !worker)
		return 0;
	account = account_find(recorded->look.tag);
	if (!account)
		return 0;
	parts_add_all(&account->parts, &recorded->at, &recorded->now);
	on_cpu_ns = &account->parts.components_ns[COMPONENT_ON_CPU];
	*on_cpu_ns = later_ns(*on_cpu_ns, rest_ns);
	account->at_ns = now_ns;
	NOT_UNROLLED for (__u32 i = 0; i < sizeof(recorded->away) / sizeof(__u64); i++)(
		(__u64 *)&recorded->away)[i] += word_since(&recorded->now.sums, &recorded->at.sums, i);
	recorded->away.on_cpu_ns = later_ns(recorded->away.on_cpu_ns, rest_ns);
	note_away(recorded, worker);
	return 0;
}

/* It was on its CPU for RAN_NS for the request of ACCOUNT, which may be NULL: lost, and counted. */
static __always_inline void charge_run(struct recorded *recorded, struct worker *worker,
				       struct account *account, __u64 ran_ns, __u64 now_ns)
{
	if (!account)
		return;
	account->parts.components_ns[COMPONENT_ON_CPU] += ran_ns;
	account->at_ns = now_ns;
	recorded->away.on_cpu_ns += ran_ns;
	note_away(recorded, worker);
}

/* What it did for the request TAG, which it took up and turned away from between two looks. */
VERIFIED_ONCE int charge_left(struct recorded *recorded, struct worker *worker, __u64 tag, __u64 ran_ns,
			      __u64 now_ns)
{
	const struct account *account;

	if (!recorded || !worker)
		return 0;
	account = account_of(tag);
	/* It is answered already: that came too late. */
	if (account && !account->open && recorded->thread.left_since_ns < account->answered_ns)
		return 0;
	charge_run(recorded, worker, account_open(tag, now_ns), ran_ns, now_ns);
	return 0;
}

/* And what it did since, RAN_NS, for the one that it took up. */
VERIFIED_ONCE int charge_taken(struct recorded *recorded, struct worker *worker, __u64 ran_ns, __u64 now_ns)
{
	__u64 tag;

	if (!recorded || !worker)
		return 0;
	tag = recorded->next.tag;
	if (takes_up_own(recorded, worker)) {
		recorded->own_tag = tag;
		recorded->own_request = worker->request;
		return 0;
	}
	if (worker->answered) /* by the same name another one may come now */
		recorded->own_tag = 0;
	if (work_source_of(recorded, worker, tag) == WORK_BY_RECORD)
		charge_run(recorded, worker, account_open(tag, now_ns), ran_ns, now_ns);
	return 0;
}

/* Since when, by what it says, the thread has not worked any more for what it showed at the look before; or
 * NOW_NS. */
static __always_inline __u64 turned_away_at_ns(const struct recorded *recorded, __u64 left, int taken_up,
					       __u64 now_ns)
{
	if (left)
		return left == recorded->look.tag ? recorded->thread.left_until_ns :
						    recorded->thread.left_since_ns;
	if (!taken_up)
		return now_ns;
	return recorded->next.object ? recorded->next.since_ns : 0;
}

/*
 * A look was taken, `next` and `thread`, with the thread's clock in `now`: what it has done since the look
 * before.  If it has turned away from several requests since, the latest is known.
 */
VERIFIED_ONCE int record_settle(struct recorded *recorded, struct worker *worker,
				const struct task_clock *clock, __u64 now_ns)
{
	__u64 left, ran_ns;
	int taken_up;

	if (!recorded || !worker || !clock)
		return 0;
	left = left_tag(recorded, now_ns);
	taken_up = is_taken_up(recorded);
	if (work_source_of(recorded, worker, recorded->look.tag) == WORK_BY_RECORD) {
		ran_ns = ran_for_ns(recorded, clock, now_ns,
				    turned_away_at_ns(recorded, left, taken_up, now_ns));
		charge_before(recorded, worker, ran_ns, now_ns);
	}
	if (left != recorded->look.tag && work_source_of(recorded, worker, left) == WORK_BY_RECORD) {
		ran_ns = ran_for_ns(recorded, clock, now_ns, recorded->thread.left_since_ns);
		ran_ns =
			later_ns(ran_ns, ran_for_ns(recorded, clock, now_ns, recorded->thread.left_until_ns));
		charge_left(recorded, worker, left, ran_ns, now_ns);
	}
	if (taken_up) {
		ran_ns = ran_for_ns(recorded, clock, now_ns,
				    recorded->next.object ? recorded->next.since_ns : 0);
		/* Not what it says to have done before for another. */
		if (left)
			ran_ns = at_most(ran_ns,
					 ran_for_ns(recorded, clock, now_ns, recorded->thread.left_until_ns));
		charge_taken(recorded, worker, ran_ns, now_ns);
	}
	recorded->look = recorded->next;
	recorded->at = recorded->now;
	recorded->at_ns = now_ns;
	return 0;
}

/* Of what was charged to WORKER's request since, some went to accounts. */
VERIFIED_ONCE int worker_give_away(struct worker *worker, struct recorded *recorded)
{
	if (!worker || !recorded)
		return 0;
	NOT_UNROLLED for (__u32 i = 0; i < sizeof(recorded->away) / sizeof(__u64); i++)
	{
		__u64 *own = (__u64 *)&worker->work.own + i, *away = (__u64 *)&recorded->away + i;

		*own = later_ns(*own, *away);
		*away = 0;
	}
	recorded->is_away = 0;
	return 0;
}

/* As much of FROM as LEFT_NS have room for; returns what is left of them. */
VERIFIED_ONCE __u64 parts_add_capped(struct parts *to, const struct parts *from, __u64 left_ns)
{
	if (!to || !from)
		return left_ns;
	NOT_UNROLLED for (__u32 i = COMPONENT_ON_CPU; i < COMPONENT_RESIDUAL; i++)
		to->components_ns[i] += blame_take(from->components_ns[i], &left_ns);
	NOT_UNROLLED for (__u32 i = COMPONENTS; i < sizeof(*to) / sizeof(__u64); i++)((__u64 *)to)[i] +=
		((const __u64 *)from)[i];
	return left_ns;
}

/*
 * REQUEST, which was read at READ_NS, is answered by a thread that shows it in LOOK: its account ends.  If an
 * other one under the same tag was answered while this one was open, neither can have all of what threads did
 * for both.
 */
static __always_inline void account_end(struct account *account, const struct record_look *look,
					__u64 request, __u64 read_ns, __u64 now_ns)
{
	if (!look->object && account->request && account->request != request &&
	    read_ns < account->answered_ns)
		record_shared();
	account->request = request;
	account->answered_ns = now_ns;
	account->open = 0;
}

#endif /* WHYLATE_BPF_RECORDING_H */
