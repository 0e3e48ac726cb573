/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a run found out: all that its reports are made from.  Pure: no clock, no socket. */
#ifndef WHYLATE_LOAD_RESULT_H
#define WHYLATE_LOAD_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/load/books.h"
#include "tools/load/plan.h"

struct load_found;

struct load_result {
	const struct load_plan *plan;
	const struct load_found *found; /* of a search, whose run this is (find_max.h); else NULL */
	struct load_books books;
	uint64_t started_at_ns; /* wall clock, since 1970 */
	uint64_t window_ns;	/* from the end of the warm-up to the last due time's bound, or to Ctrl-C */
	uint64_t settled_ns;	/* from the start until the last outcome was known */
	uint64_t timetable_nr; /* requests that it has in all, warm-up included; 0: closed loop, or cut short */
	uint64_t last_due_ns;	/* of the timetable; 0: closed loop, or none */
	uint64_t cpu_ns;	/* that the generator's threads took, warm-up included */
	uint64_t cpu_window_ns; /* in how long */
	double busy_ratio;	/* of the busiest thread: the share of its time with something to do */
	bool spinning, interrupted;
	uint64_t clock_steps; /* how often the wall clock was set during the run */
	uint64_t opening_ns;  /* until each connection had been tried; 0: not all of them were open then */
	uint64_t user_bytes;  /* memory of this process for its connections, all together */
	int no_connection;    /* why none could be made, if none ever was: an errno; else 0 */
};

/* A quantile of a latency, with what is known of its error. */
struct load_quantile {
	double q;
	uint64_t ns;
	bool at_least;	   /* requests that were not answered decide it: it is not less than this */
	bool has_interval; /* fewer than 100 values lie beyond it: */
	uint64_t low_ns,
		high_ns; /* the order statistics that hold it, 95 % sure; high UINT64_MAX: no upper end */
	uint64_t without_lag_ns; /* what it would be without the generator's own lag */
	bool lag_matters;	 /* and that is another figure: see load_lag_limit_ns() */
};

#define LOAD_QUANTILES 8
extern const double load_quantiles[LOAD_QUANTILES]; /* 0.5 0.75 0.9 0.95 0.99 0.999 0.9999 1 */

/*
 * The quantile Q of AT_LEAST (which may be NULL) and KNOWN together, with its interval where it has one
 * (order.h), without what is said of lag.  All zeroes but q where there is no value.
 */
struct load_quantile load_quantile_of_both(const struct hdr *known, const struct hdr *at_least, double q);
struct load_quantile load_quantile_of(const struct load_censored *latency, double q);

/* "2xx", of books.h's classes; "other". */
const char *load_class_name(uint32_t class);

/* The run's main latency: from_due, or from_send in a closed loop. */
const struct load_censored *load_result_latency(const struct load_result *result);
/* Its quantiles with all fields. */
void load_result_quantiles(const struct load_result *result, struct load_quantile out[LOAD_QUANTILES]);

/* Whether lag matters for one of them: the exit status is 3, and the first line says so. */
/*
 * Whether requests waited for a connection while the generator was busy all the time: then it may be that,
 * and not the server, which could not do more.
 */
bool load_result_is_saturated(const struct load_result *result);
/* Either: the run says little of the server. */
bool load_result_is_late(const struct load_result *result,
			 const struct load_quantile quantiles[LOAD_QUANTILES]);
bool load_result_lag_matters(const struct load_quantile quantiles[LOAD_QUANTILES]);

/* Whether QUANTILE would be another figure without lag; however few values lie beyond it. */
bool load_quantile_has_lag(const struct load_quantile *quantile);

/* By how much lag may change a quantile of NS before it is another figure: 5 %, or 50 us if that is more. */
uint64_t load_lag_limit_ns(uint64_t ns);

#endif /* WHYLATE_LOAD_RESULT_H */
