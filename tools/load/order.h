/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between which of the sorted values a quantile lies: distribution-free confidence intervals. */
#ifndef WHYLATE_LOAD_ORDER_H
#define WHYLATE_LOAD_ORDER_H

#include <stdint.h>

/* Ranks, from 1; low 0: no lower end, high UINT64_MAX: no upper end. */
struct order_interval {
	uint64_t low, high;
};

/* With more values than this beyond it a quantile needs no interval. */
#define ORDER_ENOUGH 100u

/*
 * The quantile Q of whatever COUNT values were drawn from lies between these two of them, 95 % sure: how many
 * are below it has the binomial distribution of (COUNT, Q), of which each end leaves out at most 2.5 %. Exact:
 * no approximation by the normal distribution.  (David and Nagaraja, Order Statistics, 3rd edition, 7.1.)
 * About COUNT * (1 - Q) steps, so not where that is large.  0 < Q <= 1; q = 1 has no upper end.
 */
struct order_interval order_interval(uint64_t count, double q);

#endif /* WHYLATE_LOAD_ORDER_H */
