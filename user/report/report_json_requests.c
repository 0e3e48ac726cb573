// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The requests of a report to JSON. */
#include "user/analysis/capacity.h"
#include "user/report/json_writer.h"
#include "user/report/report_json_parts.h"

static json_t *per_request_json(const struct report_request_switches *sums, uint64_t count)
{
	double requests = count ? (double)count : 1;
	json_t *object = json_object();

	writer_ratio(object, "voluntary", (double)sums->voluntary / requests);
	writer_ratio(object, "involuntary", (double)sums->involuntary / requests);
	writer_ratio(object, "migrations", (double)sums->migrations / requests);
	return object;
}

static json_t *quantile_json(const struct report_request_quantile *quantile, bool has_run_queue)
{
	json_t *object = json_object();

	writer_set(object, "q", json_real(quantile->q));
	writer_u64(object, "latency_ns", quantile->latency_ns);
	writer_u64(object, "tail_count", quantile->tail_count);
	writer_u64(object, "tail_latency_ns", quantile->tail_latency_ns);
	writer_map(object, "components_ns", quantile->components_ns, COMPONENTS, report_component_name, true);
	writer_map(object, "blame_ns", quantile->blame_ns, BLAME_KINDS, report_blame_kind_name, true);
	writer_set(object, "per_request", per_request_json(&quantile->switches, quantile->tail_count));
	writer_map(object, "without_ns", quantile->without_ns, COMPONENTS, report_component_name, true);
	writer_optional_u64(json_object_get(object, "without_ns"), "run_queue", has_run_queue,
			    quantile->without_ns[WITHOUT_RUN_QUEUE]);
	return object;
}

static json_t *bucket_json(const struct report_request_bucket *bucket)
{
	json_t *object = json_object();

	writer_edges(object, bucket->bucket);
	writer_u64(object, "count", bucket->count);
	writer_u64(object, "latency_ns", bucket->latency_ns);
	writer_map(object, "components_ns", bucket->components_ns, COMPONENTS, report_component_name, false);
	writer_map(object, "by_status", bucket->statuses, STATUSES, report_status_name, false);
	writer_map(object, "blame_ns", bucket->blame_ns, BLAME_KINDS, report_blame_kind_name, false);
	writer_u64(object, "voluntary", bucket->voluntary);
	writer_u64(object, "involuntary", bucket->involuntary);
	writer_u64(object, "migrations", bucket->migrations);
	return object;
}

static json_t *by_protocol_json(const struct report_dist turns[TURN_PROTOCOLS])
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < TURN_PROTOCOLS; i++)
		if (turns[i].count)
			writer_distribution(object, report_turn_name(i), &turns[i]);
	return object;
}

static json_t *slope_json(const struct report_slope *slope)
{
	json_t *object;

	if (!slope->known)
		return json_null();
	object = json_object();
	writer_u64(object, "ns", (uint64_t)slope->ns);
	writer_u64(object, "low_ns", (uint64_t)slope->low_ns);
	writer_u64(object, "high_ns", (uint64_t)slope->high_ns);
	writer_set(object, "status", json_string(report_status_name(slope->status)));
	writer_u64(object, "count", slope->count);
	return object;
}

static json_t *capacity_json(const struct report *report)
{
	struct capacity capacity;
	json_t *object;

	if (!capacity_of(report, &capacity))
		return json_null();
	object = json_object();
	writer_ratio(object, "requests_per_second", capacity.requests_per_second);
	writer_ratio(object, "used_ratio", capacity.used_ratio);
	writer_u64(object, "on_cpu_ns_per_request", capacity.on_cpu_ns_per_request);
	writer_ratio(object, "cpus", capacity.cpus);
	return object;
}

static json_t *load_json(const struct report_load *load)
{
	json_t *object = json_object();

	writer_u64(object, "count", load->count);
	writer_u64(object, "duration_ns", load->duration_ns);
	writer_u64(object, "on_cpu_ns", load->on_cpu_ns);
	return object;
}

static json_t *loads_json(const struct report_loads *loads)
{
	json_t *object;

	if (!loads->known)
		return json_null();
	object = json_object();
	writer_set(object, "lightest", load_json(&loads->lightest));
	writer_set(object, "busiest", load_json(&loads->busiest));
	return object;
}

static json_t *client_json(const struct report_requests *requests)
{
	const struct report_client *client = &requests->client;
	json_t *object, *quantiles;

	if (!client->present)
		return json_null();
	object = json_object();
	quantiles = json_array();
	for (int i = 0; i < QUANTILES; i++) {
		json_t *one = json_object();
		uint64_t server_ns = requests->quantiles[i].latency_ns;

		writer_set(one, "q", json_real(quantile_list[i]));
		writer_u64(one, "client_ns", client->ns[i]);
		if (client->at_least[i])
			writer_set(one, "client_at_least", json_true());
		writer_optional_u64(one, "from_send_ns", client->has_sent, client->sent_ns[i]);
		if (client->sent_at_least[i])
			writer_set(one, "from_send_at_least", json_true());
		writer_u64(one, "server_ns", server_ns);
		writer_u64(one, "difference_ns", client->ns[i] - server_ns);
		writer_append(quantiles, one);
	}
	writer_text(object, "file", client->file);
	writer_set(object, "source", json_string(client->source));
	writer_u64(object, "count", client->count);
	writer_set(object, "quantiles", quantiles);
	return object;
}

json_t *report_json_requests(const struct report *report)
{
	const struct report_requests *requests = &report->requests;
	json_t *object, *components, *quantiles, *buckets;

	if (!requests->watched)
		return json_null();
	object = json_object();
	components = json_array();
	quantiles = json_array();
	buckets = json_array();
	for (uint32_t i = 0; i < COMPONENTS; i++)
		writer_append(components, json_string(report_component_name(i)));
	for (int i = 0; i < QUANTILES; i++)
		writer_append(quantiles,
			      quantile_json(&requests->quantiles[i], requests->has_without_run_queue));
	for (size_t i = 0; i < requests->nr_buckets; i++)
		writer_append(buckets, bucket_json(&requests->buckets[i]));
	writer_set(object, "listens", json_boolean(requests->listens));
	writer_u64(object, "count", requests->count);
	writer_map(object, "by_status", requests->statuses, STATUSES, report_status_name, true);
	writer_set(object, "by_protocol", by_protocol_json(requests->turns));
	writer_map(object, "not_counted", requests->not_counted, NOT_COUNTED_KINDS, report_not_counted_name,
		   true);
	writer_u64(object, "still_sending", requests->still_sending);
	writer_distribution(object, "latency", &requests->latency);
	writer_set(object, "components", components);
	writer_set(object, "per_request", per_request_json(&requests->switches, requests->count));
	writer_set(object, "quantiles", quantiles);
	writer_set(object, "buckets", buckets);
	writer_set(object, "indirect_switch_cost", slope_json(&requests->slope));
	writer_set(object, "capacity", capacity_json(report));
	writer_set(object, "loads", loads_json(&requests->loads));
	writer_set(object, "client", client_json(requests));
	return object;
}
