// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/order.h"

#include <math.h>
#include <stdbool.h>

#define EACH_END 0.025

/* By how many are above the quantile: few, so their probabilities are added up from 0 on. */
struct order_interval order_interval(uint64_t count, double q)
{
	double beyond_ratio = 1 - q, nr = (double)count;
	double exactly = exp(nr * log1p(-beyond_ratio)), at_most = exactly;
	struct order_interval out = { 0, UINT64_MAX };
	uint64_t above = 0;

	if (q >= 1 || !count)
		return (struct order_interval){ count, UINT64_MAX };
	while (at_most < 1 - EACH_END && above < count) {
		if (at_most <= EACH_END)
			out.high = count - above;
		exactly *= (nr - (double)above) / (double)(above + 1) * (beyond_ratio / q);
		at_most += exactly;
		above++;
	}
	out.low = count - above;
	return out;
}
