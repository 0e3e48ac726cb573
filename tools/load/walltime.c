// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/walltime.h"

#include <time.h>

#include "user/base/clock.h"

#define TRIES 8
/* Two readings one after the other are apart by the time of a reading, or by an interruption, which is no
 * step. */
#define SUSPECT_NS 20000
/* What TRIES readings leave of that. */
#define STEP_NS 2000

/* The reading of both that took the least time is off by at most half of that. */
static int64_t measure(void)
{
	uint64_t best_ns = UINT64_MAX;
	int64_t offset_ns = 0;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before_ns = clock_monotonic_ns(), wall_ns = clock_wall_ns(),
			 took_ns = clock_monotonic_ns() - before_ns;

		if (took_ns >= best_ns)
			continue;
		best_ns = took_ns;
		offset_ns = (int64_t)(wall_ns - before_ns - took_ns / 2);
	}
	return offset_ns;
}

void walltime_begin(struct walltime *walltime)
{
	*walltime = (struct walltime){ .offset_ns = measure() };
}

static bool differ(int64_t a, int64_t b, int64_t limit)
{
	return a - b > limit || b - a > limit;
}

void walltime_check(struct walltime *walltime)
{
	uint64_t monotonic_ns = clock_monotonic_ns();
	int64_t offset_ns = (int64_t)(clock_wall_ns() - monotonic_ns);

	if (!differ(offset_ns, walltime->offset_ns, SUSPECT_NS))
		return;
	offset_ns = measure();
	if (!differ(offset_ns, walltime->offset_ns, STEP_NS))
		return;
	walltime->offset_ns = offset_ns;
	walltime->steps++;
}

bool walltime_convert(const struct walltime *walltime, uint64_t wall_ns, uint64_t now_ns,
		      uint64_t *monotonic_ns)
{
	uint64_t ns = wall_ns - (uint64_t)walltime->offset_ns;

	*monotonic_ns = ns < now_ns ? ns : now_ns;
	return ns <= now_ns + STEP_NS;
}
