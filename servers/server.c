// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/server.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "include/whylate/thread_context.h"
#include "servers/listen.h"
#include "servers/sha.h"
#include "user/base/clock.h"

/* Which request each thread works for, to be read from outside. */
WHYLATE_THREAD_CONTEXT_DEFINE;

/* So that figures of `sha` from different servers and machines can be held beside each other. */
static void print_sha_speed(const char *name)
{
	enum { ROUNDS = 200 };
	uint8_t digest[SHA_BYTES];
	uint64_t began_ns = clock_monotonic_ns();

	if (!sha_chain(ROUNDS, digest, NULL))
		fprintf(stderr, "%s: sha takes %lu ns a round\n", name,
			(clock_monotonic_ns() - began_ns) / ROUNDS);
}

void server_ready(const struct server *server)
{
	char name[160];

	print_sha_speed(server->name);
	listen_name(server->listener, name, sizeof(name));
	printf("ready %s\n", name);
	fflush(stdout);
}

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

enum server_admission server_enter(const struct server *server, uint32_t open)
{
	uint32_t all = __atomic_fetch_add(&server->loops->open, 1, __ATOMIC_RELAXED);
	enum server_admission admission = server_admit(server, all);
	enum server_admission here = admit(server->connections_each, open);

	return admission > here ? admission : here;
}

void server_left(const struct server *server)
{
	__atomic_sub_fetch(&server->loops->open, 1, __ATOMIC_RELAXED);
}

bool server_leaves_to_others(const struct server *server, uint32_t open)
{
	return server->options->unix_path && open >= server->connections_each &&
	       __atomic_load_n(&server->loops->open, __ATOMIC_RELAXED) < server->connections_max;
}

bool server_stops_listening(const struct server *server, bool begins)
{
	bool others = __atomic_load_n(&server->loops->listeners, __ATOMIC_RELAXED) > 1;

	if (begins && others)
		listen_only_first(server->listener);
	return !others || (!begins && server->listener != server->listeners[0]);
}

void server_close_listener(const struct server *server)
{
	close(server->listener);
	__atomic_sub_fetch(&server->loops->listeners, 1, __ATOMIC_RELAXED);
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
