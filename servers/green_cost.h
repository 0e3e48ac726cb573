/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What it costs that one green thread lets another one run, measured by itself. */
#ifndef WHYLATE_SERVERS_GREEN_COST_H
#define WHYLATE_SERVERS_GREEN_COST_H

#include "servers/stats.h"
#include "user/base/err.h"

/*
 * Two green threads yield to each other on the one worker of a scheduler that begins and ends here, counted in
 * STATS; there are stacks.  *NS: the median of several batches.  Returns 0, or -errno with a sentence in ERR.
 */
int green_cost_ns(double *ns, struct stats *stats, struct err *err);

#endif /* WHYLATE_SERVERS_GREEN_COST_H */
