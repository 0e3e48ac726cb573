/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rates of a run, in words: `1000`, or segments such as `1000:10s,1000..5000:30s,5000:10s`. */
#ifndef WHYLATE_LOAD_SCHEDULE_H
#define WHYLATE_LOAD_SCHEDULE_H

#include "tools/load/plan.h"
#include "user/base/err.h"

/*
 * Fill the plan's segments (free them, also after an error) from TEXT.  Where its segments have times, the
 * plan's duration_ns becomes their sum; it must be 0 then.  The only one without lasts for duration_ns, 0
 * being the default.  The warm-up, warmup_ns, comes before them, at the rate with which they begin.  Returns
 * 0, or a negative errno with a sentence.
 */
int load_schedule_parse(struct load_plan *plan, const char *text, struct err *err);

#define LOAD_DURATION_NS 10000000000ull /* if none is given */

/* The longest sum of times that is taken, so that no sum of those that a run makes overflows: 73 years. */
#define LOAD_LONGEST_NS (1ull << 61)

#endif /* WHYLATE_LOAD_SCHEDULE_H */
