/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * When each request of an open loop is due: a pure function of the plan, which nothing that happens changes.
 * Request K, from 0, is due where the integral of the rate reaches K (constant arrivals) or the sum of K + 1
 * draws of the exponential distribution (Poisson), rounded down to 1 ns, or when the file to replay says.  So
 * there is no queue to keep: requests that wait for a connection are those between the cursor and now.
 *
 * A thread takes every NR_PARTS-th request of the one timetable, which does not depend on how many threads
 * there are.
 *
 * Rates count in 1e-9 requests a second and times in 1 ns, so with constant arrivals how many requests there
 * are is exact, and so is each due time where the rate does not change; on a ramp it is off by a few 1e-16 of
 * the ramp's length, and 1 ns for rounding.
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

	/* Own: the segment that number is in, and where it begins. */
	uint32_t segment;
	uint64_t segment_ns;
	unsigned __int128 integral; /* of the rate until there, in 1/TIMETABLE_UNIT of a request */
	uint64_t end_number;	    /* constant arrivals: the first request behind the segment */
	/* At a constant rate: the way from one request of the part to its next, with the remainder. */
	uint64_t step_ns, step_rest, rest, rest_base;
	/* On a ramp, and everywhere for Poisson: as seen from the slower end. */
	bool falls;			     /* the slower end is the later one */
	double rate_per_ns, slope_per_ns2;   /* there, and how it grows away from it */
	uint64_t ramp_number;		     /* constant arrivals: the request next to that end, */
	double ramp_offset;		     /* and the integral between both */
	double begin_requests, end_requests; /* Poisson: the integral until the segment's ends, */
	double drawn;			     /* and the sum of the draws, that for number included */
	uint64_t random[4];
};

#define TIMETABLE_OVER UINT64_MAX
/* Of a request: the half of what 1e-9 requests a second are in 1 ns, as the mean of a ramp may have a half. */
#define TIMETABLE_UNIT 2000000000000000000ull

/* At the first request of PART of NR_PARTS.  PLAN must outlive it. */
void timetable_begin(struct timetable *timetable, const struct load_plan *plan, uint32_t part,
		     uint32_t nr_parts);

/* To the next request of the part. */
void timetable_next(struct timetable *timetable);

/* A draw from the plan's requests by weight, for request NUMBER: what timetable_next() uses, and a closed
 * loop. */
uint32_t timetable_pick(const struct load_plan *plan, uint64_t number);

/* When the last request of the plan is due, and how many there are; for reports.  Where they are drawn, this
 * walks the whole timetable once. */
void timetable_total(const struct load_plan *plan, uint64_t *nr, uint64_t *last_due_ns);

#endif /* WHYLATE_LOAD_TIMETABLE_H */
