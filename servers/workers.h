/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Workers that share nothing but the address: a thread each, with a listener, and where that is allowed a
 * file table, of its own.  For models that are `apart`.
 */
#ifndef WHYLATE_SERVERS_WORKERS_H
#define WHYLATE_SERVERS_WORKERS_H

#include "servers/server.h"

/* What a worker runs; all of it is called in its thread. */
struct workers_loop {
	/*
	 * Accept from SERVER's listener, and close it in the end; count in SLOT.  NULL with a sentence in
	 * ERR.
	 */
	void *(*open)(struct server *server, struct stats_slot *slot, struct err *err);
	/* As a model's serve() once that is ready. */
	int (*run)(void *loop, struct err *err);
	/* The listener too, if it is still open. */
	void (*close)(void *loop);
};

/* The loop of servers/loop.h. */
extern const struct workers_loop workers_epoll;

/* For a model's serve(), and as that. */
int workers_serve(struct server *server, const struct workers_loop *loop, struct err *err);

#endif /* WHYLATE_SERVERS_WORKERS_H */
