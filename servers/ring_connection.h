/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of io-uring share: io_uring.c, and ring_connection.c for what happens to one connection. */
#ifndef WHYLATE_SERVERS_RING_CONNECTION_H
#define WHYLATE_SERVERS_RING_CONNECTION_H

#include "servers/io.h"
#include "servers/ring.h"
#include "servers/timers.h"
#include "servers/upstream.h"

/* In the low bits of what a completion tells, beside the connection. */
enum operation { CANCELLED = RING_CANCELLED, ACCEPT, STOP, RECEIVE, SEND, ASK, OPERATION_MASK = 7 };

/* Of a connection while its request is worked for. */
struct task {
	struct work work;
	struct upstream_call call;
	bool asking, late;
};

struct connection {
	int fd;
	/* What the kernel is at for it; until none is left, neither its memory nor its file is given back. */
	bool receiving, sending, polling;
	bool cancelling; /* the receive */
	bool ended;	 /* the other side, or the socket is broken: nothing more comes */
	bool closing;
	uint64_t known_at_ns;	/* since when there are bytes of the request that is next, or worked for */
	uint64_t looked_for_ns; /* the deadline that had passed when it was looked what is there, */
	uint64_t told_by_ns;	/* and the one that it has instead since */
	struct timer timer;
	struct conn conn;
	struct task *task;
	struct connection *previous, *next;
};

/* A worker and its ring. */
struct serving {
	struct io io;
	struct ring ring;
	struct timers timers;
	bool listening;	    /* its listener is open */
	struct timer pause; /* of accepting; of draining: until the listener is closed */
	bool draining, accepting;
	uint64_t drain_until_ns;
	uint64_t woke_at_ns; /* when the completions at hand became known */
	uint32_t open;
	struct connection *connections;
};

/* FD was accepted.  It may be gone again at once. */
void ring_connection_open(struct serving *s, int fd);

/* C is to end as soon as it can. */
void ring_connection_drain(struct serving *s, struct connection *c);

/* An operation of C's is completed; ON_TIMER: its time has come.  C may be gone then. */
void ring_connection_on(struct serving *s, struct connection *c, const struct ring_done *done);
void ring_connection_on_timer(struct serving *s, struct connection *c, uint64_t now_ns);

#endif /* WHYLATE_SERVERS_RING_CONNECTION_H */
