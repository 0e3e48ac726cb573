// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/switchcost.h"

#include "user/trace/hookset.h"

static const struct method {
	struct tracer_switch_cost words;
	struct hook_part parts[SWITCHCOST_PROGRAMS_MAX];
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

void switchcost_choose(struct switchcost *cost, struct bpf_object *object, enum switch_cost_hooks hooks)
{
	cost->hooks = hooks;
	hookset_choose(methods[hooks].parts, SWITCHCOST_PROGRAMS_MAX, object);
}

void switchcost_attach(struct switchcost *cost, struct bpf_object *object)
{
	if (hookset_attach(methods[cost->hooks].parts, SWITCHCOST_PROGRAMS_MAX, object, cost->links))
		cost->hooks = SWITCH_COST_NONE;
}

void switchcost_detach(struct switchcost *cost)
{
	hookset_detach(cost->links, SWITCHCOST_PROGRAMS_MAX);
}

size_t switchcost_hooks(const struct switchcost *cost, struct tracer_hook *out, size_t max)
{
	return hookset_names(methods[cost->hooks].parts, SWITCHCOST_PROGRAMS_MAX, out, max);
}

void switchcost_words(const struct switchcost *cost, struct tracer_switch_cost *out)
{
	*out = methods[cost->hooks].words;
}
