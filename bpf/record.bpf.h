/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What record.h asks of the kernel: the memory of the thread that runs, and the table of accounts. */
#ifndef WHYLATE_BPF_RECORD_BPF_H
#define WHYLATE_BPF_RECORD_BPF_H

#include "maps.bpf.h"
#include "recording.h"

#define RUN_WAYS 8u /* places for a run: those of 512 threads all have one, but for one time in a thousand */
#define NO_PLACE ~0u

/* The standard's layout (include/whylate/thread_context.h), as far as it is read. */
struct record_head {
	__u8 trace_id[TRACE_ID_BYTES];
	__u8 span_id[8];
	__u8 valid;
};

_Static_assert(__builtin_offsetof(struct record_head, valid) == 24, "the standard's layout");

static __always_inline __u32 account_place(__u64 tag)
{
	return (__u32)tag & (ACCOUNT_PLACES - 1);
}

/* Each is looked at once for all that follow.  Returns the number of TAG's account, or NO_PLACE. */
VERIFIED_ONCE __u32 account_seek(__u64 tag)
{
	__u32 place = account_place(tag);
	const struct account_names *names = bpf_map_lookup_elem(&account_names, &place);

	if (!names)
		return NO_PLACE;
	NOT_UNROLLED for (__u32 way = 0; way < ACCOUNT_WAYS; way++)
	{
		if (names->tags[way & (ACCOUNT_WAYS - 1)] == tag)
			return place * ACCOUNT_WAYS + way;
	}
	return NO_PLACE;
}

static __always_inline struct account *account_of(__u64 tag)
{
	__u32 number = account_seek(tag);

	return number == NO_PLACE ? NULL : bpf_map_lookup_elem(&accounts, &number);
}

/* Account NUMBER, which was that of BEFORE, becomes that of TAG, unless it has become another's meanwhile. */
VERIFIED_ONCE int account_take(__u32 number, __u64 before, __u64 tag, __u64 now_ns)
{
	__u32 place = account_place(tag);
	struct account_names *names = bpf_map_lookup_elem(&account_names, &place);
	struct account *account = bpf_map_lookup_elem(&accounts, &number);
	__u64 *name;

	if (!names || !account)
		return 0;
	name = &names->tags[number & (ACCOUNT_WAYS - 1)];
	if (__sync_val_compare_and_swap(name, before, ACCOUNT_TAKEN) != before)
		return 0;
	account_reopen(account, now_ns);
	account->request = account->answered_ns = 0;
	*(volatile __u64 *)name = tag;
	return 1;
}

/*
 * A place for the account of TAG, which has none: a free one, or else that of whom it is taken from.  Who is
 * about to write there does so for the wrong request, which no lock is worth.
 */
VERIFIED_ONCE __u32 account_claim(__u64 tag, __u64 now_ns)
{
	__u32 place = account_place(tag), oldest = NO_PLACE;
	const struct account_names *names = bpf_map_lookup_elem(&account_names, &place);
	__u64 least = ACCOUNT_HELD, whose = ACCOUNT_FREE;

	if (!names)
		return NO_PLACE;
	NOT_UNROLLED for (__u32 way = 0; way < ACCOUNT_WAYS; way++)
	{
		__u32 number = place * ACCOUNT_WAYS + way;
		const struct account *account = bpf_map_lookup_elem(&accounts, &number);
		__u64 before = names->tags[way & (ACCOUNT_WAYS - 1)], worth;

		if (!account)
			continue;
		worth = account_worth(account, before, now_ns);
		if (!worth && account_take(number, before, tag, now_ns))
			return number;
		if (worth && worth < least) {
			least = worth;
			oldest = number;
			whose = before;
		}
	}
	count_loss(LOSS_WORK_TABLE); /* the older one's, or this one's */
	return account_take(oldest, whose, tag, now_ns) ? oldest : NO_PLACE;
}

static __always_inline struct account *account_make(__u64 tag, __u64 now_ns)
{
	__u32 number = account_seek(tag);

	if (number == NO_PLACE)
		number = account_claim(tag, now_ns);
	return number == NO_PLACE ? NULL : bpf_map_lookup_elem(&accounts, &number);
}

/* Where the run of the thread that has KEY is, or NO_PLACE. */
VERIFIED_ONCE __u32 run_seek(__u64 key)
{
	NOT_UNROLLED for (__u32 way = 0; way < RUN_WAYS; way++)
	{
		__u32 place = ((__u32)key & (RUNS_MAX - 1)) ^ way;
		struct run *run = bpf_map_lookup_elem(&runs, &place);

		if (run && run->key == key)
			return place;
	}
	return NO_PLACE;
}

static __always_inline struct run *run_of(__u64 key)
{
	__u32 place = run_seek(key);

	return place == NO_PLACE ? NULL : bpf_map_lookup_elem(&runs, &place);
}

/* A free place becomes that of the thread which has KEY; or NO_PLACE. */
VERIFIED_ONCE __u32 run_claim(__u64 key)
{
	NOT_UNROLLED for (__u32 way = 0; way < RUN_WAYS; way++)
	{
		__u32 place = ((__u32)key & (RUNS_MAX - 1)) ^ way;
		struct run *run = bpf_map_lookup_elem(&runs, &place);

		if (!run ||
		    __sync_val_compare_and_swap(&run->key, ACCOUNT_FREE, ACCOUNT_TAKEN) != ACCOUNT_FREE)
			continue;
		run->from_ns = 0;
		run->seen_ns = run->given_ns; /* who is about to take of the one before finds nothing */
		__builtin_memset(run->stretches, 0, sizeof(run->stretches));
		*(volatile __u64 *)&run->key = key;
		return place;
	}
	return NO_PLACE;
}

/* TASK, which has RECORDED, gets a run if it is of those who say when they work; without a place, WITHOUT. */
static __always_inline void run_begin(struct task_struct *task, struct recorded *recorded, __u32 without)
{
	__u32 place;

	if (!(recorded->place.has & PLACE_STATE))
		return;
	place = run_claim(
		run_key(task_thread_pointer(task) + (__u64)recorded->place.state, recorded->process));
	recorded->run = place == NO_PLACE ? without : place + 1;
}

/* The current task, which has RECORDED, is looked at; FROM_NS: see run_look(). */
static __always_inline void look_at_run(struct task_struct *task, struct recorded *recorded,
					struct worker *worker, __u64 from_ns)
{
	/* What others took by then is known before its run is nobody's. */
	if (task->flags & PF_EXITING) {
		run_look(recorded, worker, own_run(recorded), 0);
		run_drop(recorded);
		return;
	}
	if (!recorded->look.tag && !recorded->thread.left_until_ns) {
		/* Most servers have threads that never publish anything: the places are for others. */
		if (own_run(recorded) && ++recorded->looks_in_vain == RUN_IN_VAIN) {
			run_drop(recorded);
			recorded->run = RUN_LATER;
		}
	} else if (!recorded->run || recorded->run == RUN_LATER) {
		run_begin(task, recorded, RUN_NONE);
		if (recorded->run == RUN_NONE)
			count_loss(LOSS_WORK_TABLE);
	}
	run_look(recorded, worker, own_run(recorded), from_ns);
}

static __always_inline void record_shared(void)
{
	count_loss(LOSS_RECORDS);
}

/*
 * The two variables of the current thread.  A read of user memory is the dearest part of a look, and GCC lays
 * the one right behind the other where WHYLATE_THREAD_CONTEXT_DEFINE has both: then one read is enough.
 */
static __always_inline void read_variables(struct recorded *recorded, __u64 thread_pointer)
{
	const struct record_place *place = &recorded->place;
	const void *record = (const void *)(thread_pointer + (__u64)place->record),
		   *state = (const void *)(thread_pointer + (__u64)place->state);
	struct record_thread *thread = &recorded->thread;

	recorded->record = 0;
	if (place->has & PLACE_STATE && record == state + sizeof(*thread)) {
		if (!bpf_probe_read_user(thread, sizeof(*thread) + sizeof(recorded->record), state))
			return;
		recorded->record = 0;
	}
	if (place->has & PLACE_STATE && bpf_probe_read_user(thread, sizeof(*thread), state)) {
		count_loss(LOSS_RECORDS);
		__builtin_memset(thread, 0, sizeof(*thread));
	}
	if (bpf_probe_read_user(&recorded->record, sizeof(recorded->record), record)) {
		count_loss(LOSS_RECORDS);
		recorded->record = 0;
	}
}

/* What the current thread publishes, into `next`: it may be anything, anywhere, and gone. */
VERIFIED_ONCE int record_read(struct recorded *recorded, __u64 thread_pointer)
{
	struct record_thread *thread;
	struct record_look *next;
	struct record_head head;

	if (!recorded)
		return 0;
	thread = &recorded->thread;
	next = &recorded->next;
	__builtin_memset(next, 0, sizeof(*next));
	read_variables(recorded, thread_pointer);
	if (!recorded->record)
		return 0;
	if (bpf_probe_read_user(&head, sizeof(head), (const void *)recorded->record)) {
		count_loss(LOSS_RECORDS);
		return 0;
	}
	if (head.valid != 1)
		return 0;
	__builtin_memcpy(next->trace_id, head.trace_id, sizeof(next->trace_id));
	next->object = thread->request;
	next->since_ns = thread->since_ns;
	next->waited_ns = thread->waited_ns;
	next->tag = record_tag(next->trace_id, next->object, recorded->process);
	return 0;
}

/*
 * The kernel's own account of when the current task got its CPU, where ours has missed it.  While this CPU's
 * clock is not known, that is now: what is in no sum at all would be in the next stint, which has no room for
 * it.
 */
static __noinline int stamp_by_kernel(struct task_struct *task, const struct task_clock *clock,
				      struct stamp *stamp, __u64 now_ns)
{
	__u32 number = bpf_get_smp_processor_id();
	struct cpu_clock *cpu = bpf_map_lookup_elem(&cpus, &number);
	__u64 arrived_ns = now_ns;

	if (cpu && cpu->rq_offset_ns)
		arrived_ns = task->sched_info.last_arrival + cpu->rq_offset_ns;
	stamp_unannounced(stamp, clock, now_ns, arrived_ns, task->sched_info.run_delay - clock->run_delay_ns);
	return 0;
}

/* TASK's clock, which is the current one, whether or not it learned of the switch to it. */
static __always_inline void stamp_current(struct task_struct *task, const struct task_clock *clock,
					  __u64 now_ns, struct stamp *out)
{
	stamp_task(task, clock, now_ns, out);
	if (missed_switch(clock))
		stamp_by_kernel(task, clock, out, now_ns);
}

/* From here on nothing of the time of RECORDED's thread is there to be taken, until it is looked at again. */
static __always_inline void run_end(struct recorded *recorded)
{
	struct run *run = own_run(recorded);

	if (run)
		*(volatile __u64 *)&run->from_ns = 0;
}

static __always_inline void take_look(struct task_struct *task, struct recorded *recorded,
				      struct worker *worker, struct task_clock *clock, __u64 now_ns,
				      __u64 from_ns)
{
	recorded->busy = LOOK_TAKEN;
	look_at_run(task, recorded, worker, from_ns);
	/* One that ends may have no memory any more. */
	if (task->flags & PF_EXITING)
		recorded->next.tag = recorded->thread.left_until_ns = 0;
	else
		record_read(recorded, task_thread_pointer(task));
	if (recorded->look.tag || recorded->next.tag || left_tag(recorded, now_ns)) {
		stamp_current(task, clock, now_ns, &recorded->now);
		record_settle(recorded, worker, clock, now_ns);
	}
	recorded->at_ns = now_ns;
	if (*(const volatile __u32 *)&recorded->busy == LOOK_LEFT)
		run_end(recorded);
	recorded->busy = LOOK_NOT;
}

/*
 * A look at what the current task, which has RECORDED and WORKER, publishes at NOW_NS (from clock_now()), and
 * at what it has done since the one before.  Its run on its CPU goes on FROM_NS, 0: it ends.
 */
VERIFIED_ONCE int look_at_record(struct task_clock *clock, struct recorded *recorded, struct worker *worker,
				 __u64 now_ns, __u64 from_ns)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!clock || !recorded || !worker)
		return 0;
	/* An interrupt that wakes somebody may have come in between: the look that it interrupts is one. */
	if (!recorded->busy) {
		take_look(task, recorded, worker, clock, now_ns, from_ns);
	} else if (!from_ns) { /* it is preempted in the middle, where programs may be */
		recorded->busy = LOOK_LEFT;
		run_end(recorded);
	}
	return 0;
}

/* The current task answers requests, or will: have the agent look whether its process has records, once. */
VERIFIED_ONCE int record_ask(void)
{
	struct record_place none = {};
	__u32 process = shown_process(bpf_get_current_task_btf());
	long err = bpf_map_update_elem(&record_places, &process, &none, BPF_NOEXIST);

	if (err && err != -EEXIST)
		count_loss(LOSS_RECORDS); /* no place: what this task says of itself is not followed */
	if (!err && bpf_ringbuf_output(&record_asks, &process, sizeof(process), BPF_RB_FORCE_WAKEUP))
		bpf_map_delete_elem(&record_places, &process); /* another time */
	return 0;
}

#endif /* WHYLATE_BPF_RECORD_BPF_H */
