// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scripted.h"

#define OK_HEAD	     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
#define OK	     OK_HEAD "ok\n"
#define LONG_BYTES   (100 << 10) /* of a head, and more than anybody has room for */
#define NS_PER_US    1000u
#define MOST_US	     3600000000ull
#define MOST_KB	     (1u << 20)
#define CHUNKED_HEAD "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define FIRST_CHUNKS CHUNKED_HEAD "3\r\nok\n\r\n10;name=value\r\n0123456789abcdef\r\n0\r\n"
#define INTERIM	     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
#define STATUS_BODY  "status\n"
#define HEAD_OF_LONG "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: "

/* The number behind NAME in the path's query; LEAST if there is none. */
static uint64_t parameter(const struct connection *c, const char *name, uint64_t least, uint64_t most)
{
	const char *query = strchr(c->request.path, '?'), *at = query ? strstr(query, name) : NULL;
	uint64_t value = at ? strtoull(at + strlen(name), NULL, 10) : least;

	return value < least ? least : value > most ? most : value;
}

static void owned(struct connection *c, char *bytes, size_t nr)
{
	if (!bytes)
		die("an answer");
	c->answer.bytes = c->answer.owned = bytes;
	c->answer.nr_bytes = nr;
}

/* 200 with BODY, which is freed. */
static void body_of(struct connection *c, char *body)
{
	char *text;
	int nr = asprintf(&text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);

	free(body);
	owned(c, nr < 0 ? NULL : text, (size_t)nr);
}

static void make_status(struct connection *c)
{
	unsigned status = (unsigned)strtoul(c->request.path + strlen("/status/"), NULL, 10);
	char *text;
	int nr;

	if (status == 204 || status == 304)
		nr = asprintf(&text, "HTTP/1.1 %u Nothing\r\n\r\n", status);
	else if (status == 101)
		nr = asprintf(&text, "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
	else
		nr = asprintf(&text, "HTTP/1.1 %u As asked\r\nContent-Length: %zu\r\n\r\n%s", status,
			      strlen(STATUS_BODY), STATUS_BODY);
	owned(c, nr < 0 ? NULL : text, (size_t)nr);
}

static void make_big(struct connection *c)
{
	size_t kb = parameter(c, "kb=", 1, MOST_KB), body = kb << 10;
	char *text = malloc(body + 100);
	int head = text ? sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body) : 0;

	if (text)
		memset(text + head, 'x', body);
	owned(c, text, (size_t)head + body);
}

static void make_long_head(struct connection *c)
{
	char *text = malloc(LONG_BYTES + 10);

	if (text) {
		memset(text, 'x', LONG_BYTES);
		memcpy(text, HEAD_OF_LONG, strlen(HEAD_OF_LONG));
		memcpy(text + LONG_BYTES, "\r\n\r\n", 4);
	}
	owned(c, text, LONG_BYTES + 4);
	c->answer.after = CLOSE;
}

static void make_slow(struct connection *c)
{
	c->answer.wait_ns = parameter(c, "us=", 1, MOST_US) * NS_PER_US;
}

static void make_drip(struct connection *c)
{
	c->answer.gap_ns = parameter(c, "us=", 1, MOST_US) * NS_PER_US;
}

static void make_stats(struct connection *c)
{
	body_of(c, memory_stats());
}

static void make_log(struct connection *c)
{
	body_of(c, memory_log());
}

static void make_start(struct connection *c)
{
	(void)c;
	stalls_begin();
}

/* Questions about the server stand first; they are no requests in its counts. */
#define QUESTIONS 3
static const struct kind {
	const char *path; /* up to a query, or if it ends with a slash, how the path begins */
	const char *bytes;
	enum after after;
	void (*make)(struct connection *c); /* more than that */
} kinds[] = {
	{ "/stats", NULL, KEEP, make_stats },
	{ "/log", NULL, KEEP, make_log },
	{ "/start", OK, KEEP, make_start },
	{ "/status/", NULL, KEEP, make_status },
	{ "/close-before", "", CLOSE, NULL },
	{ "/close-head", "HTTP/1.1 200 OK\r\nContent-Le", CLOSE, NULL },
	{ "/close-within", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", CLOSE, NULL },
	{ "/close-chunk", CHUNKED_HEAD "a\r\nhalf", CLOSE, NULL },
	{ "/reset", "", RESET, NULL },
	{ "/reset-within", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", RESET, NULL },
	{ "/garbage", "SSH-2.0-OpenSSH_9.2p1\r\n", CLOSE, NULL },
	{ "/long-head", NULL, CLOSE, make_long_head },
	{ "/slow", OK, KEEP, make_slow },
	{ "/drip", OK, KEEP, make_drip },
	{ "/chunked", FIRST_CHUNKS "\r\n", KEEP, NULL },
	{ "/trailers", FIRST_CHUNKS "X-Sum: 1\r\nX-More: 2\r\n\r\n", KEEP, NULL },
	{ "/1xx", INTERIM OK, KEEP, NULL },
	{ "/http10", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n", CLOSE, NULL },
	{ "/by-close", "HTTP/1.1 200 OK\r\n\r\nup to the end", CLOSE, NULL },
	{ "/say-close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nok\n", CLOSE,
	  NULL },
	{ "/then-close", OK, CLOSE, NULL },
	{ "/half-close", OK, HALF_CLOSE, NULL },
	{ "/never", "", SILENT, NULL },
	{ "/unasked", OK OK, KEEP, NULL },
	{ "/big", NULL, KEEP, make_big },
	{ "/", OK, KEEP, NULL }, /* all others */
};

#define KINDS (int)(sizeof(kinds) / sizeof(kinds[0]))
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) - QUESTIONS <=
		       sizeof(memory.by_kind) / sizeof(memory.by_kind[0]),
	       "a count for each");

static int kind_of(const char *path)
{
	for (int i = 0; i < KINDS - 1; i++) {
		size_t length = strlen(kinds[i].path);

		if (!strncmp(path, kinds[i].path, length) &&
		    (path[length] == '\0' || path[length] == '?' || path[length - 1] == '/'))
			return i;
	}
	return KINDS - 1;
}

int answer_make(struct connection *c)
{
	int number = kind_of(c->request.path);
	const struct kind *kind = &kinds[number];
	const char *end;

	c->answer = (struct answer){ .bytes = kind->bytes, .after = kind->after };
	if (kind->bytes)
		c->answer.nr_bytes = strlen(kind->bytes);
	if (kind->make)
		kind->make(c);
	if (!strcmp(c->request.method, "HEAD") &&
	    (end = memmem(c->answer.bytes, c->answer.nr_bytes, "\r\n\r\n", 4)))
		c->answer.nr_bytes = (size_t)(end + 4 - c->answer.bytes);
	if (c->request.wants_close && c->answer.after == KEEP)
		c->answer.after = CLOSE;
	return number - QUESTIONS >= 0 ? number - QUESTIONS : -1;
}

const char *answer_kind_name(int kind)
{
	return kind + QUESTIONS < KINDS ? kinds[kind + QUESTIONS].path : NULL;
}
