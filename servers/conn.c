// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "servers/response.h"

uint64_t conn_after_ns(uint64_t now_ns, uint64_t limit_ns)
{
	uint64_t grain_ns = limit_ns >= CONN_LONG_NS ? CONN_GRAIN_NS : 1;

	return limit_ns ? (now_ns + limit_ns + grain_ns - 1) & -grain_ns : CONN_NEVER;
}

static void begin_request(struct conn *c)
{
	http_request_init(&c->request);
	c->has_head = false;
	c->need = CONN_RECEIVE;
}

void conn_init(struct conn *c, const struct conn_config *config, uint64_t now_ns)
{
	*c = (struct conn){ .config = config };
	begin_request(c);
	/* Who connects owes a request: it is not idle between two. */
	c->deadline_at_ns = conn_after_ns(now_ns, config->read_ns);
}

static void free_content(struct conn *c)
{
	free(c->content);
	c->content = NULL;
}

void conn_fini(struct conn *c)
{
	free_content(c);
	free(c->in);
	free(c->out);
	c->in = c->out = NULL;
}

void conn_fail(struct conn *c)
{
	c->need = CONN_CLOSE;
	c->deadline_at_ns = CONN_NEVER;
}

static void send_text(struct conn *c, char *text, size_t bytes, uint64_t now_ns)
{
	if (!text) { /* no memory: an answer that cannot be given is better seen than a silent wait */
		conn_fail(c);
		return;
	}
	c->out = text;
	c->out_at = 0;
	c->out_bytes = (uint32_t)bytes;
	c->need = CONN_SEND;
	c->deadline_at_ns = conn_after_ns(now_ns, c->config->write_ns);
}

static void send_answer(struct conn *c, const struct conn_answer *answer, const char *allow, uint64_t now_ns)
{
	struct response response = {
		.status = answer->status,
		.content_type = answer->content_type,
		.allow = allow,
		.body = answer->body,
		.body_bytes = answer->body_bytes,
		.no_body = c->request.method == HTTP_HEAD, /* also if its head is refused */
		.close = c->last,
		.says_keep_alive = c->request.http10,
	};
	size_t bytes;
	char *text = response_make(&response, &bytes);

	c->status = answer->status;
	send_text(c, text, bytes, now_ns);
}

void conn_answer(struct conn *c, const struct conn_answer *answer, uint64_t now_ns)
{
	free_content(c);
	/* What was read of further requests must still be answered. */
	c->last |= c->draining && !c->in_bytes;
	send_answer(c, answer, NULL, now_ns);
}

/* An answer that says in its body what its status means. */
static void answer_status(struct conn *c, uint16_t status, const char *allow, uint64_t now_ns)
{
	char body[80];
	int bytes = snprintf(body, sizeof(body), "%u %s\n", status, response_reason(status));
	struct conn_answer answer = { status, "text/plain", body, (size_t)bytes };

	free_content(c);
	send_answer(c, &answer, allow, now_ns);
}

/* Where the next request would begin is not known, or does not matter. */
static void refuse(struct conn *c, uint16_t status, uint64_t now_ns)
{
	c->last = true;
	answer_status(c, status, NULL, now_ns);
}

void conn_init_refused(struct conn *c, const struct conn_config *config, uint64_t now_ns)
{
	conn_init(c, config, now_ns);
	refuse(c, 503, now_ns);
}

/* The request is whole: what it asks for, or why not. */
static void take_request(struct conn *c, bool has_more, uint64_t now_ns)
{
	const char *allow;

	c->deadline_at_ns = CONN_NEVER;
	c->whole_at_ns = now_ns;
	c->need = CONN_WORK;
	c->last |= (c->draining && !has_more) || !c->request.keep_alive;
	allow = plan_refuse_method(c->plan.route, c->request.method);
	if (c->plan.route == PLAN_NOT_FOUND)
		answer_status(c, 404, NULL, now_ns);
	else if (allow)
		answer_status(c, 405, allow, now_ns);
	else if (c->plan.nr_steps == UINT32_MAX)
		answer_status(c, 400, NULL, now_ns);
}

/* Whether what the request asks for is known to get no work. */
static bool is_refused(const struct conn *c)
{
	return c->plan.route == PLAN_NOT_FOUND || c->plan.nr_steps == UINT32_MAX ||
	       plan_refuse_method(c->plan.route, c->request.method);
}

/* The head is whole, at TEXT: take what is needed of it, since its bytes will not stay, and see what its body
 * asks for. */
static void take_head(struct conn *c, const char *text, bool has_more, uint64_t now_ns)
{
	c->has_head = true;
	c->plan = c->config->defaults;
	if (plan_read(&c->plan, text + c->request.target_at, c->request.target_bytes))
		c->plan.nr_steps = UINT32_MAX;
	c->trace = traceparent_parse(text + c->request.traceparent_at, c->request.traceparent_bytes);
	http_body_init(&c->body, &c->request);
	/* What follows a CONNECT is no HTTP, so it cannot be the next request. */
	c->request.keep_alive &= c->request.method != HTTP_CONNECT;
	if (c->body.state == HTTP_BODY_WHOLE)
		return;
	c->content = malloc(HTTP_BODY_BYTES);
	if (!c->content) {
		refuse(c, 503, now_ns);
	} else if (c->request.expects_continue && is_refused(c)) {
		c->last =
			true; /* its body may come or not: nobody could tell where the next request begins */
		take_request(c, false, now_ns);
	} else if (c->request.expects_continue && !has_more) {
		c->status = 0;
		c->interim = true;
		send_text(c, response_continue(), strlen(RESPONSE_CONTINUE), now_ns);
	}
}

/* Understand what is at TEXT.  Returns how many bytes are done with. */
static size_t parse(struct conn *c, const char *text, size_t nr, uint64_t now_ns)
{
	size_t used = 0, taken;
	int ret;

	if (!c->has_head) {
		ret = http_parse_head(&c->request, text, nr);
		if (ret < 0)
			refuse(c, (uint16_t)-ret, now_ns);
		if (ret <= 0)
			return 0;
		used = (size_t)ret;
		take_head(c, text, used < nr, now_ns);
		if (c->need != CONN_RECEIVE)
			return used;
	}
	ret = http_body_take(&c->body, text + used, nr - used, c->content, &taken);
	if (ret < 0)
		refuse(c, (uint16_t)-ret, now_ns);
	else if (ret)
		take_request(c, used + taken < nr, now_ns);
	return used + taken;
}

/* Keep NR bytes behind those that are kept already. */
static bool keep(struct conn *c, const char *bytes, size_t nr)
{
	if (c->in_at) {
		memmove(c->in, c->in + c->in_at, c->in_bytes);
		c->in_at = 0;
	}
	if (c->in_bytes + nr > c->in_capacity) {
		size_t capacity = c->in_bytes + nr < 256 ? 512 : 2 * (c->in_bytes + nr);
		char *in = realloc(c->in, capacity);

		if (!in)
			return false;
		c->in = in;
		c->in_capacity = (uint32_t)capacity;
	}
	memcpy(c->in + c->in_bytes, bytes, nr);
	c->in_bytes += (uint32_t)nr;
	return true;
}

static void parse_kept(struct conn *c, uint64_t now_ns)
{
	size_t used = parse(c, c->in + c->in_at, c->in_bytes, now_ns);

	c->in_at += (uint32_t)used;
	c->in_bytes -= (uint32_t)used;
	if (!c->in_bytes) {
		free(c->in);
		c->in = NULL;
		c->in_at = c->in_capacity = 0;
	}
}

static void discard(struct conn *c, size_t nr)
{
	c->discarded_bytes += (uint32_t)nr;
	if (!nr || c->discarded_bytes > CONN_LINGER_BYTES)
		conn_fail(c);
}

void conn_input(struct conn *c, const char *bytes, size_t nr, uint64_t now_ns)
{
	size_t used = 0;

	if (c->need == CONN_DISCARD) {
		discard(c, nr);
		return;
	}
	if (!nr) {
		conn_fail(c);
		return;
	}
	if (c->need == CONN_WORK || c->need == CONN_SEND) {
		if (!c->last && !keep(c, bytes, nr))
			conn_fail(c);
		return;
	}
	/* The time for a request runs from its first byte, however often another one comes. */
	if (conn_is_idle(c))
		c->deadline_at_ns = conn_after_ns(now_ns, c->config->read_ns);
	if (!c->in_bytes)
		used = parse(c, bytes, nr, now_ns);
	if (c->last)
		return; /* what comes behind it is no request any more */
	if (used < nr && !keep(c, bytes + used, nr - used))
		conn_fail(c);
	else if (c->need == CONN_RECEIVE && c->in_bytes > nr - used)
		parse_kept(c, now_ns);
	if (conn_is_idle(c)) /* a lone CRLF */
		c->deadline_at_ns = conn_after_ns(now_ns, c->config->idle_ns);
}

const char *conn_output(const struct conn *c, size_t *nr)
{
	*nr = c->out_bytes - c->out_at;
	return c->out + c->out_at;
}

/* The answer is out: on with what came meanwhile. */
static void go_on(struct conn *c, uint64_t now_ns)
{
	if (c->interim) {
		c->interim = false;
		c->need = CONN_RECEIVE;
		c->deadline_at_ns = conn_after_ns(now_ns, c->config->read_ns);
	} else if (c->last) {
		c->need = CONN_SHUT;
		return;
	} else {
		begin_request(c);
		c->deadline_at_ns =
			conn_after_ns(now_ns, c->in_bytes ? c->config->read_ns : c->config->idle_ns);
	}
	c->status = 0;
	if (c->in_bytes)
		parse_kept(c, now_ns);
}

void conn_sent(struct conn *c, size_t nr, uint64_t now_ns)
{
	c->out_at += (uint32_t)nr;
	if (c->out_at < c->out_bytes)
		return;
	free(c->out);
	c->out = NULL;
	go_on(c, now_ns);
}

void conn_shut(struct conn *c, uint64_t now_ns)
{
	c->need = CONN_DISCARD;
	c->deadline_at_ns = now_ns + CONN_LINGER_NS;
}

bool conn_expire(struct conn *c, uint64_t now_ns)
{
	if (now_ns < c->deadline_at_ns)
		return false;
	if (c->need == CONN_RECEIVE && !conn_is_idle(c))
		refuse(c, 408, now_ns);
	else
		conn_fail(c);
	return true;
}

bool conn_is_idle(const struct conn *c)
{
	return c->need == CONN_RECEIVE && !c->has_head && !c->request.has_request_line &&
	       c->in_bytes == c->request.line_at;
}

void conn_drain(struct conn *c)
{
	c->draining = true;
}

void conn_end(struct conn *c, uint64_t now_ns)
{
	c->last = true;
	c->need = CONN_SHUT;
	c->deadline_at_ns = now_ns + CONN_LINGER_NS;
}
