/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A worker's stays off its CPU, and what they tell of a request that lay unread meanwhile.
 *
 * Pure C, compiled into the BPF programs, into the agent and into the host's property tests.
 */
#ifndef WHYLATE_BPF_STAYS_H
#define WHYLATE_BPF_STAYS_H

#include "work.h"

/*
 * What the wait that has ended was behind, as struct stay has it, by what CLOCK has been charged since the
 * stay before: one division, and shares of up to an hour to a 63rd.
 */
static __always_inline __u32 worker_was_behind(struct worker *worker, const struct task_clock *clock)
{
	__u64 ns[BLAME_KINDS], whole_ns = 0, scale;
	__u32 behind = 0;

	for (__u32 i = 0; i < BLAME_KINDS; i++) {
		ns[i] = gained_ns(clock->sums.blame_ns[i], worker->blame_ns[i]);
		worker->blame_ns[i] = clock->sums.blame_ns[i];
		whole_ns += ns[i];
	}
	if (!whole_ns)
		return 0;
	scale = ((__u64)STAY_SHARES << 50) / whole_ns;
	for (__u32 i = 0; i < BLAME_OTHER; i++)
		behind |= (__u32)((ns[i] * scale + (1ull << 49)) >> 50) << (i * STAY_SHARE_BITS);
	return behind;
}

/* The task of WORKER has its CPU, as CLOCK says: remember the stay that has ended; WHO: struct stay. */
static __always_inline struct stay *worker_add_stay(struct worker *worker, const struct task_clock *clock,
						    __u32 who)
{
	struct stay *stay = &worker->stays[worker->stay & (STAYS - 1)];
	const struct stay *before = &worker->stays[(worker->stay - 1) & (STAYS - 1)];
	__u64 blocked_ns = clock->cause == AFTER_WAKEUP ? clock->latest_block_ns : 0;
	__u64 away_ns = later_ns(clock->since_ns, before->in_ns);

	stay->in_ns = clock->since_ns;
	/* Where an event was lost, it may seem to have begun before the one before it ended. */
	stay->away_16ns = (__u32)at_most(at_most(clock->waited_ns + blocked_ns, away_ns) >> 4, STAY_LONG);
	stay->waited_16ns = (__u32)at_most(clock->waited_ns >> 4, STAY_LONG);
	stay->who = who;
	stay->behind = 0;
	worker->stay++;
	return stay;
}

/* The same with what its wait was behind. */
static __always_inline void worker_came_back(struct worker *worker, const struct task_clock *clock, __u32 who)
{
	worker_add_stay(worker, clock, who)->behind = worker_was_behind(worker, clock);
}

/* The task has become a worker: of its stays it remembers the one that its clock still knows, and not behind
 * whom it waited. */
static __always_inline void worker_begins(struct worker *worker, const struct task_clock *clock)
{
	for (__u32 i = 0; i < BLAME_KINDS; i++)
		worker->blame_ns[i] = clock->sums.blame_ns[i];
	worker_add_stay(worker, clock, 0);
}

/* When the task left its CPU; 0: too long ago to be told. */
static __always_inline __u64 stay_out_ns(const struct stay *stay)
{
	return stay->away_16ns == STAY_LONG ? 0 : later_ns(stay->in_ns, (__u64)stay->away_16ns << 4);
}

/* When it became runnable; what is lost by rounding is time that it was blocked, if it was. */
static __always_inline __u64 stay_runnable_ns(const struct stay *stay)
{
	/* Preempted: nothing of it was blocked. */
	return stay->waited_16ns >= stay->away_16ns ? stay_out_ns(stay) :
						      later_ns(stay->in_ns, (__u64)stay->waited_16ns << 4);
}

/* What waits for a CPU were behind: in no struct of those that lie on the stack. */
struct blames {
	__u64 ns[BLAME_KINDS];
};

/* Of the wait in STAY, NS: each kind's part is added to OUT, and all of them are NS. */
static __always_inline void stay_blame(const struct stay *stay, __u64 ns, struct blames *out)
{
	__u64 left_ns = ns;

	for (__u32 i = 0; i < BLAME_OTHER; i++) {
		__u32 share = stay->behind >> (i * STAY_SHARE_BITS) & STAY_SHARES;

		if (share)
			out->ns[i] += blame_take(ns * share / STAY_SHARES, &left_ns);
	}
	out->ns[BLAME_OTHER] += left_ns;
}

/* How long [FROM, TO) and [BEGIN, END) overlap. */
static __always_inline __u64 overlap_ns(__u64 from_ns, __u64 to_ns, __u64 begin_ns, __u64 end_ns)
{
	__u64 first_ns = from_ns + gained_ns(begin_ns, from_ns);

	return gained_ns(lesser_ns(to_ns, end_ns), first_ns);
}

/* What a task did while bytes for it lay unread, and of what time that is not known yet. */
struct unread {
	__u64 busy_ns;
	__u64 run_queue_ns;
	__u64 blocked_ns;
	__u64 arrived_ns; /* from here, */
	__u64 until_ns;	  /* to here: it moves back as its stays are looked through */
};

/*
 * The older stays of a task that was found to need them: a loop that is preempted many times while a request
 * lies unread.  Few tasks have one.
 */
#define HISTORY 128u /* a power of two */

struct history {
	__u32 next;
	__u32 pad;
	struct stay stays[HISTORY];
};

_Static_assert(sizeof(struct history) <= 4096 - 72, "with the storage's own head it fits kmalloc-4k");

/* The stay that the next one will displace is remembered elsewhere. */
static __always_inline void history_take(struct history *history, const struct worker *worker)
{
	history->stays[history->next & (HISTORY - 1)] = worker->stays[worker->stay & (STAYS - 1)];
	history->next++;
}

/*
 * The task ran from the end of STAY until OUT->until_ns.  Returns 0 if that is all that it tells: there is no
 * such stay, or it began before the bytes came.  BLAMES may be NULL.
 */
static __always_inline int unread_add_stay(struct unread *out, const struct stay *stay, struct blames *blames)
{
	__u64 arrived_ns = out->arrived_ns, until_ns = out->until_ns, out_ns, runnable_ns, waited_ns;

	if (!stay->in_ns || stay->in_ns > until_ns)
		return 0;
	out_ns = stay_out_ns(stay);
	runnable_ns = stay_runnable_ns(stay);
	waited_ns = overlap_ns(runnable_ns, stay->in_ns, arrived_ns, until_ns);
	out->busy_ns += overlap_ns(stay->in_ns, until_ns, arrived_ns, until_ns);
	out->run_queue_ns += waited_ns;
	if (waited_ns && blames)
		stay_blame(stay, waited_ns, blames);
	out->blocked_ns += overlap_ns(out_ns, runnable_ns, arrived_ns, until_ns);
	out->until_ns = out_ns > arrived_ns ? out_ns : arrived_ns;
	return out->until_ns > arrived_ns;
}

VERIFIED_ONCE int unread_add(struct unread *out, const struct stay *stay, struct blames *blames)
{
	return out && stay ? unread_add_stay(out, stay, blames) : 0;
}

/* What the reading task did from OUT->arrived_ns on, by the stays before its latest, as far back as they
 * tell. */
VERIFIED_ONCE int split_unread(struct unread *out, const struct worker *worker, struct blames *blames)
{
	if (!worker || !out)
		return 0;
	NOT_UNROLLED for (__u32 i = 2; i <= STAYS;
			  i++) if (!unread_add(out, &worker->stays[(worker->stay - i) & (STAYS - 1)],
					       blames)) break;
	return 0;
}

/* The same from its history, for what is before that. */
VERIFIED_ONCE int split_history(struct unread *out, const struct history *history, struct blames *blames)
{
	if (!history || !out)
		return 0;
	NOT_UNROLLED for (__u32 i = 1; i <= HISTORY;
			  i++) if (!unread_add(out, &history->stays[(history->next - i) & (HISTORY - 1)],
					       blames)) break;
	return 0;
}

#endif /* WHYLATE_BPF_STAYS_H */
