/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A connection served by a thread, or a process, that has nothing else to do meanwhile: it blocks. */
#ifndef WHYLATE_SERVERS_BLOCKING_H
#define WHYLATE_SERVERS_BLOCKING_H

#include <stdbool.h>
#include <stdint.h>

#include "servers/io.h"

struct blocking {
	struct io io;
	int fd; /* a socket that blocks */
	struct conn conn;
	const bool *draining;	      /* atomic; a signal must follow it that ends a recv */
	uint64_t receive_ns, send_ns; /* timeouts as the socket has them; 0: none */
};

/* All but B->conn, which is then begun by conn_init() or conn_init_refused(). */
void blocking_init(struct blocking *b, const struct server *server, struct stats_slot *slot, int fd,
		   const bool *draining);

/* Until the connection is to be closed; that, and conn_fini(), is the caller's. */
void blocking_serve(struct blocking *b);

#endif /* WHYLATE_SERVERS_BLOCKING_H */
