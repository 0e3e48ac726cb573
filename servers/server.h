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
	/*
	 * In the thread of serve(), before there is a listener: see whether it can serve here.  NULL: always.
	 * Returns 0 or -errno with a sentence in ERR.
	 */
	int (*prepare)(struct server *server, struct err *err);
	bool apart; /* each worker has a listener, and where that is allowed, a file table */
	/*
	 * Serve until stop_fd is readable, then drain: accept what waits, close the listener, answer what was
	 * begun.  Returns how many connections the drain timeout cut off, or -errno with a sentence in ERR.
	 */
	int (*serve)(struct server *server, struct err *err);
};

/* Each program has one. */
extern const struct model model;

enum server_admission { SERVER_SERVE, SERVER_REFUSE, SERVER_DROP };

/* What to do with one more connection, where OPEN are open already. */
enum server_admission server_admit(const struct server *server, uint32_t open);

/* The same for a file table, which has OPEN. */
enum server_admission server_admit_here(const struct server *server, uint32_t open);

/* When a drain that begins now is to end, whatever is under way; UINT64_MAX: when all is answered. */
uint64_t server_drain_until_ns(const struct server *server);

/* Whether it is not the connection's fault that accepting failed, so that it can be tried again later. */
bool server_may_retry(int error);

#endif /* WHYLATE_SERVERS_SERVER_H */
