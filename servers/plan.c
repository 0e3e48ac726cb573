// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/plan.h"

#include <string.h>

#define MINUTE_US 60000000u

static const struct {
	const char *name;
	uint32_t max;
} kinds[PLAN_KINDS] = {
	[PLAN_CPU_US] = { "cpu_us", MINUTE_US },     [PLAN_WALL_US] = { "wall_us", MINUTE_US },
	[PLAN_SEED_US] = { "seed_us", MINUTE_US },   [PLAN_SHA] = { "sha", 1000000 },
	[PLAN_SLEEP_US] = { "sleep_us", MINUTE_US }, [PLAN_LOCK_US] = { "lock_us", MINUTE_US },
	[PLAN_READ_KB] = { "read_kb", 1 << 20 },     [PLAN_ALLOC_KB] = { "alloc_kb", 1 << 20 },
	[PLAN_UPSTREAM] = { "upstream", 1000 },
};

const char *plan_kind_name(enum plan_kind kind)
{
	return kinds[kind].name;
}

uint32_t plan_kind_max(enum plan_kind kind)
{
	return kinds[kind].max;
}

static bool is(const char *text, size_t bytes, const char *word)
{
	return bytes == strlen(word) && !memcmp(text, word, bytes);
}

/* "cpu_us=2000" */
static int read_step(struct plan *plan, const char *text, size_t bytes)
{
	const char *equals = memchr(text, '=', bytes);
	size_t name_bytes = equals ? (size_t)(equals - text) : bytes;
	uint64_t amount = 0;
	unsigned kind = 0;

	while (kind < PLAN_KINDS && !is(text, name_bytes, kinds[kind].name))
		kind++;
	if (kind == PLAN_KINDS || name_bytes + 1 >= bytes || plan->nr_steps == PLAN_STEPS)
		return -400;
	for (size_t i = name_bytes + 1; i < bytes; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -400;
		amount = amount * 10 + (uint64_t)(text[i] - '0');
		if (amount > kinds[kind].max)
			return -400;
	}
	plan->steps[plan->nr_steps++] = (struct plan_step){ (enum plan_kind)kind, (uint32_t)amount };
	return 0;
}

static int read_query(struct plan *plan, const char *query, size_t bytes)
{
	int ret = 0;

	if (bytes)
		plan->nr_steps = 0;
	while (bytes && !ret) {
		const char *end = memchr(query, '&', bytes);
		size_t step_bytes = end ? (size_t)(end - query) : bytes;

		ret = read_step(plan, query, step_bytes);
		step_bytes += end ? 1 : 0;
		query += step_bytes;
		bytes -= step_bytes;
	}
	return ret;
}

int plan_read(struct plan *plan, const char *target, size_t bytes)
{
	const char *query = memchr(target, '?', bytes);
	size_t path_bytes = query ? (size_t)(query - target) : bytes;

	if (is(target, path_bytes, "/process"))
		plan->route = PLAN_PROCESS;
	else if (is(target, path_bytes, "/healthz"))
		plan->route = PLAN_HEALTHZ;
	else if (is(target, path_bytes, "/stats"))
		plan->route = PLAN_STATS;
	else
		plan->route = PLAN_NOT_FOUND;
	if (plan->route != PLAN_PROCESS || !query)
		return 0;
	return read_query(plan, query + 1, bytes - path_bytes - 1);
}

const char *plan_refuse_method(enum plan_route route, enum http_method method)
{
	if (method == HTTP_GET || method == HTTP_HEAD)
		return NULL;
	if (route == PLAN_PROCESS)
		return method == HTTP_POST ? NULL : "GET, HEAD, POST";
	return "GET, HEAD";
}
