/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The task clock: which state a task is in, since when, and how long it has been in each so far.
 *
 *   fork   wakeup_new        switch-in      switch-out (blocks)      wakeup     switch-in
 *    |         |                 |                  |                   |           |
 *    |   NEW   |    RUNNABLE     |     RUNNING      |      BLOCKED      | RUNNABLE  | RUNNING ...
 *    |         |  after wakeup   |                  |      by reason    |
 *              ^ the clock's wall time begins here                 switch-out (still queued):
 *                                                                  RUNNABLE after preemption
 *
 * A task that was there before us is SEEDED: what it was doing follows from its first event (switch-out:
 * it ran; wakeup: it was blocked; switch-in: it was runnable).  That first interval began before the
 * clock, so it is in the sums but in no count, maximum or histogram ("cut").
 *
 * Invariants: on-CPU + run queue + blocked = now - began, exactly; time never goes back.
 *
 * Pure C, compiled into the BPF programs and into the host's property tests.  The scheduler serialises
 * the events of one task, so there is one writer; readers use `seq` (clock_read_begin/retry).
 */
#ifndef WHYLATE_BPF_CLOCK_H
#define WHYLATE_BPF_CLOCK_H

#include "abi.h"
#include "blame.h"

/* What the first of two programs has just seen the task do, for the second (skipped.bpf.h). */
enum clock_at_hook {
	AT_NO_HOOK,
	AT_READ,
	AT_SEND,
};

/* Whether the task says itself what it works for (record.h). */
enum clock_recorded {
	RECORDED_NOT, /* or nobody has looked */
	RECORDED_ASK, /* it has become another program: that is to be looked at when it touches a request */
	RECORDED_THERE,
};

struct task_clock {
	__u32 seq;   /* odd while being written */
	__u8 state;  /* enum clock_state */
	__u8 cause;  /* enum run_queue_cause, while runnable */
	__u8 reason; /* enum blocked_reason, while blocked */
	__u8 cut;    /* the open interval began before the clock */
	__u64 since_ns;
	__u64 began_at_ns;
	__u64 id; /* no other clock has had it or will */
	struct clock_sums sums;
	struct kernel_counts base; /* the kernel's own counters when the clock began */
	__u64 stolen_base_ns;	   /* of the run queue, at switch-in */
	__u64 irq_base_ns;
	struct blame_wait wait; /* while runnable */
	__u32 accounted;	/* there was a switch-out: what follows is known */
	__u8 works;		/* the task reads or answers requests (request.h) */
	__u8 at_hook;		/* enum clock_at_hook */
	__u16 recorded;		/* enum clock_recorded */
	/* The kernel's own account at the latest switch-out: what it added since. */
	__u64 run_delay_ns;
	__u64 exec_ns;
	/* Our own latest wait and block; 0 if it began before the clock. */
	__u64 waited_ns;
	__u64 latest_block_ns;
	__u64 voluntary;
	__u64 involuntary;
	/* Kind of the file of the latest read or write that blocked (reason.bpf.h). */
	__u64 file_operations; /* kernel address; 0: none yet */
	__u16 file_reason;     /* enum blocked_reason */
	__u16 restart_reason;  /* the same, of the latest call that restart_syscall can go on with */
	__u32 process;	       /* its number, which a task that ends may lose before it leaves its CPU */
};

_Static_assert(sizeof(struct task_clock) <= 512 - 72, "with the storage's own head it fits kmalloc-512");

/* A closed interval, for the histogram; ns 0 and state NEW if the event closed none. */
struct clock_interval {
	__u64 ns;
	__u8 state; /* RUNNING, RUNNABLE or BLOCKED */
	__u8 which; /* cause or reason */
	__u8 cut;
	__u8 gap; /* an event before this one was lost */
};

/*
 * CPUs' clocks may differ by a few ns: time is never before the last event, nor before the end of what
 * has been charged of an open wait.
 */
static __always_inline __u64 clock_now(const struct task_clock *clock, __u64 now_ns)
{
	__u64 last_ns = clock->since_ns + clock->wait.charged_ns;

	return now_ns > last_ns ? now_ns : last_ns;
}

/*
 * Add NS to what the sums hold for STATE; WHICH is the cause or the reason.  CUT intervals, and those
 * still open (COUNTED 0), enter no count and no maximum.
 */
static __always_inline void clock_sums_add(struct clock_sums *sums, __u8 state, __u8 which, __u64 ns,
					   int counted)
{
	if (state == CLOCK_RUNNING) {
		sums->on_cpu_ns += ns;
		if (!counted)
			return;
		sums->on_cpu_count++;
		if (ns > sums->on_cpu_max_ns)
			sums->on_cpu_max_ns = ns;
	} else if (state == CLOCK_RUNNABLE) {
		__u32 cause = which == AFTER_WAKEUP ? AFTER_WAKEUP : AFTER_PREEMPTION;

		sums->run_queue_ns[cause] += ns;
		if (!counted)
			return;
		sums->run_queue_count[cause]++;
		if (ns > sums->run_queue_max_ns)
			sums->run_queue_max_ns = ns;
	} else if (state == CLOCK_BLOCKED) {
		__u64 reason = which;

		/* Compared and used in one register: 6.1's verifier loses the bound of an earlier copy. */
		__asm__ volatile("" : "+r"(reason));
		if (reason > BLOCKED_OTHER)
			reason = BLOCKED_OTHER;
		sums->blocked_ns[reason] += ns;
		if (!counted)
			return;
		sums->blocked_count++;
		if (ns > sums->blocked_max_ns)
			sums->blocked_max_ns = ns;
	}
}

/* Both causes together. */
static __always_inline __u64 clock_run_queue_ns(const struct clock_sums *sums)
{
	return sums->run_queue_ns[AFTER_WAKEUP] + sums->run_queue_ns[AFTER_PREEMPTION];
}

/* TO takes FROM in: word by word, since all members add up, but for the maxima. */
static __always_inline void clock_sums_merge(struct clock_sums *to, const struct clock_sums *from)
{
	__u64 on_cpu_max_ns = to->on_cpu_max_ns, run_queue_max_ns = to->run_queue_max_ns,
	      blocked_max_ns = to->blocked_max_ns;

	for (__u32 i = 0; i < sizeof(*to) / sizeof(__u64); i++)
		((__u64 *)to)[i] += ((const __u64 *)from)[i];
	to->on_cpu_max_ns = from->on_cpu_max_ns > on_cpu_max_ns ? from->on_cpu_max_ns : on_cpu_max_ns;
	to->run_queue_max_ns = from->run_queue_max_ns > run_queue_max_ns ? from->run_queue_max_ns :
									   run_queue_max_ns;
	to->blocked_max_ns = from->blocked_max_ns > blocked_max_ns ? from->blocked_max_ns : blocked_max_ns;
}

/* Begin at NOW_NS in STATE.  SEEDED: there before us.  The caller has set the base counters. */
static __always_inline void clock_begin(struct task_clock *clock, __u64 now_ns, __u8 state)
{
	clock->state = state;
	clock->since_ns = now_ns;
	clock->began_at_ns = now_ns;
	clock->cut = state == CLOCK_SEEDED;
	clock->restart_reason = BLOCKED_OTHER; /* not seen yet */
}

/* Close the open interval as having been WAS (cause or reason in WHICH) and enter STATE. */
static __always_inline struct clock_interval clock_move(struct task_clock *clock, __u64 now_ns, __u8 was,
							__u8 which, __u8 state, __u8 next)
{
	struct clock_interval closed = {};

	now_ns = clock_now(clock, now_ns);
	clock->seq++;
	border_barrier();
	closed.ns = now_ns - clock->since_ns;
	closed.state = was;
	closed.which = which;
	closed.cut = clock->cut;
	clock_sums_add(&clock->sums, was, which, closed.ns, !clock->cut);
	if (clock->cut) {
		clock->sums.cut_count++;
		clock->sums.cut_ns += closed.ns;
	}
	clock->cut = 0;
	clock->since_ns = now_ns;
	clock->wait.charged_ns = 0;
	clock->state = state;
	if (state == CLOCK_RUNNABLE)
		clock->cause = next;
	else if (state == CLOCK_BLOCKED)
		clock->reason = next;
	border_barrier();
	clock->seq++;
	return closed;
}

/* What the open interval's cause or reason is. */
static __always_inline __u8 clock_which(const struct task_clock *clock)
{
	return clock->state == CLOCK_BLOCKED ? clock->reason : clock->cause;
}

/* Move on from the state that the clock is in, which should have been EXPECTED: else an event was lost. */
static __always_inline struct clock_interval clock_step(struct task_clock *clock, __u64 now_ns, __u8 expected,
							__u8 state, __u8 next)
{
	__u8 was = clock->state == CLOCK_SEEDED ? expected : clock->state;
	__u8 which = clock->state == CLOCK_SEEDED ? AFTER_PREEMPTION : clock_which(clock);
	struct clock_interval closed;

	if (was == CLOCK_NEW) /* its first wakeup was lost: its time begins here */
		clock_begin(clock, now_ns, CLOCK_NEW);
	closed = clock_move(clock, now_ns, was, which, state, next);
	closed.gap = was != expected;
	return closed;
}

/* The task was woken for the first time. */
static __always_inline void clock_wakeup_new(struct task_clock *clock, __u64 now_ns)
{
	clock->seq++;
	border_barrier();
	clock_begin(clock, now_ns, CLOCK_RUNNABLE);
	clock->cause = AFTER_WAKEUP;
	border_barrier();
	clock->seq++;
}

/*
 * The task was made runnable.  ON_CPU: it is still current somewhere (a wakeup that came before it had
 * gone to sleep changes nothing).  REASON: what it is blocked in, for a seeded clock.
 * Returns whether it really went from blocked to runnable; then *CLOSED is the blocked interval.
 */
static __always_inline int clock_wakeup(struct task_clock *clock, __u64 now_ns, int on_cpu, __u8 reason,
					struct clock_interval *closed)
{
	if (clock->state == CLOCK_SEEDED && !on_cpu)
		*closed = clock_move(clock, now_ns, CLOCK_BLOCKED, reason, CLOCK_RUNNABLE, AFTER_WAKEUP);
	else if (clock->state == CLOCK_BLOCKED)
		*closed =
			clock_move(clock, now_ns, CLOCK_BLOCKED, clock->reason, CLOCK_RUNNABLE, AFTER_WAKEUP);
	else
		return 0;
	clock->latest_block_ns = closed->cut ? 0 : closed->ns;
	return 1;
}

/* The task got a CPU; the closed interval is normally a run-queue wait. */
static __always_inline struct clock_interval clock_switch_in(struct task_clock *clock, __u64 now_ns)
{
	return clock_step(clock, now_ns, CLOCK_RUNNABLE, CLOCK_RUNNING, 0);
}

/* The task left its CPU: still queued (preempted, or it yielded), or blocked for REASON. */
static __always_inline struct clock_interval clock_switch_out(struct task_clock *clock, __u64 now_ns,
							      int queued, __u8 reason)
{
	if (queued)
		return clock_step(clock, now_ns, CLOCK_RUNNING, CLOCK_RUNNABLE, AFTER_PREEMPTION);
	return clock_step(clock, now_ns, CLOCK_RUNNING, CLOCK_BLOCKED, reason);
}

/* The task left its CPU for the last time. */
static __always_inline struct clock_interval clock_die(struct task_clock *clock, __u64 now_ns)
{
	return clock_step(clock, now_ns, CLOCK_RUNNING, CLOCK_DEAD, 0);
}

/* Whether the clock counts time now. */
static __always_inline int clock_is_live(const struct task_clock *clock)
{
	return clock->state != CLOCK_NEW && clock->state != CLOCK_DEAD;
}

/*
 * The task ran and waited in what was taken for its latest block: ON_CPU_NS and RUN_QUEUE_NS of it go where
 * they belong, as far as there is that much.  Returns what was moved altogether.
 */
static __always_inline __u64 clock_split_block(struct task_clock *clock, __u64 *on_cpu_ns,
					       __u64 *run_queue_ns)
{
	__u32 reason = clock->reason < BLOCKED_REASONS ? clock->reason : BLOCKED_OTHER;
	__u64 left_ns = clock->latest_block_ns;

	*on_cpu_ns = blame_take(*on_cpu_ns, &left_ns);
	*run_queue_ns = blame_take(*run_queue_ns, &left_ns);
	clock->latest_block_ns = left_ns;
	clock->seq++;
	border_barrier();
	clock->sums.blocked_ns[reason] -= *on_cpu_ns + *run_queue_ns;
	clock_sums_add(&clock->sums, CLOCK_RUNNING, 0, *on_cpu_ns, *on_cpu_ns > 0);
	clock_sums_add(&clock->sums, CLOCK_RUNNABLE, AFTER_WAKEUP, *run_queue_ns, *run_queue_ns > 0);
	clock->sums.blame_ns[BLAME_OTHER] += *run_queue_ns;
	border_barrier();
	clock->seq++;
	return *on_cpu_ns + *run_queue_ns;
}

/*
 * Finish a copy "as of now": the open interval, whose state is HINT (and WHICH) for a seeded clock, is
 * added to the copy's sums.  Returns its length.
 */
static __always_inline __u64 clock_close_copy(struct task_clock *copy, __u64 now_ns, __u8 hint, __u8 which)
{
	__u64 open_ns;

	now_ns = clock_now(copy, now_ns);
	open_ns = now_ns - copy->since_ns;
	if (copy->state == CLOCK_SEEDED) {
		copy->state = hint;
		if (hint == CLOCK_BLOCKED)
			copy->reason = which;
		else
			copy->cause = AFTER_PREEMPTION;
	}
	clock_sums_add(&copy->sums, copy->state, clock_which(copy), open_ns, 0);
	copy->since_ns = now_ns;
	return open_ns;
}

#endif /* WHYLATE_BPF_CLOCK_H */
