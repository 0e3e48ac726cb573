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

/*
 * NR listening sockets of one address into FDS, which never block.  The kernel spreads connections over those
 * of an IP address (SO_REUSEPORT); a UNIX socket has one queue, and all are that.  An address that is taken
 * is waited for, for half a second.  Returns 0, or -errno with a sentence in ERR, and none is left open.
 */
int listen_open(const struct options *options, int *fds, uint32_t nr, struct err *err);

/* From now on, whoever is new comes to the first of the sockets that FD is one of. */
void listen_only_first(int fd);

/* "ADDRESS:PORT", "[IPv6]:PORT" or "unix:PATH", of a socket that listens. */
void listen_name(int fd, char *out, size_t size);

/* How many connections wait to be accepted, or where the kernel does not tell, how many could at most. */
uint32_t listen_waiting(int fd);

/* A connection that waits, ready to be served; -EAGAIN: none; another -errno: it cannot be taken now. */
int listen_accept(int fd, int socket_flags);

#endif /* WHYLATE_SERVERS_LISTEN_H */
