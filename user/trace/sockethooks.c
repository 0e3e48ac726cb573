// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/sockethooks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "user/trace/tracer_internal.h"

/* The iterator's passes: its variable seeds_connections says which. */
enum { LISTENERS, CONNECTIONS, PASSES };

void sockethooks_choose(struct sockethooks *hooks, struct whylate *skel, bool wanted)
{
	struct bpf_program *const programs[] = { skel->progs.on_arrival, skel->progs.on_read,
						 skel->progs.on_send, skel->progs.on_state,
						 skel->progs.seed_sockets };

	hooks->watched = wanted;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		bpf_program__set_autoload(programs[i], hooks->watched);
	bpf_program__set_autoattach(skel->progs.seed_sockets, false);
}

int sockethooks_seed(struct sockethooks *hooks, struct whylate *skel, struct err *err)
{
	int ret = 0;

	if (!hooks->watched)
		return 0;
	hooks->seeder = bpf_program__attach_iter(skel->progs.seed_sockets, NULL);
	if (!hooks->seeder)
		return err_set(err, errno, "cannot look for the target's sockets: %s", strerror(errno));
	for (int pass = LISTENERS; pass < PASSES && !ret; pass++) {
		char *nothing = NULL;
		size_t bytes;

		skel->bss->seeds_connections = pass == CONNECTIONS;
		ret = tracer_run_iterator(hooks->seeder, &nothing, &bytes);
		free(nothing);
	}
	return ret ? err_set(err, -ret, "cannot look for the target's sockets: %s", strerror(-ret)) : 0;
}

void sockethooks_detach(struct sockethooks *hooks)
{
	bpf_link__destroy(hooks->seeder);
	hooks->seeder = NULL;
}

size_t sockethooks_names(const struct sockethooks *hooks, struct tracer_hook *out, size_t max)
{
	static const char *const names[] = { "sk_data_ready", "sock_recv_length", "sock_send_length",
					     "inet_sock_set_state" };
	size_t nr = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && nr < max; i++)
		out[nr++] = hooks->watched ? (struct tracer_hook){ names[i], "tp_btf", "" } :
					     (struct tracer_hook){ names[i], "absent", "requests" };
	return nr;
}
