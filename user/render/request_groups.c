// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/render/request_groups.h"

#include <string.h>

static const struct {
	char letter;
	const char *name;
} groups[REQUEST_GROUPS] = {
	[GROUP_ACCEPT] = { 'A', "accept queue" },
	[GROUP_OTHERS] = { 'O', "busy with others" },
	[GROUP_RUN_QUEUE] = { 'W', "waiting for a CPU" },
	[GROUP_ON_CPU] = { 'C', "on a CPU for it" },
	[GROUP_BLOCKED] = { 'B', "blocked" },
	[GROUP_UPSTREAM] = { 'U', "upstream" },
	[GROUP_RUNTIME] = { 'R', "runtime's queue" },
	[GROUP_RESIDUAL] = { '?', "not explained" },
};

enum request_group request_group_of(uint32_t component)
{
	switch (component) {
	case COMPONENT_ACCEPT_WAIT:
		return GROUP_ACCEPT;
	case COMPONENT_SOCKET_BUSY:
	case COMPONENT_BUSY_WITH_OTHERS:
		return GROUP_OTHERS;
	case COMPONENT_SOCKET_RUN_QUEUE:
	case COMPONENT_RUN_QUEUE_WAKEUP:
	case COMPONENT_RUN_QUEUE_PREEMPTED:
		return GROUP_RUN_QUEUE;
	case COMPONENT_ON_CPU:
		return GROUP_ON_CPU;
	case COMPONENT_SOCKET_BLOCKED:
		return GROUP_BLOCKED;
	case COMPONENT_BLOCKED_UPSTREAM:
		return GROUP_UPSTREAM;
	case COMPONENT_RUNTIME_QUEUE:
		return GROUP_RUNTIME;
	default:
		return component >= COMPONENT_BLOCKED_FIRST && component < COMPONENT_BLOCKED_UPSTREAM ?
			       GROUP_BLOCKED :
			       GROUP_RESIDUAL;
	}
}

char request_group_letter(enum request_group group)
{
	return groups[group].letter;
}

const char *request_group_name(enum request_group group)
{
	return groups[group].name;
}

uint64_t request_add_ns(uint64_t one_ns, uint64_t other_ns)
{
	uint64_t sum_ns;

	return __builtin_add_overflow(one_ns, other_ns, &sum_ns) ? UINT64_MAX : sum_ns;
}

void request_group_sums(const uint64_t components_ns[COMPONENTS], uint64_t sums_ns[REQUEST_GROUPS])
{
	memset(sums_ns, 0, REQUEST_GROUPS * sizeof(*sums_ns));
	for (uint32_t i = 0; i < COMPONENTS; i++) {
		uint64_t *sum_ns = &sums_ns[request_group_of(i)];

		*sum_ns = request_add_ns(*sum_ns, components_ns[i]);
	}
}

uint32_t request_largest(const uint64_t *values, uint32_t nr)
{
	uint32_t most = 0;

	for (uint32_t i = 1; i < nr; i++)
		if (values[i] > values[most])
			most = i;
	return most;
}
