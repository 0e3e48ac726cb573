/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Times of the wall clock, in which the kernel tells when a packet came (SO_TIMESTAMPNS), on the clock that
 * everything else is measured by.  NTP slews both alike (kernel/time/timekeeping.c: wall_to_monotonic changes
 * only where the clock is set), so the difference is constant but for steps, which are found by looking for
 * them.
 */
#ifndef WHYLATE_LOAD_WALLTIME_H
#define WHYLATE_LOAD_WALLTIME_H

#include <stdbool.h>
#include <stdint.h>

struct walltime {
	int64_t offset_ns; /* wall clock less monotonic */
	uint64_t steps;	   /* how often that was found changed */
};

/* Now. */
void walltime_begin(struct walltime *walltime);

/* Look for a step of the clock; call it before each batch of times.  The price of two readings. */
void walltime_check(struct walltime *walltime);

/*
 * WALL_NS, since 1970, as *MONOTONIC_NS.  False where that cannot be: it lies after NOW_NS (of the monotonic
 * clock), so the clock was set between.
 */
bool walltime_convert(const struct walltime *walltime, uint64_t wall_ns, uint64_t now_ns,
		      uint64_t *monotonic_ns);

#endif /* WHYLATE_LOAD_WALLTIME_H */
