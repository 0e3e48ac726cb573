// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The body of a request: its content, and where it ends. */
#include "servers/http.h"

#include <string.h>

void http_body_init(struct http_body *body, const struct http_request *request)
{
	*body = (struct http_body){ .left = request->content_length };
	body->state = request->chunked	      ? HTTP_CHUNK_SIZE :
		      request->content_length ? HTTP_BODY_LENGTH :
						HTTP_BODY_WHOLE;
}

static int hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return -1;
}

static bool is_control(char byte)
{
	return ((unsigned char)byte < ' ' && byte != '\t') || byte == 0x7f;
}

/* A byte of the line with the chunk's size. */
static int take_size(struct http_body *body, char byte)
{
	int digit = hex_digit(byte);

	if (++body->line_bytes > HTTP_CHUNK_LINE_BYTES)
		return -400;
	if (body->state == HTTP_CHUNK_SIZE && digit >= 0) {
		body->digits++;
		body->left = body->left * 16 + (uint32_t)digit;
		return body->bytes + body->left > HTTP_BODY_BYTES ? -413 : 0;
	}
	if (!body->digits)
		return -400;
	if (byte == '\r' && body->state != HTTP_CHUNK_BLANK) {
		body->state = HTTP_CHUNK_LF;
		return 0;
	}
	if (body->state == HTTP_CHUNK_EXTENSION)
		return is_control(byte) ? -400 : 0;
	if (byte != ';' && byte != ' ' && byte != '\t')
		return -400;
	body->state = byte == ';' ? HTTP_CHUNK_EXTENSION : HTTP_CHUNK_BLANK;
	return 0;
}

static int end_size(struct http_body *body, char byte)
{
	if (byte != '\n')
		return -400;
	body->state = body->left ? HTTP_CHUNK_DATA : HTTP_TRAILER;
	body->digits = body->line_bytes = 0;
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
		else if (is_control(byte))
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

/* Content, as much as there is of it at once. */
static size_t take_content(struct http_body *body, const char *bytes, size_t nr, char *content)
{
	size_t take = nr < body->left ? nr : body->left;

	memcpy(content + body->bytes, bytes, take);
	body->bytes += (uint32_t)take;
	body->left -= (uint32_t)take;
	if (!body->left)
		body->state = body->state == HTTP_BODY_LENGTH ? HTTP_BODY_WHOLE : HTTP_CHUNK_DATA_CR;
	return take;
}

static int take_byte(struct http_body *body, char byte)
{
	switch (body->state) {
	case HTTP_CHUNK_SIZE:
	case HTTP_CHUNK_BLANK:
	case HTTP_CHUNK_EXTENSION:
		return take_size(body, byte);
	case HTTP_CHUNK_LF:
		return end_size(body, byte);
	case HTTP_CHUNK_DATA_CR:
		body->state = HTTP_CHUNK_DATA_LF;
		return byte == '\r' ? 0 : -400;
	case HTTP_CHUNK_DATA_LF:
		body->state = HTTP_CHUNK_SIZE;
		return byte == '\n' ? 0 : -400;
	default:
		return take_trailer(body, byte);
	}
}

int http_body_take(struct http_body *body, const char *bytes, size_t nr, char *content, size_t *used)
{
	int ret = 0;

	*used = 0;
	while (*used < nr && body->state != HTTP_BODY_WHOLE && !ret) {
		if (body->state == HTTP_BODY_LENGTH || body->state == HTTP_CHUNK_DATA)
			*used += take_content(body, bytes + *used, nr - *used, content);
		else
			ret = take_byte(body, bytes[(*used)++]);
	}
	return ret ? ret : body->state == HTTP_BODY_WHOLE;
}
