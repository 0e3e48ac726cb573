/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which hooks time a context switch (bpf/switchcost.bpf.c), and what to call them in the report.
 * One of them failing to attach costs the report that figure and nothing else.
 */
#ifndef WHYLATE_TRACE_SWITCHCOST_H
#define WHYLATE_TRACE_SWITCHCOST_H

#include <stddef.h>

#include "user/trace/probe.h"
#include "user/trace/tracer.h"

#define SWITCHCOST_PROGRAMS_MAX 3

struct bpf_link;
struct bpf_object;

struct switchcost {
	enum switch_cost_hooks hooks; /* in use */
	struct bpf_link *links[SWITCHCOST_PROGRAMS_MAX];
};

/* Between open and load of OBJECT: load the programs for HOOKS; nobody else is to attach them. */
void switchcost_choose(struct switchcost *cost, struct bpf_object *object, enum switch_cost_hooks hooks);

/* Attach all of them, or none: then the hooks in use are SWITCH_COST_NONE. */
void switchcost_attach(struct switchcost *cost, struct bpf_object *object);

/* Safe on a zeroed one, and twice. */
void switchcost_detach(struct switchcost *cost);

/* The hooks in use, or those that are absent; returns how many were written to OUT, at most MAX. */
size_t switchcost_hooks(const struct switchcost *cost, struct tracer_hook *out, size_t max);

/* How it is measured. */
void switchcost_words(const struct switchcost *cost, struct tracer_switch_cost *out);

#endif /* WHYLATE_TRACE_SWITCHCOST_H */
