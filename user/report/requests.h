/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The part of the report model that is about requests; report.h's rules. */
#ifndef WHYLATE_REPORT_REQUESTS_H
#define WHYLATE_REPORT_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/request_abi.h"
#include "user/analysis/quantile.h"
#include "user/report/dist.h"

/* Requests whose latency lies in one bucket of hist.h. */
struct report_request_bucket {
	uint32_t bucket;
	uint64_t count;
	uint64_t latency_ns;
	uint64_t components_ns[COMPONENTS]; /* sum to latency_ns */
	uint64_t blame_ns[BLAME_KINDS];	    /* sum to its run-queue time */
	uint64_t voluntary, involuntary, migrations;
	uint64_t statuses[STATUSES]; /* sum to count */
};

/* What the tasks that worked for some requests went through meanwhile; sums, up to UINT64_MAX. */
struct report_request_switches {
	uint64_t voluntary, involuntary, migrations;
};

/* What the requests at or above a quantile have in common: means over all of that bucket and higher. */
struct report_request_quantile {
	double q;
	uint64_t latency_ns;		    /* quantile_ns() */
	uint64_t tail_count;		    /* requests in that bucket and higher */
	uint64_t tail_latency_ns;	    /* mean over them */
	uint64_t components_ns[COMPONENTS]; /* mean; they sum to tail_latency_ns but for rounding down */
	uint64_t blame_ns[BLAME_KINDS];	    /* mean */
	struct report_request_switches switches;
	uint64_t without_ns[WITHOUTS]; /* the quantile of latency minus that, of enum request_without */
};

/*
 * What one switch more adds to a request's on-CPU time, across the requests of one status class: the one with
 * the most requests, since no more is known of what kind they are.
 */
struct report_slope {
	bool known; /* there were enough requests, and enough of them differed in switches */
	uint32_t status;
	uint64_t count;		     /* requests that it is made of */
	int64_t ns, low_ns, high_ns; /* and the 95 % confidence interval */
};

/* What the client measured of the same requests, or was told to have. */
struct report_client {
	bool present;
	char file[256];
	char source[16]; /* "from_due", "from_send", "hlog" */
	uint64_t count;
	uint64_t ns[QUANTILES];	  /* of quantile_list, as by quantile_ns() */
	bool at_least[QUANTILES]; /* requests that were not answered decide it: it may be anything more */
	bool has_sent;		  /* from_due: and beside it, those of from_send */
	uint64_t sent_ns[QUANTILES];
	bool sent_at_least[QUANTILES];
};

/* One interval of the run. */
struct report_load {
	uint64_t count; /* requests */
	uint64_t duration_ns;
	uint64_t on_cpu_ns; /* of the whole target */
};

/* Of the whole run's report: how its intervals differed. */
struct report_loads {
	bool known; /* two intervals had enough requests, and not as many a second */
	struct report_load lightest, busiest; /* requests a second */
};

struct report_requests {
	bool watched; /* else nothing below is known: left out, or the kernel has no hooks for it */
	bool listens; /* the target was seen to, by TCP or UNIX sockets, so far */
	uint64_t count;
	uint64_t statuses[STATUSES];		  /* sum to count */
	struct report_dist turns[TURN_PROTOCOLS]; /* of other protocols, in no other figure */
	uint64_t not_counted[NOT_COUNTED_KINDS];
	uint64_t still_sending; /* counted, here or in a window before, and not sent whole at the end */
	struct report_dist latency;
	struct report_request_quantile quantiles[QUANTILES]; /* of quantile_list */
	bool has_without_run_queue;			     /* else WITHOUT_RUN_QUEUE is nothing there */
	struct report_request_switches switches;	     /* of all */
	struct report_request_bucket *buckets;		     /* owned; those with requests, in order */
	size_t nr_buckets;
	struct report_slope slope;
	struct report_loads loads;
	struct report_client client;
};

/* Names as they stand in the JSON and the text; "?" for a value out of range. */
const char *report_component_name(uint32_t component);
const char *report_status_name(uint32_t status); /* "2xx", "unknown" */
const char *report_turn_name(uint32_t protocol);
const char *report_not_counted_name(uint32_t reason);

#endif /* WHYLATE_REPORT_REQUESTS_H */
