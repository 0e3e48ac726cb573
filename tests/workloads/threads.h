/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* WORKLOAD N SECONDS: N threads that do one thing until the time is over. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile int stop;

static inline int run_threads(int argc, char **argv, void *(*work)(void *))
{
	int nr = argc > 1 ? atoi(argv[1]) : 1, seconds = argc > 2 ? atoi(argv[2]) : 1;
	pthread_t thread;

	for (int i = 0; i < nr; i++)
		if (pthread_create(&thread, NULL, work, NULL))
			return 1;
	puts("ready");
	fflush(stdout);
	sleep((unsigned)seconds);
	stop = 1;
	return 0;
}
