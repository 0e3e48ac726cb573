/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Hooks that measure one thing together: programs that are loaded and attached all or none, beside what the
 * skeleton attaches by itself.  Which ones they are, and what to call them, is in their owner's table.
 */
#ifndef WHYLATE_TRACE_HOOKSET_H
#define WHYLATE_TRACE_HOOKSET_H

#include <stddef.h>

#include "user/trace/tracer.h"

struct bpf_link;
struct bpf_object;

struct hook_part {
	const char *program; /* NULL: there is none, and the hook is absent */
	struct tracer_hook hook;
};

/* Between open and load of OBJECT: load the programs of PARTS; the skeleton is not to attach them. */
void hookset_choose(const struct hook_part *parts, size_t nr, struct bpf_object *object);

/* Attach all of them, or none.  LINKS[NR] is the caller's, to be detached.  Returns 0 or a negative errno. */
int hookset_attach(const struct hook_part *parts, size_t nr, struct bpf_object *object,
		   struct bpf_link **links);

/* Safe on zeroed links, and twice. */
void hookset_detach(struct bpf_link **links, size_t nr);

/* The hooks of PARTS; returns how many were written to OUT, at most MAX. */
size_t hookset_names(const struct hook_part *parts, size_t nr, struct tracer_hook *out, size_t max);

#endif /* WHYLATE_TRACE_HOOKSET_H */
