/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A reactor: epoll, connections that never block, timers.  One thread calls it; a model may have several,
 * which share nothing but the counts.
 */
#ifndef WHYLATE_SERVERS_LOOP_H
#define WHYLATE_SERVERS_LOOP_H

#include "servers/server.h"

struct loop;

/* Accepts from SERVER's listener, ends by its stop_fd, counts in SLOT.  NULL with a sentence in ERR. */
struct loop *loop_new(struct server *server, struct stats_slot *slot, struct err *err);

/*
 * Until the server is to end and all that was begun is answered.  Returns how many connections the drain
 * timeout left for loop_free() to cut off, or -errno with a sentence in ERR.
 */
int loop_run(struct loop *loop, struct err *err);

void loop_free(struct loop *loop);

#endif /* WHYLATE_SERVERS_LOOP_H */
