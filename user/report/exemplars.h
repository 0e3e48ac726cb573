/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The part of the report model that is about single requests, the slowest of the window; report.h's rules. */
#ifndef WHYLATE_REPORT_EXEMPLARS_H
#define WHYLATE_REPORT_EXEMPLARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/request_abi.h"

#define REPORT_EXEMPLARS 5
#define REPORT_SEGMENTS	 12

#define REPORT_TRACE_ID_BYTES (2 * TRACE_ID_BYTES + 1)

/* What a request's task did in a part of its latency: a component where that is certain, else one of these. */
enum report_activity {
	ACTIVITY_BUSY = COMPONENTS, /* was on a CPU, for it or for others */
	ACTIVITY_RUN_QUEUE,	    /* waited for one, for it or for others */
	ACTIVITY_BLOCKED,	    /* for one of several reasons that the request was blocked for */
	ACTIVITY_UNKNOWN,
	ACTIVITY_MIXED, /* several of all these in turns, each too short to be told apart */
	ACTIVITIES,
};

#define REPORT_CPU_UNKNOWN UINT32_MAX

struct report_segment {
	uint64_t from_ns, to_ns; /* since the request's beginning */
	uint32_t activity;	 /* enum request_component or enum report_activity */
	uint32_t cpu;		 /* that it was on, or got after the wait; REPORT_CPU_UNKNOWN */
	uint32_t who_pid;	 /* of a wait: the process that had the CPU last; 0: nobody, or not known */
	char who_comm[COMM_BYTES];
};

struct report_exemplar {
	uint64_t latency_ns;
	int64_t begun_ns; /* since the window's start; below 0: before it */
	uint32_t status;  /* enum request_status */
	uint32_t pid;
	uint32_t tid; /* of the task that answered */
	char comm[COMM_BYTES];
	char trace_id[REPORT_TRACE_ID_BYTES];		 /* 32 lowercase hex digits; empty: not known */
	uint64_t components_ns[COMPONENTS];		 /* sum to latency_ns */
	uint64_t blame_ns[BLAME_KINDS];			 /* sum to its run-queue time */
	struct report_segment segments[REPORT_SEGMENTS]; /* one after another, from 0 to latency_ns */
	size_t nr_segments;
};

struct report_exemplars {
	struct report_exemplar of[REPORT_EXEMPLARS]; /* the slowest first */
	size_t nr;
};

/* Whether TEXT may be one. */
bool report_is_trace_id(const char *text);

/* As it stands in the JSON; "?" for a value out of range. */
const char *report_activity_name(uint32_t activity);

#endif /* WHYLATE_REPORT_EXEMPLARS_H */
