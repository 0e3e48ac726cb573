/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The part of the text that is about requests. */
#ifndef WHYLATE_RENDER_TEXT_REQUESTS_H
#define WHYLATE_RENDER_TEXT_REQUESTS_H

#include <stdio.h>

#include "user/report/report.h"

#define TAIL_QUANTILE 2 /* p99 in quantile_list: the one that the words are about */

/* How many lines each of its sections may have; 0 leaves it out with its heading. */
struct request_room {
	unsigned components, bars, blame, client, costs;
};

/* Why they were late, in a sentence or two.  There must be requests. */
void text_answer(const struct report *report, FILE *out);

/* "2,469", "0.2". */
void text_rate(char *buf, size_t size, double per_second);

/* How many, how fast, what came of them, and what else was seen. */
void text_request_counts(const struct report *report, FILE *out);

/* What a request costs the CPUs, in at most MOST lines. */
void text_costs(const struct report *report, unsigned most, FILE *out);

/* The client's side, in at most MOST rows; nothing if it is not known. */
void text_client(const struct report_requests *requests, unsigned most, FILE *out);

/* One line on why there are none, if anything else was seen, or the target listens. */
void text_no_requests(const struct report_requests *requests, FILE *out);

/* At most MOST of the slowest requests, each with its timeline; nothing without any. */
void text_slowest(const struct report *report, unsigned most, FILE *out);

/* The answer, where the time went per quantile, how late they were, who was in the way, how many. */
void text_requests(const struct report *report, const struct request_room *room, FILE *out);

#endif /* WHYLATE_RENDER_TEXT_REQUESTS_H */
