// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/sockethooks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "user/trace/hookset.h"
#include "user/trace/netns.h"
#include "user/trace/tracer_internal.h"

static const struct hook_part methods[][SOCKETHOOKS_PROGRAMS_MAX] = {
	[REQUEST_HOOKS_NONE] = {
		{ NULL, { "sk_data_ready", "absent", "requests" } },
		{ NULL, { "sock_recv_length", "absent", "requests" } },
		{ NULL, { "sock_send_length", "absent", "requests" } },
		{ NULL, { "inet_sock_set_state", "absent", "requests" } },
	},
	[REQUEST_HOOKS_TRACEPOINTS] = {
		{ "on_arrival", { "sk_data_ready", "tp_btf", "" } },
		{ "on_read", { "sock_recv_length", "tp_btf", "" } },
		{ "on_send", { "sock_send_length", "tp_btf", "" } },
		{ "on_state", { "inet_sock_set_state", "tp_btf", "" } },
	},
	[REQUEST_HOOKS_ALONE] = {
		{ "on_arrival_alone", { "sk_data_ready", "tp_btf", "" } },
		{ "on_read_alone", { "sock_recv_length", "tp_btf", "" } },
		{ "on_send_alone", { "sock_send_length", "tp_btf", "" } },
		{ "on_arrival_again", { NULL, NULL, NULL } }, /* for when the first was skipped: not told */
		{ "on_read_again", { NULL, NULL, NULL } },
		{ "on_send_again", { NULL, NULL, NULL } },
		{ "on_state_alone", { "inet_sock_set_state", "tp_btf", "" } },
	},
	[REQUEST_HOOKS_FENTRY] = {
		{ "on_readable", { "sock_def_readable", "fentry", "" } },
		{ "on_inet_read", { "inet_recvmsg", "fexit", "" } },
		{ "on_inet6_read", { "inet6_recvmsg", "fexit", "" } },
		{ "on_unix_read", { "unix_stream_recvmsg", "fexit", "" } },
		{ "on_inet_send", { "inet_sendmsg", "fexit", "" } },
		{ "on_inet6_send", { "inet6_sendmsg", "fexit", "" } },
		{ "on_unix_send", { "unix_stream_sendmsg", "fexit", "" } },
		{ "on_inet_send_page", { "inet_sendpage", "fexit", "" } },
		{ "on_unix_send_page", { "unix_stream_sendpage", "fexit", "" } },
		{ "on_state", { "inet_sock_set_state", "tp_btf", "" } },
	},
};

static const struct hook_part accepts = { "on_accept", { "security_sock_graft", "fentry", "" } };
static const struct hook_part no_accepts = {
	NULL, { "security_sock_graft", "absent", "accept times: accept_wait lasts to the read" }
};

static const struct hook_part no_subflows = {
	NULL, { "iter/tcp", "absent", "first requests by multipath TCP in other network namespaces" }
};

void sockethooks_choose(struct sockethooks *hooks, struct whylate *skel, enum request_hooks wanted,
			bool with_accepts)
{
	struct bpf_program *const others[] = { skel->progs.seed_sockets,  skel->progs.seed_workers,
					       skel->progs.count_sending, skel->progs.seed_subflows,
					       skel->progs.seed_records,  skel->progs.on_waking };

	hooks->hooks = wanted;
	hooks->accepts = wanted != REQUEST_HOOKS_NONE && with_accepts;
	hookset_choose(methods[wanted], SOCKETHOOKS_PROGRAMS_MAX, skel->obj);
	if (hooks->accepts)
		hookset_choose(&accepts, 1, skel->obj);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		bpf_program__set_autoload(others[i], wanted != REQUEST_HOOKS_NONE);
		bpf_program__set_autoattach(others[i], false);
	}
}

void sockethooks_attach(struct sockethooks *hooks, struct whylate *skel)
{
	if (hookset_attach(methods[hooks->hooks], SOCKETHOOKS_PROGRAMS_MAX, skel->obj, hooks->links)) {
		hooks->hooks = REQUEST_HOOKS_NONE;
		hooks->accepts = false;
	}
	if (hooks->accepts && hookset_attach(&accepts, 1, skel->obj, &hooks->accept_link))
		hooks->accepts = false;
}

void sockethooks_detach(struct sockethooks *hooks)
{
	hookset_detach(hooks->links, SOCKETHOOKS_PROGRAMS_MAX);
	hookset_detach(&hooks->accept_link, 1);
}

static int seed_subflows(void *arg)
{
	const struct whylate *skel = arg;

	return tracer_run_over(skel->progs.seed_subflows);
}

/* The listeners; and of those by multipath TCP, which is what the iterator writes of them, the subflows. */
static int seed_listeners(struct sockethooks *hooks, struct whylate *skel)
{
	uint32_t *holders = NULL;
	size_t bytes = 0, nr_unseen = 0;
	int ret;

	skel->bss->seeds_connections = 0;
	ret = tracer_collect_over(skel->progs.seed_sockets, (char **)&holders, &bytes);
	if (!ret && bytes)
		ret = netns_run_in_each(holders, bytes / sizeof(*holders), seed_subflows, skel, &nr_unseen);
	hooks->subflows_unseen = nr_unseen;
	free(holders);
	return ret;
}

int sockethooks_seed(struct sockethooks *hooks, struct whylate *skel, struct err *err)
{
	int ret;

	if (hooks->hooks == REQUEST_HOOKS_NONE)
		return 0;
	ret = seed_listeners(hooks, skel);
	skel->bss->seeds_connections = 1;
	if (!ret)
		ret = tracer_run_over(skel->progs.seed_sockets);
	if (!ret)
		ret = tracer_run_over(skel->progs.seed_workers);
	return ret ? err_set(err, -ret, "cannot look for the target's sockets: %s", strerror(-ret)) : 0;
}

int sockethooks_still_sending(struct whylate *skel, uint64_t *out)
{
	int ret;

	skel->bss->looks++;
	skel->bss->still_sending = 0;
	ret = tracer_run_over(skel->progs.count_sending);
	*out = *(volatile __u64 *)&skel->bss->still_sending;
	return ret;
}

size_t sockethooks_names(const struct sockethooks *hooks, struct tracer_hook *out, size_t max)
{
	size_t nr = hookset_names(methods[hooks->hooks], SOCKETHOOKS_PROGRAMS_MAX, out, max);

	if (hooks->hooks == REQUEST_HOOKS_NONE)
		return nr;
	nr += hookset_names(hooks->accepts ? &accepts : &no_accepts, 1, out + nr, max - nr);
	return nr + hookset_names(&no_subflows, hooks->subflows_unseen, out + nr, max - nr);
}
