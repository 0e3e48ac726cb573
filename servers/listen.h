/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets that accept, and their addresses in words. */
#ifndef WHYLATE_SERVERS_LISTEN_H
#define WHYLATE_SERVERS_LISTEN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "servers/options.h"
#include "user/base/err.h"

/* HOST in numbers ("127.0.0.1", "::1", "[::1]").  Returns 0 or -EINVAL. */
int listen_address(struct sockaddr_storage *out, socklen_t *bytes, const char *host, uint16_t port);

/* A listening socket that never blocks; -errno with a sentence in ERR. */
int listen_open(const struct options *options, struct err *err);

/* "ADDRESS:PORT", "[IPv6]:PORT" or "unix:PATH", of a socket that listens. */
void listen_name(int fd, char *out, size_t size);

/* How many connections wait to be accepted, or where the kernel does not tell, how many could at most. */
uint32_t listen_waiting(int fd);

/* A connection that waits, ready to be served; -EAGAIN: none; another -errno: it cannot be taken now. */
int listen_accept(int fd, int socket_flags);

#endif /* WHYLATE_SERVERS_LISTEN_H */
