/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One connection, whoever serves it: bytes in, bytes out, deadlines.  No socket and no clock in here, so
 * that every model has the same HTTP, and a test can feed it anything.
 *
 *     RECEIVE -> (bytes) -> WORK -> (answer) -> SEND -> (sent) -> RECEIVE ...
 *                     \-> SEND (100, errors) ->/  \-> SHUT -> DISCARD -> CLOSE
 *
 * A model asks conn_need() what to do, does that, tells what came of it, and asks again.  Pipelined requests
 * wait inside until the answer before theirs has been sent.  While idle it holds no memory beside itself.
 */
#ifndef WHYLATE_SERVERS_CONN_H
#define WHYLATE_SERVERS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "servers/http.h"
#include "servers/plan.h"
#include "servers/traceparent.h"

#define CONN_NEVER UINT64_MAX
/* How long an ended connection is read on, so that what the client still sends does not reset our answer. */
#define CONN_LINGER_NS	  1000000000u
#define CONN_LINGER_BYTES 262144u
#define CONN_LONG_NS	  1000000000ull
#define CONN_GRAIN_NS	  (1ull << 23) /* a power of two, 8.4 ms */

enum conn_need {
	CONN_RECEIVE, /* read, then conn_input() */
	CONN_WORK,    /* do what conn->plan says, then conn_answer() */
	CONN_SEND,    /* send conn_output(), then conn_sent() */
	CONN_SHUT,    /* shut down our side, then conn_shut() */
	CONN_DISCARD, /* read, then conn_input() */
	CONN_CLOSE,   /* conn_fini() and close */
};

/* The same for all connections of a server; it must outlive them. */
struct conn_config {
	uint64_t read_ns, write_ns, idle_ns; /* 0: no limit */
	struct plan defaults;
};

struct conn {
	const struct conn_config *config;
	enum conn_need need;
	bool has_head, last, interim, draining;
	uint16_t status; /* of the answer on its way; 0: none, or an interim one */
	uint64_t deadline_at_ns;
	uint64_t whole_at_ns; /* of the request that is worked for: when all of it was there, and understood */
	struct http_request request;
	struct http_body body;
	struct plan plan;
	struct traceparent trace; /* of the request */
	char *content;		  /* of the body, HTTP_BODY_BYTES; NULL: there is none */
	char *in;		  /* what has come and is not understood yet */
	uint32_t in_at, in_bytes, in_capacity;
	char *out;
	uint32_t out_at, out_bytes;
	uint32_t discarded_bytes;
};

struct conn_answer {
	uint16_t status;
	const char *content_type;
	const char *body; /* copied */
	size_t body_bytes;
};

/*
 * When LIMIT_NS after NOW_NS is over; 0: CONN_NEVER.  Limits of CONN_LONG_NS and more are up to CONN_GRAIN_NS
 * longer, so that many end together: else a loop with 100,000 idle connections wakes up for each of them. The
 * kernel does so where programs wait (fs/select.c, __estimate_accuracy), up to 100 ms, but not in io_uring.
 */
uint64_t conn_after_ns(uint64_t now_ns, uint64_t limit_ns);

/* A connection that was just accepted. */
void conn_init(struct conn *conn, const struct conn_config *config, uint64_t now_ns);

/* The same for one too many: it is answered 503 and ends. */
void conn_init_refused(struct conn *conn, const struct conn_config *config, uint64_t now_ns);

/* Gives back all memory; the socket is the caller's. */
void conn_fini(struct conn *conn);

static inline enum conn_need conn_need(const struct conn *conn)
{
	return conn->need;
}

/*
 * NR BYTES came; 0: the other side has ended.  They are the caller's again at once.  Who reads without being
 * asked may call it during CONN_WORK and CONN_SEND too, with bytes alone: they are kept in conn->in_bytes
 * until their turn, as what was read with the request before.
 */
void conn_input(struct conn *conn, const char *bytes, size_t nr, uint64_t now_ns);

/* The work is done.  A HEAD request gets no body whatever ANSWER says. */
void conn_answer(struct conn *conn, const struct conn_answer *answer, uint64_t now_ns);

/* What is to be sent; valid until conn_sent(). */
const char *conn_output(const struct conn *conn, size_t *nr);

/* NR of those bytes were handed to the kernel. */
void conn_sent(struct conn *conn, size_t nr, uint64_t now_ns);

/* Whether sending all of conn_output() completes an answer; then conn->status is its status. */
static inline bool conn_ends_answer(const struct conn *conn)
{
	return conn->need == CONN_SEND && conn->status;
}

void conn_shut(struct conn *conn, uint64_t now_ns);

/* The connection is broken: only CONN_CLOSE is left. */
void conn_fail(struct conn *conn);

/* When conn_expire() is due; CONN_NEVER. */
static inline uint64_t conn_deadline_ns(const struct conn *conn)
{
	return conn->deadline_at_ns;
}

/* Returns whether the deadline has passed; then a slow request is answered 408, a slow reader cut off. */
bool conn_expire(struct conn *conn, uint64_t now_ns);

/* No byte of a request is here, and none of an answer. */
bool conn_is_idle(const struct conn *conn);

/*
 * The server ends: the answer that is next says Connection: close.  Where conn_is_idle(), the caller reads
 * once more what is there, and then calls conn_end().
 */
void conn_drain(struct conn *conn);

/* An idle connection is to be shut down. */
void conn_end(struct conn *conn, uint64_t now_ns);

#endif /* WHYLATE_SERVERS_CONN_H */
