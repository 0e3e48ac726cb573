// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/upstream.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "servers/listen.h"
#include "user/base/clock.h"

int upstream_parse(struct upstream *upstream, const char *url, struct err *err)
{
	static const char scheme[] = "http://";
	const char *authority = url + strlen(scheme), *path, *colon;
	char host[80], *end;
	unsigned long port;

	if (strncmp(url, scheme, strlen(scheme)))
		return err_set(err, EINVAL, "--upstream-url takes http://ADDRESS:PORT/path, not '%s'", url);
	path = strchrnul(authority, '/');
	colon = memrchr(authority, ':', (size_t)(path - authority));
	port = colon ? strtoul(colon + 1, &end, 10) : 0;
	if (!colon || end != path || !port || port > 65535 || (size_t)(colon - authority) >= sizeof(host))
		return err_set(err, EINVAL, "--upstream-url takes http://ADDRESS:PORT/path, not '%s'", url);
	snprintf(host, sizeof(host), "%.*s", (int)(colon - authority), authority);
	if (listen_address(&upstream->address, &upstream->address_bytes, host, (uint16_t)port))
		return err_set(err, EINVAL, "--upstream-url takes an address in numbers, not '%s'", host);
	if ((size_t)snprintf(upstream->request, sizeof(upstream->request),
			     "GET %s HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n\r\n", *path ? path : "/",
			     (int)(path - authority), authority) >= sizeof(upstream->request))
		return err_set(err, EINVAL, "--upstream-url is longer than 500 bytes");
	return 0;
}

int upstream_open(struct upstream_call *call, const struct upstream *upstream)
{
	int ret;

	*call = (struct upstream_call){ .upstream = upstream };
	if (!upstream->address_bytes)
		return -EDESTADDRREQ;
	call->fd = socket(upstream->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (call->fd < 0)
		return -errno;
	if (!connect(call->fd, (const struct sockaddr *)&upstream->address, upstream->address_bytes) ||
	    errno == EINPROGRESS)
		return 0;
	ret = -errno;
	close(call->fd);
	return ret;
}

void upstream_close(struct upstream_call *call)
{
	close(call->fd);
}

/* The status counts, and that the answer ended; the rest is thrown away. */
static enum upstream_state take_answer(struct upstream_call *call)
{
	char bytes[4096];
	ssize_t nr;

	while ((nr = recv(call->fd, bytes, sizeof(bytes), 0)) > 0) {
		size_t take = sizeof(call->head) - call->head_bytes;

		take = (size_t)nr < take ? (size_t)nr : take;
		memcpy(call->head + call->head_bytes, bytes, take);
		call->head_bytes += (uint32_t)take;
		call->came_bytes += (uint32_t)nr;
		if (call->came_bytes > UPSTREAM_BYTES_MAX)
			return UPSTREAM_FAILED;
	}
	if (nr < 0)
		return errno == EAGAIN || errno == EINTR ? UPSTREAM_READ : UPSTREAM_FAILED;
	return call->head_bytes == sizeof(call->head) && !memcmp(call->head, "HTTP/1.", 7) &&
			       call->head[9] == '2' ?
		       UPSTREAM_DONE :
		       UPSTREAM_FAILED;
}

enum upstream_state upstream_advance(struct upstream_call *call)
{
	const char *request = call->upstream->request;
	size_t bytes = strlen(request);

	while (call->sent_bytes < bytes) {
		ssize_t nr =
			send(call->fd, request + call->sent_bytes, bytes - call->sent_bytes, MSG_NOSIGNAL);

		if (nr < 0)
			return errno == EAGAIN || errno == EINTR ? UPSTREAM_WRITE : UPSTREAM_FAILED;
		call->sent_bytes += (uint32_t)nr;
	}
	return take_answer(call);
}

uint16_t upstream_ask(const struct upstream *upstream)
{
	uint64_t until_ns = clock_monotonic_ns() + upstream->timeout_ns, now_ns;
	enum upstream_state state;
	struct upstream_call call;

	if (upstream_open(&call, upstream))
		return 502;
	while ((state = upstream_advance(&call)) <= UPSTREAM_WRITE) {
		struct pollfd wait = { call.fd, state == UPSTREAM_READ ? POLLIN : POLLOUT, 0 };

		now_ns = clock_monotonic_ns();
		if (now_ns >= until_ns)
			break;
		poll(&wait, 1, (int)((until_ns - now_ns) / 1000000 + 1));
	}
	upstream_close(&call);
	return state == UPSTREAM_DONE ? 0 : state == UPSTREAM_FAILED ? 502 : 504;
}
