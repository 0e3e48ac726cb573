// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/switchcost.h"

#include <bpf/libbpf.h>

struct part {
	const char *program; /* NULL: there is none */
	struct tracer_hook hook;
};

static const struct method {
	struct tracer_switch_cost words;
	struct part parts[SWITCHCOST_PROGRAMS_MAX];
} methods[] = {
	[SWITCH_COST_NONE] = {
		{ false, "unavailable", "" },
		{ { NULL, { "sched_entry_tp", "absent", "direct context-switch cost" } },
		  { NULL, { "sched_exit_tp", "absent", "direct context-switch cost" } } },
	},
	[SWITCH_COST_TRACEPOINTS] = {
		{ true, "sched_entry_tp..sched_exit_tp",
		  "contains the tracepoints' own entry and exit, and the two clock reads" },
		{ { "on_schedule_entry", { "sched_entry_tp", "tp_btf", "" } },
		  { "on_schedule_exit", { "sched_exit_tp", "tp_btf", "" } } },
	},
	[SWITCH_COST_FENTRY] = {
		{ true, "rcu_note_context_switch..schedule (fentry, fexit)",
		  "begins once interrupts are off, ends as schedule returns; contains our programs' entry "
		  "and two clock reads; switches that end elsewhere are left out" },
		{ { "on_schedule_begin", { "rcu_note_context_switch", "fentry", "" } },
		  { "on_schedule_return", { "schedule", "fexit", "" } },
		  { "on_schedule_idle_return", { "schedule_idle", "fexit", "" } } },
	},
};

static struct bpf_program *program_of(const struct switchcost *cost, const struct bpf_object *object,
				      size_t part)
{
	const char *name = methods[cost->hooks].parts[part].program;

	return name ? bpf_object__find_program_by_name(object, name) : NULL;
}

void switchcost_choose(struct switchcost *cost, struct bpf_object *object, enum switch_cost_hooks hooks)
{
	cost->hooks = hooks;
	for (size_t i = 0; i < SWITCHCOST_PROGRAMS_MAX; i++) {
		struct bpf_program *program = program_of(cost, object, i);

		if (!program)
			continue;
		bpf_program__set_autoload(program, true);
		bpf_program__set_autoattach(program, false);
	}
}

void switchcost_attach(struct switchcost *cost, struct bpf_object *object)
{
	for (size_t i = 0; i < SWITCHCOST_PROGRAMS_MAX; i++) {
		struct bpf_program *program = program_of(cost, object, i);

		if (!program)
			continue;
		cost->links[i] = bpf_program__attach(program);
		if (!cost->links[i]) {
			switchcost_detach(cost);
			cost->hooks = SWITCH_COST_NONE;
			return;
		}
	}
}

void switchcost_detach(struct switchcost *cost)
{
	for (size_t i = 0; i < SWITCHCOST_PROGRAMS_MAX; i++) {
		bpf_link__destroy(cost->links[i]);
		cost->links[i] = NULL;
	}
}

size_t switchcost_hooks(const struct switchcost *cost, struct tracer_hook *out, size_t max)
{
	const struct part *parts = methods[cost->hooks].parts;
	size_t nr = 0;

	for (size_t i = 0; i < SWITCHCOST_PROGRAMS_MAX && nr < max; i++)
		if (parts[i].hook.name)
			out[nr++] = parts[i].hook;
	return nr;
}

void switchcost_words(const struct switchcost *cost, struct tracer_switch_cost *out)
{
	*out = methods[cost->hooks].words;
}
