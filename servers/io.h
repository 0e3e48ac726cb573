/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between a connection's state and its socket: for models that call recv and send themselves. */
#ifndef WHYLATE_SERVERS_IO_H
#define WHYLATE_SERVERS_IO_H

#include <stdbool.h>
#include <stddef.h>

#include "servers/conn.h"
#include "servers/server.h"
#include "servers/work.h"

#define IO_SCRATCH_BYTES 16384u
/* Of one connection's; then others have theirs: who sends requests without a pause is never through. */
#define IO_TURN_ANSWERS 16u

/* Of a worker; SCRATCH is what it reads into, for all its connections. */
struct io {
	const struct server *server;
	struct stats_slot *slot;
	char scratch[IO_SCRATCH_BYTES];
};

/*
 * For CONN_RECEIVE and CONN_DISCARD, and for CONN_SEND: one recv or send.  FLAGS: MSG_DONTWAIT or 0.
 * Returns how many bytes, 0 at the other side's end or a broken connection, -EAGAIN, or -EINTR; whatever
 * else goes wrong the connection knows.
 */
int io_receive(struct io *io, int fd, struct conn *conn, int flags);
int io_send(struct io *io, int fd, struct conn *conn, int flags);

/*
 * The two halves of io_send(), for who has the kernel send in between: what is to be sent, and what came of
 * it (bytes, or -errno).  Meanwhile the connection may fail, but not be given back.
 */
const char *io_begin_send(struct io *io, struct conn *conn, size_t *bytes);
void io_end_send(struct io *io, struct conn *conn, int nr);

/* A connection was accepted that is served, or refused with an answer: CONN begins. */
void io_open(struct io *io, struct conn *conn, enum server_admission admission, uint64_t now_ns);

/* One that is closed at once. */
void io_turn_away(struct io *io, int fd);

/* For CONN_SHUT. */
void io_shut(int fd, struct conn *conn);

enum io_wait { IO_READ, IO_WRITE, IO_TURN, IO_WORK, IO_CLOSE }; /* TURN: go on when others had theirs */

/*
 * All that can be done without waiting, up to a request that is to be worked for.  *EMPTY: there was nothing
 * more to read when that was last looked at, so that it is not done again; kept from call to call until
 * something may have come.  *TURN: how many more sends this turn may have; after them IO_TURN is returned.
 */
enum io_wait io_advance(struct io *io, int fd, struct conn *conn, bool *empty, uint32_t *turn);

/*
 * Begin CONN's request, which became KNOWN then: returns false if it was one that needs no work, and
 * is answered already; else WORK is to be run, and io_answer() called.
 */
bool io_begin(struct io *io, struct conn *conn, struct work *work, uint64_t known_at_ns);
void io_answer(struct conn *conn, const struct work *work);

/* Instead, where there is no memory for its work. */
void io_answer_no_memory(struct conn *conn);

/*
 * Whether FD can be read from, or written to (EVENTS: POLLIN, POLLOUT), or is broken.  For who is told of
 * that by turns: what came in time but was not told yet is not late.
 */
bool io_is_ready(int fd, short events);

/* Let CONN's deadline do what it does; returns whether it had passed. */
bool io_expire(struct io *io, struct conn *conn, uint64_t now_ns);

#endif /* WHYLATE_SERVERS_IO_H */
