// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sleepers N SECONDS: N threads that sleep 1 ms at a time. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static volatile int stop;

static void *sleep_often(void *unused)
{
	const struct timespec nap = { 0, 1000000 };

	while (!stop)
		nanosleep(&nap, NULL);
	return unused;
}

int main(int argc, char **argv)
{
	int nr = argc > 1 ? atoi(argv[1]) : 1, seconds = argc > 2 ? atoi(argv[2]) : 1;
	pthread_t thread;

	for (int i = 0; i < nr; i++)
		if (pthread_create(&thread, NULL, sleep_often, NULL))
			return 1;
	puts("ready");
	fflush(stdout);
	sleep((unsigned)seconds);
	stop = 1;
	return 0;
}
