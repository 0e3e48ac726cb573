/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/1.x answers as bytes come (RFC 9112): where each ends, its status, and whether the connection may go
 * on. No socket, no clock, no allocation, and content is passed over, not kept.  What is decided does not
 * depend on how the bytes were cut.  The answers are untrusted.
 */
#ifndef WHYLATE_LOAD_RESPONSE_H
#define WHYLATE_LOAD_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/base/http_syntax.h"

#define RESPONSE_HEAD_BYTES 65536u /* of one head, and of trailers: more is RESPONSE_TOO_LONG */

enum response_state {
	RESPONSE_MORE,	    /* bytes are wanted */
	RESPONSE_WHOLE,	    /* the final answer has ended; bytes behind it are not taken */
	RESPONSE_MALFORMED, /* this is no answer in HTTP/1.x */
	RESPONSE_TOO_LONG,
};

struct response {
	uint16_t status;  /* 100 to 999, once its line is whole; of the final answer */
	bool keep_alive;  /* another request may follow, once it is whole */
	bool is_head;	  /* as given */
	bool begun;	  /* a byte has come, interim answers included */
	uint64_t content; /* bytes of content so far */

	/* The parser's own. */
	struct http_chunk chunk;  /* left: of its data, or of all by length */
	uint64_t number, length;  /* the one being read; Content-Length */
	uint32_t head_bytes;	  /* of this head, chunk's line or trailers */
	uint8_t step, field;	  /* what comes next, and of which field */
	uint8_t word, word_bytes; /* of the words that matter, the one that this may be, and how far */
	bool gap;		  /* blanks behind it: nothing may follow */
	bool http11, is_interim, in_trailers, says_close, says_keep_alive;
	bool has_length, bad_length, has_coding, is_chunked;
};

/* Before the first byte of an answer to a request; IS_HEAD: to a HEAD, which has no content. */
void response_begin(struct response *response, bool is_head);

/*
 * Take up to NR BYTES; *USED is how many were the answer's.  1xx answers are passed over, but for 101, which
 * is final and ends HTTP on this connection (keep_alive is false).  Once it is not RESPONSE_MORE it stays so.
 */
enum response_state response_take(struct response *response, const char *bytes, size_t nr, size_t *used);

/* The connection has ended in order: RESPONSE_WHOLE if that ends the content, else RESPONSE_MALFORMED (it was
 * cut). */
enum response_state response_end(struct response *response);

#endif /* WHYLATE_LOAD_RESPONSE_H */
