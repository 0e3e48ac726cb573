// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which tasks have a clock: those there at attach (an iterator that runs after the hooks are on), and
 * those born later (at task_newtask, in the context of whoever creates them and outside the scheduler, where
 * memory may be asked for; the iterator makes up for those that got none).  And the other way round: an
 * iterator that hands each living thread's clock to user space, as of now.
 */
#include "maps.bpf.h"
#include "compat.bpf.h"
#include "reason.bpf.h"

#define ANCESTORS_MAX 32
#define READ_TRIES    16
#define LEAVE_TRIES   (1u << 20)
#define LEAVE_NS      20000000u
#define BLAME_TRIES   4 /* a switch in the same moment would make all of an open wait nobody's */

struct ancestry {
	struct task_struct *walk;
	bool found;
};

/* Returns 1 where the search ends. */
static long look_at_ancestor(__u64 i, struct ancestry *ancestry)
{
	struct task_struct *walk = ancestry->walk;
	__u32 pid = task_process(walk);
	const struct target_process *named = bpf_map_lookup_elem(&targets, &pid);

	(void)i;
	ancestry->found = named && !named->exited; /* else whoever has its number is a stranger */
	if (ancestry->found || !config.follow || walk->pid <= 1)
		return 1;
	ancestry->walk = walk->real_parent;
	return !ancestry->walk;
}

/*
 * Is the task's process, or with --follow an ancestor of it, named on the command line?  The verifier walks
 * through what follows once for every turn of a loop that can be left in its middle: 70 ms at each attach.
 */
static __always_inline bool task_is_target(struct task_struct *task)
{
	struct ancestry ancestry = { .walk = task };

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) { /* 5.17 */
		bpf_loop(ANCESTORS_MAX, look_at_ancestor, &ancestry, 0);
		return ancestry.found;
	}
	/* 64 bits wide: older verifiers lose a narrower counter when it is spilled, and see no end. */
	for (__u64 i = 0; i < ANCESTORS_MAX; i++)
		if (look_at_ancestor(i, &ancestry))
			break;
	return ancestry.found;
}

static __always_inline void note_base(struct task_clock *clock, struct task_struct *task)
{
	clock->base.voluntary = task->nvcsw;
	clock->base.involuntary = task->nivcsw;
	clock->base.migrations = task->se.nr_migrations;
}

/*
 * A thread that was born since attach and gets its clock only now: its life so far, as the kernel counted
 * it.  What it was blocked in is not known, and none of it is in a distribution.
 */
static __always_inline void clock_catch_up(struct task_clock *clock, struct task_struct *task)
{
	__u64 left_ns = clock->since_ns - task->start_time;

	clock->began_at_ns = task->start_time;
	clock->sums.cut_count = 1;
	clock->sums.cut_ns = left_ns;
	clock->sums.on_cpu_ns = blame_take(task->se.sum_exec_runtime, &left_ns);
	clock->sums.run_queue_ns[AFTER_WAKEUP] = blame_take(task->sched_info.run_delay, &left_ns);
	clock->sums.blame_ns[BLAME_OTHER] = clock->sums.run_queue_ns[AFTER_WAKEUP];
	clock->sums.blocked_ns[BLOCKED_OTHER] = left_ns;
}

/* Returns whether the task has a clock now. */
static __always_inline bool clock_create(struct task_struct *task, __u8 state)
{
	struct task_clock clock = {}, *created;
	__u64 now_ns = bpf_ktime_get_ns();
	bool late = false;

	clock.id = __sync_fetch_and_add(&clock_ids, 1);
	if (state == CLOCK_SEEDED) {
		now_ns = as_of_ns > task->start_time ? as_of_ns : task->start_time;
		late = task->start_time > attached_at_ns;
	}
	clock_begin(&clock, now_ns, state);
	if (late)
		clock_catch_up(&clock, task);
	else
		note_base(&clock, task);
	clock.run_delay_ns = task->sched_info.run_delay;
	clock.exec_ns = task->se.sum_exec_runtime;
	clock.process = shown_process(task);
	created = bpf_task_storage_get(&clocks, task, &clock, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!created) /* the iterator and the birth may meet: who comes second is refused */
		created = clock_of(task);
	if (!created || created->id != clock.id)
		__sync_fetch_and_add(&clock_ids_unused, 1);
	/* The iterator can be preempted above: no event was seen so far, so what was counted was missed. */
	if (created && !late && *(const volatile __u8 *)&created->state == CLOCK_SEEDED)
		note_base(created, task);
	return created;
}

static __always_inline void audit_create(struct task_struct *task, __u32 started)
{
	struct audit_clock audit = { .started = started };

	if (!bpf_task_storage_get(&audits, task, &audit, BPF_LOCAL_STORAGE_GET_F_CREATE))
		count_loss(LOSS_CLOCK_CREATE);
}

/*
 * No clock for the child (no memory at once, or a task that was preempted inside the storage code holds
 * this CPU's storage): wake the agent, which lets the iterator make up for it a little later.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* the smallest there is */
} late_births SEC(".maps");

static __u32 births; /* for config.refuse_births */
__u32 threads_told;  /* not static: made a boolean, the compiler would no longer say what it is */

static __always_inline void note_clockless(struct task_struct *task)
{
	__u32 tid = (__u32)task->pid;
	__u64 start_time = task->start_time;

	if (bpf_map_update_elem(&clockless, &tid, &start_time, BPF_ANY))
		count_loss(LOSS_CLOCK_CREATE);
	else
		nr_clockless = 1;
}

static __always_inline void birth_refused(struct task_struct *child)
{
	__u32 tid = (__u32)child->pid;

	note_clockless(child);
	/* The iterator may have met it first, and looked for it here in vain. */
	if (clock_of(child))
		bpf_map_delete_elem(&clockless, &tid);
	/* If the ring is full, the agent has been woken already. */
	bpf_ringbuf_output(&late_births, &tid, sizeof(tid), BPF_RB_FORCE_WAKEUP);
}

static __always_inline bool is_clockless(struct task_struct *task)
{
	__u32 tid = (__u32)task->pid;
	const __u64 *start_time;

	if (!nr_clockless)
		return false;
	start_time = bpf_map_lookup_elem(&clockless, &tid);
	return start_time &&
	       *start_time == task->start_time; /* else it ended without, and this is a stranger */
}

/* A process that answers requests has threads: from now on one may hand them to another.  The agent attaches
 * what sees that. */
static __always_inline void tell_of_threads(struct task_struct *task)
{
	__u32 process = shown_process(task);

	if (threads_told)
		return;
	threads_told = 1;
	if (bpf_ringbuf_output(&record_asks, &process, sizeof(process), BPF_RB_FORCE_WAKEUP))
		threads_told = 0; /* another time */
}

/* The child has its clock: what else it needs. */
static __always_inline void join(struct task_struct *child, struct task_struct *parent,
				 const struct task_clock *parent_clock)
{
	bool serves = nr_listeners || (parent_clock && parent_clock->works);
	struct task_clock *clock = serves ? clock_of(child) : NULL;

	if (clock && worker_create(child, clock) && parent_clock &&
	    parent_clock->recorded == RECORDED_THERE) {
		struct recorded *recorded = bpf_task_storage_get(&records, parent, NULL, 0);

		if (recorded)
			record_create(child, clock, &recorded->place);
	}
	if (clock && child->tgid == parent->tgid)
		tell_of_threads(child);
	if (config.audit)
		audit_create(child, 1);
}

/* All births come by here; sched_process_fork leaves out the kernel's own in a process (io_uring's workers). */
SEC("tp_btf/task_newtask")
int BPF_PROG(on_birth, struct task_struct *child)
{
	struct task_struct *parent = bpf_get_current_task_btf();
	struct task_clock *clock = clock_of(parent);

	if (!clock && !is_clockless(parent))
		return 0;
	if (!config.follow && child->tgid != parent->tgid)
		return 0;
	if (config.refuse_births && !(__sync_fetch_and_add(&births, 1) % config.refuse_births))
		birth_refused(child);
	else if (!clock || !clock_create(child, CLOCK_NEW))
		birth_refused(child);
	else
		join(child, parent, clock);
	return 0;
}

/*
 * A neighbour that has a name already becomes another program: it goes by the new name from here on.  If it
 * is the target's, what it says of itself is found elsewhere, if at all.
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	__u32 pid = shown_process(task);
	struct blame_name *name = bpf_map_lookup_elem(&blame_names, &pid);
	struct task_clock *clock = clock_of(task);

	if (name && name->born_ns == task->group_leader->start_time)
		BPF_CORE_READ_STR_INTO(&name->comm, task, comm);
	if (clock)
		record_forget(task, clock);
	return 0;
}

struct leaving {
	struct task_struct *task;
	const struct task_clock *clock;
	__u64 until_ns;
	bool left;
};

/* Returns 1 where it is decided: it has left its CPU, or its clock has seen a switch; or nothing more is
 * waited for. */
static long look_at_leaving(__u64 i, struct leaving *leaving)
{
	(void)i;
	leaving->left = !*(const volatile int *)&leaving->task->on_cpu;
	return leaving->left || *(const volatile __u8 *)&leaving->clock->state != CLOCK_SEEDED ||
	       bpf_ktime_get_ns() > leaving->until_ns;
}

/*
 * TASK has ended.  If it left its CPU for good between the look at it and its clock, nothing will end that
 * clock: it is taken back, and 1 returned; and where that could not be found out.  After its last switch was
 * announced, which found no clock, it has its CPU a little longer: for the rest of our program there, and the
 * kernel's switch.
 */
static __always_inline bool drop_zombie(struct task_struct *task)
{
	struct task_clock *clock = clock_of(task);
	struct leaving leaving = { .task = task, .clock = clock };

	if (!clock)
		return false;
	leaving.until_ns = bpf_ktime_get_ns() + LEAVE_NS;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) /* 5.17 */
		bpf_loop(LEAVE_TRIES, look_at_leaving, &leaving, 0);
	else
		look_at_leaving(0, &leaving);
	border_barrier();
	if (*(const volatile __u8 *)&clock->state != CLOCK_SEEDED)
		return false;
	if (!leaving.left || bpf_task_storage_delete(&clocks, task))
		return true;
	__sync_fetch_and_add(&clock_ids_unused, 1);
	return true;
}

/* The current task is the agent.  Not inlined: its stack is not to lie over that of the search. */
VERIFIED_ONCE int note_agent(void)
{
	struct task_struct *agent = bpf_get_current_task_btf();
	struct pid *pid = BPF_CORE_READ(agent, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid upid = {};

	read_upid(pid, level, &upid);
	agent_pid_ns = (__u64)upid.ns;
	agent_level = level;
	return 0;
}

SEC("iter/task")
int seed_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task, *agent = bpf_get_current_task_btf();
	__u32 tid;

	note_agent();
	if (!task || (task->flags & PF_KTHREAD))
		return 0;
	if (task->exit_state) {
		drop_zombie(task);
		return 0;
	}
	/* The agent reads the iterator: whoever watches the shell that started it does not mean it. */
	if (task->tgid == agent->tgid)
		return 0;
	if (clock_of(task) || !task_is_target(task))
		return 0;
	if (config.audit)
		audit_create(task, 0);
	tid = (__u32)task->pid;
	if (!clock_create(task, CLOCK_SEEDED)) {
		note_clockless(task);
		seeds_failed++;
	} else if (!task->exit_state || !drop_zombie(task)) { /* by now: what is dropped has none after all */
		bpf_map_delete_elem(&clockless, &tid);
	}
	return 0;
}

/* Too big for the stack; one reader per agent, pinned to its CPU while the iterator's program runs. */
struct snapshot_scratch {
	struct task_clock clock;
	struct kernel_counts counts;
	struct thread_record record;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct snapshot_scratch);
} scratch SEC(".maps");

static __always_inline void read_counts(struct task_struct *task, struct kernel_counts *out)
{
	out->voluntary = *(const volatile unsigned long *)&task->nvcsw;
	out->involuntary = *(const volatile unsigned long *)&task->nivcsw;
	out->migrations = *(const volatile __u64 *)&task->se.nr_migrations;
}

/* False if it changed meanwhile. */
static __always_inline bool copy_audit(struct task_struct *task, struct audit_sums *out)
{
	struct audit_clock *audit = bpf_task_storage_get(&audits, task, NULL, 0);
	__u32 seq;

	if (!audit)
		return true;
	seq = *(const volatile __u32 *)&audit->seq;
	border_barrier();
	*out = audit->last;
	border_barrier();
	return !(seq & 1) && *(const volatile __u32 *)&audit->seq == seq;
}

/*
 * The clock, the kernel's counters and, with --audit, its accounting, as of one moment: a thread may
 * switch several times while an interrupt delays the reader.
 */
static __always_inline bool copy_all(struct task_struct *task, const struct task_clock *clock,
				     struct snapshot_scratch *s)
{
	for (int i = 0; i < READ_TRIES; i++) {
		__u32 seq = *(const volatile __u32 *)&clock->seq;
		struct kernel_counts after;
		bool whole = true;

		border_barrier();
		read_counts(task, &s->counts);
		bpf_probe_read_kernel(&s->clock, sizeof(s->clock), clock);
		if (config.audit)
			whole = copy_audit(task, &s->record.audit);
		read_counts(task, &after);
		border_barrier();
		if (whole && !(seq & 1) && *(const volatile __u32 *)&clock->seq == seq &&
		    after.voluntary == s->counts.voluntary && after.involuntary == s->counts.involuntary)
			return true;
	}
	return false;
}

static __always_inline void open_blame(struct task_struct *task, const struct task_clock *clock, __u64 now_ns,
				       __u64 open_ns, __u64 out[BLAME_KINDS])
{
	__u32 number = clock->wait.cpu;
	struct cpu_clock *cpu = bpf_map_lookup_elem(&cpus, &number);
	__u64 now[CPU_KINDS] = {}, split[BLAME_KINDS] = {};
	__u64 charged_ns = clock->wait.charged_ns;
	int known = 0;

	/* Of a wait since before attach there is no beginning to compare with. */
	for (int i = 0; i < BLAME_TRIES && cpu && clock->wait.known && !known; i++)
		known = blame_read(cpu, now_ns, now);
	blame_split(&clock->wait, now, task_throttled_ns(task),
		    open_ns > charged_ns ? open_ns - charged_ns : 0, known, split);
	for (__u32 i = 0; i < BLAME_KINDS; i++)
		out[i] = split[i];
}

static __always_inline __u8 seeded_state(struct task_struct *task)
{
	if (task->on_cpu)
		return CLOCK_RUNNING;
	return task_is_queued(task) ? CLOCK_RUNNABLE : CLOCK_BLOCKED;
}

static __always_inline void fill_record(struct task_struct *task, struct snapshot_scratch *s, __u64 now_ns)
{
	struct thread_record *record = &s->record;
	__u8 hint = seeded_state(task);
	__u8 reason = 0;

	if (s->clock.state == CLOCK_SEEDED && hint == CLOCK_BLOCKED)
		reason = blocked_reason(task, task_state(task), NULL);
	now_ns = clock_now(&s->clock, now_ns);
	record->open_ns = clock_close_copy(&s->clock, now_ns, hint, reason);
	if (s->clock.state == CLOCK_RUNNABLE)
		open_blame(task, &s->clock, now_ns, record->open_ns, record->open_blame_ns);
	record->tid = task_tid(task);
	record->pid = task_process(task);
	bpf_probe_read_kernel(record->comm, sizeof(record->comm), task->comm);
	record->state = s->clock.state;
	record->reason = s->clock.reason;
	record->clock_id = s->clock.id;
	record->began_at_ns = s->clock.began_at_ns;
	record->wall_ns = now_ns - s->clock.began_at_ns;
	record->sums = s->clock.sums;
	record->counts.voluntary = s->counts.voluntary - s->clock.base.voluntary;
	record->counts.involuntary = s->counts.involuntary - s->clock.base.involuntary;
	record->counts.migrations = s->counts.migrations - s->clock.base.migrations;
}

SEC("iter/task")
int read_clocks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct snapshot_scratch *s;
	struct task_clock *clock;
	__u32 zero = 0;
	__u64 now_ns;

	if (!task)
		return 0;
	clock = clock_of(task);
	s = bpf_map_lookup_elem(&scratch, &zero);
	if (!clock || !s)
		return 0;
	now_ns = as_of_ns; /* the same for all, but for those that have switched since */
	/* What is not handed over is missed by the reader, which knows how many clocks there must be. */
	__builtin_memset(&s->record, 0, sizeof(s->record));
	if (!copy_all(task, clock, s) || s->clock.state == CLOCK_DEAD)
		return 0;
	fill_record(task, s, now_ns);
	if (!s->record.tid) /* it lost its id since the iterator found it: it is on its way out */
		return 0;
	bpf_seq_write(ctx->meta->seq, &s->record, sizeof(s->record));
	return 0;
}
