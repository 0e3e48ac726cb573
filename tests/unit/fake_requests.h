/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Requests as they could have been, made by hand.  Their quantiles have components only if told so. */
#ifndef WHYLATE_TESTS_FAKE_REQUESTS_H
#define WHYLATE_TESTS_FAKE_REQUESTS_H

#include <string.h>

#include "user/report/report.h"

#define US 1000ull
#define MS 1000000ull

static inline void add_latencies(struct report_requests *r, uint64_t ns, uint64_t count)
{
	r->latency.buckets[hist_bucket(ns)] += count;
	r->latency.count += count;
	r->latency.total_ns += ns * count;
	if (ns > r->latency.max_ns)
		r->latency.max_ns = ns;
	r->count += count;
	r->statuses[STATUS_2XX] += count;
}

/* A component's mean in each tail, and p99 without it: without all waiting for a CPU it is no more. */
static inline void component(struct report_requests *r, uint32_t which, uint64_t p50_ns, uint64_t p90_ns,
			     uint64_t p99_ns, uint64_t p999_ns, uint64_t without_ns)
{
	const uint64_t ns[QUANTILES] = { p50_ns, p90_ns, p99_ns, p999_ns };
	uint64_t *whole_ns = &r->quantiles[2].without_ns[WITHOUT_RUN_QUEUE];

	for (int i = 0; i < QUANTILES; i++) {
		r->quantiles[i].components_ns[which] = ns[i];
		r->quantiles[i].tail_latency_ns += ns[i];
	}
	r->quantiles[2].without_ns[which] = without_ns;
	if ((which == COMPONENT_SOCKET_RUN_QUEUE || which == COMPONENT_RUN_QUEUE_WAKEUP ||
	     which == COMPONENT_RUN_QUEUE_PREEMPTED) &&
	    without_ns < *whole_ns)
		*whole_ns = without_ns;
}

/* Latencies and tails that fit each other; each component leaves the quantile as it is, until told. */
static inline void some_requests(struct report *report)
{
	struct report_requests *r = &report->requests;

	memset(report, 0, sizeof(*report));
	strcpy(report->target.comm, "nginx");
	report->target.threads = 3;
	report->target.cpus_allowed = 2;
	report->window.duration_ns = 5000 * MS;
	strcpy(report->window.started_at, "2026-11-24T08:41:51.652435Z");
	strcpy(report->scheduling.stolen_source, "none");
	r->watched = r->has_without_run_queue = true;
	add_latencies(r, 600 * US, 60000);
	add_latencies(r, 900 * US, 45000);
	add_latencies(r, 4 * MS, 13000);
	add_latencies(r, 12300 * US, 1100);
	add_latencies(r, 31 * MS, 120);
	for (int i = 0; i < QUANTILES; i++) {
		struct report_request_quantile *q = &r->quantiles[i];
		static const uint64_t tails[QUANTILES] = { 119220, 14220, 1220, 120 };

		q->q = quantile_list[i];
		q->latency_ns = quantile_ns(r->latency.buckets, r->latency.count, q->q);
		q->tail_count = tails[i];
		for (int j = 0; j < WITHOUTS; j++)
			q->without_ns[j] = q->latency_ns;
	}
}

static inline void behind(struct report_requests *r, const uint64_t blame_ns[BLAME_KINDS])
{
	for (int i = 0; i < QUANTILES; i++)
		memcpy(r->quantiles[i].blame_ns, blame_ns, sizeof(r->quantiles[i].blame_ns));
}

static inline void turns_of(struct report_requests *r, uint32_t protocol, uint64_t count)
{
	r->turns[protocol].count = r->turns[protocol].buckets[hist_bucket(2 * MS)] = count;
	r->turns[protocol].max_ns = 2 * MS;
}

/* One component alone in the tail, but for LEFT_NS that are not explained. */
static inline void tail_of(struct report *report, uint32_t which, uint64_t ns, uint64_t left_ns)
{
	some_requests(report);
	component(&report->requests, COMPONENT_RESIDUAL, 0, 0, left_ns, 0, 13 * MS);
	component(&report->requests, which, 0, 0, ns, 0, 13 * MS);
}

#endif /* WHYLATE_TESTS_FAKE_REQUESTS_H */
