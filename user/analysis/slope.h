/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a switch costs a request beside the switch itself: on-CPU time over switches.  Pure. */
#ifndef WHYLATE_ANALYSIS_SLOPE_H
#define WHYLATE_ANALYSIS_SLOPE_H

#include "bpf/request_abi.h"
#include "user/report/requests.h"

/*
 * It is not told of fewer requests, nor where fewer than that have another number of switches than the most
 * have: the line would be drawn by a handful of them, and the interval would not know.
 */
#define SLOPE_LEAST_REQUESTS 100u
#define SLOPE_LEAST_SPREAD   30u

/*
 * The least-squares slope of on-CPU time over switches, with its 95 % confidence interval, of the requests in
 * TABLE: differences of two snapshots, where a row may have less than nothing (it is passed over).
 * out->status is left 0: the caller knows it.
 */
void slope_fit(const struct switch_table *table, struct report_slope *out);

#endif /* WHYLATE_ANALYSIS_SLOPE_H */
