// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/server.h"

#include <errno.h>

#include "include/whylate/thread_context.h"
#include "user/base/clock.h"

/* Which request each thread works for, to be read from outside. */
WHYLATE_THREAD_CONTEXT_DEFINE;

static enum server_admission admit(uint32_t most, uint32_t open)
{
	if (open < most)
		return SERVER_SERVE;
	return open < most + SERVER_REFUSALS ? SERVER_REFUSE : SERVER_DROP;
}

enum server_admission server_admit(const struct server *server, uint32_t open)
{
	return admit(server->connections_max, open);
}

enum server_admission server_admit_here(const struct server *server, uint32_t open)
{
	return admit(server->connections_each, open);
}

uint64_t server_drain_until_ns(const struct server *server)
{
	uint64_t limit_ns = server->options->drain_timeout_ns;

	return limit_ns ? clock_monotonic_ns() + limit_ns : UINT64_MAX;
}

bool server_may_retry(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}
