/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * When each request of an open loop is due: a pure function of the plan, which nothing that happens changes.
 * The K-th request is due where the integral of the rate reaches K (constant arrivals) or the sum of K draws
 * of the exponential distribution (Poisson), or when the file to replay says.  So there is no queue to keep:
 * requests that wait for a connection are those between the cursor and now.
 *
 * A thread takes every NR_PARTS-th request of the one timetable, which does not depend on how many threads
 * there are.
 */
#ifndef WHYLATE_LOAD_TIMETABLE_H
#define WHYLATE_LOAD_TIMETABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/load/plan.h"

struct timetable {
	const struct load_plan *plan;
	uint32_t nr_parts;
	/* The request that is next for this part. */
	uint64_t number;  /* from 0, of all of the plan */
	uint64_t due_ns;  /* after the start; TIMETABLE_OVER: there is none */
	uint32_t request; /* which of the plan's requests; chosen by the seed and number alone */

	/* Own. */
	uint64_t random[4];
	double drawn;	       /* sum of the draws up to number */
	uint32_t segment;      /* that holds due_ns, */
	double segment_number; /* the integral up to its beginning, */
	double segment_ns;     /* and when that is */
};

#define TIMETABLE_OVER UINT64_MAX

/* At the first request of PART of NR_PARTS.  PLAN must outlive it. */
void timetable_begin(struct timetable *timetable, const struct load_plan *plan, uint32_t part,
		     uint32_t nr_parts);

/* To the next request of the part. */
void timetable_next(struct timetable *timetable);

/* A draw from the plan's requests by weight, for request NUMBER: what timetable_next() uses, and a closed
 * loop. */
uint32_t timetable_pick(const struct load_plan *plan, uint64_t number);

/* When the last request of the plan is due, and how many there are; for reports.  Walks the whole timetable
 * once. */
void timetable_total(const struct load_plan *plan, uint64_t *nr, uint64_t *last_due_ns);

#endif /* WHYLATE_LOAD_TIMETABLE_H */
