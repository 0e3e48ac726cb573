// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Random but legal schedules on several CPUs (switches, wakeups, migrations, throttling) through the
 * headers that the BPF side compiles, beside a book that looks at every CPU in every step: who ran while
 * each task waited.  The glue is what bpf/sched.bpf.c does with its hooks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/clock.h"

enum { SCHEDULES = 3000, STEPS = 200, CPUS = 3, TASKS = 4, NEIGHBOURS = 5, MOST_STEP_NS = 20000 };
enum { NOBODY = -1, NOT_OURS = 100 }; /* who runs: a task's number, or NOT_OURS + a neighbour's */

enum mode {
	ONE_CLOCK,     /* all CPUs agree on the time; a throttled CPU is idle: every kind is exact */
	BUSY_THROTTLE, /* neighbours run on a CPU where the target is throttled */
	SKEWED_CLOCKS, /* each CPU's clock is off by a constant */
};

struct task {
	struct task_clock clock;
	int cpu; /* where it runs or waits */
	uint64_t book_ns[BLAME_KINDS];
	uint64_t book_wait_ns; /* all waits */
	uint64_t parts;	       /* of waits: each has two edges where clocks may differ */
	int moved;	       /* this wait went over a migration */
};

static struct sim {
	enum mode mode;
	unsigned seed;
	uint64_t true_ns;
	int64_t skew_ns[CPUS];
	struct cpu_clock cpus[CPUS];
	int running[CPUS];
	int throttled[CPUS];
	uint64_t throttled_ns[CPUS];
	struct task tasks[TASKS];
	uint64_t named_ns[NEIGHBOURS], book_named_ns[NEIGHBOURS]; /* waits behind each, of all tasks */
} sim;

static uint64_t most_skew_ns = 60;

static uint64_t now_on(int cpu)
{
	return sim.true_ns + (uint64_t)sim.skew_ns[cpu];
}

static uint32_t kind_of(int who)
{
	if (who == NOBODY)
		return BLAME_IDLE;
	if (who < NOT_OURS)
		return BLAME_SELF;
	return (who - NOT_OURS) % 2 ? BLAME_KERNEL : BLAME_PROCESS;
}

/* The book: DT_NS pass with nothing changing. */
static void pass(uint64_t dt_ns)
{
	for (int i = 0; i < TASKS; i++) {
		struct task *task = &sim.tasks[i];
		int who = sim.running[task->cpu];

		if (task->clock.state != CLOCK_RUNNABLE)
			continue;
		task->book_wait_ns += dt_ns;
		/* A moved task does not know what its new queue had been throttled. */
		if (sim.throttled[task->cpu] && !task->moved)
			task->book_ns[BLAME_QUOTA] += dt_ns;
		else
			task->book_ns[kind_of(who)] += dt_ns;
		if (who >= NOT_OURS)
			sim.book_named_ns[who - NOT_OURS] += dt_ns;
	}
	for (int cpu = 0; cpu < CPUS; cpu++)
		if (sim.throttled[cpu])
			sim.throttled_ns[cpu] += dt_ns;
	sim.true_ns += dt_ns;
}

static void wait_begin(struct task *task, int cpu, enum blame_counted how, uint64_t now_ns,
		       uint64_t throttled_ns)
{
	task->cpu = cpu;
	task->parts++;
	blame_begin(&task->clock.wait, &sim.cpus[cpu], (uint32_t)cpu, (__u16)how, now_ns, throttled_ns);
}

static void wait_end(struct task *task, uint64_t now_ns)
{
	struct blame_wait *wait = &task->clock.wait;
	struct cpu_clock *cpu = &sim.cpus[wait->cpu];
	uint64_t length_ns = now_ns - task->clock.since_ns - wait->charged_ns;
	__u64 now[CPU_KINDS] = {}, split[BLAME_KINDS] = {};
	uint64_t sum = 0;
	int known = blame_end(wait, cpu, now_ns, now);

	blame_split(wait, now, sim.throttled_ns[wait->cpu], length_ns, known, split);
	for (int i = 0; i < BLAME_KINDS; i++) {
		task->clock.sums.blame_ns[i] += split[i];
		sum += split[i];
		assert_true(split[i] <= length_ns);
	}
	assert_int_equal(sum, length_ns);
	wait->charged_ns += length_ns;
}

static void hold_against_book(const struct task *task)
{
	const struct clock_sums *sums = &task->clock.sums;
	uint64_t slack_ns = sim.mode == SKEWED_CLOCKS ? 4 * most_skew_ns * task->parts : 0, sum = 0;

	for (int i = 0; i < BLAME_KINDS; i++) {
		uint64_t off_ns = sums->blame_ns[i] > task->book_ns[i] ?
					  sums->blame_ns[i] - task->book_ns[i] :
					  task->book_ns[i] - sums->blame_ns[i];

		sum += sums->blame_ns[i];
		if (sim.mode == BUSY_THROTTLE && i != BLAME_QUOTA && i != BLAME_OTHER)
			continue;
		if (off_ns > slack_ns)
			fail_msg("seed %u: kind %d: blame %llu, book %llu", sim.seed, i,
				 (unsigned long long)sums->blame_ns[i], (unsigned long long)task->book_ns[i]);
	}
	if (sum != clock_run_queue_ns(sums))
		fail_msg("seed %u: blame %llu does not sum to the wait", sim.seed, (unsigned long long)sum);
	if (sim.mode != SKEWED_CLOCKS)
		assert_int_equal(sum, task->book_wait_ns);
}

static void switch_in(int number, uint64_t now_ns)
{
	struct task *task = &sim.tasks[number];

	now_ns = clock_now(&task->clock, now_ns);
	wait_end(task, now_ns);
	assert_int_equal(clock_switch_in(&task->clock, now_ns).gap, 0);
	hold_against_book(task);
	task->moved = 0;
}

static void queue_up(int number, int cpu, uint64_t now_ns)
{
	wait_begin(&sim.tasks[number], cpu, BLAME_COUNTED_HERE, now_ns, sim.throttled_ns[cpu]);
}

static int somebody_else(int cpu, int who)
{
	for (int other = 0; other < CPUS; other++)
		if (other != cpu && sim.running[other] == who)
			return 1;
	return who == sim.running[cpu];
}

/* Whoever may run on CPU next; the same as now if the choice fell on one that may not. */
static int choose_next(int cpu)
{
	int who = rand() % (TASKS + NEIGHBOURS + 1) - 1;

	if (who >= TASKS)
		who = NOT_OURS + who - TASKS;
	if (who == NOBODY)
		return who;
	if (somebody_else(cpu, who) || (sim.throttled[cpu] && (who < NOT_OURS || sim.mode != BUSY_THROTTLE)))
		return sim.running[cpu];
	if (who < NOT_OURS && (sim.tasks[who].clock.state != CLOCK_RUNNABLE || sim.tasks[who].cpu != cpu))
		return sim.running[cpu];
	return who;
}

static void end_slice(int cpu, int prev, uint64_t now_ns, uint32_t kind)
{
	uint64_t waited_ns = blame_switch(&sim.cpus[cpu], now_ns, kind);

	if (prev >= NOT_OURS)
		sim.named_ns[prev - NOT_OURS] += waited_ns;
}

static void do_switch(int cpu)
{
	int prev = sim.running[cpu], next = choose_next(cpu);
	uint64_t now_ns = now_on(cpu);

	if (prev == next)
		return;
	if (!sim.cpus[cpu].since_ns && kind_of(prev) != BLAME_SELF && kind_of(next) != BLAME_SELF)
		blame_pass(&sim.cpus[cpu], kind_of(next));
	else
		end_slice(cpu, prev, now_ns, kind_of(next));
	if (prev >= 0 && prev < NOT_OURS) {
		struct task_clock *clock = &sim.tasks[prev].clock;
		int queued = rand() % 2;

		now_ns = clock_now(clock, now_ns);
		clock_switch_out(clock, now_ns, queued, BLOCKED_FUTEX);
		if (queued)
			queue_up(prev, cpu, now_ns);
	}
	if (next >= 0 && next < NOT_OURS)
		switch_in(next, now_on(cpu));
	sim.running[cpu] = next;
}

/* Wakeups and migrations run on any CPU, by its clock. */
static void do_wakeup(int number)
{
	struct task_clock *clock = &sim.tasks[number].clock;
	struct clock_interval closed;
	uint64_t now_ns = clock_now(clock, now_on(rand() % CPUS));

	if (clock_wakeup(clock, now_ns, 0, 0, &closed))
		queue_up(number, rand() % CPUS, now_ns);
}

static void do_migrate(int number)
{
	struct task *task = &sim.tasks[number];
	uint64_t now_ns = clock_now(&task->clock, now_on(rand() % CPUS));

	if (task->clock.state != CLOCK_RUNNABLE)
		return;
	wait_end(task, now_ns);
	wait_begin(task, rand() % CPUS, BLAME_COUNTED_MOVED, now_ns, BLAME_UNKNOWN_NS);
	task->moved = 1;
}

static void do_throttle(int cpu)
{
	if (sim.throttled[cpu])
		sim.throttled[cpu] = 0;
	else if (sim.running[cpu] == NOBODY || (sim.mode == BUSY_THROTTLE && sim.running[cpu] >= NOT_OURS))
		sim.throttled[cpu] = 1;
}

/* All slices end, so that each is named; then each neighbour has what the tasks waited behind it. */
static void hold_names_against_book(void)
{
	for (int cpu = 0; cpu < CPUS; cpu++)
		end_slice(cpu, sim.running[cpu], now_on(cpu), BLAME_IDLE);
	if (sim.mode == SKEWED_CLOCKS)
		return;
	for (int i = 0; i < NEIGHBOURS; i++)
		if (sim.named_ns[i] != sim.book_named_ns[i])
			fail_msg("seed %u: neighbour %d: named %llu, book %llu", sim.seed, i,
				 (unsigned long long)sim.named_ns[i],
				 (unsigned long long)sim.book_named_ns[i]);
}

static void run_schedule(unsigned seed, enum mode mode)
{
	memset(&sim, 0, sizeof(sim));
	srand(seed);
	sim.seed = seed;
	sim.mode = mode;
	sim.true_ns = 1000000;
	for (int cpu = 0; cpu < CPUS; cpu++) {
		if (mode == SKEWED_CLOCKS)
			sim.skew_ns[cpu] = rand() % (int)most_skew_ns;
		sim.running[cpu] = NOBODY;
		blame_switch(&sim.cpus[cpu], now_on(cpu), BLAME_IDLE);
	}
	for (int i = 0; i < TASKS; i++) {
		clock_wakeup_new(&sim.tasks[i].clock, now_on(i % CPUS));
		queue_up(i, rand() % CPUS, sim.tasks[i].clock.since_ns);
	}
	for (int step = 0; step < STEPS; step++) {
		/* Often nothing passes, or less than the clocks differ by. */
		int most_ns = rand() % 3 ? MOST_STEP_NS : (int)most_skew_ns;

		pass((uint64_t)(rand() % most_ns));
		switch (rand() % 8) {
		case 0:
			do_throttle(rand() % CPUS);
			break;
		case 1:
			do_migrate(rand() % TASKS);
			break;
		case 2:
		case 3:
			do_wakeup(rand() % TASKS);
			break;
		default:
			do_switch(rand() % CPUS);
		}
	}
	hold_names_against_book();
}

static void blame_is_what_the_book_says(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SCHEDULES; seed++)
		run_schedule(seed, ONE_CLOCK);
}

/* The quota is exact, too, and the rest is shared by those who ran. */
static void throttled_time_is_the_quotas(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SCHEDULES; seed++)
		run_schedule(seed, BUSY_THROTTLE);
}

/* No kind is charged for more than it ran, but for what the clocks differ by at the edges. */
static void skewed_clocks_wrap_nothing(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SCHEDULES; seed++)
		run_schedule(seed, SKEWED_CLOCKS);
}

/* The copy was made while the CPU switched: there is nothing to compare. */
static void what_is_not_known_is_other(void **state)
{
	struct cpu_clock cpu = {};
	struct blame_wait wait = {};
	__u64 now[CPU_KINDS] = {}, split[BLAME_KINDS];
	int known;

	(void)state;
	blame_begin(&wait, &cpu, 0, BLAME_COUNTED_HERE, 1000, 0);
	assert_int_equal(cpu.since_ns, 1000); /* the first to wait starts the clock */
	assert_int_equal(cpu.waiting, 1);
	wait.known = 0;
	known = blame_end(&wait, &cpu, 2000, now);
	assert_int_equal(known, 0);
	assert_int_equal(cpu.waiting, 0);
	blame_split(&wait, now, 0, 1000, known, split);
	assert_int_equal(split[BLAME_OTHER], 1000);
	assert_int_equal(split[BLAME_PROCESS], 0);
	blame_end(&wait, &cpu, 2000, now);
	assert_int_equal(cpu.waiting, 0); /* counted out once */
}

/* Two begin in mid-slice, one is moved away in mid-slice: who ran has what each waited behind it. */
static void parts_of_a_slice_are_named(void **state)
{
	struct cpu_clock from = {}, to = {};
	struct blame_wait first = {}, second = {};
	__u64 now[CPU_KINDS] = {};

	(void)state;
	blame_pass(&to, BLAME_PROCESS);				    /* it is known who runs there */
	blame_begin(&first, &from, 0, BLAME_COUNTED_HERE, 1000, 0); /* the clock starts */
	blame_switch(&from, 1010, BLAME_PROCESS);
	blame_begin(&second, &from, 0, BLAME_COUNTED_HERE, 1030, 0);
	blame_end(&second, &from, 1050, now);
	blame_begin(&second, &to, 1, BLAME_COUNTED_MOVED, 1050, BLAME_UNKNOWN_NS);
	assert_int_equal(blame_switch(&from, 1110, BLAME_SELF), 100 + 20);
	assert_int_equal(blame_switch(&to, 1080, BLAME_SELF), 30);
	blame_end(&first, &from, 1110, now);
	blame_end(&second, &to, 1080, now);
	assert_int_equal(blame_awaited(&from) + blame_awaited(&to), 0);
	assert_int_equal(blame_switch(&from, 2000, BLAME_IDLE), 0);
	assert_int_equal(from.since_ns, 0); /* nobody of the target is there: the clock stands */
}

/* A CPU that has not switched since attach: whose its slice is, nobody knows. */
static void before_the_first_switch_is_other(void **state)
{
	struct cpu_clock cpu = {};
	struct blame_wait wait = {};
	__u64 now[CPU_KINDS] = {};

	(void)state;
	blame_begin(&wait, &cpu, 0, BLAME_COUNTED_HERE, 1000, 0);
	assert_int_equal(wait.known, 0);
	assert_int_equal(blame_switch(&cpu, 1500, BLAME_SELF), 0);
	assert_int_equal(cpu.kind_ns[BLAME_SELF], 0);
	assert_int_equal(blame_end(&wait, &cpu, 1500, now), 0);
	assert_int_equal(blame_switch(&cpu, 1600, BLAME_IDLE), 0);
	assert_int_equal(cpu.kind_ns[BLAME_SELF], 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blame_is_what_the_book_says),
		cmocka_unit_test(throttled_time_is_the_quotas),
		cmocka_unit_test(skewed_clocks_wrap_nothing),
		cmocka_unit_test(what_is_not_known_is_other),
		cmocka_unit_test(parts_of_a_slice_are_named),
		cmocka_unit_test(before_the_first_switch_is_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
