// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The requests of a report from JSON.  What follows from the rest is computed anew, and what the file says
 * of it is held against that by whoever reads the whole.
 */
#include <stdlib.h>
#include <string.h>

#include "user/analysis/tail.h"
#include "user/report/json_reader.h"
#include "user/report/report_json_parts.h"

static void read_bucket(struct reader *reader, json_t *object, struct report_request_bucket *bucket)
{
	bucket->bucket = report_json_read_edges(reader, object);
	bucket->count = reader_u64(reader, object, "count");
	bucket->latency_ns = reader_u64(reader, object, "latency_ns");
	reader_map(reader, object, "components_ns", bucket->components_ns, COMPONENTS, report_component_name,
		   false);
	reader_map(reader, object, "by_status", bucket->statuses, STATUSES, report_status_name, false);
	reader_map(reader, object, "blame_ns", bucket->blame_ns, BLAME_KINDS, report_blame_kind_name, false);
	bucket->voluntary = reader_u64(reader, object, "voluntary");
	bucket->involuntary = reader_u64(reader, object, "involuntary");
	bucket->migrations = reader_u64(reader, object, "migrations");
}

static void read_buckets(struct reader *reader, json_t *object, struct report_requests *requests)
{
	json_t *buckets = reader_array(reader, object, "buckets"), *one;
	size_t i;

	requests->buckets = calloc(json_array_size(buckets) + 1, sizeof(*requests->buckets));
	if (!requests->buckets) {
		reader_out_of_memory(reader);
		return;
	}
	json_array_foreach(buckets, i, one)
		read_bucket(reader, one, &requests->buckets[requests->nr_buckets++]);
}

static void read_turns(struct reader *reader, json_t *object, struct report_requests *requests)
{
	json_t *turns = reader_object(reader, object, "by_protocol");

	for (uint32_t i = 0; i < TURN_PROTOCOLS; i++)
		if (json_object_get(turns, report_turn_name(i)))
			report_json_read_dist(reader, turns, report_turn_name(i), &requests->turns[i]);
}

/* A figure that reports of an older agent lack, and what was read of one has as null. */
static bool read_later_ns(struct reader *reader, json_t *object, const char *key, uint64_t *out)
{
	return json_object_get(object, key) && reader_optional_u64(reader, object, key, out);
}

static void read_quantiles(struct reader *reader, json_t *object, struct report_requests *requests)
{
	json_t *quantiles = reader_array(reader, object, "quantiles"), *one;
	size_t i;

	tail_fill(requests);
	requests->has_without_run_queue = true;
	json_array_foreach(quantiles, i, one)
	{
		uint64_t *without_ns = requests->quantiles[i % QUANTILES].without_ns;

		if (i >= QUANTILES)
			break;
		reader_map(reader, one, "without_ns", without_ns, COMPONENTS, report_component_name, true);
		requests->has_without_run_queue &= read_later_ns(reader, json_object_get(one, "without_ns"),
								 "run_queue", &without_ns[WITHOUT_RUN_QUEUE]);
	}
}

static void read_slope(struct reader *reader, json_t *parent, struct report_slope *slope)
{
	char status[16];
	json_t *object;

	slope->known = !json_is_null(reader_get(reader, parent, "indirect_switch_cost"));
	if (!slope->known)
		return;
	object = reader_object(reader, parent, "indirect_switch_cost");
	slope->ns = reader_signed(reader, object, "ns");
	slope->low_ns = reader_signed(reader, object, "low_ns");
	slope->high_ns = reader_signed(reader, object, "high_ns");
	slope->count = reader_u64(reader, object, "count");
	reader_text(reader, object, "status", status, sizeof(status));
	while (slope->status < STATUSES && strcmp(status, report_status_name(slope->status)))
		slope->status++;
	if (slope->status < STATUSES)
		return;
	slope->status = 0;
	reader_refuse(reader, object, "status", "is none that is known");
}

static void read_load(struct reader *reader, json_t *parent, const char *key, struct report_load *load)
{
	json_t *object = reader_object(reader, parent, key);

	load->count = reader_u64(reader, object, "count");
	load->duration_ns = reader_u64(reader, object, "duration_ns");
	load->on_cpu_ns = reader_u64(reader, object, "on_cpu_ns");
}

static void read_loads(struct reader *reader, json_t *parent, struct report_loads *loads)
{
	json_t *object;

	loads->known = !json_is_null(reader_get(reader, parent, "loads"));
	if (!loads->known)
		return;
	object = reader_object(reader, parent, "loads");
	read_load(reader, object, "lightest", &loads->lightest);
	read_load(reader, object, "busiest", &loads->busiest);
}

static void read_client(struct reader *reader, json_t *parent, struct report_client *client)
{
	json_t *object, *quantiles, *one;
	size_t i;

	client->present = !json_is_null(reader_get(reader, parent, "client"));
	if (!client->present)
		return;
	object = reader_object(reader, parent, "client");
	reader_text(reader, object, "file", client->file, sizeof(client->file));
	reader_text(reader, object, "source", client->source, sizeof(client->source));
	client->count = reader_u64(reader, object, "count");
	quantiles = reader_array(reader, object, "quantiles");
	json_array_foreach(quantiles, i, one)
	{
		if (i >= QUANTILES) /* how many there are is seen by whoever compares the whole */
			break;
		client->ns[i] = reader_u64(reader, one, "client_ns");
		client->at_least[i] = json_is_true(json_object_get(one, "client_at_least"));
		client->has_sent = reader_optional_u64(reader, one, "from_send_ns", &client->sent_ns[i]);
		client->sent_at_least[i] = json_is_true(json_object_get(one, "from_send_at_least"));
	}
}

void report_json_read_requests(struct reader *reader, json_t *root, struct report_requests *requests)
{
	json_t *object = json_object_get(root, "requests");

	/* Reports of an agent that knew of none lack them. */
	requests->watched = object && !json_is_null(object);
	if (!requests->watched)
		return;
	object = reader_object(reader, root, "requests");
	if (json_object_get(object, "listens")) /* older ones lack it */
		requests->listens = reader_bool(reader, object, "listens");
	requests->count = reader_u64(reader, object, "count");
	reader_map(reader, object, "by_status", requests->statuses, STATUSES, report_status_name, true);
	read_turns(reader, object, requests);
	reader_map(reader, object, "not_counted", requests->not_counted, NOT_COUNTED_KINDS,
		   report_not_counted_name, true);
	requests->still_sending = reader_u64(reader, object, "still_sending");
	report_json_read_dist(reader, object, "latency", &requests->latency);
	read_buckets(reader, object, requests);
	read_quantiles(reader, object, requests);
	read_slope(reader, object, &requests->slope);
	read_loads(reader, object, &requests->loads);
	read_client(reader, object, &requests->client);
}
