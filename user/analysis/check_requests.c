// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * That requests' on-CPU time is no more than the target's holds only from attach, with all threads ended:
 * a report does not say that of itself, so the tests that run the agent hold it to that.
 */
#include <stdio.h>

#include "user/analysis/check_parts.h"
#include "user/analysis/quantile.h"

/* Of each bucket; the last has no upper edge but the longest. */

static bool bucket_is_not_empty(const struct report_request_bucket *b, uint64_t max_ns)
{
	(void)max_ns;
	return b->count > 0;
}

static bool statuses_sum(const struct report_request_bucket *b, uint64_t max_ns)
{
	(void)max_ns;
	return SUM(i, STATUSES, b->statuses[i]) == b->count;
}

static bool components_sum(const struct report_request_bucket *b, uint64_t max_ns)
{
	(void)max_ns;
	return SUM(i, COMPONENTS, b->components_ns[i]) == b->latency_ns;
}

static bool blame_sums(const struct report_request_bucket *b, uint64_t max_ns)
{
	(void)max_ns;
	return SUM(i, BLAME_KINDS, b->blame_ns[i]) == wide_blamed_ns(b->components_ns);
}

static bool latency_is_in_edges(const struct report_request_bucket *b, uint64_t max_ns)
{
	uint64_t last_ns = b->bucket == HIST_BUCKETS - 1 ? max_ns : hist_bucket_to_ns(b->bucket) - 1;

	return (wide)b->count * hist_bucket_from_ns(b->bucket) <= b->latency_ns &&
	       b->latency_ns <= (wide)b->count * last_ns;
}

static const struct bucket_identity {
	const char *key, *what;
	bool (*holds)(const struct report_request_bucket *bucket, uint64_t max_ns);
} bucket_identities[] = {
	{ "count", "is 0", bucket_is_not_empty },
	{ "by_status", "does not sum to the count", statuses_sum },
	{ "components_ns", "do not sum to latency_ns", components_sum },
	{ "blame_ns", "does not sum to the run-queue time", blame_sums },
	{ "latency_ns", "cannot be, by the edges of the bucket", latency_is_in_edges },
};

/* Of all requests. */

static bool buckets_are_counted(const struct report_requests *r)
{
	return SUM(i, r->nr_buckets, r->buckets[i].count) == r->count;
}

static bool statuses_are_those_of_buckets(const struct report_requests *r)
{
	for (int status = 0; status < STATUSES; status++)
		if (SUM(i, r->nr_buckets, r->buckets[i].statuses[status]) != r->statuses[status])
			return false;
	return true;
}

static bool latency_is_counted(const struct report_requests *r)
{
	return r->latency.count == r->count;
}

static bool latency_sums(const struct report_requests *r)
{
	return SUM(i, r->nr_buckets, r->buckets[i].latency_ns) == r->latency.total_ns;
}

/* Each bucket is one of the distribution, in order; that these are all of its buckets follows by the count. */
static bool buckets_are_those_of_latency(const struct report_requests *r)
{
	for (size_t i = 0; i < r->nr_buckets; i++) {
		const struct report_request_bucket *b = &r->buckets[i];

		if (i && b->bucket <= b[-1].bucket)
			return false;
		if (r->latency.buckets[b->bucket % HIST_BUCKETS] != b->count)
			return false;
	}
	return true;
}

static bool turns_that_are_none_took_none(const struct report_requests *r)
{
	for (int i = 0; i < TURN_PROTOCOLS; i++)
		if (!r->turns[i].count && r->turns[i].total_ns)
			return false;
	return true;
}

static bool without_can_be(const struct report_requests *r)
{
	int nr = r->has_without_run_queue ? WITHOUTS : COMPONENTS;

	for (int what = 0; what < nr; what++) {
		uint64_t last_ns = 0;

		for (int i = 0; i < QUANTILES; i++) {
			uint64_t ns = r->quantiles[i].without_ns[what];

			if (ns < last_ns || ns > r->quantiles[i].latency_ns ||
			    ns != quantile_of_bucket_ns(ns))
				return false;
			last_ns = ns;
		}
	}
	return true;
}

static bool slope_can_be(const struct report_requests *r)
{
	const struct report_slope *slope = &r->slope;

	return !slope->known || (slope->low_ns <= slope->ns && slope->ns <= slope->high_ns &&
				 slope->count <= r->statuses[slope->status]);
}

static bool loads_can_be(const struct report_requests *r)
{
	const struct report_load *light = &r->loads.lightest, *busy = &r->loads.busiest;

	return !r->loads.known ||
	       (light->count && busy->count && light->duration_ns && busy->duration_ns &&
		(wide)light->count * busy->duration_ns < (wide)busy->count * light->duration_ns);
}

static bool client_can_be(const struct report_requests *r)
{
	const struct report_client *client = &r->client;

	for (int i = 0; i < QUANTILES && client->present; i++)
		if (client->ns[i] != quantile_of_bucket_ns(client->ns[i]) ||
		    client->sent_ns[i] != quantile_of_bucket_ns(client->sent_ns[i]) ||
		    (i && (client->ns[i] < client->ns[i - 1] || client->sent_ns[i] < client->sent_ns[i - 1])))
			return false;
	return true;
}

static const struct requests_identity {
	const char *path, *what;
	bool (*holds)(const struct report_requests *requests);
} requests_identities[] = {
	{ "requests.count", "is not the sum of its buckets", buckets_are_counted },
	{ "requests.by_status", "is not the sum of that of the buckets", statuses_are_those_of_buckets },
	{ "requests.latency.count", "is not the number of requests", latency_is_counted },
	{ "requests.latency.total_ns", "is not the sum of the buckets", latency_sums },
	{ "requests.buckets", "are not those of latency, in order", buckets_are_those_of_latency },
	{ "requests.by_protocol", "has time of turns that are none", turns_that_are_none_took_none },
	{ "requests.quantiles", "have a without_ns that cannot be", without_can_be },
	{ "requests.indirect_switch_cost", "is no interval around its ns, or of more requests than there are",
	  slope_can_be },
	{ "requests.loads", "are of no requests, or the lightest is not the lightest", loads_can_be },
	{ "requests.client", "has quantiles that cannot be", client_can_be },
};

static bool check_buckets(const struct report_requests *requests, struct check_broken *broken)
{
	for (size_t row = 0; row < requests->nr_buckets; row++) {
		for (size_t i = 0; i < NR_OF(bucket_identities); i++) {
			const struct bucket_identity *one = &bucket_identities[i];

			if (one->holds(&requests->buckets[row], requests->latency.max_ns))
				continue;
			snprintf(broken->path, sizeof(broken->path), "requests.buckets[%zu].%s", row,
				 one->key);
			broken->what = one->what;
			return false;
		}
	}
	return true;
}

bool check_requests(const struct report_requests *requests, enum check_when when, struct check_broken *broken)
{
	char path[48];

	if (!requests->watched)
		return true;
	if (!check_dist(&requests->latency, "requests.latency", when, broken))
		return false;
	for (uint32_t i = 0; i < TURN_PROTOCOLS; i++) {
		snprintf(path, sizeof(path), "requests.by_protocol.%s", report_turn_name(i));
		if (!check_dist(&requests->turns[i], path, when, broken))
			return false;
	}
	if (!check_buckets(requests, broken))
		return false;
	for (size_t i = 0; i < NR_OF(requests_identities); i++) {
		const struct requests_identity *one = &requests_identities[i];

		if (one->holds(requests))
			continue;
		snprintf(broken->path, sizeof(broken->path), "%s", one->path);
		broken->what = one->what;
		return false;
	}
	return true;
}
