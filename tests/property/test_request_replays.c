// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests on a machine that does not announce every switch: what a task's clock missed is replayed later
 * from the kernel's own account, which lags, and moves time from one sum to another that requests have seen
 * before. The glue is that of bpf/sched.bpf.c.
 */
#include "request_sim.h"

enum { LIVES = 20000, STEPS = 200, MOST_STEP_NS = 1000, ANNOUNCED_OF = 4 };

static uint64_t replayed;

static void replay_wakeup(struct task_struct *task)
{
	struct task_clock *clock = &task->clock;
	struct clock_interval closed;
	uint64_t waited_ns = lagging(task->run_delay_ns - clock->run_delay_ns);

	clock_wakeup(clock, clock_now(clock, sim.now_ns - waited_ns), 0, clock->reason, &closed);
	replayed++;
}

static void replay_switch_in(struct task_struct *task)
{
	struct task_clock *clock = &task->clock;
	uint64_t arrived_at_ns = clock_now(clock, lagging(task->arrived_ns));
	uint64_t waited_ns = task->run_delay_ns - clock->run_delay_ns;
	struct clock_interval closed;

	if (arrived_at_ns > sim.now_ns)
		arrived_at_ns = sim.now_ns;
	if (clock->state == CLOCK_BLOCKED)
		clock_wakeup(clock, clock_now(clock, arrived_at_ns - waited_ns), 0, 0, &closed);
	clock_in(task, arrived_at_ns);
	replayed++;
}

static void replay_away(struct task_struct *task, uint64_t now_ns, uint64_t away_ns, uint64_t waited_ns)
{
	struct task_clock *clock = &task->clock;
	struct clock_interval closed;

	if (waited_ns > away_ns)
		waited_ns = away_ns;
	clock_switch_out(clock, now_ns - away_ns, waited_ns == away_ns, BLOCKED_OTHER);
	clock_wakeup(clock, now_ns - waited_ns, 0, 0, &closed);
	blame_anybody(task, not_charged_ns(task, now_ns));
	clock_switch_in(clock, now_ns);
}

static void replay_absence(struct task_struct *task)
{
	struct task_clock *clock = &task->clock;
	uint64_t ran_ns = lagging(task->exec_ns - clock->exec_ns);
	uint64_t waited_ns = lagging(task->run_delay_ns - clock->run_delay_ns);
	uint64_t now_ns = clock_now(clock, sim.now_ns), length_ns = now_ns - clock->since_ns;

	replayed++;
	if (clock->state != CLOCK_RUNNING || clock->cut)
		return;
	waited_ns = waited_ns > clock->waited_ns ? waited_ns - clock->waited_ns : 0;
	if (length_ns > ran_ns) {
		replay_away(task, now_ns, length_ns - ran_ns, waited_ns);
	} else {
		__u64 ran_away_ns = ran_ns - length_ns, waited_away_ns = waited_ns;

		clock_split_block(clock, &ran_away_ns, &waited_away_ns);
	}
}

/* An event that the hooks see. */
static void announce_in(struct task_struct *task)
{
	gets_cpu(task);
	if (task->clock.state == CLOCK_BLOCKED)
		replay_wakeup(task);
	clock_in(task, sim.now_ns);
}

static void announce_out(struct task_struct *task, int queued, uint32_t reason)
{
	struct task_clock *clock = &task->clock;

	leaves_cpu(task, queued, reason);
	if (missed_switch(clock))
		replay_switch_in(task);
	if (clock->accounted &&
	    task->counts.voluntary + task->counts.involuntary > clock->voluntary + clock->involuntary + 1)
		replay_absence(task);
	clock_out(task, queued, reason);
}

static void run_on(struct task_struct *task)
{
	int connection = (int)any(CONNECTIONS), queued = (int)any(2);
	uint32_t reason = (uint32_t)any(BLOCKED_REASONS);

	switch (any(5)) {
	case 0:
		if (any(ANNOUNCED_OF))
			announce_out(task, queued, reason);
		else
			leaves_cpu(task, queued, reason);
		break;
	case 1:
		ask(task, (int)any(UPSTREAMS));
		break;
	case 2:
		read_answer(task, (int)any(UPSTREAMS));
		break;
	default:
		if (!sim.connections[connection].span.request || !any(3))
			read_request(task, connection);
		else
			send_response(task, connection, !any(4));
	}
}

static void step(void)
{
	struct task_struct *task = &sim.task[any((uint64_t)sim.tasks)];
	struct task_struct *by = &sim.task[any((uint64_t)sim.tasks)];
	struct span *span = &sim.connections[any(CONNECTIONS)].span;

	if (!any(8))
		upstream_arrives((int)any(UPSTREAMS));
	else if (!any(8) && !span->arrived_ns && span->state != SPAN_READ)
		span->arrived_ns = sim.now_ns;
	else if (task->now.doing == RUNS)
		run_on(task);
	else if (task->now.doing == BLOCKS && any(ANNOUNCED_OF))
		wake(task, by->now.doing == RUNS ? by : NULL);
	else if (task->now.doing == BLOCKS)
		is_woken(task);
	else if (!any(ANNOUNCED_OF))
		note_migration(task);
	else if (any(ANNOUNCED_OF))
		announce_in(task);
	else
		gets_cpu(task);
}

static void live(unsigned seed, int tasks)
{
	sim_begin(seed, tasks);
	for (int i = 0; i < STEPS; i++) {
		pass(any(3) ? any(MOST_STEP_NS) : 0);
		step();
	}
}

/* book() holds each request against its latency, and its blame against its run queue. */
static void missed_switches_explain_no_more_than_all(void **state)
{
	(void)state;
	most_lag_ns = 0;
	for (unsigned seed = 1; seed <= LIVES; seed++)
		live(seed, 1 + (int)(seed % TASKS));
	assert_true(replayed > LIVES);
}

static void nor_does_an_account_that_lags(void **state)
{
	(void)state;
	most_lag_ns = 50;
	for (unsigned seed = 1; seed <= LIVES; seed++)
		live(seed, 1 + (int)(seed % TASKS));
}

/* What its task was on a CPU for may be less than at the question, and its own part of that, too. */
static void no_upstream_takes_what_was_not_there(void **state)
{
	struct work went_back = { .upstream_state = UPSTREAM_AWAITED, .upstream_at.active_ns = 100 };
	struct work owns_less = { .upstream_state = UPSTREAM_AWAITED, .upstream_own_ns = 50 };
	const struct held_sums now = { .active_ns = 60 };

	(void)state;
	upstream_answered(&went_back, &now, 0);
	assert_int_equal(went_back.upstream.active_ns, 0);
	upstream_answered(&owns_less, &now, 0);
	assert_int_equal(owns_less.upstream.active_ns, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missed_switches_explain_no_more_than_all),
		cmocka_unit_test(nor_does_an_account_that_lags),
		cmocka_unit_test(no_upstream_takes_what_was_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
