/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The books of a run: what became of every request that was due, and how long it took.  Each thread keeps its
 * own (one writer, see hdr.h), and they are added up by whoever wants to know, meanwhile or at the end.
 *
 * Identities: due = the sum of all outcomes, and one value in from_due for each (open loop); for a request
 * that was sent, from_due = wait_connection + lag_send + from_send.
 */
#ifndef WHYLATE_LOAD_BOOKS_H
#define WHYLATE_LOAD_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/load/hdr.h"

/* Why a request failed that was sent. */
enum load_failure {
	FAILED_CLOSED_BEFORE, /* closed before the first byte of an answer, as an idle connection may be */
	FAILED_CLOSED_WITHIN, /* or within the answer */
	FAILED_RESET,	      /* a reset in place of an answer, or within it */
	FAILED_MALFORMED,     /* what came is no answer in HTTP/1.x */
	FAILED_TOO_LONG,      /* the head of an answer is longer than there is room for */
	FAILED_OTHER,	      /* another error of the socket */
	LOAD_FAILURES,
};

/* Why a request was never sent, by the end of its time or of the run. */
enum load_unsent {
	UNSENT_BUSY,	    /* every connection still owed an answer, or was being made */
	UNSENT_REFUSED,	    /* there was no connection: the last attempt was refused, */
	UNSENT_UNREACHABLE, /* or failed in another way */
	UNSENT_LATE,	    /* the generator itself was late for it: nothing is known of the server */
	LOAD_UNSENT,
};

#define LOAD_STATUSES 1000u /* answers are counted by their exact code, 100 to 999 */
#define LOAD_CLASSES  6u    /* 1xx to 5xx at 1 to 5; at 0 all others */

struct load_outcomes {
	uint64_t due; /* closed loop: sent */
	uint64_t answered[LOAD_STATUSES];
	uint64_t failed[LOAD_FAILURES];
	uint64_t timed_out;
	uint64_t unanswered; /* at the end of the run */
	uint64_t never_sent[LOAD_UNSENT];
};

/* A latency of which some values are only known not to be less: those of requests that were not answered. */
struct load_censored {
	struct hdr known, at_least;
};

struct load_books {
	struct load_outcomes measured, warmup; /* the latencies below are of the measured alone */
	struct load_censored from_due;	       /* open loop alone */
	struct load_censored from_send;	       /* of those that were sent */
	struct hdr wait_connection; /* due until a connection was free; of those that were sent, open loop */
	struct hdr by_class[LOAD_CLASSES]; /* from_due (closed loop: from_send) of the answered */
	struct hdr lag_send;		   /* the send less the later of due and connection free */
	struct hdr lag_receive;		   /* the read less the kernel's time of arrival, where it tells */
	struct hdr without_lag;	 /* from_due (closed loop: from_send) of all, bounds too, less their lags */
	uint64_t received_bytes; /* of answers, heads included */
	uint64_t connections_opened;	  /* ever: the first time, and again */
	uint64_t connections_failed;	  /* attempts that did */
	uint64_t reconnects;		  /* attempts after the first of a connection that was open before */
	uint64_t connections_open;	  /* now */
	uint64_t no_arrival_time;	  /* reads for which the kernel told none */
	uint64_t unreadable_arrival_time; /* or one that the steps of the clock made useless */
	uint64_t unasked;		  /* connections that sent without being asked: closed */
};

const char *load_failure_name(uint32_t failure); /* a key of the JSON: "closed_before_response" */
const char *load_unsent_name(uint32_t unsent);

/* How many were answered with a status in [FROM, TO). */
uint64_t load_outcomes_answered(const struct load_outcomes *outcomes, uint32_t from, uint32_t to);

/* Those with what was asked for: 2xx, and 3xx. */
static inline uint64_t load_outcomes_good(const struct load_outcomes *outcomes)
{
	return load_outcomes_answered(outcomes, 200, 400);
}

/* How many failed that were sent, and how many never were, for whatever reason. */
uint64_t load_outcomes_failed(const struct load_outcomes *outcomes);
uint64_t load_outcomes_unsent(const struct load_outcomes *outcomes);

/* What became of them, added up: due, once all is over. */
uint64_t load_outcomes_sum(const struct load_outcomes *outcomes);

/* Add FROM, which its thread may be writing, to INTO, which nobody else has. */
void load_books_add(struct load_books *into, const struct load_books *from);

#endif /* WHYLATE_LOAD_BOOKS_H */
