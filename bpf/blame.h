/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Blame: who had the CPU while a task waited for it, in constant time per switch and per wait.
 *
 * Each CPU keeps running integrals of time by kind (self, process, kernel, idle), advanced at each
 * switch while a task of the target waits there or runs.  A task that is queued copies them; when it
 * gets the CPU, or is moved to another, the differences are the blame, and they sum to the wait
 * exactly: what does not fit (clocks of two CPUs may differ by some ns) goes to `other`, never over
 * the length of the wait.
 *
 * While nobody of the target is there, a switch only notes whom it goes to, without reading a clock
 * (`since_ns` is 0): that is what bystanders pay.  The first to wait starts the clock in mid-slice.
 *
 * Names: at the end of each slice, how long all the tasks that wait here have waited behind it: their
 * number times its length, less what of it had passed when those began that came in mid-slice
 * (`offset_ns`), plus what those had waited that were moved away in mid-slice.
 *
 * Pure C, compiled into the BPF programs and into the host's property tests.
 */
#ifndef WHYLATE_BPF_BLAME_H
#define WHYLATE_BPF_BLAME_H

#include "abi.h"

/* Order of stores as seen by a reader on another CPU.  x86 keeps it; elsewhere a full barrier is needed. */
#if defined(__TARGET_ARCH_x86) || defined(__x86_64__)
#define border_barrier() __asm__ volatile("" ::: "memory")
#elif defined(__bpf__)
/* The result must be used: without it clang makes an atomic that orders nothing (STSET on arm64). */
#define border_barrier()                                         \
	do {                                                     \
		__u64 fence_ = 0;                                \
		fence_ = __sync_fetch_and_or(&fence_, 1);        \
		__asm__ volatile("" : : "r"(fence_) : "memory"); \
	} while (0)
#else
#define border_barrier() __sync_synchronize()
#endif

/*
 * One per CPU.  Written under that CPU's run-queue lock, but for a task that is moved here: that one
 * adds itself to `moved` and `moved_offset_ns`, atomically, and may start a clock that stands.  If it
 * does so while the clock is being stopped, its wait goes to `other`.  `since_ns` is the version for readers.
 */
struct cpu_clock {
	__u64 since_ns; /* from when the slice that is running is to be charged; 0: the clock stands */
	__u64 kind_ns[CPU_KINDS];
	__u32 kind;	 /* of the slice that is running */
	__u32 waiting;	 /* tasks of the target queued here: those whose blame_wait is BLAME_COUNTED_HERE */
	__u32 moved;	 /* and those that were moved here while they waited */
	__u32 seen;	 /* there was a switch: `kind` is known */
	__s64 offset_ns; /* see above */
	__s64 moved_offset_ns;
	/* Direct switch cost: the scheduler's entry for the switch under way, and our own part of it. */
	__u64 entry_ns;
	__u64 own_ns;	    /* running median of what our own sched_switch program takes */
	__u64 own_total_ns; /* taken off the measured costs so far */
	__u64 own_count;    /* switches away from the target, of which some are timed for own_ns */
	__u64 rq_offset_ns; /* our clock less the run queue's, at the latest switch of ours */
	__u32 entry_next;   /* tid that the switch goes to */
	__u32 pad[3];	    /* whole cache lines: every switch of the machine writes here */
};

_Static_assert(sizeof(struct cpu_clock) == 128, "no line is shared with another CPU");

/* Which of its CPU's counters a waiting task is in. */
enum blame_counted {
	BLAME_COUNTED_NOT,
	BLAME_COUNTED_HERE,  /* `waiting` */
	BLAME_COUNTED_MOVED, /* `moved` */
};

/* What a waiting task remembers of the CPU whose queue it is in. */
struct blame_wait {
	__u64 kind_ns[CPU_KINDS];
	__u64 throttled_ns; /* of its cgroup's queue on that CPU; BLAME_UNKNOWN_NS after a move */
	__u64 charged_ns;   /* of the whole wait, on CPUs before this one */
	__u32 cpu;
	__u16 counted; /* enum blame_counted */
	__u16 known;   /* kind_ns holds a copy */
};

#define BLAME_UNKNOWN_NS (~0ull)

/* Copy the integrals of CPU as of NOW_NS, the running slice included.  Returns 0 if it changed under us. */
static __always_inline int blame_read(const struct cpu_clock *cpu, __u64 now_ns, __u64 out[CPU_KINDS])
{
	__u64 since_ns = *(const volatile __u64 *)&cpu->since_ns;
	__u32 kind = *(const volatile __u32 *)&cpu->kind;
	__u64 open_ns = now_ns > since_ns ? now_ns - since_ns : 0;

	if (!since_ns || !cpu->seen)
		return 0;
	border_barrier();
	for (__u32 i = 0; i < CPU_KINDS; i++)
		out[i] = *(const volatile __u64 *)&cpu->kind_ns[i] + (kind == i ? open_ns : 0);
	border_barrier();
	return *(const volatile __u64 *)&cpu->since_ns == since_ns;
}

/* How many tasks of the target wait for CPU. */
static __always_inline __u32 blame_awaited(const struct cpu_clock *cpu)
{
	return *(const volatile __u32 *)&cpu->waiting + *(const volatile __u32 *)&cpu->moved;
}

/* How much of the running slice has passed. */
static __always_inline __u64 blame_passed_ns(const struct cpu_clock *cpu, __u64 now_ns)
{
	__u64 since_ns = *(const volatile __u64 *)&cpu->since_ns;

	return since_ns && now_ns > since_ns ? now_ns - since_ns : 0;
}

/* The task begins to wait for CPU number NUMBER; it is in no counter.  HOW: enum blame_counted. */
static __always_inline void blame_begin(struct blame_wait *wait, struct cpu_clock *cpu, __u32 number,
					__u16 how, __u64 now_ns, __u64 throttled_ns)
{
	if (how == BLAME_COUNTED_MOVED)
		__sync_fetch_and_add(&cpu->moved, 1);
	else
		cpu->waiting++;
	/* Counted first: from here on a switch keeps the clock going. */
	if (!cpu->since_ns)
		__sync_val_compare_and_swap(&cpu->since_ns, 0, now_ns);
	if (how == BLAME_COUNTED_MOVED)
		__sync_fetch_and_add(&cpu->moved_offset_ns, blame_passed_ns(cpu, now_ns));
	else
		cpu->offset_ns += blame_passed_ns(cpu, now_ns);
	wait->cpu = number;
	wait->counted = how;
	wait->throttled_ns = throttled_ns;
	wait->known = (__u16)blame_read(cpu, now_ns, wait->kind_ns);
}

/*
 * The task waits for CPU no longer, whose run-queue lock we hold: NOW takes the integrals of the end.
 * Returns whether both they and those of the beginning are known.
 */
static __always_inline int blame_end(struct blame_wait *wait, struct cpu_clock *cpu, __u64 now_ns,
				     __u64 now[CPU_KINDS])
{
	int known = wait->known && blame_read(cpu, now_ns, now);

	if (wait->counted == BLAME_COUNTED_MOVED)
		__sync_fetch_and_add(&cpu->moved, -1);
	else if (wait->counted == BLAME_COUNTED_HERE && cpu->waiting)
		cpu->waiting--;
	if (wait->counted)
		cpu->offset_ns -= blame_passed_ns(cpu, now_ns);
	wait->counted = BLAME_COUNTED_NOT;
	wait->known = 0;
	return known;
}

/*
 * All ones if A is less than B, else 0; both are below 2^63.  Without a branch: the verifier goes both ways
 * of one, and in loops over the sums that is most of what it does.
 */
static __always_inline __u64 less_mask(__u64 a, __u64 b)
{
	__u64 mask = (__u64)((__s64)(a - b) >> 63);

	__asm__ volatile("" : "+r"(mask)); /* else the compiler makes one of it */
	return mask;
}

/* The lesser of two, both below 2^63. */
static __always_inline __u64 lesser_ns(__u64 a_ns, __u64 b_ns)
{
	return b_ns + ((a_ns - b_ns) & less_mask(a_ns, b_ns));
}

/* How much a sum of ours has gained since it was BEFORE_NS; 0 if it is less now (a replayed switch moves time
 * from one sum to another). */
static __always_inline __u64 gained_ns(__u64 now_ns, __u64 before_ns)
{
	return (now_ns - before_ns) & ~less_mask(now_ns, before_ns);
}

/* Take at most *LEFT_NS; returns what was taken.  Both are below 2^63. */
static __always_inline __u64 blame_take(__u64 want_ns, __u64 *left_ns)
{
	__u64 got_ns = lesser_ns(want_ns, *left_ns);

	*left_ns -= got_ns;
	return got_ns;
}

/*
 * Split LENGTH_NS of waiting into OUT[BLAME_KINDS], which then sums to it exactly.  NOW are the CPU's
 * integrals at the end; KNOWN 0 says that there is nothing to compare (all is `other`).
 * The quota comes first; the CPU's own kinds share the rest, idle giving way first: a throttled
 * task's CPU is mostly idle, and who else runs there meanwhile does not delay it.
 */
static __always_inline void blame_split(const struct blame_wait *wait, const __u64 now[CPU_KINDS],
					__u64 throttled_ns, __u64 length_ns, int known,
					__u64 out[BLAME_KINDS])
{
	__u64 left_ns = length_ns;

	out[BLAME_QUOTA] = 0;
	for (__u32 i = 0; i < CPU_KINDS; i++)
		out[i] = 0;
	if (known) {
		if (throttled_ns > wait->throttled_ns)
			out[BLAME_QUOTA] = blame_take(throttled_ns - wait->throttled_ns, &left_ns);
		/* Remembered by the clock of another CPU, an integral may have been ahead of its own. */
		for (__u32 i = 0; i < CPU_KINDS; i++)
			out[i] = blame_take(gained_ns(now[i], wait->kind_ns[i]), &left_ns);
	}
	out[BLAME_OTHER] = left_ns;
}

/* A switch between bystanders while the clock stands: only whom it goes to. */
static __always_inline void blame_pass(struct cpu_clock *cpu, __u32 kind)
{
	cpu->kind = kind;
	cpu->seen = 1;
}

/*
 * The CPU switches at NOW_NS: charge the slice that ends, and begin the next, of KIND.  The clock
 * stops if nobody of the target is there any more; a task that stays queued starts it again.
 * Returns how long the tasks that wait or waited here did so behind the slice that ends, summed.
 */
static __always_inline __u64 blame_switch(struct cpu_clock *cpu, __u64 now_ns, __u32 kind)
{
	__u64 since_ns = cpu->since_ns, ns = blame_passed_ns(cpu, now_ns);
	__u32 awaited = blame_awaited(cpu), seen = cpu->seen;
	__s64 offset_ns = cpu->offset_ns, waited_ns;

	if (*(const volatile __s64 *)&cpu->moved_offset_ns)
		offset_ns += __sync_lock_test_and_set(&cpu->moved_offset_ns, 0);
	waited_ns = (__s64)(ns * awaited) - offset_ns;
	cpu->offset_ns = 0;
	cpu->since_ns = 0; /* a reader in between finds that it changed */
	border_barrier();
	if (seen)
		cpu->kind_ns[cpu->kind & (CPU_KINDS - 1)] += ns;
	cpu->kind = kind;
	cpu->seen = 1;
	border_barrier();
	if (awaited || kind == BLAME_SELF)
		cpu->since_ns = now_ns > since_ns ? now_ns : since_ns;
	return seen && waited_ns > 0 ? (__u64)waited_ns : 0;
}

_Static_assert(CPU_KINDS == 4, "kinds of a CPU are masked");

#endif /* WHYLATE_BPF_BLAME_H */
