// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "httpc.h"

static bool is_header(const struct answer *a, const char *name, const char **value)
{
	size_t length = strlen(name);

	if (strncasecmp(a->line, name, length) || a->line[length] != ':')
		return false;
	*value = a->line + length + 1 + strspn(a->line + length + 1, " \t");
	return true;
}

static void take_header(struct answer *a)
{
	const char *value;

	if (is_header(a, "Content-Length", &value)) {
		a->has_length = true;
		a->left = strtoull(value, NULL, 10);
	} else if (is_header(a, "Transfer-Encoding", &value)) {
		a->chunked = !strncasecmp(value, "chunked", 7);
	} else if (is_header(a, "Connection", &value)) {
		a->close = !strncasecmp(value, "close", 5);
	} else if (is_header(a, "X-Known-ns", &value)) {
		a->known_ns = strtoull(value, NULL, 10);
	}
}

static enum answer_event after_head(struct answer *a, bool head_only)
{
	if (a->status < 200) {
		*a = (struct answer){ 0 };
		return ANSWER_INTERIM;
	}
	if (head_only || a->status == 204 || a->status == 304)
		return ANSWER_WHOLE;
	if (a->chunked) {
		a->state = IN_CHUNK_SIZE;
	} else if (a->has_length) {
		a->state = IN_BODY;
		return a->left ? ANSWER_MORE : ANSWER_WHOLE;
	} else {
		a->state = UNTIL_CLOSED;
		a->close = true;
	}
	return ANSWER_MORE;
}

static enum answer_event take_line(struct answer *a, bool head_only)
{
	unsigned minor;
	char *end;

	if (a->state == IN_CHUNK_SIZE) {
		a->left = strtoull(a->line, &end, 16);
		if (end == a->line)
			return ANSWER_BAD;
		a->state = a->left ? IN_CHUNK : IN_TRAILER;
		return ANSWER_MORE;
	}
	if (a->state == IN_CHUNK_END) {
		a->state = IN_CHUNK_SIZE;
		return *a->line ? ANSWER_BAD : ANSWER_MORE;
	}
	if (a->state == IN_TRAILER)
		return *a->line ? ANSWER_MORE : ANSWER_WHOLE;
	if (!a->status) {
		if (sscanf(a->line, "HTTP/1.%1u %3u", &minor, &a->status) != 2 || a->status < 100 ||
		    a->status > 599)
			return ANSWER_BAD;
		a->close = !minor; /* unless it says otherwise */
		return ANSWER_MORE;
	}
	if (!*a->line)
		return after_head(a, head_only);
	take_header(a);
	return ANSWER_MORE;
}

/* Up to the end of a line; returns what was taken. */
static size_t gather_line(struct answer *a, const char *data, size_t bytes, bool *whole)
{
	const char *end = memchr(data, '\n', bytes);
	size_t taken = end ? (size_t)(end + 1 - data) : bytes, room = sizeof(a->line) - 1 - a->line_bytes;
	size_t kept = taken < room ? taken : room;

	memcpy(a->line + a->line_bytes, data, kept);
	a->line_bytes += kept;
	a->line[a->line_bytes] = '\0';
	*whole = end;
	if (end)
		a->line[strcspn(a->line, "\r\n")] = '\0';
	return taken;
}

/* Of a body or a chunk, whose bytes are all alike to us. */
static enum answer_event skip(struct answer *a, size_t bytes, size_t *taken)
{
	*taken = bytes < a->left ? bytes : a->left;
	a->left -= *taken;
	if (a->left)
		return ANSWER_MORE;
	if (a->state == IN_BODY)
		return ANSWER_WHOLE;
	a->state = IN_CHUNK_END;
	return ANSWER_MORE;
}

enum answer_event answer_take(struct answer *a, const char *data, size_t bytes, size_t *taken, bool head_only)
{
	enum answer_event event = ANSWER_MORE;

	*taken = 0;
	while (*taken < bytes && event == ANSWER_MORE) {
		size_t part = bytes - *taken;
		bool whole;

		if (a->state == IN_BODY || a->state == IN_CHUNK) {
			event = skip(a, part, &part);
		} else if (a->state != UNTIL_CLOSED) {
			part = gather_line(a, data + *taken, part, &whole);
			if (whole) {
				a->line_bytes = 0;
				event = take_line(a, head_only);
			}
		}
		*taken += part;
	}
	return event;
}

bool answer_ends_here(const struct answer *a)
{
	return a->state == UNTIL_CLOSED;
}
