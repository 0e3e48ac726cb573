// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * known THREADS BURN_US SLEEP_US ROUNDS: threads whose figures are known, with nothing at the edges.
 *
 * Each thread waits for a byte on stdin, burns BURN_US by its own CPU clock and sleeps SLEEP_US, ROUNDS
 * times, prints a line, waits for a second byte and ends.  The line: its thread id, then in ns what it
 * burned (its CPU clock), how long the burning took, and how long the sleeping took (the wall clock), and
 * what it ran in all its rounds (its CPU clock again: with what the calls to sleep take).
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "work.h"

static uint64_t burn_ns, sleep_ns;
static int rounds;

static void wait_for_byte(void)
{
	char byte;

	if (read(STDIN_FILENO, &byte, 1) < 0)
		exit(1);
}

static void *work(void *unused)
{
	const struct timespec nap = timespec_of(sleep_ns);
	uint64_t burned_ns = 0, burning_ns = 0, sleeping_ns = 0, ran_ns;

	wait_for_byte();
	ran_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < rounds; i++) {
		uint64_t began_ns = now_ns(CLOCK_MONOTONIC), now;

		burned_ns += burn(burn_ns);
		now = now_ns(CLOCK_MONOTONIC);
		burning_ns += now - began_ns;
		nanosleep(&nap, NULL);
		sleeping_ns += now_ns(CLOCK_MONOTONIC) - now;
	}
	ran_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) - ran_ns;
	printf("%d %lu %lu %lu %lu\n", gettid(), burned_ns, burning_ns, sleeping_ns, ran_ns);
	fflush(stdout);
	wait_for_byte();
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	int nr = argc > 1 ? atoi(argv[1]) : 0;

	if (argc != 5 || nr < 1 || nr > 64)
		return 2;
	burn_ns = strtoul(argv[2], NULL, 10) * 1000;
	sleep_ns = strtoul(argv[3], NULL, 10) * 1000;
	rounds = atoi(argv[4]);
	for (int i = 0; i < nr; i++)
		if (pthread_create(&threads[i], NULL, work, NULL))
			return 1;
	puts("ready");
	fflush(stdout);
	for (int i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
