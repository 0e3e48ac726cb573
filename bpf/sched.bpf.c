// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The scheduler's events advance the task clocks and the CPUs' clocks: what each thread of the target
 * does, for how long, why it does not run, and who runs meanwhile.
 *
 * The handlers run under the run-queue lock of the CPU in question with interrupts off: constant time, no
 * allocation (clocks are created in tasks.bpf.c), no helper that can sleep, no lock but a map's own.
 * Two cases differ: a waiting task is moved under the lock of the queue that it leaves, not of the one that
 * it goes to, whose clock it joins atomically (blame.h); and a task that wakes itself holds no lock, but
 * its clock is running, and the wakeup changes nothing.
 */
#define READS_BY_CAST
#include "maps.bpf.h"
#include "compat.bpf.h"
#include "reason.bpf.h"
#include "audit.bpf.h"
#include "exits.bpf.h"
#include "record.bpf.h"
#include "worker.bpf.h"
#include "names.bpf.h"

#define OWN_TIMED_EACH 16u /* a power of two */

static __always_inline struct cpu_clock *cpu_of(__u32 number)
{
	return bpf_map_lookup_elem(&cpus, &number);
}

static __always_inline __u32 hist_of_block(__u32 reason)
{
	return HIST_BLOCKED_FIRST + (reason < BLOCKED_REASONS ? reason : BLOCKED_OTHER);
}

static __always_inline __u32 hist_of(const struct clock_interval *closed)
{
	if (closed->state == CLOCK_RUNNING)
		return HIST_ON_CPU;
	if (closed->state == CLOCK_RUNNABLE)
		return closed->which == AFTER_WAKEUP ? HIST_AFTER_WAKEUP : HIST_AFTER_PREEMPTION;
	return hist_of_block(closed->which);
}

static __always_inline void record(const struct clock_interval *closed)
{
	if (closed->gap)
		count_loss(LOSS_CLOCK_GAP);
	if (!closed->cut && closed->state != CLOCK_NEW)
		hist_record(hist_of(closed), closed->ns);
}

/* The end of its wait was lost: it is not to be counted there for ever. */
static __noinline void wait_drop(struct task_clock *clock, __u64 now_ns)
{
	struct cpu_clock *cpu = cpu_of(clock->wait.cpu);
	__u64 now[CPU_KINDS];

	if (cpu)
		blame_end(&clock->wait, cpu, now_ns, now);
}

/* The task queues up for CPU, whose run-queue lock we hold, or (on migration) do not. */
static __always_inline void wait_begin(struct task_clock *clock, __u32 number, __u16 how, __u64 now_ns,
				       __u64 throttled_ns)
{
	struct cpu_clock *cpu = cpu_of(number);

	if (clock->wait.counted)
		wait_drop(clock, now_ns);
	if (cpu)
		blame_begin(&clock->wait, cpu, number, how, now_ns, throttled_ns);
}

/* A wakeup has put the task into the queue of the CPU that was chosen for it. */
static __always_inline void join_queue(struct task_clock *clock, struct task_struct *task, __u64 now_ns)
{
	struct rq *rq = task_rq(task);

	if (rq)
		wait_begin(clock, (__u32)rq->cpu, BLAME_COUNTED_HERE, now_ns, task_throttled_ns(task));
	if (config.audit)
		audit_queued(task, now_ns);
}

/* The wait for that CPU ends, or goes on elsewhere: charge LENGTH_NS to who had it. */
static __always_inline void wait_end(struct task_clock *clock, struct task_struct *task, __u64 now_ns,
				     __u64 length_ns)
{
	struct blame_wait *wait = &clock->wait;
	struct cpu_clock *cpu = cpu_of(wait->cpu);
	__u64 now[CPU_KINDS] = {}, split[BLAME_KINDS] = {};
	int known;

	clock->seq++;
	border_barrier();
	known = cpu && blame_end(wait, cpu, now_ns, now);
	blame_split(wait, now, task_throttled_ns(task), length_ns, known, split);
	for (__u32 i = 0; i < BLAME_KINDS; i++)
		clock->sums.blame_ns[i] += split[i];
	wait->charged_ns += length_ns;
	border_barrier();
	clock->seq++;
}

/* Length of the part of the wait that nobody has been charged for yet; NOW_NS is from clock_now(). */
static __always_inline __u64 wait_length_ns(const struct task_clock *clock, __u64 now_ns)
{
	return now_ns - clock->since_ns - clock->wait.charged_ns;
}

static __always_inline void note_account(struct task_clock *clock, struct task_struct *prev)
{
	clock->run_delay_ns = prev->sched_info.run_delay;
	clock->exec_ns = prev->se.sum_exec_runtime;
	clock->voluntary = prev->nvcsw;
	clock->involuntary = prev->nivcsw;
	clock->accounted = 1;
}

/* RQ is this CPU's, or NULL where it is not to be had. */
static __always_inline void switch_out(struct task_clock *clock, struct task_struct *prev, struct rq *rq,
				       __u64 now_ns)
{
	__u64 state = task_state(prev);
	bool queued = task_is_queued(prev);
	struct clock_interval closed;
	__u8 reason = 0;

	now_ns = clock_now(clock, now_ns);
	if (rq && clock->state == CLOCK_RUNNING) { /* not seeded: its switch-in set the bases */
		/* The base is that of another CPU if it came here unseen. */
		clock->sums.stolen_ns += gained_ns(rq_stolen_ns(rq), clock->stolen_base_ns);
		clock->sums.irq_ns += gained_ns(rq_irq_ns(rq), clock->irq_base_ns);
	}
	note_account(clock, prev);
	if (state & TASK_DEAD) {
		closed = clock_die(clock, now_ns);
	} else {
		if (!queued)
			reason = blocked_reason(prev, state, clock);
		closed = clock_switch_out(clock, now_ns, queued, reason);
	}
	record(&closed);
	if (queued)
		wait_begin(clock, bpf_get_smp_processor_id(), BLAME_COUNTED_HERE, now_ns,
			   task_throttled_ns(prev));
}

/*
 * NEXT gets a CPU, but its wakeup never reached us (an interrupt in a context that runs with tracing
 * off): the kernel knows since when it is queued here, and how long it was elsewhere before a move.
 * Who had the CPU meanwhile is not known.
 */
static __noinline void replay_wakeup(struct task_clock *clock, struct task_struct *next, struct rq *rq,
				     __u64 now_ns)
{
	struct clock_interval closed = {};
	__u64 queued = next->sched_info.last_queued, waited_ns, woken_at_ns;

	if (!queued || rq->clock < queued)
		return;
	waited_ns = rq->clock - queued + next->sched_info.run_delay - clock->run_delay_ns;
	woken_at_ns = clock_now(clock, now_ns - waited_ns);
	if (!clock_wakeup(clock, woken_at_ns, 0, clock->reason, &closed))
		return;
	record(&closed);
	if (config.audit)
		audit_queued_at(next, woken_at_ns - (rq->clock - waited_ns));
	__sync_fetch_and_add(&switches_replayed, 1);
}

/*
 * NEXT gets a CPU, and for its clock it has had one all along: what it did until now is in the sums, as time
 * on its CPU.  At its next switch-out only what comes from here on is to be held against the kernel's
 * account, which will have the wait that ends here.
 */
static __noinline void note_return(struct task_clock *clock, struct task_struct *next, struct rq *rq)
{
	__u64 queued_ns = next->sched_info.last_queued;

	clock->exec_ns = next->se.sum_exec_runtime;
	clock->run_delay_ns = next->sched_info.run_delay;
	if (rq && queued_ns)
		clock->run_delay_ns += gained_ns(rq->clock, queued_ns);
}

/* BEFORE had the CPU last; NULL: not known. */
static __always_inline void switch_in(struct task_clock *clock, struct task_struct *next, struct rq *rq,
				      __u64 now_ns, struct task_struct *before)
{
	struct clock_interval closed;

	now_ns = clock_now(clock, now_ns);
	if (rq && clock->state == CLOCK_BLOCKED)
		replay_wakeup(clock, next, rq, now_ns);
	/* The blame first: a reader in between finds a wait that is open and already charged. */
	if (clock->state == CLOCK_RUNNABLE || clock->state == CLOCK_SEEDED)
		wait_end(clock, next, now_ns, wait_length_ns(clock, now_ns));
	closed = clock_switch_in(clock, now_ns);
	record(&closed);
	if (closed.gap && closed.state == CLOCK_RUNNING)
		note_return(clock, next, rq);
	clock->waited_ns = closed.state == CLOCK_RUNNABLE ? closed.ns : 0;
	if (clock->works)
		note_stay(clock, next, before);
	if (rq) {
		clock->stolen_base_ns = rq_stolen_ns(rq);
		clock->irq_base_ns = rq_irq_ns(rq);
	}
}

/*
 * NEXT, whose CLOCK says that it has a record, has its CPU since NOW_NS (from clock_now()).  Not inlined: its
 * stack is not to lie under that of a look.
 */
static __noinline int look_at_return(struct task_struct *next, const struct task_clock *clock, __u64 now_ns)
{
	struct recorded *recorded = bpf_task_storage_get(&records, next, NULL, 0);
	struct worker *worker;
	struct run *run;

	if (!recorded || recorded->busy)
		return 0;
	/* It may publish one request after the other before it is looked at.  Most who could never will, so
	 * that it is no loss yet if there is no place. */
	if (!recorded->run && !(next->flags & PF_IO_WORKER)) /* which has its maker's variables */
		run_begin(next, recorded, RUN_LATER);
	run = own_run(recorded);
	/* If its run goes on, it left its CPU unseen: the next look has all that it did, and what was taken
	 * of that. */
	if ((run && __sync_lock_test_and_set(&run->from_ns, now_ns)) || !recorded->look.tag)
		return 0;
	worker = bpf_task_storage_get(&workers, next, NULL, 0);
	if (!worker)
		return 0;
	stamp_task(next, clock, now_ns, &recorded->now);
	return record_came_back(recorded, worker, now_ns);
}

/*
 * The switch to PREV never reached us (some schedulers' paths run with tracing off; seen once a second
 * on a guest whose supervisor does so).  The kernel knows when PREV, still the current task, arrived: replay
 * the switch.
 */
VERIFIED_ONCE int replay_switch_in(struct cpu_clock *cpu, struct task_clock *clock, __u64 now_ns)
{
	struct task_struct *prev = bpf_get_current_task_btf();
	struct rq *rq = task_rq(prev);
	struct clock_interval closed = {};
	__u64 arrived, arrived_at_ns, ran_ns;

	if (!rq || !cpu || !clock)
		return 0;
	arrived = prev->sched_info.last_arrival;
	if (!arrived || rq->clock < arrived)
		return 0;
	/* That clock lags behind ours: by it the arrival may seem to come before the wakeup. */
	arrived_at_ns = clock_now(clock, now_ns - (rq->clock - arrived));
	/* Its wakeup was not announced either, but the kernel has added its wait up meanwhile. */
	if (clock->state == CLOCK_BLOCKED) {
		__u64 waited_ns = prev->sched_info.run_delay - clock->run_delay_ns;
		__u64 woken_at_ns = clock_now(clock, arrived_at_ns - waited_ns);

		if (config.audit)
			audit_queued_at(prev, woken_at_ns - (arrived - waited_ns));
		if (clock_wakeup(clock, woken_at_ns, 0, 0, &closed))
			record(&closed);
	}
	if (config.audit)
		audit_arrived(prev, arrived_at_ns - arrived, arrived_at_ns - arrived);
	blame_switch(cpu, arrived_at_ns, BLAME_SELF);
	switch_in(clock, prev, rq, arrived_at_ns, NULL);
	/* What was stolen from it since is known from what it did not run. */
	ran_ns = prev->se.sum_exec_runtime - clock->exec_ns;
	if (clock->accounted && rq->clock - arrived > ran_ns)
		clock->stolen_base_ns -= rq->clock - arrived - ran_ns;
	__sync_fetch_and_add(&switches_replayed, 1);
	return 0;
}

/* PREV was away for AWAY_NS of the time that it seems to have run; for the last WAITED_NS it waited. */
static __always_inline void replay_away(struct task_clock *clock, struct task_struct *prev, __u64 now_ns,
					__u64 away_ns, __u64 waited_ns)
{
	struct clock_interval closed = {};

	if (waited_ns > away_ns)
		waited_ns = away_ns;
	closed = clock_switch_out(clock, now_ns - away_ns, waited_ns == away_ns, BLOCKED_OTHER);
	record(&closed);
	if (clock_wakeup(clock, now_ns - waited_ns, 0, 0, &closed))
		record(&closed);
	wait_end(clock, prev, now_ns, wait_length_ns(clock, now_ns));
	closed = clock_switch_in(clock, now_ns);
	record(&closed);
}

/* PREV ran for RAN_NS and waited for WAITED_NS in what was taken for one block. */
static __always_inline void replay_stay(struct task_clock *clock, __u64 ran_ns, __u64 waited_ns)
{
	hist_shorten(hist_of_block(clock->reason), clock_split_block(clock, &ran_ns, &waited_ns));
	if (ran_ns)
		hist_record(HIST_ON_CPU, ran_ns);
	if (waited_ns)
		hist_record(HIST_AFTER_WAKEUP, waited_ns);
}

/*
 * The kernel has counted more switches of PREV than were announced since its latest switch-out: it was away
 * unseen, or came and went unseen while it was away.  The kernel's account tells how long it ran and waited
 * in all; when within that time is a guess that no sum depends on.
 */
VERIFIED_ONCE int replay_absence(struct task_clock *clock, __u64 now_ns)
{
	struct task_struct *prev = bpf_get_current_task_btf();
	struct rq *rq = task_rq(prev);
	__u64 ran_ns, waited_ns, length_ns;

	if (!clock)
		return 0;
	ran_ns = prev->se.sum_exec_runtime - clock->exec_ns;
	if (rq) /* which is on its CPU for us, and not for the kernel */
		ran_ns += gained_ns(rq_stolen_ns(rq), clock->stolen_base_ns);
	waited_ns = prev->sched_info.run_delay - clock->run_delay_ns;
	now_ns = clock_now(clock, now_ns);
	length_ns = now_ns - clock->since_ns;
	__sync_fetch_and_add(&switches_replayed, 1);
	if (config.audit)
		audit_absence(prev, clock, now_ns);
	if (clock->state != CLOCK_RUNNING || clock->cut)
		return 0;
	waited_ns = waited_ns > clock->waited_ns ? waited_ns - clock->waited_ns : 0;
	if (length_ns > ran_ns)
		replay_away(clock, prev, now_ns, length_ns - ran_ns, waited_ns);
	else
		replay_stay(clock, ran_ns - length_ns, waited_ns);
	return 0;
}

/*
 * The switch away from a thread of ours: remember whom it goes to, and what this program took of it.
 * A clock read costs 27 ns here, so one switch in 16 is timed, and the running median stands for the
 * others: it moves by 1/16 or 1 ns towards each, so that a stretch lost to the hypervisor moves it no more.
 */
static __always_inline void note_cost(struct cpu_clock *cpu, const struct task_clock *out,
				      struct task_struct *next, __u64 now_ns)
{
	__u64 own_ns, step_ns;

	/* A newborn thread leaves the scheduler by another way, without sched_exit_tp. */
	if (!out || (next->pid && !next->se.sum_exec_runtime)) {
		cpu->entry_ns = 0;
		return;
	}
	cpu->entry_next = (__u32)next->pid;
	if (cpu->own_count++ & (OWN_TIMED_EACH - 1))
		return;
	own_ns = bpf_ktime_get_ns() - now_ns;
	step_ns = (cpu->own_ns >> 4) + 1;
	if (!cpu->own_ns)
		cpu->own_ns = own_ns;
	else if (own_ns > cpu->own_ns)
		cpu->own_ns += step_ns;
	else if (own_ns < cpu->own_ns && cpu->own_ns > step_ns)
		cpu->own_ns -= step_ns;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct cpu_clock *cpu = cpu_of(bpf_get_smp_processor_id());
	struct task_clock *out = clock_of(prev), *in = clock_of(next);
	__u64 now_ns, waited_ns;
	struct rq *rq;

	if (!cpu) {
		count_loss(LOSS_CLOCK_GAP);
		return 0;
	}
	/* In this order, as the volatile load keeps it: no verifier takes `out | in`. */
	if (!in && !*(const volatile __u64 *)&cpu->since_ns && !out) {
		blame_pass(cpu, kind_of(next, false));
		return 0;
	}
	now_ns = bpf_ktime_get_ns();
	rq = task_rq(prev); /* and NEXT's: both belong to this CPU */
	if (rq)
		cpu->rq_offset_ns = now_ns - rq->clock;
	if (out && (out->state == CLOCK_RUNNABLE || out->state == CLOCK_BLOCKED))
		replay_switch_in(cpu, out, now_ns);
	waited_ns = blame_switch(cpu, now_ns, kind_of(next, in));
	if (waited_ns && !out && prev->pid)
		name_add(waited_ns);
	if (out && clock_is_live(out)) {
		if (out->accounted && prev->nvcsw + prev->nivcsw > out->voluntary + out->involuntary + 1)
			replay_absence(out, now_ns);
		if (out->recorded == RECORDED_THERE)
			look_at_record(out, bpf_task_storage_get(&records, prev, NULL, 0),
				       bpf_task_storage_get(&workers, prev, NULL, 0), clock_now(out, now_ns),
				       0);
		switch_out(out, prev, rq, now_ns);
		if (config.audit)
			audit_switch_out(prev, out, now_ns);
		if (out->state == CLOCK_DEAD) {
			fold_ended(out);
			note_exit(prev, out);
		}
	}
	if (in && in->state != CLOCK_DEAD) {
		switch_in(in, next, rq, now_ns, prev);
		if (in->recorded == RECORDED_THERE)
			look_at_return(next, in, clock_now(in, now_ns));
		if (config.audit)
			audit_switch_in(next, in, now_ns);
	}
	if (config.switch_cost)
		note_cost(cpu, out, next, now_ns);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *task)
{
	struct task_clock *clock = clock_of(task);
	struct clock_interval closed = {};
	__u64 now_ns;
	__u8 reason = 0;

	if (!clock || (clock->state != CLOCK_BLOCKED && clock->state != CLOCK_SEEDED))
		return 0;
	/* It wakes itself, without a lock: it runs, whatever its clock missed. */
	if (task->on_cpu && task == bpf_get_current_task_btf())
		return 0;
	now_ns = clock_now(clock, bpf_ktime_get_ns());
	if (clock->state == CLOCK_SEEDED)
		reason = blocked_reason(task, 0, clock);
	if (!clock_wakeup(clock, now_ns, task->on_cpu, reason, &closed))
		return 0;
	record(&closed);
	join_queue(clock, task, now_ns);
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_wakeup_new, struct task_struct *task)
{
	struct task_clock *clock = clock_of(task);
	__u64 now_ns;

	if (!clock || (clock->state != CLOCK_NEW && clock->state != CLOCK_SEEDED))
		return 0;
	now_ns = bpf_ktime_get_ns();
	clock_wakeup_new(clock, now_ns);
	join_queue(clock, task, now_ns);
	return 0;
}

/* A waiting task is moved to another queue: who delayed it so far is known only over there. */
SEC("tp_btf/sched_migrate_task")
int BPF_PROG(on_migrate, struct task_struct *task, int to_cpu)
{
	struct task_clock *clock = clock_of(task);
	__u64 now_ns, length_ns;

	if (!clock || clock->state != CLOCK_RUNNABLE)
		return 0;
	now_ns = clock_now(clock, bpf_ktime_get_ns());
	if (config.audit)
		audit_moved(task, now_ns);
	length_ns = wait_length_ns(clock, now_ns);
	wait_end(clock, task, now_ns, length_ns);
	/* The task still belongs to the old CPU's queue: what the new one was throttled is not to be had. */
	wait_begin(clock, (__u32)to_cpu, BLAME_COUNTED_MOVED, now_ns, BLAME_UNKNOWN_NS);
	return 0;
}
