/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets to the server, and what the kernel says of what came on them. */
#ifndef WHYLATE_LOAD_SOCKET_H
#define WHYLATE_LOAD_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/load/plan.h"

/*
 * Begin a connection to the plan's server, of which this is the NUMBER-th (that chooses its source address).
 * It never blocks, has no delay of its own (TCP_NODELAY), and asks the kernel for times of arrival.
 * *CONNECTED tells whether it is open already.  Returns the socket, or -errno; -EAGAIN: the queue of a UNIX
 * listener is full just now.
 */
int load_socket_connect(const struct load_plan *plan, uint64_t number, bool *connected);

/* What became of a connection to SERVER that was begun: 0: it is open; or -errno, as where TCP has made it to
 * itself. */
int load_socket_error(int fd, const struct load_server *server);

/*
 * As read(2); *ARRIVAL_NS is when the last packet of what was read came, on the wall clock; 0: the kernel
 * does not tell.
 */
ssize_t load_socket_read(int fd, void *buffer, size_t bytes, uint64_t *arrival_ns);

#endif /* WHYLATE_LOAD_SOCKET_H */
