// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/base/http_syntax.h"

#include <errno.h>

#define IN_BOTH (HTTP_IN_TOKEN | HTTP_IN_HOST)

const uint8_t http_places[256] = {
	['0' ... '9'] = IN_BOTH, ['a' ... 'z'] = IN_BOTH, ['A' ... 'Z'] = IN_BOTH, ['!'] = IN_BOTH,
	['$'] = IN_BOTH,	 ['%'] = IN_BOTH,	  ['&'] = IN_BOTH,	   ['\''] = IN_BOTH,
	['*'] = IN_BOTH,	 ['+'] = IN_BOTH,	  ['-'] = IN_BOTH,	   ['.'] = IN_BOTH,
	['_'] = IN_BOTH,	 ['~'] = IN_BOTH,	  ['#'] = HTTP_IN_TOKEN,   ['^'] = HTTP_IN_TOKEN,
	['`'] = HTTP_IN_TOKEN,	 ['|'] = HTTP_IN_TOKEN,	  ['('] = HTTP_IN_HOST,	   [')'] = HTTP_IN_HOST,
	['='] = HTTP_IN_HOST,	 [';'] = HTTP_IN_HOST,	  [','] = HTTP_IN_HOST,	   [':'] = HTTP_IN_HOST,
	['['] = HTTP_IN_HOST,	 [']'] = HTTP_IN_HOST,
};

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

/* A byte of the line with the size, before its end. */
static int take_size(struct http_chunk *chunk, char byte, bool strict)
{
	int digit = hex_digit(byte);

	if (chunk->state == HTTP_CHUNK_SIZE && digit >= 0) {
		chunk->has_size = true;
		if (chunk->left >> 59)
			return -EINVAL;
		chunk->left = chunk->left * 16 + (uint64_t)digit;
		return 0;
	}
	if (!chunk->has_size)
		return -EINVAL;
	if (byte == '\r' && (chunk->state != HTTP_CHUNK_BLANK || !strict)) {
		chunk->state = HTTP_CHUNK_LF;
		return 0;
	}
	if (chunk->state == HTTP_CHUNK_EXTENSION)
		return strict && http_is_control((unsigned char)byte) ? -EINVAL : 0;
	if (byte != ';' && !http_is_blank(byte))
		return -EINVAL;
	chunk->state = byte == ';' ? HTTP_CHUNK_EXTENSION : HTTP_CHUNK_BLANK;
	return 0;
}

static int end_line(struct http_chunk *chunk)
{
	if (chunk->state == HTTP_CHUNK_DATA_LF || chunk->state == HTTP_CHUNK_DATA_CR)
		chunk->state = HTTP_CHUNK_SIZE;
	else if (!chunk->has_size)
		return -EINVAL;
	else
		chunk->state = chunk->left ? HTTP_CHUNK_DATA : HTTP_CHUNK_LAST;
	chunk->has_size = false;
	return 0;
}

int http_chunk_take(struct http_chunk *chunk, char byte, bool strict)
{
	bool has_cr = chunk->state == HTTP_CHUNK_LF || chunk->state == HTTP_CHUNK_DATA_LF;

	if (byte == '\n' && (has_cr || !strict))
		return end_line(chunk);
	if (has_cr)
		return -EINVAL;
	if (chunk->state != HTTP_CHUNK_DATA_CR)
		return take_size(chunk, byte, strict);
	chunk->state = HTTP_CHUNK_DATA_LF;
	return byte == '\r' ? 0 : -EINVAL;
}

void http_chunk_pass(struct http_chunk *chunk, size_t nr)
{
	chunk->left -= nr;
	if (!chunk->left)
		chunk->state = HTTP_CHUNK_DATA_CR;
}
