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

/* The run of the thread that has KEY, or RECORDED; NULL: none is kept. */
static __always_inline struct run *run_of(__u64 key);
static __always_inline struct run *own_run(const struct recorded *recorded);

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
 * Since when the thread is on its CPU with what is its to give: no longer than since the look before.  The
 * switch to it may not have been announced.
 */
static __always_inline __u64 free_since_ns(const struct recorded *recorded, const struct task_clock *clock,
					   __u64 now_ns)
{
	/* All but the slice that runs is in its clock's sums. */
	__u64 from_ns = now_ns - later_ns(recorded->now.sums.on_cpu_ns, clock->sums.on_cpu_ns);

	return from_ns > recorded->free_from_ns ? from_ns : recorded->free_from_ns;
}

/*
 * For how long the thread has been on its CPU since SINCE_NS, as it says, but no longer than since the look
 * before: each time that it leaves its CPU it is looked at, so nothing else of its clock has moved.  What
 * others took of that is not its to give any more.
 */
static __always_inline __u64 ran_for_ns(const struct recorded *recorded, const struct task_clock *clock,
					__u64 now_ns, __u64 since_ns)
{
	__u64 from_ns = free_since_ns(recorded, clock, now_ns);

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

	if (!has_open(worker))
		return 0;
	return next->object ? !next->waited_ns : !account_find(next->tag);
}

/* What goes to accounts is no other request's, whatever the sockets or who woke the thread say. */
static __always_inline void note_away(struct recorded *recorded, struct worker *worker)
{
	recorded->is_away = 1;
	worker->handed.at_ns = 0;
	if (worker->keeps)
		worker->keeps = KEEPS_OVER;
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

/*
 * Since when, by what it says, the thread has not worked any more for what it showed at the look before; or
 * NOW_NS.  If it has turned away from another one since, that is not known: see run_keep().
 */
static __always_inline __u64 turned_away_at_ns(const struct recorded *recorded, __u64 left, int taken_up,
					       __u64 now_ns)
{
	if (left)
		return left == recorded->look.tag ? recorded->thread.left_until_ns : 0;
	if (!taken_up)
		return now_ns;
	return recorded->next.object ? recorded->next.since_ns : 0;
}

/*
 * A look is taken at the thread of RECORDED at NOW_NS, which has RUN (NULL: none is kept); its next stretch
 * begins at FROM_NS, 0: it leaves its CPU.
 */
static __always_inline void run_look(struct recorded *recorded, struct worker *worker, struct run *run,
				     __u64 from_ns)
{
	__u64 before_ns, given_ns;

	recorded->free_from_ns = recorded->at_ns;
	recorded->given_ns = 0;
	if (!run)
		return;
	before_ns = __sync_lock_test_and_set(&run->from_ns, from_ns);
	if (before_ns > recorded->at_ns)
		recorded->free_from_ns = before_ns;
	given_ns = later_ns(*(const volatile __u64 *)&run->given_ns, run->seen_ns);
	if (!given_ns)
		return;
	run->seen_ns += given_ns;
	recorded->given_ns = given_ns;
	recorded->away.on_cpu_ns += given_ns;
	note_away(recorded, worker);
}

/*
 * What of the time from *FROM_NS to TO_NS lies between SINCE_NS and UNTIL_NS, which is somebody else's from
 * here on, and is added to GIVEN_NS (NULL: to nothing).  What came before it and nobody has taken so far is
 * nobody's: requests are answered in the order in which they were worked for, mostly.
 */
static __always_inline __u64 stretch_take(__u64 *from_ns, __u64 to_ns, __u64 since_ns, __u64 until_ns,
					  __u64 *given_ns)
{
	__u64 begin_ns = *(const volatile __u64 *)from_ns, ns;

	if (since_ns < begin_ns)
		since_ns = begin_ns;
	if (until_ns > to_ns)
		until_ns = to_ns;
	if (!begin_ns || since_ns >= until_ns)
		return 0;
	ns = until_ns - since_ns;
	/* In this order: the thread's own look is not to find its run shorter and nothing given. */
	if (given_ns)
		__sync_fetch_and_add(given_ns, ns);
	if (__sync_val_compare_and_swap(from_ns, begin_ns, until_ns) == begin_ns)
		return ns;
	if (given_ns)
		__sync_fetch_and_add(given_ns, -ns);
	return 0;
}

/* And of all of RUN. */
VERIFIED_ONCE __u64 run_take(struct run *run, __u64 since_ns, __u64 until_ns)
{
	__u64 ns;

	if (!run)
		return 0;
	ns = stretch_take(&run->from_ns, ~0ull, since_ns, until_ns, &run->given_ns);
	NOT_UNROLLED for (__u32 i = 0; i < RUN_STRETCHES; i++)
	{
		__u64 *from_ns = &run->stretches[i & (RUN_STRETCHES - 1)].from_ns;

		/* Where it ends is looked at after where it begins: it is not another one's, or is not taken.
		 */
		__u64 begin_ns = *(volatile __u64 *)from_ns, to_ns = *(volatile __u64 *)(from_ns + 1);

		if (begin_ns && begin_ns < until_ns)
			ns += stretch_take(from_ns, to_ns, since_ns, until_ns, NULL);
	}
	return ns;
}

/*
 * From FROM_NS, not before the look before, until when it took up the request that it turned away from last,
 * the thread may have worked for others: that is there to be taken by who answers those.  Not if it holds a
 * request by its sockets.
 */
VERIFIED_ONCE int run_keep(struct recorded *recorded, struct worker *worker, __u64 from_ns)
{
	__u64 to_ns, *stretch;
	struct run *run;

	if (!recorded || !worker)
		return 0;
	run = own_run(recorded);
	to_ns = recorded->thread.left_since_ns;
	if (!run || from_ns >= to_ns || has_open(worker))
		return 0;
	stretch = &run->stretches[run->kept++ & (RUN_STRETCHES - 1)].from_ns;
	__sync_lock_test_and_set(stretch, 0);
	*(volatile __u64 *)(stretch + 1) = to_ns;
	__sync_lock_test_and_set(stretch, from_ns);
	recorded->away.on_cpu_ns += to_ns - from_ns;
	note_away(recorded, worker);
	return 0;
}

/*
 * For how long the thread from which the current one got what it shows in RECORDED was on its CPU with that
 * since SINCE_NS, as far as nobody has seen it.
 */
static __always_inline __u64 ran_before_ns(const struct recorded *recorded, __u64 since_ns, __u64 now_ns)
{
	const struct record_thread *thread = &recorded->thread;

	if (!thread->before || thread->before_until_ns > now_ns)
		return 0;
	if (since_ns < thread->before_since_ns)
		since_ns = thread->before_since_ns;
	return run_take(run_of(run_key(thread->before, recorded->process)), since_ns,
			thread->before_until_ns);
}

/*
 * The thread, whose clock is in `now`, has its CPU again: while it was away it showed what it shows, and
 * whoever answers that is to know, though the thread may not be looked at before.
 */
VERIFIED_ONCE int record_came_back(struct recorded *recorded, struct worker *worker, __u64 now_ns)
{
	if (!recorded || !worker)
		return 0;
	if (work_source_of(recorded, worker, recorded->look.tag) == WORK_BY_RECORD)
		charge_before(recorded, worker, 0, now_ns);
	recorded->at = recorded->now;
	recorded->at_ns = now_ns;
	return 0;
}

/*
 * A look was taken, `next` and `thread`, with the thread's clock in `now`: what it has done since the look
 * before.  If it has turned away from several requests since, the latest is known, and the others are where
 * they can be taken from.
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
		charge_before(recorded, worker, ran_ns + recorded->given_ns, now_ns);
	}
	if (left && left != recorded->look.tag)
		run_keep(recorded, worker, free_since_ns(recorded, clock, now_ns));
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

		*own = gained_ns(*own, *away);
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
