// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The head of a request, line by line as each becomes whole.  docs/decisions/0010-servers.md: why our own. */
#include "servers/http.h"

#include <string.h>
#include <strings.h>

/* A part of a line. */
struct text {
	const char *at;
	size_t bytes;
};

static bool is(struct text text, const char *word)
{
	return text.bytes == strlen(word) && !strncasecmp(text.at, word, text.bytes);
}

static struct text trim(struct text text)
{
	while (text.bytes && http_is_blank(text.at[0])) {
		text.at++;
		text.bytes--;
	}
	while (text.bytes && http_is_blank(text.at[text.bytes - 1]))
		text.bytes--;
	return text;
}

/* The next member of a comma-separated list, which it is taken from; false: no more. */
static bool next_member(struct text *list, struct text *member)
{
	const char *comma;

	if (!list->at)
		return false;
	comma = memchr(list->at, ',', list->bytes);
	*member = (struct text){ list->at, comma ? (size_t)(comma - list->at) : list->bytes };
	list->bytes -= member->bytes + (comma ? 1 : 0);
	list->at = comma ? comma + 1 : NULL;
	*member = trim(*member);
	return true;
}

static void count_to_two(uint8_t *count)
{
	if (*count < 2)
		++*count;
}

static int take_method(struct http_request *r, struct text method)
{
	static const char *const names[] = {
		[HTTP_GET] = "GET",	    [HTTP_HEAD] = "HEAD",	[HTTP_POST] = "POST",
		[HTTP_CONNECT] = "CONNECT", [HTTP_OPTIONS] = "OPTIONS",
	};

	if (!method.bytes)
		return -400;
	for (size_t i = 0; i < method.bytes; i++)
		if (!http_is_token((unsigned char)method.at[i]))
			return -400;
	r->method = HTTP_OTHER;
	/* Unlike all else here, methods are case-sensitive. */
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (method.bytes == strlen(names[i]) && !memcmp(method.at, names[i], method.bytes))
			r->method = (enum http_method)i;
	return 0;
}

/* From the path on: of "http://host/path?query" only the end; "http://host" has the path "/", as 0 bytes. */
static struct text skip_authority(struct text target)
{
	size_t at = target.at[4] == ':' ? strlen("http://") : strlen("https://");

	while (at < target.bytes && target.at[at] != '/' && target.at[at] != '?')
		at++;
	return (struct text){ target.at + at, target.bytes - at };
}

static int take_target(struct http_request *r, struct text target, const char *bytes)
{
	bool is_absolute;

	if (!target.bytes)
		return -400;
	for (size_t i = 0; i < target.bytes; i++) {
		unsigned char byte = (unsigned char)target.at[i];

		if (byte <= ' ' || byte >= 0x7f)
			return -400;
	}
	is_absolute = (target.bytes > 7 && !strncasecmp(target.at, "http://", 7)) ||
		      (target.bytes > 8 && !strncasecmp(target.at, "https://", 8));
	if (r->method == HTTP_CONNECT ?
		    target.at[0] == '/' :
		    target.at[0] != '/' && !is_absolute && !(r->method == HTTP_OPTIONS && is(target, "*")))
		return -400;
	if (is_absolute)
		target = skip_authority(target);
	r->target_at = (uint16_t)(target.at - bytes);
	r->target_bytes = (uint16_t)target.bytes;
	return 0;
}

static int take_version(struct http_request *r, struct text version)
{
	if (version.bytes != 8 || memcmp(version.at, "HTTP/", 5) || version.at[6] != '.' ||
	    version.at[5] < '0' || version.at[5] > '9' || version.at[7] < '0' || version.at[7] > '9')
		return -400;
	if (version.at[5] != '1')
		return -505;
	r->http10 = version.at[7] == '0';
	return 0;
}

static int take_request_line(struct http_request *r, struct text line, const char *bytes)
{
	const char *first = memchr(line.at, ' ', line.bytes);
	const char *last = memrchr(line.at, ' ', line.bytes);
	struct text method, target, version;
	int ret;

	if (!first || first == last)
		return -400;
	method = (struct text){ line.at, (size_t)(first - line.at) };
	target = (struct text){ first + 1, (size_t)(last - first - 1) };
	version = (struct text){ last + 1, (size_t)(line.at + line.bytes - last - 1) };
	ret = take_method(r, method);
	if (!ret)
		ret = take_version(r, version);
	return ret ? ret : take_target(r, target, bytes);
}

/* It may be empty. */
static int take_host(struct http_request *r, struct text value)
{
	count_to_two(&r->hosts);
	for (size_t i = 0; i < value.bytes; i++)
		if (!http_is_host((unsigned char)value.at[i]))
			return -400;
	return 0;
}

static int take_length(struct http_request *r, struct text value)
{
	uint64_t length = 0;

	count_to_two(&r->lengths);
	if (!value.bytes)
		return -400;
	for (size_t i = 0; i < value.bytes; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return -400;
		length = length * 10 + (uint64_t)(value.at[i] - '0');
		if (length > HTTP_BODY_BYTES) {
			r->too_long = true;
			length = HTTP_BODY_BYTES;
		}
	}
	r->content_length = (uint32_t)length;
	return 0;
}

/* Chunked must be there once, as the last; what comes before it we cannot undo. */
static int take_coding(struct http_request *r, struct text value)
{
	struct text member;

	r->has_coding = true;
	while (next_member(&value, &member)) {
		if (!member.bytes)
			continue;
		r->bad_coding |= r->chunked;
		if (is(member, "chunked"))
			r->chunked = true;
		else
			r->other_coding = true;
	}
	return 0;
}

static int take_connection(struct http_request *r, struct text value)
{
	struct text member;

	while (next_member(&value, &member)) {
		r->says_close |= is(member, "close");
		r->says_keep_alive |= is(member, "keep-alive");
	}
	return 0;
}

static int take_expect(struct http_request *r, struct text value)
{
	if (!is(value, "100-continue"))
		return -417;
	r->expects_continue = true;
	return 0;
}

static int take_field(struct http_request *r, struct text line, const char *bytes)
{
	const char *colon = memchr(line.at, ':', line.bytes);
	struct text name, value;

	if (!colon || colon == line.at)
		return -400;
	name = (struct text){ line.at, (size_t)(colon - line.at) };
	value = (struct text){ colon + 1, line.bytes - name.bytes - 1 };
	for (size_t i = 0; i < name.bytes; i++)
		if (!http_is_token((unsigned char)name.at[i]))
			return -400;
	for (size_t i = 0; i < value.bytes; i++)
		if (http_is_control((unsigned char)value.at[i]))
			return -400;
	value = trim(value);
	if (is(name, "host"))
		return take_host(r, value);
	if (is(name, "content-length"))
		return take_length(r, value);
	if (is(name, "transfer-encoding"))
		return take_coding(r, value);
	if (is(name, "connection"))
		return take_connection(r, value);
	if (is(name, "expect"))
		return take_expect(r, value);
	if (is(name, "traceparent")) {
		r->traceparent_at = (uint16_t)(value.at - bytes);
		r->traceparent_bytes = (uint16_t)value.bytes;
	}
	return 0;
}

/* What can be said only once all fields are there. */
static int judge(struct http_request *r)
{
	if (r->hosts > 1 || (!r->hosts && !r->http10))
		return -400;
	if (r->lengths > 1 || (r->lengths && r->has_coding))
		return -400;
	/* A 1.0 client cannot know chunked: somebody in between has changed the framing. */
	if (r->has_coding && (r->http10 || !r->chunked || r->bad_coding))
		return -400;
	if (r->other_coding)
		return -501;
	if (r->too_long)
		return -413;
	if (r->http10)
		r->expects_continue = false;
	r->keep_alive = !r->says_close && (!r->http10 || r->says_keep_alive);
	return 0;
}

void http_request_init(struct http_request *request)
{
	*request = (struct http_request){ .method = HTTP_OTHER };
}

/* Take the line that ends before END.  Returns 0, 1 if it was the head's last, or minus a status. */
static int take_line(struct http_request *r, const char *bytes, size_t end)
{
	struct text line = { bytes + r->line_at, end - r->line_at };
	int ret;

	if (!r->has_request_line) {
		/* Some clients send one CRLF too much after a body; more would be a way to hold a connection.
		 */
		if (!line.bytes)
			return r->line_at ? -400 : 0;
		r->has_request_line = true;
		return take_request_line(r, line, bytes);
	}
	if (line.bytes)
		return take_field(r, line, bytes);
	ret = judge(r);
	return ret ? ret : 1;
}

int http_parse_head(struct http_request *r, const char *bytes, size_t nr)
{
	size_t most = nr < HTTP_HEAD_BYTES ? nr : HTTP_HEAD_BYTES;

	while (r->scanned < most) {
		const char *lf = memchr(bytes + r->scanned, '\n', most - r->scanned);
		size_t at;
		int ret;

		if (!lf) {
			r->scanned = (uint16_t)most;
			break;
		}
		at = (size_t)(lf - bytes);
		if (at == r->line_at || bytes[at - 1] != '\r')
			return -400;
		ret = take_line(r, bytes, at - 1);
		r->line_at = r->scanned = (uint16_t)(at + 1);
		if (ret)
			return ret < 0 ? ret : (int)at + 1;
	}
	if (most < HTTP_HEAD_BYTES)
		return 0;
	return r->has_request_line ? -431 : -414;
}
