/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Some tasks, connections and upstreams on one timeline, through the headers that the BPF side compiles,
 * and a book beside them: what each task did in every stretch between two events, and for whom.  The glue
 * is what sched.bpf.c, worker.bpf.h and requests.bpf.c do with their hooks.
 */
#ifndef TESTS_REQUEST_SIM_H
#define TESTS_REQUEST_SIM_H

#include "request_world.h"

/* How far the kernel's account of a moment is from ours. */
static uint64_t most_lag_ns;

static inline uint64_t lagging(uint64_t ns)
{
	uint64_t lag_ns = most_lag_ns ? any(2 * most_lag_ns) : 0;

	return ns + lag_ns > most_lag_ns ? ns + lag_ns - most_lag_ns : 0;
}

static inline void stamp_current(struct task_struct *task, uint64_t now_ns, struct stamp *out)
{
	stamp_take(&task->clock, &task->counts, now_ns, out);
	if (missed_switch(&task->clock))
		stamp_unannounced(out, &task->clock, now_ns, lagging(task->arrived_ns),
				  task->run_delay_ns - task->clock.run_delay_ns);
}

static inline int charge_now(struct worker *worker, const struct task_clock *clock, __u64 now_ns)
{
	struct task_struct *task = task_of(clock);
	struct stamp now;

	stamp_current(task, now_ns, &now);
	worker_charge(worker, &now, now_ns);
	return 0;
}

static inline int charge_nobody(struct worker *worker, const struct task_clock *clock, __u64 now_ns)
{
	stamp_current(task_of(clock), now_ns, &worker->at);
	worker->at_ns = now_ns;
	return 0;
}

/* A program runs in TASK, which may have a record; whether it keeps its CPU. */
static inline void look_at(struct task_struct *task, int goes_on)
{
	struct recorded *recorded = &task->recorded;
	__u64 now_ns = clock_now(&task->clock, sim.now_ns);

	if (task->clock.recorded != RECORDED_THERE)
		return;
	run_look(recorded, &task->worker, &task->run, goes_on ? now_ns : 0);
	recorded->next = task->shows;
	recorded->thread = task->says;
	recorded->process = 1;
	if (recorded->look.tag || recorded->next.tag || left_tag(recorded, now_ns)) {
		stamp_current(task, now_ns, &recorded->now);
		record_settle(recorded, &task->worker, &task->clock, now_ns);
	}
	recorded->at_ns = now_ns;
}

/* TASK has its CPU again. */
static inline void look_at_return(struct task_struct *task)
{
	struct recorded *recorded = &task->recorded;
	__u64 now_ns = clock_now(&task->clock, sim.now_ns);

	if (task->clock.recorded != RECORDED_THERE)
		return;
	if (__sync_lock_test_and_set(&task->run.from_ns, now_ns) || !recorded->look.tag)
		return;
	stamp_take(&task->clock, &task->counts, now_ns, &recorded->now);
	record_came_back(recorded, &task->worker, now_ns);
}

/* Let NS pass: all do what they do. */
static inline void pass(uint64_t ns)
{
	struct stretch *stretch = &sim.book[sim.stretches];

	if (!ns)
		return;
	assert_true(sim.stretches < STRETCHES);
	stretch->from_ns = sim.now_ns;
	sim.now_ns += ns;
	stretch->to_ns = sim.now_ns;
	for (int i = 0; i < sim.tasks; i++) {
		struct task_struct *task = &sim.task[i];

		stretch->did[i] = task->now;
		if (task->now.doing == RUNS)
			task->exec_ns += ns;
		else if (task->now.doing == WAITS)
			task->run_delay_ns += ns;
	}
	sim.stretches++;
}

/* Somebody, or several, had the CPU meanwhile. */
static inline void blame_anybody(struct task_struct *task, uint64_t ns)
{
	uint64_t first_ns = any(ns + 1);

	task->clock.sums.blame_ns[any(BLAME_KINDS)] += first_ns;
	task->clock.sums.blame_ns[any(BLAME_KINDS)] += ns - first_ns;
	task->clock.wait.charged_ns += ns;
}

static inline uint64_t not_charged_ns(const struct task_struct *task, uint64_t now_ns)
{
	return now_ns - task->clock.since_ns - task->clock.wait.charged_ns;
}

static inline void note_migration(struct task_struct *task)
{
	task->counts.migrations++;
	if (task->clock.state == CLOCK_RUNNABLE)
		blame_anybody(task, not_charged_ns(task, clock_now(&task->clock, sim.now_ns)));
}

/* The clock learns that the task got a CPU at NOW_NS. */
static inline void clock_in(struct task_struct *task, uint64_t now_ns)
{
	struct task_clock *clock = &task->clock;
	struct clock_interval closed;

	now_ns = clock_now(clock, now_ns);
	if (clock->state == CLOCK_RUNNABLE || clock->state == CLOCK_SEEDED)
		blame_anybody(task, not_charged_ns(task, now_ns));
	closed = clock_switch_in(clock, now_ns);
	if (closed.gap && closed.state == CLOCK_RUNNING) { /* it had left unseen: note_return() */
		clock->exec_ns = task->exec_ns;
		clock->run_delay_ns = task->run_delay_ns;
	}
	clock->waited_ns = closed.state == CLOCK_RUNNABLE ? closed.ns : 0;
	if (task->worker.remembers)
		history_take(&task->history, &task->worker);
	if (task->clock.works)
		worker_came_back(&task->worker, &task->clock, 0);
}

static inline void clock_out(struct task_struct *task, int queued, uint32_t reason)
{
	struct task_clock *clock = &task->clock;

	look_at(task, 0);
	clock->run_delay_ns = task->run_delay_ns;
	clock->exec_ns = task->exec_ns;
	clock->voluntary = task->counts.voluntary;
	clock->involuntary = task->counts.involuntary;
	clock->accounted = 1;
	clock_switch_out(clock, clock_now(clock, sim.now_ns), queued, (__u8)reason);
}

/* What happens to a task in fact; the clock is told by the functions above. */
static inline void gets_cpu(struct task_struct *task)
{
	task->now.doing = RUNS;
	task->arrived_ns = sim.now_ns;
}

static inline void leaves_cpu(struct task_struct *task, int queued, uint32_t reason)
{
	task->now.doing = queued ? WAITS : BLOCKS;
	task->now.which = queued ? AFTER_PREEMPTION : reason;
	task->counts.voluntary += !queued;
	task->counts.involuntary += queued;
	task->outs[task->stays++] = sim.now_ns;
}

static inline void is_woken(struct task_struct *task)
{
	task->now.doing = WAITS;
	task->now.which = AFTER_WAKEUP;
}

static inline void switch_in(struct task_struct *task)
{
	gets_cpu(task);
	clock_in(task, sim.now_ns);
	look_at_return(task);
}

static inline void switch_out(struct task_struct *task, int queued, uint32_t reason)
{
	leaves_cpu(task, queued, reason);
	clock_out(task, queued, reason);
}

/* BY: the task that the wakeup interrupts, or that wakes; NULL: none of the target's. */
static inline void wake(struct task_struct *task, struct task_struct *by)
{
	struct clock_interval closed;
	__u64 now_ns = clock_now(&task->clock, sim.now_ns);
	struct stamp stamp, to;
	__u32 reason;

	is_woken(task);
	if (task->clock.state == CLOCK_SEEDED) /* how long it was blocked nobody knows */
		task->outs[0] = sim.now_ns;
	reason = task->clock.state == CLOCK_SEEDED ? task->now.which : task->clock.reason;
	stamp_blocked(&task->clock, &task->counts, now_ns, reason, &to);
	if (!clock_wakeup(&task->clock, now_ns, 0, (__u8)task->now.which, &closed))
		return;
	if (task->clock.works && by && by->clock.works)
		look_at(by, 1);
	if (!task->clock.works || !by || !by->clock.works || !works_for(&by->worker) ||
	    by->recorded.is_away || !may_be_handed(reason))
		return;
	if (may_need_handed(&task->worker, works_for(&by->worker)))
		earlier_keep(&task->earlier, &task->worker);
	stamp_take(&by->clock, &by->counts, clock_now(&by->clock, now_ns), &stamp);
	task->worker.handed.to = to;
	hand_on(&by->worker, &stamp, &task->worker.handed, now_ns);
}

static inline struct toucher toucher_of(struct task_struct *task)
{
	if (!task->clock.works) {
		task->clock.works = 1;
		worker_begins(&task->worker, &task->clock);
		/* Of those that were before, it knows none. */
		task->outs[0] = task->stays ? task->outs[task->stays - 1] : 0;
		task->stays = 1;
	}
	look_at(task, 1);
	return (struct toucher){ &task->clock, &task->worker,
				 task->clock.recorded == RECORDED_THERE ? &task->recorded : NULL,
				 clock_now(&task->clock, sim.now_ns) };
}

/* The first byte of the connection's next request arrives. */
static inline void arrive(int connection, int before_accept)
{
	struct span *span = &sim.connections[connection].span;

	span->waits_accept = (__u8)before_accept;
	span->arrived_ns = sim.now_ns;
}

static inline void take_out(struct connection *connection)
{
	sim.on_cpu_ns -= connection->booked_on_cpu_ns;
	connection->booked_on_cpu_ns = 0;
}

/* TASK reads it. */
static inline void read_request(struct task_struct *task, int connection)
{
	struct span *span = &sim.connections[connection].span;
	struct toucher by = toucher_of(task);

	sim.connections[connection].booked_on_cpu_ns = 0; /* what is booked stays */
	touch_first(&by, span, ++sim.requests, __sync_lock_test_and_set(&span->arrived_ns, 0), 1);
	span_enter(span, SPAN_READ);
	task->now.request = span->request;
}

/* Components sum to the latency, and blame to the run queue. */
static inline void book(struct connection *connection)
{
	struct parts *parts = &connection->span.parts;
	uint64_t sum_ns = 0, blame_ns = 0;
	__u64 latency_ns;

	if (!span_close(&connection->span, &latency_ns))
		fail_msg("seed %u: request %llu: more components than latency", sim.seed,
			 (unsigned long long)connection->span.request);
	for (int i = 0; i < COMPONENTS; i++)
		sum_ns += parts->components_ns[i];
	assert_int_equal(sum_ns, latency_ns);
	assert_int_equal(latency_ns, sim.now_ns - connection->span.begin_ns);
	for (int i = 0; i < BLAME_KINDS; i++)
		blame_ns += parts->blame_ns[i];
	if (blame_ns != blamed_ns(parts->components_ns))
		fail_msg("seed %u: request %llu: the blame is not the run queue", sim.seed,
			 (unsigned long long)connection->span.request);
	connection->booked_on_cpu_ns = parts->components_ns[COMPONENT_ON_CPU];
	sim.on_cpu_ns += connection->booked_on_cpu_ns;
	sim.booked++;
}

/* TASK sends the answer of what was read there, or more of it; MORE: the socket took less than it has. */
static inline void send_response(struct task_struct *task, int connection, int more)
{
	struct span *span = &sim.connections[connection].span;
	struct toucher by = toucher_of(task);

	take_out(&sim.connections[connection]);
	touch(&by, span);
	book(&sim.connections[connection]);
	span_enter(span, SPAN_ANSWERED);
	touch_sent(&by, span, more);
	task->now.request = span->request;
}

static inline void ask(struct task_struct *task, int upstream)
{
	struct toucher by = toucher_of(task);
	struct upstream *it = &sim.upstreams[upstream];

	if (it->connecting)
		touch_answered(by.worker, by.clock, by.recorded, it, by.now_ns);
	if (asks_for_request(by.worker))
		touch_asked(&by, it);
}

static inline void connect_upstream(struct task_struct *task, int upstream)
{
	struct toucher by = toucher_of(task);

	if (asks_for_request(by.worker))
		touch_connects(&by, &sim.upstreams[upstream]);
}

static inline void upstream_arrives(int upstream)
{
	if (!sim.upstreams[upstream].arrived_ns || sim.upstreams[upstream].connecting)
		sim.upstreams[upstream].arrived_ns = sim.now_ns;
}

static inline void read_answer(struct task_struct *task, int upstream)
{
	struct toucher by = toucher_of(task);

	touch_answered(by.worker, by.clock, by.recorded, &sim.upstreams[upstream], by.now_ns);
}

/* A new world with TASKS_THERE tasks: each waits for its first CPU, or was there before us. */
static inline void sim_begin(unsigned seed, int tasks_there)
{
	memset(&sim, 0, sizeof(sim));
	srand(sim.seed = seed);
	passed_is_taken = seed >> 3 & 1;
	sim.tasks = tasks_there;
	sim.now_ns = 1000;
	for (int i = 0; i < CONNECTIONS; i++)
		sim.connections[i].span.socket = socket_of(i);
	for (int i = 0; i < tasks_there; i++) {
		struct task_struct *task = &sim.task[i];

		task->clock.id = (uint64_t)i + 1;
		if (any(3)) {
			is_woken(task);
			clock_wakeup_new(&task->clock, sim.now_ns);
			task->clock.works = (uint8_t)any(2);
		} else {
			clock_begin(&task->clock, sim.now_ns, CLOCK_SEEDED);
			task->now = (struct doings){ (enum doing)any(3), AFTER_PREEMPTION, 0 };
		}
		task->outs[task->stays++] = sim.now_ns;
	}
}

#endif
