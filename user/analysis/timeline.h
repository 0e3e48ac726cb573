/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From one slow request, and what the task that answered it remembers of its own stays off the CPU, to what
 * was going on when.  Pure.
 *
 * The stays tell when the task ran, waited for a CPU or was blocked, and the request's parts how long, in
 * sum, that was for what.  A piece has the name of a component only where these two leave no other: up to 1 %
 * of the latency may be something else.
 */
#ifndef WHYLATE_ANALYSIS_TIMELINE_H
#define WHYLATE_ANALYSIS_TIMELINE_H

#include "user/report/exemplars.h"

/* Three for each stay, one more where the read is, and the accept queue's; before the stays there are two. */
#define TIMELINE_PIECES (3 * STAYS + 4)

struct timeline_piece {
	uint64_t from_ns, to_ns;
	uint32_t activity, cpu, who_pid; /* struct report_segment */
};

struct timeline {
	struct timeline_piece pieces[TIMELINE_PIECES];
	size_t nr;
};

/*
 * OUT covers EXEMPLAR's latency piece by piece, in order and without a gap; no piece is empty.  The request
 * ends no earlier than it begins, and its components sum to its latency.
 */
void timeline_of(const struct exemplar *exemplar, struct timeline *out);

#endif /* WHYLATE_ANALYSIS_TIMELINE_H */
