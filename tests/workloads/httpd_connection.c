// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Requests in, answers out: the same for sockets that block and those that do not. */
#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "httpd.h"
#include "work.h"

#define BLOCK_BYTES (1u << 20) /* what bodies are made of */
#define PIECE_BYTES 16384u     /* the most that goes out by one write */

static const struct {
	const char *name;
	enum path path;
} paths[] = {
	{ "/", PATH_ROOT },	      { "/burn", PATH_BURN },		{ "/sleep", PATH_SLEEP },
	{ "/lock", PATH_LOCK },	      { "/file", PATH_FILE },		{ "/fault", PATH_FAULT },
	{ "/size", PATH_SIZE },	      { "/userfault", PATH_USERFAULT }, { "/upstream", PATH_UPSTREAM },
	{ "/chunks", PATH_CHUNKS },   { "/sendfile", PATH_SENDFILE },	{ "/count", PATH_COUNT },
	{ "/contend", PATH_CONTEND },
};

struct connection *connection_accept(bool nonblocking)
{
	int fd;

	if (options.accept_delay_us) {
		struct pollfd listener = { .fd = options.listener, .events = POLLIN };
		const struct timespec nap = timespec_of(options.accept_delay_us * 1000);

		poll(&listener, 1, -1);
		nanosleep(&nap, NULL);
	}
	fd = accept4(options.listener, NULL, NULL, SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0));
	if (fd < 0) {
		if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
			return NULL;
		die("accept"); /* too many files are open: no answer of ours would be right any more */
	}
	return connection_new(fd, nonblocking);
}

struct connection *connection_new(int fd, bool nonblocking)
{
	struct connection *c = malloc(sizeof(*c));

	address_no_delay(fd, &options.address);
	if (!c)
		die("malloc");
	memset(c, 0, offsetof(struct connection, in));
	c->watched.kind = CONNECTION;
	c->watched.fd = fd;
	c->nonblocking = nonblocking;
	c->upstream_fd = -1;
	c->in_bytes = 0;
	c->body_left = 0;
	c->has_head = false;
	return c;
}

void connection_close(struct connection *c)
{
	close(c->watched.fd);
	if (c->upstream_fd >= 0)
		close(c->upstream_fd);
	free(c);
}

enum progress connection_read(struct connection *c)
{
	ssize_t got;

	do
		got = recv(c->watched.fd, c->in + c->in_bytes, sizeof(c->in) - c->in_bytes, 0);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got < 0 && errno == EAGAIN ? AGAIN : FAILED;
	c->in_bytes += (size_t)got;
	return DONE;
}

/* Forget the first BYTES of what has come. */
static void consume(struct connection *c, size_t bytes)
{
	c->in_bytes -= bytes;
	memmove(c->in, c->in + bytes, c->in_bytes);
}

static uint64_t query_number(const char *query, const char *key)
{
	size_t length = strlen(key);

	while (query && *query) {
		if (!strncmp(query, key, length) && query[length] == '=')
			return strtoull(query + length + 1, NULL, 10);
		query = strchr(query, '&');
		query = query ? query + 1 : NULL;
	}
	return 0;
}

/* The value of a header in HEAD, which ends in an empty line, or NULL. */
static const char *header(const char *head, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
		if (!strncasecmp(line + 2, name, length) && line[2 + length] == ':')
			return line + 3 + length + strspn(line + 3 + length, " \t");
	return NULL;
}

static bool header_is(const char *head, const char *name, const char *value)
{
	const char *found = header(head, name);

	return found && !strncasecmp(found, value, strlen(value));
}

static int parse_head(struct connection *c, char *head)
{
	char method[8], target[256], *query;
	const char *length = header(head, "Content-Length");
	struct request *r = &c->request;
	unsigned minor;

	if (sscanf(head, "%7s %255s HTTP/1.%u", method, target, &minor) != 3 || minor > 1 ||
	    header(head, "Transfer-Encoding"))
		return -1;
	if (strcmp(method, "GET") && strcmp(method, "HEAD") && strcmp(method, "POST"))
		return -1;
	*r = (struct request){ .head_only = !strcmp(method, "HEAD") };
	r->keep_alive = minor ? !header_is(head, "Connection", "close") :
				header_is(head, "Connection", "keep-alive");
	query = strchr(target, '?');
	if (query)
		*query++ = '\0';
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!strcmp(target, paths[i].name))
			r->path = paths[i].path;
	r->us = query_number(query, "us");
	r->bytes = query_number(query, "bytes");
	r->pages = query_number(query, "pages");
	r->n = query_number(query, "n");
	c->body_left = length ? strtoull(length, NULL, 10) : 0;
	return 0;
}

static enum progress refuse(struct connection *c)
{
	static const char words[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: "
				    "close\r\n\r\n";

	if (send(c->watched.fd, words, sizeof(words) - 1, MSG_NOSIGNAL) > 0)
		__atomic_add_fetch(answered, 1, __ATOMIC_SEQ_CST);
	return FAILED;
}

static enum progress take_head(struct connection *c)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	char *end = memmem(c->in, c->in_bytes, "\r\n\r\n", 4);
	size_t bytes;
	bool waits;

	if (!end)
		return c->in_bytes < sizeof(c->in) ? AGAIN : refuse(c);
	end[2] = '\0'; /* after the last header's end of line */
	if (memchr(c->in, '\0', (size_t)(end + 2 - c->in)) || parse_head(c, c->in))
		return refuse(c);
	waits = header_is(c->in, "Expect", "100-continue");
	bytes = (size_t)(end + 4 - c->in);
	consume(c, bytes);
	c->has_head = true;
	if (waits && c->body_left > c->in_bytes &&
	    send(c->watched.fd, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL) < 0)
		return FAILED;
	return DONE;
}

enum progress connection_parse(struct connection *c)
{
	uint64_t skipped;

	if (!c->has_head) {
		enum progress head = take_head(c);

		if (head != DONE)
			return head;
	}
	skipped = c->body_left < c->in_bytes ? c->body_left : c->in_bytes;
	consume(c, skipped);
	c->body_left -= skipped;
	if (c->body_left)
		return AGAIN;
	c->has_head = false;
	return DONE;
}

static void prepare_body(const struct request *r, struct answer *a, char *body, size_t size)
{
	if (r->path == PATH_SIZE || r->path == PATH_SENDFILE) {
		a->body_left = r->bytes;
		a->piece_bytes = r->bytes / 4 + 1 < PIECE_BYTES ? r->bytes / 4 + 1 : PIECE_BYTES;
	} else if (r->path == PATH_CHUNKS) {
		a->chunked = true;
		a->chunks_left = r->n;
	} else if (r->path == PATH_COUNT) {
		snprintf(body, size, "%lu\n", __atomic_load_n(answered, __ATOMIC_SEQ_CST));
	} else {
		snprintf(body, size, "%s\n", r->path == PATH_NONE ? "not here" : "ok");
	}
}

void connection_prepare(struct connection *c, uint64_t known_ns)
{
	const struct request *r = &c->request;
	struct answer *a = &c->answer;
	char body[32] = "", length[64] = "Transfer-Encoding: chunked";

	a->body_left = a->chunks_left = a->text_sent = 0;
	a->chunked = false;
	a->counted = r->path == PATH_COUNT;
	prepare_body(r, a, body, sizeof(body));
	if (!a->chunked)
		snprintf(length, sizeof(length), "Content-Length: %lu", a->body_left + strlen(body));
	a->text_bytes = (size_t)snprintf(a->text, sizeof(a->text),
					 "HTTP/1.1 %s\r\n%s\r\nX-Known-ns: %lu\r\nConnection: %s\r\n\r\n%s",
					 r->path == PATH_NONE ? "404 Not Found" : "200 OK", length, known_ns,
					 r->keep_alive ? "keep-alive" : "close", r->head_only ? "" : body);
	if (r->head_only) {
		a->body_left = 0;
		a->chunked = false;
	}
}

enum progress connection_answer(struct connection *c, uint64_t known_ns)
{
	connection_prepare(c, known_ns);
	return connection_send(c);
}

/* The next chunk, or the one that ends the body. */
static void next_chunk(struct connection *c)
{
	struct answer *a = &c->answer;
	const struct timespec nap = timespec_of(c->request.us * 1000);

	a->text_sent = 0;
	if (a->chunks_left) {
		nanosleep(&nap, NULL);
		a->chunks_left--;
		a->text_bytes = (size_t)sprintf(a->text, "6\r\nchunk\n\r\n");
	} else {
		a->chunked = false;
		a->text_bytes = (size_t)sprintf(a->text, "0\r\n\r\n");
	}
}

/* A file in memory that both ways of sending a large body take it from. */
static int block_fd(void)
{
	static int fd = -1;

	if (fd < 0) {
		int made = memfd_create("httpd-body", MFD_CLOEXEC);

		if (made < 0 || ftruncate(made, BLOCK_BYTES))
			die("memfd_create");
		if (!__sync_bool_compare_and_swap(&fd, -1, made))
			close(made);
	}
	return fd;
}

static const char zeroes[PIECE_BYTES];

/* Of a body, what goes out by one write. */
static size_t piece_bytes(const struct answer *a)
{
	return a->body_left < a->piece_bytes ? a->body_left : a->piece_bytes;
}

static ssize_t send_body(struct connection *c)
{
	const struct answer *a = &c->answer;
	off_t offset = 0;

	if (c->request.path == PATH_SENDFILE)
		return sendfile(c->watched.fd, block_fd(), &offset,
				a->body_left < BLOCK_BYTES ? a->body_left : BLOCK_BYTES);
	return send(c->watched.fd, zeroes, piece_bytes(a), MSG_NOSIGNAL);
}

/* One send; counted before it is one, since the client may ask for the count as soon as it has this. */
static ssize_t send_text(struct connection *c)
{
	struct answer *a = &c->answer;
	bool first = !a->counted;
	ssize_t sent;

	if (first)
		__atomic_add_fetch(answered, 1, __ATOMIC_SEQ_CST);
	sent = send(c->watched.fd, a->text + a->text_sent, a->text_bytes - a->text_sent, MSG_NOSIGNAL);
	if (first && sent < 0)
		__atomic_sub_fetch(answered, 1, __ATOMIC_SEQ_CST);
	else
		a->counted = true;
	return sent;
}

enum progress connection_send(struct connection *c)
{
	struct answer *a = &c->answer;
	ssize_t sent;

	for (;;) {
		if (a->text_sent < a->text_bytes) {
			sent = send_text(c);
			a->text_sent += sent > 0 ? (size_t)sent : 0;
		} else if (a->body_left) {
			sent = send_body(c);
			a->body_left -= sent > 0 ? (uint64_t)sent : 0;
		} else if (a->chunked) {
			next_chunk(c);
			continue;
		} else {
			return DONE;
		}
		if (sent < 0 && errno != EINTR)
			return errno == EAGAIN ? AGAIN : FAILED;
	}
}

size_t connection_next(struct connection *c, const char **bytes)
{
	struct answer *a = &c->answer;

	if (!a->counted)
		__atomic_add_fetch(answered, 1, __ATOMIC_SEQ_CST);
	a->counted = true;
	if (a->text_sent == a->text_bytes && a->body_left) {
		*bytes = zeroes;
		return piece_bytes(a);
	}
	if (a->text_sent == a->text_bytes && a->chunked)
		next_chunk(c);
	*bytes = a->text + a->text_sent;
	return a->text_bytes - a->text_sent;
}

enum progress connection_sent(struct connection *c, ssize_t sent)
{
	struct answer *a = &c->answer;

	if (sent < 0) {
		/* No answer was given after all, if this would have been the first of it. */
		if (a->counted && !a->text_sent && c->request.path != PATH_COUNT)
			__atomic_sub_fetch(answered, 1, __ATOMIC_SEQ_CST);
		return FAILED;
	}
	if (a->text_sent < a->text_bytes)
		a->text_sent += (size_t)sent;
	else
		a->body_left -= (uint64_t)sent;
	return a->text_sent < a->text_bytes || a->body_left || a->chunked ? AGAIN : DONE;
}
