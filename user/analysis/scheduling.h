/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From two snapshots to the figures of the time between them.  Pure. */
#ifndef WHYLATE_ANALYSIS_SCHEDULING_H
#define WHYLATE_ANALYSIS_SCHEDULING_H

#include <stdint.h>

#include "user/base/err.h"
#include "user/report/report.h"
#include "user/trace/snapshot.h"

/*
 * Fill out->scheduling (but for the words about methods and sources), threads, blame, losses and the
 * numbers of threads in out->target from what lies between FROM (NULL: attach) and TO.
 * out->target.cpus_allowed must be set.  WINDOW_NS is the length of the window.
 *
 * An interval belongs to the window that it ended in.  A thread's maxima are known since attach only:
 * in a window they are given when they grew in it, else 0.
 * Returns 0 or -ENOMEM.
 */
int scheduling_between(const struct snapshot *from, const struct snapshot *to, uint64_t window_ns,
		       struct report *out, struct err *err);

/*
 * Prepare TO for being the FROM of the next window: what scheduling_between(FROM, TO) could not print, as it
 * would have been below 0 (time that went to another part after FROM was read), is taken off there, so
 * that the windows sum to the whole.  Returns 0 or -ENOMEM.
 */
int scheduling_carry(const struct snapshot *from, struct snapshot *to, struct err *err);

#endif /* WHYLATE_ANALYSIS_SCHEDULING_H */
