/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A connection of the reference servers that a test talks to, without socket and clock. */
#ifndef WHYLATE_TESTS_SERVER_TALK_H
#define WHYLATE_TESTS_SERVER_TALK_H

#include <stdlib.h>
#include <string.h>

#include "servers/conn.h"

static const struct conn_config talk_config = { .read_ns = 5000, .write_ns = 10000, .idle_ns = 15000 };

struct talk {
	struct conn conn;
	char *text; /* all that was sent */
	size_t bytes, capacity;
	bool shut;
};

static inline void talk_begin(struct talk *t)
{
	*t = (struct talk){};
	conn_init(&t->conn, &talk_config, 0);
}

static inline void talk_end(struct talk *t)
{
	conn_fini(&t->conn);
	free(t->text);
}

static inline void talk_take(struct talk *t, size_t piece)
{
	size_t nr;
	const char *output = conn_output(&t->conn, &nr);

	nr = piece && piece < nr ? piece : nr;
	if (t->bytes + nr >= t->capacity) {
		t->capacity = 2 * (t->bytes + nr) + 1024;
		t->text = realloc(t->text, t->capacity);
	}
	memcpy(t->text + t->bytes, output, nr);
	t->bytes += nr;
	t->text[t->bytes] = '\0';
	conn_sent(&t->conn, nr, 0);
}

/* One thing that needs no more input; false: there is none. */
static inline bool talk_step(struct talk *t, size_t piece)
{
	const struct conn_answer answer = { 200, "text/plain", "done\n", 5 };

	switch (conn_need(&t->conn)) {
	case CONN_WORK:
		conn_answer(&t->conn, &answer, 0);
		return true;
	case CONN_SEND:
		talk_take(t, piece);
		return true;
	case CONN_SHUT:
		t->shut = true;
		conn_shut(&t->conn, 0);
		return true;
	default:
		return false;
	}
}

/* All of them. */
static inline void talk_go_on(struct talk *t, size_t piece)
{
	while (talk_step(t, piece))
		;
}

/*
 * SIZE bytes in pieces of at most PIECE, the answers taken likewise; 0: at once.  LATE: as by somebody who
 * reads without being asked, while only one step is made of an answer.
 */
static inline void talk_feed_as(struct talk *t, const char *bytes, size_t size, size_t piece, bool late)
{
	for (;;) {
		size_t nr = piece && piece < size ? piece : size;
		char *copy;

		if (conn_need(&t->conn) == CONN_SHUT)
			talk_step(t, piece);
		if (!size || conn_need(&t->conn) == CONN_CLOSE)
			return;
		copy = malloc(nr); /* of its own, so that a read past it is seen */
		memcpy(copy, bytes, nr);
		conn_input(&t->conn, copy, nr, 0);
		free(copy);
		if (late)
			talk_step(t, piece);
		else
			talk_go_on(t, piece);
		bytes += nr;
		size -= nr;
	}
}

static inline void talk_feed(struct talk *t, const char *bytes, size_t size, size_t piece)
{
	talk_feed_as(t, bytes, size, piece, false);
}

#endif /* WHYLATE_TESTS_SERVER_TALK_H */
