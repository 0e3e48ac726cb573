// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Random but legal lives of tasks that read, answer and hand on requests, through the code that the BPF side
 * compiles.  What it says of a request must sum to its latency, and where nobody else touches it,
 * be what the book of the simulation (request_sim.h) says, to the nanosecond.
 */
#include <math.h>

#include "request_sim.h"

enum { LIVES = 3000, SHORT_LIVES = 100000, STEPS = 300, MOST_STEP_16NS = 64, WINDOWS = 64 };

/* While an upstream let a request wait: from the question, or the bytes before, to the read. */
struct window {
	uint64_t from_ns, to_ns;
	uint64_t arrived_ns; /* 0: not known */
	uint64_t known_ns;   /* since when the reader remembers what it did */
	int awaited;	     /* these are the first bytes */
};

/* What the book should say of the latest request of a connection. */
static struct expected {
	uint64_t components_ns[COMPONENTS];
	uint64_t at_ns;
	int answered; /* when its task touched it last; */
	int dropped;  /* since then, that has turned to another: it is not known what was for this one */
	int upstream; /* enum upstream_state */
	uint64_t upstream_at_ns;
	struct window windows[WINDOWS];
	int count;
} expected[CONNECTIONS];

static const struct window *window_of(const struct expected *one, const struct stretch *stretch)
{
	for (int i = 0; i < one->count; i++)
		if (stretch->from_ns >= one->windows[i].from_ns && stretch->to_ns <= one->windows[i].to_ns)
			return &one->windows[i];
	return NULL;
}

static int is_network(uint32_t reason)
{
	return reason == BLOCKED_POLL || reason == BLOCKED_SOCKET || reason == BLOCKED_IO_URING;
}

/* The component that a stretch of DID belongs to, for REQUEST. */
static uint32_t component_of(const struct doings *did, uint64_t request, const struct window *window,
			     const struct stretch *stretch)
{
	uint64_t late_ns = 0;

	if (did->doing == BLOCKS)
		return window && (window->awaited || is_network(did->which)) ?
			       COMPONENT_BLOCKED_UPSTREAM :
			       COMPONENT_BLOCKED_FIRST + did->which;
	if (did->request == request && did->doing == RUNS)
		return COMPONENT_ON_CPU;
	if (did->request == request)
		return did->which == AFTER_WAKEUP ? COMPONENT_RUN_QUEUE_WAKEUP :
						    COMPONENT_RUN_QUEUE_PREEMPTED;
	if (window)
		late_ns = window->arrived_ns > window->known_ns ? window->arrived_ns : window->known_ns;
	if (window && (!window->arrived_ns || stretch->from_ns < late_ns))
		return COMPONENT_BLOCKED_UPSTREAM;
	return COMPONENT_BUSY_WITH_OTHERS;
}

/* TASK's time from FROM_NS to TO_NS was REQUEST's. */
static void explain(struct expected *one, const struct task_struct *task, uint64_t request, uint64_t from_ns,
		    uint64_t to_ns)
{
	for (int i = 0; i < sim.stretches; i++) {
		const struct stretch *stretch = &sim.book[i];

		if (stretch->from_ns >= from_ns && stretch->to_ns <= to_ns)
			one->components_ns[component_of(&stretch->did[task - sim.task], request,
							window_of(one, stretch), stretch)] +=
				stretch->to_ns - stretch->from_ns;
	}
}

/* Since when the task remembers its stays off the CPU. */
static uint64_t known_ns(const struct task_struct *task)
{
	uint32_t kept = STAYS + (task->history.next < HISTORY ? task->history.next : HISTORY);

	return task->outs[task->stays > (int)kept ? task->stays - (int)kept : 0];
}

/* What the reader did while the request was in its socket. */
static void explain_unread(struct expected *one, const struct task_struct *task, uint64_t from_ns)
{
	static const uint32_t components[] = { [RUNS] = COMPONENT_SOCKET_BUSY,
					       [WAITS] = COMPONENT_SOCKET_RUN_QUEUE,
					       [BLOCKS] = COMPONENT_SOCKET_BLOCKED };

	for (int i = 0; i < sim.stretches; i++) {
		const struct stretch *stretch = &sim.book[i];

		if (stretch->from_ns >= from_ns && stretch->from_ns >= known_ns(task))
			one->components_ns[components[stretch->did[task - sim.task].doing]] +=
				stretch->to_ns - stretch->from_ns;
	}
}

/* TASK, which worked for another request, turns away from it: if that was answered, it does so for good. */
static void expect_turn(uint64_t from, uint64_t to)
{
	for (int i = 0; i < CONNECTIONS; i++)
		if (from != to && sim.connections[i].span.request == from && expected[i].answered)
			expected[i].dropped = 1;
}

static void expect_read(const struct task_struct *task, int connection)
{
	const struct span *span = &sim.connections[connection].span;
	uint64_t arrived_ns = span->arrived_ns ? span->arrived_ns : sim.now_ns;
	struct expected *one = &expected[connection];

	expect_turn(task->now.request, sim.requests + 1);
	*one = (struct expected){ .at_ns = sim.now_ns };
	if (span->waits_accept &&
	    task->clock.began_at_ns <= arrived_ns) /* else it was accepted when it came */
		one->components_ns[COMPONENT_ACCEPT_WAIT] = sim.now_ns - arrived_ns;
	else
		explain_unread(one, task, arrived_ns);
}

static void hold_against_book(const struct span *span, const struct expected *one)
{
	for (uint32_t i = 0; i < COMPONENTS; i++)
		if (span->parts.components_ns[i] != one->components_ns[i])
			fail_msg("seed %u: request %llu: component %u is %llu, by the book %llu", sim.seed,
				 (unsigned long long)span->request, i,
				 (unsigned long long)span->parts.components_ns[i],
				 (unsigned long long)one->components_ns[i]);
}

/* It was answered, and TASK worked for others: when the latest of them was answered, it began with this. */
static void explain_return(struct expected *one, const struct task_struct *task)
{
	one->count = 0;
	for (int i = 0; i < CONNECTIONS; i++)
		if (sim.connections[i].span.request == task->now.request && expected[i].answered)
			explain(one, task, task->now.request, expected[i].at_ns, sim.now_ns);
}

static void expect_answer(const struct task_struct *task, int connection, int more)
{
	struct expected *one = &expected[connection];
	uint64_t request = sim.connections[connection].span.request, sum_ns = 0;

	expect_turn(task->now.request, request);
	if (!one->dropped) {
		explain(one, task, request, one->at_ns, sim.now_ns);
	} else {
		explain_return(one, task);
		one->upstream = UPSTREAM_NONE;
	}
	one->at_ns = one->upstream_at_ns = sim.now_ns;
	one->dropped = one->count = 0;
	one->answered = !more;
	one->components_ns[COMPONENT_RESIDUAL] = 0;
	for (int i = 0; i < COMPONENTS; i++)
		sum_ns += one->components_ns[i];
	one->components_ns[COMPONENT_RESIDUAL] =
		sim.now_ns - sim.connections[connection].span.begin_ns - sum_ns;
}
static void expect_question(const struct task_struct *task)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		struct expected *one = &expected[i];

		if (sim.connections[i].span.request != task->now.request || one->answered ||
		    one->upstream == UPSTREAM_AWAITED)
			continue;
		one->upstream = UPSTREAM_AWAITED;
		one->upstream_at_ns = sim.now_ns;
	}
}

/* Returns the request that the task works for from then on. */
static uint64_t expect_bytes(const struct task_struct *task, const struct upstream *upstream)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		struct expected *one = &expected[i];

		if (!upstream->request || sim.connections[i].span.request != upstream->request ||
		    one->dropped)
			continue;
		expect_turn(task->now.request, upstream->request);
		if (one->upstream != UPSTREAM_NONE) {
			assert_true(one->count < WINDOWS);
			one->windows[one->count++] = (struct window){
				one->upstream_at_ns,
				sim.now_ns,
				upstream->arrived_ns,
				known_ns(task),
				one->upstream == UPSTREAM_AWAITED,
			};
			one->upstream = UPSTREAM_ANSWERS;
			one->upstream_at_ns = sim.now_ns;
		}
		return upstream->request;
	}
	return task->now.request;
}

/* A task that is on a CPU does something with a connection. */
static void serve(struct task_struct *task, int connection, int alone)
{
	struct connection *it = &sim.connections[connection];
	int more = !any(4);

	if (!it->span.request || (it->span.state == SPAN_ANSWERED && any(2))) {
		if (it->span.arrived_ns || !any(4)) {
			toucher_of(task); /* from here on it remembers its stays */
			if (alone)
				expect_read(task, connection);
			read_request(task, connection);
		}
		return;
	}
	if (alone)
		expect_answer(task, connection, more);
	send_response(task, connection, more);
	if (alone)
		hold_against_book(&it->span, &expected[connection]);
}

static void use_upstream(struct task_struct *task, int upstream, int alone)
{
	int what = (int)any(5);

	if (!what) {
		if (alone)
			expect_question(task);
		connect_upstream(task, upstream);
	} else if (what < 3) {
		if (alone && sim.upstreams[upstream].connecting)
			task->now.request = expect_bytes(task, &sim.upstreams[upstream]);
		if (alone)
			expect_question(task);
		ask(task, upstream);
	} else {
		if (alone)
			task->now.request = expect_bytes(task, &sim.upstreams[upstream]);
		read_answer(task, upstream);
	}
}

static void run_on(struct task_struct *task, int alone)
{
	switch (any(5)) {
	case 0:
		switch_out(task, 1, 0);
		break;
	case 1:
		switch_out(task, 0, (uint32_t)any(BLOCKED_REASONS));
		break;
	case 2:
		use_upstream(task, (int)any(UPSTREAMS), alone);
		break;
	default:
		serve(task, (int)any(CONNECTIONS), alone);
	}
}

static void something_arrives(void)
{
	int connection = (int)any(CONNECTIONS);
	struct span *span = &sim.connections[connection].span;

	if (any(2))
		upstream_arrives((int)any(UPSTREAMS));
	else if (!span->arrived_ns && span->state != SPAN_READ)
		arrive(connection, !span->request && any(2));
}

static void step(int alone)
{
	struct task_struct *task = &sim.task[any((uint64_t)sim.tasks)];
	struct task_struct *by = &sim.task[any((uint64_t)sim.tasks)];

	if (!any(6))
		something_arrives();
	else if (task->now.doing == RUNS)
		run_on(task, alone);
	else if (task->now.doing == BLOCKS)
		wake(task, by->now.doing == RUNS ? by : NULL);
	else if (any(4))
		switch_in(task);
	else
		note_migration(task);
}

static void live(unsigned seed, int tasks)
{
	sim_begin(seed, tasks);
	memset(expected, 0, sizeof(expected));
	for (int i = 0; i < STEPS; i++) {
		/* Often several things happen at one moment.  Stays are remembered in units of 16 ns. */
		pass(any(3) ? 16 * any(MOST_STEP_16NS) : 0);
		step(tasks == 1);
	}
}

/* No other task touches its requests: then all is known of them. */
static void a_task_alone_is_explained(void **state)
{
	uint64_t booked = 0;

	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++) {
		live(seed, 1);
		booked += sim.booked;
		if (sim.lost)
			fail_msg("seed %u: work that was put aside is gone", seed);
	}
	assert_true(booked > LIVES);
}

/* Whoever touches what was read by whom: there are never more components than there is latency. */
static void tasks_together_explain_no_more_than_all(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LIVES; seed++)
		live(seed, TASKS);
}

/*
 * Each stretch is 4 times as long as the one before, so that the time that all requests ran for tells how
 * often each is in it: never for more tasks than were on a CPU then.
 */
static void hold_against_runs(void)
{
	for (int i = 0; i < sim.stretches; i++) {
		uint64_t ran = 0;

		for (int j = 0; j < TASKS; j++)
			ran += sim.book[i].did[j].doing == RUNS;
		if ((sim.on_cpu_ns >> 2 * i & 3) > ran)
			fail_msg("seed %u: requests ran %llu times in stretch %d, where %llu tasks did",
				 sim.seed, (unsigned long long)(sim.on_cpu_ns >> 2 * i & 3), i,
				 (unsigned long long)ran);
	}
}

static void no_time_is_in_two_requests(void **state)
{
	_Static_assert(TASKS < 4, "a digit holds all of them");
	(void)state;
	for (unsigned seed = 1; seed <= SHORT_LIVES; seed++) {
		sim_begin(seed, TASKS);
		for (int i = 0; i < 30; i++) {
			pass(1ull << 2 * i);
			for (uint64_t left = any(8); left; left--)
				step(0);
			hold_against_runs();
		}
	}
}

/* However long, and behind whomever: all of a wait is told, and each kind's part as 63rds of it can. */
static void waits_are_behind_whom_they_were(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < LIVES * 10; i++) {
		uint64_t whole_ns = 0, told_ns = 0, ns[BLAME_KINDS] = {}, left_ns;
		struct blames out = {};
		struct task_clock clock = { .state = CLOCK_RUNNING };
		struct worker worker = {};

		for (int kind = 0; kind < BLAME_KINDS; kind++) {
			clock.sums.blame_ns[kind] = worker.blame_ns[kind] = any(1u << 31);
			if (any(2))
				clock.sums.blame_ns[kind] += ns[kind] = (uint64_t)any(1u << 31) << any(12);
			whole_ns += ns[kind];
		}
		worker_came_back(&worker, &clock, 0);
		left_ns = whole_ns >> any(20);
		stay_blame(&worker.stays[0], left_ns, &out);
		for (int kind = 0; kind < BLAME_KINDS; kind++) {
			double wanted_ns = whole_ns ? (double)ns[kind] / (double)whole_ns * (double)left_ns :
						      0;
			/* Half a share for each of the five that are rounded, at whose cost the last may be. */
			double most_ns = 2.5 * (double)left_ns / STAY_SHARES + 6;

			if (whole_ns && fabs((double)out.ns[kind] - wanted_ns) > most_ns)
				fail_msg("kind %d: %llu of %llu ns, not %.0f", kind,
					 (unsigned long long)out.ns[kind], (unsigned long long)left_ns,
					 wanted_ns);
			told_ns += out.ns[kind];
		}
		assert_int_equal(told_ns, left_ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_alone_is_explained),
		cmocka_unit_test(tasks_together_explain_no_more_than_all),
		cmocka_unit_test(no_time_is_in_two_requests),
		cmocka_unit_test(waits_are_behind_whom_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
