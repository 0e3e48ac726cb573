/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/1.x requests as bytes come (RFC 9110, RFC 9112): no socket, no clock, no allocation.
 *
 * Strict where leniency would let two programs see different requests in the same bytes: only CRLF ends a
 * line, no folding, no space before a colon, one framing.  What was decided does not depend on how the
 * bytes were cut.  An error is a status, and loses the framing: the connection ends after its answer.
 */
#ifndef WHYLATE_SERVERS_HTTP_H
#define WHYLATE_SERVERS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/base/http_syntax.h"

#define HTTP_HEAD_BYTES	      8192u /* longer ones are answered 414 or 431 */
#define HTTP_BODY_BYTES	      1024u /* 413 */
#define HTTP_CHUNK_LINE_BYTES 256u  /* a chunk's size and its extensions: 400 */
#define HTTP_TRAILER_BYTES    4096u /* 431 */

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_CONNECT, HTTP_OPTIONS, HTTP_OTHER };

struct http_request {
	enum http_method method;
	bool keep_alive; /* may be followed by another */
	bool http10;
	bool expects_continue;
	bool chunked;
	uint32_t content_length; /* at most HTTP_BODY_BYTES; 0 if chunked */
	/* Where in the bytes; 0 bytes: not there.  The target from its path on, in whatever form it came. */
	uint16_t target_at, target_bytes;
	uint16_t traceparent_at, traceparent_bytes;

	/* The parser's own. */
	uint16_t line_at, scanned;
	bool has_request_line;
	uint8_t hosts, lengths; /* fields of that name, up to 2 */
	bool too_long, has_coding, other_coding, bad_coding;
	bool says_close, says_keep_alive;
};

/* Ready for the first byte of a head. */
void http_request_init(struct http_request *request);

/*
 * BYTES holds all NR bytes that came of this head so far and maybe what follows it; it may have moved since
 * the last call, and work is proportional to what is new.  Returns the head's length once it is whole, 0
 * if more is needed, or minus the status to answer.
 */
int http_parse_head(struct http_request *request, const char *bytes, size_t nr);

/* How far a body has come. */
struct http_body {
	enum {
		HTTP_BODY_LENGTH, /* by Content-Length */
		HTTP_BODY_CHUNKS,
		HTTP_TRAILER,	   /* at the beginning of a line */
		HTTP_TRAILER_NAME, /* in a name, up to its colon */
		HTTP_TRAILER_VALUE,
		HTTP_TRAILER_LF, /* of a line */
		HTTP_TRAILER_LAST_LF,
		HTTP_BODY_WHOLE,
	} state;
	struct http_chunk chunk; /* left: of its data, or of all by length */
	uint32_t bytes;		 /* of content so far */
	uint16_t line_bytes, trailer_bytes;
};

/* The body that REQUEST, whose head is whole, announces. */
void http_body_init(struct http_body *body, const struct http_request *request);

/*
 * Take up to NR BYTES of a body; its content is put into CONTENT (HTTP_BODY_BYTES).  *USED is how many were
 * the body's.  Returns 1 once it is whole, 0 if more is needed, or minus the status to answer.
 */
int http_body_take(struct http_body *body, const char *bytes, size_t nr, char *content, size_t *used);

#endif /* WHYLATE_SERVERS_HTTP_H */
