/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parts of a whole as they are printed: rounded, and yet they sum to 100.0 %. */
#ifndef WHYLATE_RENDER_SHARES_H
#define WHYLATE_RENDER_SHARES_H

#include <stddef.h>
#include <stdint.h>

#define SHARES_MOST 16

/*
 * The share that each of NR parts has of their sum, in tenths of a percent; all 0 if the sum is.  Else
 * they sum to 1000: what rounding down leaves goes to those with the largest remainders.
 * NR is at most SHARES_MOST.
 */
void shares_of(const uint64_t *parts_ns, size_t nr, unsigned *tenths);

/* The same for any WHOLE: that many columns, say. */
void shares_among(unsigned whole, const uint64_t *parts_ns, size_t nr, unsigned *shares);

#endif /* WHYLATE_RENDER_SHARES_H */
