// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The body of a request: its content, and where it ends. */
#include "servers/http.h"

#include <string.h>

void http_body_init(struct http_body *body, const struct http_request *request)
{
	*body = (struct http_body){ .chunk.left = request->content_length };
	body->state = request->chunked	      ? HTTP_BODY_CHUNKS :
		      request->content_length ? HTTP_BODY_LENGTH :
						HTTP_BODY_WHOLE;
}

/* A byte of the frame of a chunk. */
static int take_frame(struct http_body *body, char byte)
{
	if (body->chunk.state <= HTTP_CHUNK_EXTENSION && ++body->line_bytes > HTTP_CHUNK_LINE_BYTES)
		return -400;
	if (http_chunk_take(&body->chunk, byte, true))
		return -400;
	if (body->bytes + body->chunk.left > HTTP_BODY_BYTES)
		return -413;
	if (body->chunk.state >= HTTP_CHUNK_DATA)
		body->line_bytes = 0;
	if (body->chunk.state == HTTP_CHUNK_LAST)
		body->state = HTTP_TRAILER;
	return 0;
}

/* Fields that nobody here asks for; but what ends them must be certain. */
static int take_trailer(struct http_body *body, char byte)
{
	if (++body->trailer_bytes > HTTP_TRAILER_BYTES)
		return -431;
	if (body->state == HTTP_TRAILER_LF) {
		body->state = HTTP_TRAILER;
		return byte == '\n' ? 0 : -400;
	}
	if (body->state == HTTP_TRAILER_LAST_LF) {
		body->state = HTTP_BODY_WHOLE;
		return byte == '\n' ? 0 : -400;
	}
	if (body->state == HTTP_TRAILER_VALUE) {
		if (byte == '\r')
			body->state = HTTP_TRAILER_LF;
		else if (http_is_control((unsigned char)byte))
			return -400;
		return 0;
	}
	if (body->state == HTTP_TRAILER && byte == '\r') {
		body->state = HTTP_TRAILER_LAST_LF;
		return 0;
	}
	if (body->state == HTTP_TRAILER_NAME && byte == ':') {
		body->state = HTTP_TRAILER_VALUE;
		return 0;
	}
	body->state = HTTP_TRAILER_NAME;
	return http_is_token((unsigned char)byte) ? 0 : -400;
}

static bool has_content(const struct http_body *body)
{
	return body->state == HTTP_BODY_LENGTH ||
	       (body->state == HTTP_BODY_CHUNKS && body->chunk.state == HTTP_CHUNK_DATA);
}

/* Content, as much as there is of it at once. */
static size_t take_content(struct http_body *body, const char *bytes, size_t nr, char *content)
{
	size_t take = nr < body->chunk.left ? nr : body->chunk.left;

	memcpy(content + body->bytes, bytes, take);
	body->bytes += (uint32_t)take;
	http_chunk_pass(&body->chunk, take);
	if (body->state == HTTP_BODY_LENGTH && !body->chunk.left)
		body->state = HTTP_BODY_WHOLE;
	return take;
}

int http_body_take(struct http_body *body, const char *bytes, size_t nr, char *content, size_t *used)
{
	int ret = 0;

	*used = 0;
	while (*used < nr && body->state != HTTP_BODY_WHOLE && !ret) {
		if (has_content(body)) {
			*used += take_content(body, bytes + *used, nr - *used, content);
		} else {
			char byte = bytes[(*used)++];

			ret = body->state == HTTP_BODY_CHUNKS ? take_frame(body, byte) :
								take_trailer(body, byte);
		}
	}
	return ret ? ret : body->state == HTTP_BODY_WHOLE;
}
