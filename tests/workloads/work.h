/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Clocks, and work whose length is known. */
#ifndef WHYLATE_WORKLOADS_WORK_H
#define WHYLATE_WORKLOADS_WORK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){ (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
}

/* Burn LENGTH_NS of the calling thread's CPU time; returns how much it was. */
static inline uint64_t burn(uint64_t length_ns)
{
	uint64_t began_ns = now_ns(CLOCK_THREAD_CPUTIME_ID), at_ns;

	do
		at_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
	while (at_ns < began_ns + length_ns);
	return at_ns - began_ns;
}

#endif /* WHYLATE_WORKLOADS_WORK_H */
