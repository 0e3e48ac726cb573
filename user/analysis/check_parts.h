/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of check.h's identities share. */
#ifndef WHYLATE_ANALYSIS_CHECK_PARTS_H
#define WHYLATE_ANALYSIS_CHECK_PARTS_H

#include "user/analysis/check.h"

/* Sums that cannot wrap, whatever stands in a file. */
typedef unsigned __int128 wide;

/* Of VALUE for each I below NR. */
#define SUM(i, nr, value)                         \
	({                                        \
		wide sum_ = 0;                    \
                                                  \
		for (size_t i = 0; i < (nr); i++) \
			sum_ += (value);          \
		sum_;                             \
	})

#define NR_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Of a request's components, what its blame is of: blamed_ns() of what may stand in a file. */
static inline wide wide_blamed_ns(const uint64_t components_ns[COMPONENTS])
{
	return (wide)components_ns[COMPONENT_SOCKET_RUN_QUEUE] + components_ns[COMPONENT_RUN_QUEUE_WAKEUP] +
	       components_ns[COMPONENT_RUN_QUEUE_PREEMPTED];
}

/* As check_report(), of one part; PATH leads to the distribution. */
bool check_dist(const struct report_dist *dist, const char *path, enum check_when when,
		struct check_broken *broken);
bool check_requests(const struct report_requests *requests, enum check_when when,
		    struct check_broken *broken);
bool check_exemplars(const struct report_exemplars *exemplars, struct check_broken *broken);

#endif /* WHYLATE_ANALYSIS_CHECK_PARTS_H */
