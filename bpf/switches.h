/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How a request enters a struct switch_table.
 *
 * A square of ns needs all of 64 bits, and a sum of them more.  It is cut in two words that are summed apart,
 * so that no carry passes between them and all stays additive modulo 2^64, by CPU and by window: the low
 * parts can be those of 2^40 requests, the high parts those of 2^24 that each were on a CPU for 4.3 s.
 *
 * Pure C, compiled into the BPF programs and into the host's tests.
 */
#ifndef WHYLATE_BPF_SWITCHES_H
#define WHYLATE_BPF_SWITCHES_H

#include "request_abi.h"

#define SWITCHES_SQUARE_BITS	 24u
#define SWITCHES_ON_CPU_LIMIT_NS 0xffffffffull /* its square has 64 bits; more counts as this */
#define SWITCHES_EXACT		 32u	       /* numbers of switches below it have a row each */

/* The row of a request that suffered that many switches; always below SWITCH_ROWS. */
static __always_inline __u32 switch_row_of(__u64 switches)
{
	__u32 row;

	if (switches < SWITCHES_EXACT)
		return (__u32)switches;
	row = SWITCHES_EXACT - 5 + hist_log2(switches); /* 2^5 is the first octave */
	return row < SWITCH_ROWS ? row : SWITCH_ROWS - 1;
}

/*
 * Whether a request's on-CPU time is known as well as it takes to hold it against that of others: whatever no
 * component explains may be time on a CPU, in a task that could not be followed.  Requests of which most is
 * known have most of their switches as well, so with the others among them the line would be that of what
 * was lost.
 */
#define SWITCHES_KNOWN_SHIFT 6u /* but for a 64th */

static __always_inline int switches_are_known(__u64 on_cpu_ns, __u64 residual_ns)
{
	return residual_ns <= on_cpu_ns >> SWITCHES_KNOWN_SHIFT;
}

/* BY: 1, or -1 to take the request out again. */
static __always_inline void switch_row_book(struct switch_row *row, __u64 switches, __u64 on_cpu_ns, __s64 by)
{
	__u64 ns = on_cpu_ns < SWITCHES_ON_CPU_LIMIT_NS ? on_cpu_ns : SWITCHES_ON_CPU_LIMIT_NS;
	__u64 square = ns * ns;

	row->count += by;
	row->switches += by * switches;
	row->on_cpu_ns += by * ns;
	row->squares_low += by * (square & ((1ull << SWITCHES_SQUARE_BITS) - 1));
	row->squares_high += by * (square >> SWITCHES_SQUARE_BITS);
}

#endif /* WHYLATE_BPF_SWITCHES_H */
