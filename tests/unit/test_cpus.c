// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The CPUs that a process may use, asked of the real kernel about ourselves. */
#include <setjmp.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/trace/cpus.h"

static cpu_set_t all; /* what we may use */

static cpu_set_t one_of_ours(int skip)
{
	cpu_set_t one;
	int cpu = 0;

	while (!CPU_ISSET(cpu, &all) || skip--)
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return one;
}

static void thread_adds_its_affinity(void **state)
{
	cpu_set_t one = one_of_ours(0);
	struct cpus cpus = {};

	(void)state;
	assert_int_equal(cpus_count(&cpus), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	cpus_add_thread(&cpus, (uint32_t)gettid());
	assert_int_equal(cpus_count(&cpus), 1);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	cpus_add_thread(&cpus, (uint32_t)gettid());
	assert_int_equal(cpus_count(&cpus), CPU_COUNT(&all));
}

static void who_is_gone_adds_nothing(void **state)
{
	struct cpus cpus = {};

	(void)state;
	cpus_add_thread(&cpus, INT32_MAX); /* above every pid_max */
	cpus_add_process(&cpus, INT32_MAX);
	assert_int_equal(cpus_count(&cpus), 0);
}

static void *stay(void *gate)
{
	cpu_set_t one = one_of_ours(1);

	sched_setaffinity(0, sizeof(one), &one);
	pthread_barrier_wait(gate); /* pinned */
	pthread_barrier_wait(gate); /* counted */
	return NULL;
}

/* The leader on one CPU, a thread on another: the process may use both. */
static void process_adds_all_threads(void **state)
{
	pthread_barrier_t gate;
	struct cpus cpus = {};
	pthread_t thread;
	cpu_set_t one;

	(void)state;
	if (CPU_COUNT(&all) < 2)
		skip();
	assert_int_equal(pthread_barrier_init(&gate, NULL, 2), 0);
	one = one_of_ours(0);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(pthread_create(&thread, NULL, stay, &gate), 0);
	pthread_barrier_wait(&gate);
	cpus_add_process(&cpus, (uint32_t)getpid());
	pthread_barrier_wait(&gate);
	pthread_join(thread, NULL);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(cpus_count(&cpus), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thread_adds_its_affinity),
		cmocka_unit_test(who_is_gone_adds_nothing),
		cmocka_unit_test(process_adds_all_threads),
	};

	if (sched_getaffinity(0, sizeof(all), &all))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
