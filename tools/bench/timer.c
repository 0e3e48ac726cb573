// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * timer spin|sleep RATE SECONDS: how late the barest loop is that has nothing to do but to be on time, on the
 * CPU that it is on: what the machine alone does to whoever sends by a timetable.
 *
 * RATE times a second, evenly, as the load generator's constant arrivals are due.  spin: reads
 * CLOCK_MONOTONIC until it is time.  sleep: clock_nanosleep(2) with a timer slack of 1 ns.  What became due
 * while it was late is taken at once, each for itself.  Prints JSON: count, the lateness at some quantiles
 * (the ceil(q * count)-th smallest) and at most, in ns.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define NS_PER_S 1000000000ull

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void wait_for(uint64_t at_ns, bool sleeps)
{
	const struct timespec at = { (time_t)(at_ns / NS_PER_S), (long)(at_ns % NS_PER_S) };

	while (now_ns() < at_ns)
		if (sleeps)
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void print(const char *how, uint64_t rate, uint64_t *late_ns, uint64_t count)
{
	static const double quantiles[] = { 0.5, 0.9, 0.99, 0.999, 0.9999 };

	qsort(late_ns, count, sizeof(*late_ns), compare);
	printf("{\"how\": \"%s\", \"rate\": %lu, \"count\": %lu, \"quantiles\": [", how, rate, count);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		printf("%s{\"q\": %g, \"ns\": %lu}", i ? ", " : "", quantiles[i],
		       late_ns[(uint64_t)ceil(quantiles[i] * (double)count) - 1]);
	printf("], \"max_ns\": %lu}\n", late_ns[count - 1]);
}

static uint64_t number(const char *text, uint64_t most)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	return *end || !value || value > most ? 0 : value;
}

int main(int argc, char **argv)
{
	bool sleeps = argc == 4 && !strcmp(argv[1], "sleep");
	uint64_t rate = argc == 4 ? number(argv[2], 1000000) : 0, seconds = rate ? number(argv[3], 600) : 0;
	uint64_t count = rate * seconds, *late_ns, start_ns;

	if (!count || (!sleeps && strcmp(argv[1], "spin"))) {
		fprintf(stderr, "usage: timer spin|sleep RATE SECONDS, RATE up to 1000000, SECONDS up to "
				"600\n");
		return 2;
	}
	late_ns = malloc(count * sizeof(*late_ns));
	if (!late_ns) {
		fprintf(stderr, "timer: no memory for %lu values\n", count);
		return 1;
	}
	memset(late_ns, 1, count * sizeof(*late_ns)); /* no page fault is to be in them */
	prctl(PR_SET_TIMERSLACK, 1);
	start_ns = now_ns();
	for (uint64_t i = 0; i < count; i++) {
		uint64_t due_ns = start_ns + i * NS_PER_S / rate;

		wait_for(due_ns, sleeps);
		late_ns[i] = now_ns() - due_ns;
	}
	print(argv[1], rate, late_ns, count);
	return 0;
}
