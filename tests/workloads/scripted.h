/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of scripted: connections, what it answers, and what it remembers. */
#ifndef WHYLATE_WORKLOADS_SCRIPTED_H
#define WHYLATE_WORKLOADS_SCRIPTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define SCRIPTED_HEAD_BYTES 16384
#define SCRIPTED_PATH_BYTES 64

struct request {
	char method[16];
	char path[SCRIPTED_PATH_BYTES]; /* cut, if it is longer */
	bool wants_close;
};

/* What becomes of the connection when an answer is sent. */
enum after { KEEP, CLOSE, RESET, HALF_CLOSE, SILENT };

struct answer {
	const char *bytes;
	size_t nr_bytes;
	char *owned;	  /* to be freed; NULL: BYTES last */
	uint64_t wait_ns; /* before the first byte */
	uint64_t gap_ns;  /* after each byte; 0: all at once */
	enum after after;
};

struct connection {
	int fd;
	uint32_t number; /* in the order of accept(), from 0 */
	bool answering, half_closed;
	char in[SCRIPTED_HEAD_BYTES + 1];
	size_t in_bytes;
	struct request request;
	uint64_t head_bytes, body_bytes; /* of the request */
	int kind;			 /* as answer_make() has it */
	uint64_t read_ns;		 /* when the last byte of the request's head was read */
	struct answer answer;
	size_t sent;
	uint32_t armed; /* what epoll waits for */
	uint64_t go_on_at_ns;
	bool is_waiting; /* until then */
	LIST_ENTRY(connection) waiting;
};

/* scripted_answers.c */

/* The answer to C's request; returns its kind, an index of the counts, or -1: a question about the server. */
int answer_make(struct connection *c);
const char *answer_kind_name(int kind); /* NULL behind the last */

/* scripted_memory.c */

struct memory {
	uint64_t accepted, open, requests, body_bytes, ignored; /* ignored: on half-closed connections */
	uint64_t by_kind[32];
	char last_head[SCRIPTED_HEAD_BYTES + 1];
};

extern struct memory memory;

/* Remember up to NR answers by their times; 0: none. */
void memory_keep(size_t nr);
/* C's answer is sent: its first byte was handed over at BEFORE_NS, its last at AFTER_NS. */
void memory_answered(const struct connection *c, uint64_t before_ns, uint64_t after_ns);
void memory_stalled(uint64_t from_ns, uint64_t to_ns);
/* The body of an answer, which the caller frees. */
char *memory_stats(void);
char *memory_log(void);

/* scripted.c */
void die(const char *what) __attribute__((noreturn));
void stalls_begin(void); /* their times count from now */

#endif /* WHYLATE_WORKLOADS_SCRIPTED_H */
