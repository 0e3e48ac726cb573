// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/hookset.h"

#include <errno.h>

#include <bpf/libbpf.h>

static struct bpf_program *program_of(const struct hook_part *part, const struct bpf_object *object)
{
	return part->program ? bpf_object__find_program_by_name(object, part->program) : NULL;
}

void hookset_choose(const struct hook_part *parts, size_t nr, struct bpf_object *object)
{
	for (size_t i = 0; i < nr; i++) {
		struct bpf_program *program = program_of(&parts[i], object);

		if (!program)
			continue;
		bpf_program__set_autoload(program, true);
		bpf_program__set_autoattach(program, false);
	}
}

int hookset_attach(const struct hook_part *parts, size_t nr, struct bpf_object *object,
		   struct bpf_link **links)
{
	for (size_t i = 0; i < nr; i++) {
		struct bpf_program *program = program_of(&parts[i], object);

		if (!program)
			continue;
		links[i] = bpf_program__attach(program);
		if (!links[i]) {
			int ret = -errno;

			hookset_detach(links, nr);
			return ret;
		}
	}
	return 0;
}

void hookset_detach(struct bpf_link **links, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		bpf_link__destroy(links[i]);
		links[i] = NULL;
	}
}

size_t hookset_names(const struct hook_part *parts, size_t nr, struct tracer_hook *out, size_t max)
{
	size_t written = 0;

	for (size_t i = 0; i < nr && written < max; i++)
		if (parts[i].hook.name)
			out[written++] = parts[i].hook;
	return written;
}
