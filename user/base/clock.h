/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one clock that everything is measured by. */
#ifndef WHYLATE_BASE_CLOCK_H
#define WHYLATE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* A reading of CLOCK, in ns. */
static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* CLOCK_MONOTONIC, as bpf_ktime_get_ns() has it. */
static inline uint64_t clock_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* The wall clock, since 1970: it may be set. */
static inline uint64_t clock_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* CPU time of the thread that asks. */
static inline uint64_t clock_thread_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* A time or a length of NS, as system calls take it. */
static inline struct timespec clock_timespec(uint64_t ns)
{
	return (struct timespec){ (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
}

#endif /* WHYLATE_BASE_CLOCK_H */
