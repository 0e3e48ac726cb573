/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the slow requests have in common.  Pure arithmetic on the model. */
#ifndef WHYLATE_ANALYSIS_TAIL_H
#define WHYLATE_ANALYSIS_TAIL_H

#include "user/report/requests.h"

/*
 * Fill REQUESTS->quantiles, all but without_ns, from its latency and its buckets: means over the requests in
 * the bucket that holds the quantile and in all higher ones, rounded down.  And REQUESTS->switches.
 */
void tail_fill(struct report_requests *requests);

#endif /* WHYLATE_ANALYSIS_TAIL_H */
