/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How many requests there could be, by what they cost the CPUs.  Pure arithmetic on the model. */
#ifndef WHYLATE_ANALYSIS_CAPACITY_H
#define WHYLATE_ANALYSIS_CAPACITY_H

#include <stdbool.h>

#include "user/report/report.h"

struct capacity {
	double requests_per_second; /* at most, if each takes what it took now */
	double used_ratio; /* of that, in the window; edges and a quota's bursts can make it more than 1 */
	double cpus;	   /* that the target may use, or its quota where that is less */
	uint64_t on_cpu_ns_per_request;
};

/*
 * By the utilisation law (Denning and Buzen, Computing Surveys 10, 1978): the target's CPUs over its on-CPU
 * time per request.  That is all on-CPU time of the target, since what it does beside its requests (accept,
 * poll, write its log) comes with them.  Returns false where nothing can be told: no requests, or turns of
 * other protocols that are more than a tenth of them, whose work is in that time as well.
 */
bool capacity_of(const struct report *report, struct capacity *out);

/*
 * An interval with fewer requests says little of what one takes.  Nor does a short one: what is counted is
 * read some milliseconds after the CPU time that it is held against.
 */
#define LOAD_LEAST_REQUESTS 100u
#define LOAD_LEAST_NS	    100000000u

/* Keep of INTERVAL what it was if it is the lightest or the busiest so far.  LOADS begin as all zeroes. */
void loads_note(struct report_loads *loads, const struct report *interval);

/*
 * Whether a request took less than two thirds of the CPU time in the busiest interval that it took in the
 * lightest: then the capacity is more than it seems.  (CPUs that wake from idle, cold caches and polling make
 * work take longer where there is little of it, and on-CPU time is measured by the wall clock.)
 */
bool loads_fall(const struct report_loads *loads);

#endif /* WHYLATE_ANALYSIS_CAPACITY_H */
