// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/server.h"

#include <errno.h>

#include "include/whylate/thread_context.h"

/* Which request each thread works for, to be read from outside. */
WHYLATE_THREAD_CONTEXT_DEFINE;

enum server_admission server_admit(const struct server *server, uint32_t open)
{
	if (open < server->connections_max)
		return SERVER_SERVE;
	return open < server->connections_max + SERVER_REFUSALS ? SERVER_REFUSE : SERVER_DROP;
}

bool server_may_retry(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}
