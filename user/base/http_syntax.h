/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the bytes of requests and of answers have in common (RFC 9110, RFC 9112). */
#ifndef WHYLATE_BASE_HTTP_SYNTAX_H
#define WHYLATE_BASE_HTTP_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a byte may stand. */
enum { HTTP_IN_TOKEN = 1, HTTP_IN_HOST = 2 };
extern const uint8_t http_places[256];

/* Whether BYTE may stand in a token: a method, a field's name. */
static inline bool http_is_token(unsigned char byte)
{
	return http_places[byte] & HTTP_IN_TOKEN;
}

/* Whether BYTE may stand in Host: a registered name or address, and a port (RFC 3986, 3.2). */
static inline bool http_is_host(unsigned char byte)
{
	return http_places[byte] & HTTP_IN_HOST;
}

/* Whether BYTE may stand nowhere in a field's value. */
static inline bool http_is_control(unsigned char byte)
{
	return (byte < ' ' && byte != '\t') || byte == 0x7f;
}

static inline bool http_is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* The frame of a chunked body (RFC 9112, 7.1), up to its trailers. */
enum http_chunk_state {
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK_BLANK, /* behind the size: only a semicolon may follow */
	HTTP_CHUNK_EXTENSION,
	HTTP_CHUNK_LF, /* of the size's line */
	HTTP_CHUNK_DATA,
	HTTP_CHUNK_DATA_CR,
	HTTP_CHUNK_DATA_LF,
	HTTP_CHUNK_LAST, /* it is over: trailers follow */
};

/* Ready for the first byte where it is all 0. */
struct http_chunk {
	uint64_t left; /* of its data */
	enum http_chunk_state state;
	bool has_size;
};

/*
 * Take a BYTE that is no data.  STRICT: only CRLF ends a line, and an extension is text; else LF alone does
 * too, and blanks may end the size's line.  Returns 0, or -EINVAL: this is no chunk, or one of 2^63 bytes or
 * more.
 */
int http_chunk_take(struct http_chunk *chunk, char byte, bool strict);

/* In HTTP_CHUNK_DATA: NR bytes of it came, at most what is left. */
void http_chunk_pass(struct http_chunk *chunk, size_t nr);

#endif /* WHYLATE_BASE_HTTP_SYNTAX_H */
