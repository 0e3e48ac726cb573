// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * odd KIND SECONDS: processes that are not as most are.
 *   leaderless  the first thread ends at once; another goes on and exits with 5
 *   pinned      the first thread may use CPU 0 only, another CPU 1 only
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned seconds;

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		exit(1);
}

static void ready(void)
{
	puts("ready");
	fflush(stdout);
}

static void *outlive(void *leader)
{
	pthread_join(*(pthread_t *)leader, NULL);
	ready();
	for (unsigned i = 0; i < seconds * 100; i++)
		usleep(10000);
	exit(5);
}

static void *elsewhere(void *unused)
{
	pin(1);
	ready();
	sleep(seconds);
	return unused;
}

int main(int argc, char **argv)
{
	static pthread_t leader;
	pthread_t thread;

	if (argc != 3)
		return 2;
	seconds = (unsigned)atoi(argv[2]);
	leader = pthread_self();
	if (!strcmp(argv[1], "leaderless")) {
		if (pthread_create(&thread, NULL, outlive, &leader))
			return 1;
		pthread_exit(NULL);
	}
	pin(0);
	if (pthread_create(&thread, NULL, elsewhere, NULL))
		return 1;
	pthread_join(thread, NULL);
	return 0;
}
