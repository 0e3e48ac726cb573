// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * crowd THREADS WORKERS PERIOD_US: THREADS threads, of which WORKERS sleep PERIOD_US at a time, over and
 * over, and the others wait for ever.  Says `ready` when all are there; runs until it is killed.
 *
 * Each worker starts at its own point of the period, so that the wakeups are spread over it.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES (64 * 1024)

static unsigned long workers, period_us;

static void nap(unsigned long us)
{
	const struct timespec length = { .tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000 };

	nanosleep(&length, NULL);
}

static void *live(void *arg)
{
	unsigned long number = (unsigned long)arg;

	if (number >= workers)
		for (;;)
			pause();
	nap(number * period_us / workers);
	for (;;)
		nap(period_us);
	return NULL;
}

static int number(const char *text, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 10);
	return errno || *end || end == text ? -1 : 0;
}

int main(int argc, char **argv)
{
	unsigned long threads;
	pthread_attr_t attr;
	pthread_t thread;

	if (argc != 4 || number(argv[1], &threads) || number(argv[2], &workers) ||
	    number(argv[3], &period_us) || workers > threads) {
		fprintf(stderr, "usage: crowd THREADS WORKERS PERIOD_US, WORKERS at most THREADS\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (unsigned long i = 0; i < threads; i++) {
		int ret = pthread_create(&thread, &attr, live, (void *)i);

		if (ret) {
			fprintf(stderr,
				"crowd: cannot make thread %lu of %lu: %s; see threads-max, pid_max, "
				"max_map_count and the cgroup's pids.max\n",
				i + 1, threads, strerror(ret));
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
