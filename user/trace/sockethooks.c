// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/sockethooks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "user/trace/tracer_internal.h"

/* A ring's size: a power of two, of whole pages whatever the machine's are. */
static uint32_t ring_bytes(uint64_t least)
{
	uint32_t bytes = 65536;

	while (bytes < least && bytes < 1u << 26)
		bytes *= 2;
	return bytes;
}

void sockethooks_choose(struct sockethooks *hooks, struct whylate *skel, bool wanted, uint32_t nr_cpus)
{
	struct bpf_program *const programs[] = { skel->progs.on_arrival,    skel->progs.on_read,
						 skel->progs.on_send,	    skel->progs.on_state,
						 skel->progs.seed_sockets,  skel->progs.seed_workers,
						 skel->progs.count_sending, skel->progs.seed_subflows };

	hooks->watched = wanted;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		bpf_program__set_autoload(programs[i], hooks->watched);
	bpf_map__set_max_entries(skel->maps.exemplars,
				 ring_bytes(nr_cpus * EXEMPLARS_MOST * sizeof(struct exemplar)));
	bpf_program__set_autoattach(skel->progs.seed_sockets, false);
	bpf_program__set_autoattach(skel->progs.seed_workers, false);
	bpf_program__set_autoattach(skel->progs.count_sending, false);
	bpf_program__set_autoattach(skel->progs.seed_subflows, false);
}

static int run_over(struct bpf_program *program)
{
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);
	char *nothing = NULL;
	size_t bytes;
	int ret;

	if (!link)
		return -errno;
	ret = tracer_run_iterator(link, &nothing, &bytes);
	free(nothing);
	bpf_link__destroy(link);
	return ret;
}

int sockethooks_seed(const struct sockethooks *hooks, struct whylate *skel, struct err *err)
{
	int ret;

	if (!hooks->watched)
		return 0;
	skel->bss->seeds_connections = 0;
	ret = run_over(skel->progs.seed_sockets);
	if (!ret && skel->bss->nr_multipath)
		ret = run_over(skel->progs.seed_subflows);
	skel->bss->seeds_connections = 1;
	if (!ret)
		ret = run_over(skel->progs.seed_sockets);
	if (!ret)
		ret = run_over(skel->progs.seed_workers);
	return ret ? err_set(err, -ret, "cannot look for the target's sockets: %s", strerror(-ret)) : 0;
}

int sockethooks_still_sending(struct whylate *skel, uint64_t *out)
{
	int ret;

	skel->bss->looks++;
	skel->bss->still_sending = 0;
	ret = run_over(skel->progs.count_sending);
	*out = *(volatile __u64 *)&skel->bss->still_sending;
	return ret;
}

static int take_exemplar(void *context, void *data, size_t bytes)
{
	struct snapshot_requests *out = context;
	struct exemplar one;

	if (bytes < sizeof(one))
		return 0;
	memcpy(&one, data, sizeof(one));
	snapshot_keep_exemplar(out->exemplars, &out->nr_exemplars, &one);
	return 0;
}

int sockethooks_exemplars(struct whylate *skel, struct snapshot_requests *out)
{
	struct ring_buffer *ring =
		ring_buffer__new(bpf_map__fd(skel->maps.exemplars), take_exemplar, out, NULL);
	int nr;

	if (!ring)
		return -errno;
	nr = ring_buffer__consume(ring);
	ring_buffer__free(ring);
	snapshot_sort_exemplars(out->exemplars, out->nr_exemplars);
	return nr < 0 ? nr : 0;
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
