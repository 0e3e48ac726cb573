/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a run is to do, as the command line says it: fixed before the first connection is made. */
#ifndef WHYLATE_LOAD_PLAN_H
#define WHYLATE_LOAD_PLAN_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum load_mode {
	LOAD_RATE,     /* open loop: requests are due by a timetable, whatever the server does */
	LOAD_CLOSED,   /* each connection sends when it has its answer: no request is ever due */
	LOAD_FIND_MAX, /* LOAD_RATE, again and again, to find the highest rate that holds an objective */
	LOAD_REPLAY,   /* open loop, by the times of a file */
};

enum load_arrivals { ARRIVALS_CONSTANT, ARRIVALS_POISSON };

/* How a thread waits for the next due time. */
enum load_waiting { WAIT_AUTO, WAIT_SPIN, WAIT_SLEEP };

/* A part of the timetable, in which the rate goes evenly from one to the other. */
struct load_segment {
	double from_rate, to_rate; /* requests a second; above 0 */
	uint64_t duration_ns;
};

/* One request as it is sent, and how to take its answer. */
struct load_request {
	char *bytes;
	size_t nr_bytes;
	char *close_bytes; /* the same as the last one on its connection, which it says */
	size_t nr_close_bytes;
	bool is_head;	 /* the answer has no body, whatever it says */
	uint32_t weight; /* how often, relative to the others; at least 1 */
};

/* Whom to ask; all requests go to one server. */
struct load_server {
	struct sockaddr_storage address;
	socklen_t address_bytes;
	char name[128]; /* "127.0.0.1:80", "[::1]:80" or "unix:PATH" */
	char host[300]; /* the value of Host */
};

/* One entry of a file to replay: when, after the start, and which of the requests. */
struct load_arrival {
	uint64_t due_ns;
	uint32_t request;
};

/* The objective of a search: the quantile Q of from_due at most LIMIT_NS. */
struct load_objective {
	double q;
	uint64_t limit_ns;
};

struct load_plan {
	enum load_mode mode;
	struct load_segment *segments; /* of LOAD_RATE, warm-up included; together duration_ns + warmup_ns */
	uint32_t nr_segments;
	enum load_arrivals arrivals;
	uint64_t seed;
	struct load_arrival *replay; /* of LOAD_REPLAY, by due_ns */
	uint64_t nr_replay;
	struct load_objective objective; /* of LOAD_FIND_MAX */

	uint64_t warmup_ns, duration_ns; /* requests are due in [0, warmup + duration) */
	uint64_t timeout_ns;		 /* from due (closed loop: from the send) to the answer's end */
	uint64_t drain_ns;		 /* and then, how long answers are waited for */

	uint32_t connections, threads; /* both at least 1; a thread has at least one connection */
	uint32_t churn;		       /* requests a connection; 0: as many as it lasts */
	double connect_rate;	       /* connections a second, of all threads; 0: as fast as it goes */
	bool pick_newest;	       /* the connection idle shortest, not longest */

	struct load_server server;
	struct sockaddr_storage *sources; /* to connect from, in turn; none: the kernel chooses */
	uint32_t nr_sources;
	struct load_request *requests;
	uint32_t nr_requests;
	uint64_t weights;	      /* of all requests together */
	struct load_targets *targets; /* what requests are made of: target.c's own */

	cpu_set_t cpus; /* threads are pinned to these in turn, if has_cpus */
	bool has_cpus;
	enum load_waiting waiting; /* WAIT_AUTO: spin if every thread has a CPU of its own from --cpus */

	const char *json_path, *hlog_path; /* "-": stdout; NULL: none */
	char *command;			   /* all arguments, for the reports */
};

#endif /* WHYLATE_LOAD_PLAN_H */
