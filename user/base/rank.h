/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which of many values a quantile is. */
#ifndef WHYLATE_BASE_RANK_H
#define WHYLATE_BASE_RANK_H

#include <stdint.h>

/*
 * ceil(Q * COUNT), at least 1; 0 < Q <= 1, to nine digits.  Reckoned in billionths: 0.99 of 100 must be 99
 * though 0.99 * 100 > 99 in binary.
 */
static inline uint64_t rank_of(uint64_t count, double q)
{
	const uint64_t billion = 1000000000;
	uint64_t parts = (uint64_t)(q * (double)billion + 0.5);
	uint64_t rank = (uint64_t)(((unsigned __int128)count * parts + billion - 1) / billion);

	return rank ? rank : 1;
}

#endif /* WHYLATE_BASE_RANK_H */
