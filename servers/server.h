/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a model is given, and what it is. */
#ifndef WHYLATE_SERVERS_SERVER_H
#define WHYLATE_SERVERS_SERVER_H

#include <stdint.h>

#include "servers/conn.h"
#include "servers/options.h"
#include "servers/stats.h"
#include "user/base/err.h"

/* How long nobody is accepted once files or memory ran out: until somebody else has given some back. */
#define SERVER_PAUSE_NS 100000000u

/* Accepted above the limit to be told so; more than these are closed at once. */
#define SERVER_REFUSALS 64u

/* What the loops of a server know of each other; atomic. */
struct server_loops {
	uint32_t open;	    /* connections */
	uint32_t listeners; /* that still accept */
};

struct server {
	const char *name; /* of the model */
	const struct options *options;
	struct conn_config conn;
	struct stats *stats;
	int listener;	  /* never blocks */
	int *listeners;	  /* for each worker, where the model is apart; else that one */
	int stop_fd;	  /* readable once the server is to end */
	uint32_t workers; /* as asked for, or one for each CPU */
	bool has_tables;  /* each worker is to have a file table of its own */
	uint32_t connections_max;
	uint32_t connections_each; /* that one file table can have */
	struct server_loops *loops;
};

struct model {
	const char *name;
	const char *summary;
	uint32_t workers_max;	   /* 0: it has none to choose */
	uint32_t slots;		   /* of counts; 0: one for each worker */
	const struct opt *options; /* of its own, beside those of servers/options.h; NULL: none */
	/* Understand what they were given.  Returns 0, or -EINVAL with a sentence in ERR.  NULL: needs not. */
	int (*take_options)(struct err *err);
	/* Do what the options ask for instead of serving.  Returns 1 if that was all, 0 if they ask for
	 * nothing so, or -errno with a sentence in ERR.  NULL: it only serves. */
	int (*instead)(const struct server *server, struct err *err);
	bool apart; /* each worker has a listener, and where that is allowed, a file table */
	/*
	 * Make what it takes to serve, say server_ready(), and serve until stop_fd is readable, then drain:
	 * accept what waits, close the listener, answer what was begun.  Returns how many connections the
	 * drain timeout cut off, or -errno with a sentence in ERR.
	 */
	int (*serve)(struct server *server, struct err *err);
};

/* Each program has one. */
extern const struct model model;

/* Tell whoever started SERVER that it serves: nothing that belongs to its start can fail any more. */
void server_ready(const struct server *server);

enum server_admission { SERVER_SERVE, SERVER_REFUSE, SERVER_DROP };

/* What to do with one more connection, where OPEN are open already. */
enum server_admission server_admit(const struct server *server, uint32_t open);

/*
 * The same for a loop, which has OPEN in its file table, and others that have more; it is counted until
 * server_left(), whatever becomes of it.
 */
enum server_admission server_enter(const struct server *server, uint32_t open);
void server_left(const struct server *server);

/*
 * Whether a loop that has OPEN does not accept who waits, since another has room in its file table: where all
 * accept from the one queue of a UNIX socket.
 */
bool server_leaves_to_others(const struct server *server, uint32_t open);

/* How long nobody new comes to a listener before it is closed: a handshake that began before may end. */
#define SERVER_LEAVE_NS 10000000u

/*
 * In a drain, those that wait to be accepted are answered by nobody else: closing the listener would reset
 * them.  But whoever comes later, as those do who are sent away now, would be a reason never to end.
 * Where there are several listeners, all who come later are the first one's, which is the last to be closed:
 * the others are left by everybody before.
 *
 * A loop whose drain BEGINS asks this, then accepts those that wait.  True: its listener is closed after
 * that; else it asks again after SERVER_LEAVE_NS.
 */
bool server_stops_listening(const struct server *server, bool begins);
void server_close_listener(const struct server *server);

/* When a drain that begins now is to end, whatever is under way; UINT64_MAX: when all is answered. */
uint64_t server_drain_until_ns(const struct server *server);

/* Whether it is not the connection's fault that accepting failed, so that it can be tried again later. */
bool server_may_retry(int error);

#endif /* WHYLATE_SERVERS_SERVER_H */
