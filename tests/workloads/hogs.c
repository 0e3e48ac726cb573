// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* hogs N SECONDS: N threads that do nothing but run. */
#include "threads.h"

static void *spin(void *unused)
{
	while (!stop)
		;
	return unused;
}

int main(int argc, char **argv)
{
	return run_threads(argc, argv, spin);
}
