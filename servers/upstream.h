/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Requests to another server, on a connection each: without waiting, or for those that may block, with it. */
#ifndef WHYLATE_SERVERS_UPSTREAM_H
#define WHYLATE_SERVERS_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "user/base/err.h"

struct upstream {
	struct sockaddr_storage address;
	socklen_t address_bytes; /* 0: there is none */
	char request[600];
	uint64_t timeout_ns;
};

/* A request on its way. */
struct upstream_call {
	int fd;
	const struct upstream *upstream;
	uint32_t sent_bytes, head_bytes, came_bytes;
	char head[12]; /* "HTTP/1.1 200" */
};

/* A longer answer is given up: it may be without end. */
#define UPSTREAM_BYTES_MAX (16u << 20)

enum upstream_state { UPSTREAM_READ, UPSTREAM_WRITE, UPSTREAM_DONE, UPSTREAM_FAILED };

/* "http://ADDRESS:PORT/path", the address in numbers.  Returns 0, or -EINVAL with a sentence in ERR. */
int upstream_parse(struct upstream *upstream, const char *url, struct err *err);

/* Begin.  Returns 0 or -errno; then there is nothing to close. */
int upstream_open(struct upstream_call *call, const struct upstream *upstream);

/* Goes on as far as it can without waiting: READ and WRITE say for what.  DONE: a whole 2xx. */
enum upstream_state upstream_advance(struct upstream_call *call);

void upstream_close(struct upstream_call *call);

/* All of it, in the calling thread.  Returns the status to answer: 0 for none, 502 or 504. */
uint16_t upstream_ask(const struct upstream *upstream);

#endif /* WHYLATE_SERVERS_UPSTREAM_H */
