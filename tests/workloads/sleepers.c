// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sleepers N SECONDS: N threads that sleep 1 ms at a time. */
#include <time.h>

#include "threads.h"

static void *sleep_often(void *unused)
{
	const struct timespec nap = { 0, 1000000 };

	while (!stop)
		nanosleep(&nap, NULL);
	return unused;
}

int main(int argc, char **argv)
{
	return run_threads(argc, argv, sleep_often);
}
