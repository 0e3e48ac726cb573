/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What of requests crosses the border between the kernel's side and the user's; the rules are abi.h's.
 */
#ifndef WHYLATE_BPF_REQUEST_ABI_H
#define WHYLATE_BPF_REQUEST_ABI_H

#include "abi.h"
#include "record_abi.h"

/*
 * The exclusive parts of a request's latency: they sum to it exactly, per request.  Order is the order of
 * the report, and of a request's life.
 */
enum request_component {
	/* Before the server has read its first byte. */
	COMPONENT_ACCEPT_WAIT, /* in the listener's queue; only the first of a connection */
	COMPONENT_SOCKET_BUSY, /* unread, while the task that read it then was on a CPU with other things */
	COMPONENT_SOCKET_RUN_QUEUE, /* ... was waiting for a CPU */
	COMPONENT_SOCKET_BLOCKED,   /* ... was blocked: the wakeup itself, or a lock */
	/* From then on, until the latest send of the response. */
	COMPONENT_ON_CPU,	       /* a task worked for this request */
	COMPONENT_BUSY_WITH_OTHERS,    /* its task was on a CPU, or waited for one, for others */
	COMPONENT_RUN_QUEUE_WAKEUP,    /* its task, working for it, waited for a CPU after a wakeup */
	COMPONENT_RUN_QUEUE_PREEMPTED, /* ... after having been preempted */
	COMPONENT_BLOCKED_FIRST,       /* + enum blocked_reason */
	COMPONENT_BLOCKED_UPSTREAM = COMPONENT_BLOCKED_FIRST + BLOCKED_REASONS, /* an answer was awaited */
	COMPONENT_RUNTIME_QUEUE, /* handed on inside the process, waiting in user space */
	COMPONENT_RESIDUAL,	 /* what is known of none of these */
	COMPONENTS,
};

/*
 * What a latency is looked at without: each of its components, and all of a request's waiting for a CPU,
 * which is three of them.
 */
enum request_without {
	WITHOUT_RUN_QUEUE = COMPONENTS,
	WITHOUTS,
};

/* The status class of a final response. */
enum request_status {
	STATUS_UNKNOWN, /* could not be looked at: io_uring, a body without a head */
	STATUS_1XX,	/* none: a 101 is NOT_UPGRADED, others are not final */
	STATUS_2XX,
	STATUS_3XX,
	STATUS_4XX,
	STATUS_5XX,
	STATUSES,
};

/* What a connection speaks, if not HTTP/1.x in turns. */
enum turn_protocol {
	TURN_TLS,
	TURN_HTTP2,
	TURN_PIPELINED, /* HTTP/1.x, but several responses to one read */
	TURN_UPGRADED,	/* HTTP/1.x until a 101, or a CONNECT */
	TURN_OTHER,
	TURN_PROTOCOLS,
};

_Static_assert(HIST_TURN_LAST == HIST_TURN_FIRST + TURN_PROTOCOLS - 1, "a histogram for each");

/* Requests that were seen and are in no figure. */
enum not_counted {
	NOT_BEFORE_ATTACH, /* answered, but its beginning was before we were there */
	NOT_CLOSED,	   /* the connection ended first */
	NOT_FOREIGN,	   /* answered by a task that is not the target's */
	NOT_UPGRADED,	   /* it ended HTTP on its connection */
	NOT_UNSEEN,	   /* read, or answered, while programs were skipped; at least so many */
	NOT_UNANSWERED,	   /* open at the end of the window */
	NOT_COUNTED_KINDS,
};

/*
 * The requests of one latency bucket (hist.h), as booked now: a later send takes a request's figures out of
 * its old bucket and puts them into its new one.  One per CPU, so single sums may be below 0 modulo 2^64;
 * the sum over CPUs is not.  A copy is whole if `after` equals `before` in it: copies are made upwards.
 */
struct request_bucket {
	__u64 after; /* raised last */
	__u64 count;
	__u64 latency_ns;
	__u64 components_ns[COMPONENTS]; /* sum to latency_ns */
	__u64 blame_ns[BLAME_KINDS];	 /* sum to blamed_ns() of these */
	__u64 voluntary;		 /* switches of the tasks that worked for them, meanwhile */
	__u64 involuntary;
	__u64 migrations;
	__u64 statuses[STATUSES]; /* sum to count */
	__u64 before;		  /* raised first */
};

_Static_assert(sizeof(struct request_bucket) == 8 * (7 + COMPONENTS + BLAME_KINDS + STATUSES), "no hidden "
											       "padding");
_Static_assert(__builtin_offsetof(struct request_bucket, before) == sizeof(struct request_bucket) - 8, "the "
												       "copy "
												       "reads"
												       " it "
												       "las"
												       "t");

/*
 * How the latency histogram would change without one component, or another of enum request_without, by the
 * buckets of hist.h: requests to be added there, or taken away (below 0).  Modulo 2^64 on one CPU.
 *
 * In the kernel WITHOUT_RUN_QUEUE has only what its three parts move together beyond what each of them moves
 * alone, so that a request that waited in one way costs nothing more: user space adds these up.
 */
struct component_moves {
	__u64 moves[HIST_BUCKETS];
};

_Static_assert(sizeof(struct component_moves) == 8 * HIST_BUCKETS, "no hidden padding");

/*
 * The on-CPU time of answered requests that suffered as many switches (switches.h): what the slope of the one
 * over the other is made of.  As with buckets, a later send takes a request out again, single words may
 * be below 0 modulo 2^64 on one CPU, and sums over CPUs are not.  A copy may have a request half: one of many.
 */
struct switch_row {
	__u64 count;
	__u64 switches;	    /* voluntary and involuntary, the sum over them */
	__u64 on_cpu_ns;    /* sum; of one at most SWITCHES_ON_CPU_LIMIT_NS */
	__u64 squares_low;  /* sum of the low SWITCHES_SQUARE_BITS of each on_cpu_ns squared, */
	__u64 squares_high; /* and of the rest of it, shifted down */
};

_Static_assert(sizeof(struct switch_row) == 8 * 5, "no hidden padding");

#define SWITCH_ROWS 64u /* a power of two, for masking: up to 31 switches each its own, then by octave */

/* One per status class and CPU. */
struct switch_table {
	struct switch_row rows[SWITCH_ROWS];
};

_Static_assert(sizeof(struct switch_table) == sizeof(struct switch_row) * SWITCH_ROWS, "no hidden padding");

/*
 * On a listening socket, and copied by the kernel to each connection that it accepts, before the first byte
 * comes (BPF_F_CLONE).  Small, since it is charged to the connection's option memory: where that is
 * full, the kernel drops the connection.
 */
struct connection_mark {
	__u64 established_ns; /* 0 on the listener */
};

_Static_assert(sizeof(struct connection_mark) == 8, "copied to every connection");

/* Of a request's latency, what tasks that had it to read, or worked for it, waited for a CPU: that has a
 * blame. */
static __always_inline __u64 blamed_ns(const __u64 components_ns[COMPONENTS])
{
	return components_ns[COMPONENT_SOCKET_RUN_QUEUE] + components_ns[COMPONENT_RUN_QUEUE_WAKEUP] +
	       components_ns[COMPONENT_RUN_QUEUE_PREEMPTED];
}

/* One per CPU; modulo 2^64 on one CPU alone, since what was counted on one may be taken off on another. */
struct request_counts {
	__u64 not_counted[NOT_COUNTED_KINDS]; /* NOT_UNANSWERED: open now */
	__u64 numbers;			      /* of requests that were read on this CPU: never taken off */
};

_Static_assert(sizeof(struct request_counts) == 8 * (NOT_COUNTED_KINDS + 1), "no hidden padding");

/* What of a request's latency is explained, and by what. */
struct parts {
	__u64 components_ns[COMPONENTS];
	__u64 blame_ns[BLAME_KINDS];
	__u64 voluntary;
	__u64 involuntary;
	__u64 migrations;
};

_Static_assert(sizeof(struct parts) == 8 * (3 + COMPONENTS + BLAME_KINDS), "added up word by word");

/*
 * A stay off the CPU, until IN_NS, of AWAY_16NS times 16 ns: blocked at first, then waiting for a CPU for
 * WAITED_16NS times 16 ns.  If it waited all along, it was preempted.
 */
struct stay {
	__u64 in_ns;
	__u32 away_16ns; /* STAY_LONG: too long to be told */
	__u32 waited_16ns;
	/* Above STAY_CPU_SHIFT bits the CPU that it ended on, plus 1; in these the process that had it last,
	 * as the agent has its id: 0 if that was nobody.  All 0: not known. */
	__u32 who;
	/* How much of the wait was behind each kind but the last (enum blame_kind), which has the rest: in
	 * 63rds, STAY_SHARE_BITS each. */
	__u32 behind;
};

_Static_assert(sizeof(struct stay) == 24, "no hidden padding");

#define STAYS		32u /* a power of two: the latest are kept */
#define STAY_LONG	(~0u)
#define STAY_SHARE_BITS 6u
#define STAY_SHARES	((1u << STAY_SHARE_BITS) - 1)
#define STAY_CPU_SHIFT	22 /* process ids are below 2^22 (PID_MAX_LIMIT); CPUs from 1023 on alias */

/*
 * One of the slowest requests, as of its latest send, with what the task that answered it remembers of its
 * own stays: by them its timeline can be drawn, as far back as they go.
 */
struct exemplar {
	__u64 request;	/* its number: of several with one number that with the latest end is right */
	__u64 begin_ns; /* CLOCK_MONOTONIC */
	__u64 read_ns;
	__u64 end_ns;
	struct parts parts;
	__u32 tid; /* of the task that answered */
	__u32 pid;
	__u8 comm[COMM_BYTES];
	__u32 status; /* enum request_status */
	__u32 nr_stays;
	__u8 trace_id[TRACE_ID_BYTES]; /* all 0: not known */
	struct stay stays[STAYS];      /* the latest first */
};

_Static_assert(sizeof(struct exemplar) ==
		       32 + sizeof(struct parts) + 16 + COMM_BYTES + TRACE_ID_BYTES + 24 * STAYS,
	       "no hidden padding");

/*
 * A power of two: of the slowest of an interval on one CPU.  More than are shown, since of those that are
 * kept some may prove to be no requests.
 */
#define EXEMPLARS_EACH 8u

#define EXEMPLARS_WITHDRAWN 128u /* a power of two: that one CPU can tell of in an interval */

/* Which exemplars one CPU keeps of an interval, each at its place among EXEMPLARS_EACH. */
struct slowest_set {
	__u32 interval;
	__u32 least; /* the place whose latency is the least: of a free one, if there are any */
	__u32 nr_withdrawn;
	__u32 pad;
	__u64 least_ns;			/* that latency */
	__u64 gone_ns;			/* the longest of those that gave way to others */
	__u64 requests[EXEMPLARS_EACH]; /* their numbers; 0: the place is free, and has latency 0 */
	__u64 latencies_ns[EXEMPLARS_EACH];
	__u64 withdrawn[EXEMPLARS_WITHDRAWN]; /* kept elsewhere or in an interval before, and no requests */
};

_Static_assert(__builtin_offsetof(struct slowest_set, withdrawn) == 32 + 16 * EXEMPLARS_EACH, "no padding");
_Static_assert(sizeof(struct slowest_set) == 32 + 16 * EXEMPLARS_EACH + 8 * EXEMPLARS_WITHDRAWN, "none");

/*
 * One per CPU, which alone writes it.  The sets are used in turn, by the parity of the interval's number.
 * Whoever writes reads that number when `writing` is set: user space bumps it, and once it has then seen
 * `writing` to be 0, the set of the interval that has ended is still, and so are its exemplars.
 */
struct slowest {
	__u64 writing; /* first: copies are made upwards */
	struct slowest_set sets[2];
};

_Static_assert(sizeof(struct slowest) == 8 + 2 * sizeof(struct slowest_set), "no hidden padding");

#endif /* WHYLATE_BPF_REQUEST_ABI_H */
