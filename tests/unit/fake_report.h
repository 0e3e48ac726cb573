/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Made-up reports that satisfy every identity, with values from one end of their range to the other. */
#ifndef WHYLATE_TESTS_FAKE_REPORT_H
#define WHYLATE_TESTS_FAKE_REPORT_H

#include <stdlib.h>
#include <string.h>

#include "user/analysis/quantile.h"
#include "user/analysis/tail.h"
#include "user/report/report.h"

#define FAKE_LARGEST ((uint64_t)INT64_MAX) /* what JSON's integers can hold here */

static inline uint64_t fake_bits(void)
{
	return (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
}

/* Any figure that is part of no sum. */
static inline uint64_t fake_figure(void)
{
	switch (rand() % 5) {
	case 0:
		return 0;
	case 1:
		return (1ull << 53) + 1; /* no double holds it */
	case 2:
		return FAKE_LARGEST;
	default:
		return fake_bits() >> (1 + rand() % 63);
	}
}

/* One of some thousand parts whose sum must fit. */
static inline uint64_t fake_part(void)
{
	return rand() % 4 ? fake_bits() >> (14 + rand() % 50) : rand() % 2 ? (1ull << 49) + 1 : 0;
}

/* Control characters, quotes, no UTF-8, two languages. */
static inline void fake_text(char *out, size_t size)
{
	static const char *const texts[] = {
		"",	    "nginx",	   "a\033[31mb\n\t\"\\", "\xff\xfe\x80x",
		"\x01\x7f", "kworker/0:1", "m\xc3\xbcller",	 "\xe6\x97\xa5\xe6\x9c\xac"
	};

	memset(out, 0, size);
	strncpy(out, texts[rand() % (int)(sizeof(texts) / sizeof(texts[0]))], size - 1);
}

static inline void fake_dist(struct report_dist *dist)
{
	uint32_t top = 0;

	memset(dist, 0, sizeof(*dist));
	for (int i = rand() % 6; i > 0; i--) {
		uint32_t bucket = rand() % 4 ? (uint32_t)rand() % HIST_BUCKETS :
					       (uint32_t)(rand() % 2) * (HIST_BUCKETS - 1);
		uint64_t count = 1 + fake_part();

		if (dist->buckets[bucket])
			continue;
		dist->buckets[bucket] = count;
		dist->count += count;
		top = bucket > top ? bucket : top;
	}
	dist->total_ns = fake_figure();
	if (dist->count)
		dist->max_ns = rand() % 2 ? hist_bucket_from_ns(top) : hist_bucket_to_ns(top) - 1;
}

static inline void fake_thread(struct report_thread *row, uint32_t tid, bool has_irq)
{
	struct clock_sums *sums = &row->sums;
	uint64_t left_ns;

	row->tid = tid;
	row->pid = rand() % 3 ? 1 : UINT32_MAX;
	fake_text(row->comm, sizeof(row->comm));
	row->threads = tid ? 1 : fake_part();
	row->wall_ns = sums->on_cpu_ns = fake_part();
	for (int i = 0; i < RUN_QUEUE_CAUSES; i++)
		row->wall_ns += sums->run_queue_ns[i] = fake_part();
	left_ns = row->wall_ns - sums->on_cpu_ns;
	for (int i = 0; i < BLAME_KINDS - 1; i++) {
		sums->blame_ns[i] = rand() % 2 ? left_ns / 3 : 0;
		left_ns -= sums->blame_ns[i];
	}
	sums->blame_ns[BLAME_OTHER] = left_ns;
	for (int i = 0; i < BLOCKED_REASONS; i++)
		row->wall_ns += sums->blocked_ns[i] = fake_part();
	sums->stolen_ns = sums->on_cpu_ns / (1 + (uint64_t)(rand() % 3));
	sums->irq_ns = has_irq ? sums->stolen_ns / 2 : 0;
	for (__u64 *count = &sums->on_cpu_count; count < sums->blame_ns; count++)
		*count = fake_figure(); /* counts, maxima, cut */
	sums->cut_count = fake_part();
	sums->cut_ns = fake_part();
	row->counts = (struct kernel_counts){ fake_part(), fake_part(), fake_part() };
	row->has_audit = rand() % 2;
	if (!row->has_audit)
		return;
	for (size_t i = 0; i < sizeof(row->audit) / sizeof(__u64); i++)
		((__u64 *)&row->audit)[i] = fake_figure();
	row->audit.stale_on_cpu_ns = rand() % 2 ? INT64_MIN : -1;
}

static inline void fake_totals(struct report *report)
{
	struct report_scheduling *s = &report->scheduling;
	uint64_t kinds[BLAME_KINDS] = {};

	for (size_t i = 0; i < report->nr_threads; i++) {
		const struct report_thread *row = &report->threads[i];

		s->wall_ns += row->wall_ns;
		s->on_cpu_ns += row->sums.on_cpu_ns;
		s->stolen_ns += row->sums.stolen_ns;
		s->irq_ns += row->sums.irq_ns;
		for (int j = 0; j < RUN_QUEUE_CAUSES; j++) {
			s->run_queue_cause_ns[j] += row->sums.run_queue_ns[j];
			s->run_queue_ns += row->sums.run_queue_ns[j];
		}
		for (int j = 0; j < BLOCKED_REASONS; j++) {
			s->blocked_reason_ns[j] += row->sums.blocked_ns[j];
			s->blocked_ns += row->sums.blocked_ns[j];
		}
		for (int j = 0; j < BLAME_KINDS; j++)
			kinds[j] += row->sums.blame_ns[j];
		s->voluntary += row->counts.voluntary;
		s->involuntary += row->counts.involuntary;
		s->migrations += row->counts.migrations;
		report->target.threads += row->tid ? 1 : 0;
		report->target.threads_ended += row->tid ? 0 : row->threads;
	}
	s->utilisation_ratio =
		(double)s->on_cpu_ns / ((double)report->window.duration_ns * report->target.cpus_allowed);
	for (uint32_t kind = 0; kind < BLAME_KINDS; kind++) {
		uint64_t named_ns = kind == BLAME_PROCESS || kind == BLAME_KERNEL ? kinds[kind] / 2 : 0;

		if (named_ns) {
			struct report_blame *row = &report->blame[report->nr_blame++];

			*row = (struct report_blame){ .kind = kind, .pid = UINT32_MAX, .ns = named_ns };
			fake_text(row->comm, sizeof(row->comm));
		}
		report->blame[report->nr_blame++] =
			(struct report_blame){ .kind = kind, .ns = kinds[kind] - named_ns };
	}
}

static inline void fake_scheduling(struct report_scheduling *s)
{
	strcpy(s->stolen_source, rand() % 2 ? "rq->clock - rq->clock_task" : "none");
	s->quota.present = rand() % 2;
	if (s->quota.present) {
		fake_text(s->quota.cgroup, sizeof(s->quota.cgroup));
		s->quota.quota_ns = fake_figure();
		s->quota.period_ns = fake_figure();
		s->quota.has_counts = rand() % 2;
	}
	if (s->quota.has_counts) {
		s->quota.periods = fake_figure();
		s->quota.throttled_periods = fake_figure();
		s->quota.throttled_ns = fake_figure();
	}
	s->switches_replayed = fake_figure();
	s->open_count = fake_figure();
	s->open_ns = fake_figure();
	s->open_at_start_ns = fake_figure();
	s->cut_count = fake_figure();
	s->cut_ns = fake_figure();
	fake_dist(&s->on_cpu);
	for (int i = 0; i < RUN_QUEUE_CAUSES; i++) {
		fake_dist(&s->run_queue[i]);
		s->run_queue[i].total_ns /= 4; /* they are summed */
	}
	for (int i = 0; i < BLOCKED_REASONS; i++)
		fake_dist(&s->blocked[i]);
	fake_dist(&s->switch_cost.cost);
	s->switch_cost.available = rand() % 2;
	strcpy(s->switch_cost.method, "sched_entry_tp..sched_exit_tp");
	fake_text(s->switch_cost.bias, sizeof(s->switch_cost.bias));
	s->switch_cost.own_ns = fake_figure();
}

static inline void fake_agent(struct report_agent *agent)
{
	strcpy(agent->version, "0.1.0");
	agent->command = calloc(1, 64);
	fake_text(agent->command, 64);
	agent->nr_hooks = (size_t)(rand() % (REPORT_HOOKS_MAX + 1));
	for (size_t i = 0; i < agent->nr_hooks; i++) {
		fake_text(agent->hooks[i].name, sizeof(agent->hooks[i].name));
		strcpy(agent->hooks[i].how, rand() % 3 ? "tp_btf" : "absent");
		fake_text(agent->hooks[i].without, sizeof(agent->hooks[i].without));
	}
	agent->overhead_agent_cpu_ns = fake_figure();
	agent->overhead_agent_rss_bytes = fake_figure();
	agent->overhead_kernel_per_cpu_bytes = fake_figure();
	agent->overhead_kernel_per_thread_bytes = fake_figure();
	agent->overhead_kernel_per_worker_bytes = fake_figure();
	agent->overhead_kernel_per_connection_bytes = fake_figure();
	agent->overhead_kernel_bytes = fake_figure();
	agent->has_overhead_bpf = rand() % 2;
	if (agent->has_overhead_bpf) {
		agent->overhead_bpf_ns = fake_figure();
		agent->overhead_bpf_events = fake_figure();
	}
}

/* PARTS that sum to WHOLE, some of them 0. */
static inline void fake_split(uint64_t *parts, size_t nr, uint64_t whole)
{
	for (size_t i = 0; i + 1 < nr; i++) {
		parts[i] = rand() % 3 ? 0 : whole / (1 + (uint64_t)(rand() % 4));
		whole -= parts[i];
	}
	parts[nr - 1] = whole;
}

static inline void fake_request_bucket(struct report_request_bucket *row, uint32_t bucket)
{
	uint64_t from_ns = hist_bucket_from_ns(bucket), width_ns = hist_bucket_to_ns(bucket) - from_ns;

	row->bucket = bucket;
	/* Some of them must fit together. */
	row->count = 1 + (fake_bits() >> 4) % ((1ull << 58) / hist_bucket_to_ns(bucket) / 64 + 1);
	row->latency_ns = row->count * (from_ns + fake_bits() % (bucket < HIST_BUCKETS - 1 ? width_ns : 1));
	fake_split(row->statuses, STATUSES, row->count);
	fake_split(row->components_ns, COMPONENTS, row->latency_ns);
	fake_split(row->blame_ns, BLAME_KINDS, blamed_ns((const __u64 *)row->components_ns));
	row->voluntary = fake_figure();
	row->involuntary = fake_figure();
	row->migrations = fake_figure();
}

static inline void fake_without(struct report_requests *requests)
{
	requests->has_without_run_queue = rand() % 4;
	for (int what = 0; what < WITHOUTS; what++) {
		uint32_t divisor = 1 + (uint32_t)(rand() % 3);

		for (int i = 0; i < QUANTILES; i++) {
			struct report_request_quantile *one = &requests->quantiles[i];
			uint32_t bucket = hist_bucket(one->latency_ns) / divisor;

			one->without_ns[what] = quantile_of_bucket_ns(hist_bucket_from_ns(bucket));
		}
	}
}

static inline void fake_slope(const struct report_requests *requests, struct report_slope *out)
{
	out->known = rand() % 2;
	if (!out->known)
		return;
	out->status = (uint32_t)(rand() % STATUSES);
	out->count = requests->statuses[out->status] / (1 + (uint64_t)(rand() % 2));
	out->low_ns = rand() % 2 ? INT64_MIN : (int64_t)(fake_bits() >> 32) - 1000000;
	out->high_ns = rand() % 2 ? INT64_MAX : out->low_ns + 1;
	out->ns = rand() % 2 ? out->low_ns : out->high_ns;
}

static inline void fake_loads(struct report_loads *out)
{
	out->known = rand() % 2;
	if (!out->known)
		return;
	out->busiest =
		(struct report_load){ 2 + fake_bits() % 1000000, 1 + fake_figure() / 4, fake_figure() };
	out->lightest = out->busiest;
	out->lightest.count--;
	out->lightest.on_cpu_ns = fake_figure();
}

static inline void fake_client(struct report_client *out)
{
	static const char *const sources[] = { "from_due", "from_send", "hlog" };
	uint32_t bucket = 0, sent = 0;

	out->present = rand() % 2;
	if (!out->present)
		return;
	fake_text(out->file, sizeof(out->file));
	strcpy(out->source, sources[rand() % 3]);
	out->count = fake_figure();
	out->has_sent = !strcmp(out->source, "from_due") && rand() % 2;
	for (int i = 0; i < QUANTILES; i++) {
		bucket += (uint32_t)(rand() % 200);
		sent += out->has_sent ? (uint32_t)(rand() % 200) : 0;
		out->ns[i] = quantile_of_bucket_ns(hist_bucket_from_ns(bucket));
		out->sent_ns[i] = quantile_of_bucket_ns(hist_bucket_from_ns(sent));
	}
}

/* As many as can be, or one that is beside as good as any number of requests. */
static inline void fake_turns(struct report_dist turns[TURN_PROTOCOLS])
{
	if (rand() % 2) {
		turns[TURN_TLS] = (struct report_dist){ .count = 1, .max_ns = 5, .buckets[5] = 1 };
		return;
	}
	for (int i = 0; i < TURN_PROTOCOLS; i++) {
		fake_dist(&turns[i]);
		if (!turns[i].count)
			memset(&turns[i], 0, sizeof(turns[i]));
	}
}

static inline void fake_requests(struct report_requests *requests)
{
	uint32_t bucket = (uint32_t)(rand() % 3 * 100);

	requests->watched = rand() % 4;
	if (!requests->watched)
		return;
	requests->buckets = calloc(8, sizeof(*requests->buckets));
	for (int i = rand() % 7; i > 0; i--, bucket += 1 + (uint32_t)(rand() % 130)) {
		struct report_request_bucket *row = &requests->buckets[requests->nr_buckets++];

		fake_request_bucket(row, i == 1 && rand() % 2 ? HIST_BUCKETS - 1 : bucket);
		requests->count += row->count;
		for (int status = 0; status < STATUSES; status++)
			requests->statuses[status] += row->statuses[status];
		requests->latency.buckets[row->bucket] = row->count;
		requests->latency.total_ns += row->latency_ns;
		requests->latency.max_ns = rand() % 2 ? hist_bucket_from_ns(row->bucket) :
							hist_bucket_to_ns(row->bucket) - 1;
	}
	requests->latency.count = requests->count;
	tail_fill(requests);
	fake_without(requests);
	fake_turns(requests->turns);
	for (int i = 0; i < NOT_COUNTED_KINDS; i++)
		requests->not_counted[i] = fake_figure();
	requests->still_sending = fake_figure();
	requests->listens = rand() % 2;
	fake_slope(requests, &requests->slope);
	fake_loads(&requests->loads);
	fake_client(&requests->client);
}

/* A whole report; the caller frees it with report_fini(). */
static inline void fake_report(struct report *report, unsigned seed)
{
	size_t nr_living;

	srand(seed);
	memset(report, 0, sizeof(*report));
	fake_agent(&report->agent);
	strcpy(report->machine.kernel, "6.18.0");
	strcpy(report->machine.arch, "x86_64");
	report->machine.cpus = rand() % 2 ? 2 : UINT32_MAX;
	report->machine.memory_bytes = fake_figure();
	report->target.nr_pids = (size_t)(rand() % 4);
	report->target.pids = calloc(4, sizeof(*report->target.pids));
	for (size_t i = 0; i < report->target.nr_pids; i++)
		report->target.pids[i] = rand() % 2 ? 1 : UINT32_MAX;
	fake_text(report->target.comm, sizeof(report->target.comm));
	strcpy(report->target.model, "event-loop");
	report->target.cpus_allowed = rand() % 2 ? 2 : UINT32_MAX;
	report->target.has_exit_status = rand() % 2;
	report->target.exit_status = report->target.has_exit_status ? rand() % 2 ? 0 : 255 : 0;
	strcpy(report->window.started_at, "2026-11-24T06:56:56.652435Z");
	report->window.duration_ns = 1 + fake_figure() / 2; /* ends before 2262 */
	fake_scheduling(&report->scheduling);
	report->scheduling.has_irq = rand() % 2;
	nr_living = (size_t)(rand() % 5);
	report->threads = calloc(nr_living + 1, sizeof(*report->threads));
	for (size_t i = 0; i < nr_living; i++)
		fake_thread(&report->threads[i], rand() % 2 ? (uint32_t)i + 1 : UINT32_MAX,
			    report->scheduling.has_irq);
	report->nr_threads = nr_living + (size_t)(rand() % 2);
	if (report->nr_threads > nr_living)
		fake_thread(&report->threads[nr_living], 0, report->scheduling.has_irq);
	report->blame = calloc(2 * BLAME_KINDS, sizeof(*report->blame));
	fake_totals(report);
	for (int i = 0; i < LOSS_KINDS; i++)
		report->losses[i] = rand() % 2 ? fake_figure() : 0;
	fake_requests(&report->requests);
}

#endif /* WHYLATE_TESTS_FAKE_REPORT_H */
