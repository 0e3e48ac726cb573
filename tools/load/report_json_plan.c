// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/report_json.h"

#include <arpa/inet.h>

#include "user/base/json_writer.h"

static json_t *segments_json(const struct load_plan *plan)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < plan->nr_segments; i++) {
		json_t *one = json_object();

		writer_ratio(one, "from_rate", plan->segments[i].from_rate);
		writer_ratio(one, "to_rate", plan->segments[i].to_rate);
		writer_u64(one, "duration_ns", plan->segments[i].duration_ns);
		writer_append(array, one);
	}
	return array;
}

static json_t *objective_json(const struct load_plan *plan)
{
	json_t *object;

	if (plan->mode != LOAD_FIND_MAX)
		return json_null();
	object = json_object();
	writer_ratio(object, "q", plan->objective.q);
	writer_u64(object, "limit_ns", plan->objective.limit_ns);
	return object;
}

static json_t *sources_json(const struct load_plan *plan)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < plan->nr_sources; i++) {
		const struct sockaddr_storage *source = &plan->sources[i];
		const void *address =
			source->ss_family == AF_INET6 ?
				(const void *)&((const struct sockaddr_in6 *)source)->sin6_addr :
				(const void *)&((const struct sockaddr_in *)source)->sin_addr;
		char text[INET6_ADDRSTRLEN];

		if (inet_ntop(source->ss_family, address, text, sizeof(text)))
			writer_append(array, json_string(text));
	}
	return array;
}

static json_t *cpus_json(const struct load_plan *plan)
{
	json_t *array = json_array();

	for (int cpu = 0; plan->has_cpus && cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &plan->cpus))
			writer_append(array, json_integer(cpu));
	return array;
}

json_t *load_json_plan(const struct load_plan *plan)
{
	static const char *const modes[] = { "rate", "closed", "find-max", "replay" };
	static const char *const arrivals[] = { "constant", "poisson" };
	static const char *const waiting[] = { "auto", "spin", "sleep" };
	json_t *object = json_object();

	writer_text(object, "mode", modes[plan->mode]);
	writer_set(object, "segments", segments_json(plan));
	writer_text(object, "arrivals", arrivals[plan->arrivals]);
	writer_u64(object, "seed", plan->seed);
	writer_u64(object, "replayed", plan->nr_replay);
	writer_set(object, "objective", objective_json(plan));
	writer_u64(object, "warmup_ns", plan->warmup_ns);
	writer_u64(object, "duration_ns", plan->duration_ns);
	writer_u64(object, "timeout_ns", plan->timeout_ns);
	writer_u64(object, "drain_ns", plan->drain_ns);
	writer_u64(object, "connections", plan->connections);
	writer_u64(object, "threads", plan->threads);
	writer_u64(object, "churn", plan->churn);
	writer_ratio(object, "connect_rate", plan->connect_rate);
	writer_text(object, "pick", plan->pick_newest ? "newest" : "oldest");
	writer_text(object, "server", plan->server.name);
	writer_text(object, "host", plan->server.host);
	writer_set(object, "sources", sources_json(plan));
	writer_u64(object, "requests", plan->nr_requests);
	writer_set(object, "cpus", cpus_json(plan));
	writer_text(object, "waiting", waiting[plan->waiting]);
	return object;
}
