// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/stats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

struct stats {
	const char *model;
	bool has_ring;
	const char *fallback; /* NULL: none was needed */
	const char *guard;    /* of green threads' stacks; NULL: there are none */
	size_t stack_bytes;
	uint32_t pid;
	uint32_t nr_slots, nr_dealt;
	bool by_worker;
	struct stats_slot slots[];
};

struct stats *stats_new(const char *model, uint32_t nr_slots, bool by_worker, struct err *err)
{
	size_t bytes = sizeof(struct stats) + nr_slots * sizeof(struct stats_slot);
	struct stats *stats = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (stats == MAP_FAILED) {
		err_set(err, errno, "cannot map %zu bytes for counts: %s", bytes, strerror(errno));
		return NULL;
	}
	stats->model = model;
	stats->pid = (uint32_t)getpid();
	stats->nr_slots = nr_slots;
	stats->by_worker = by_worker;
	return stats;
}

struct stats_slot *stats_slot(struct stats *stats, uint32_t number)
{
	return &stats->slots[number % stats->nr_slots];
}

struct stats_slot *stats_next_slot(struct stats *stats)
{
	return stats_slot(stats, __atomic_add_fetch(&stats->nr_dealt, 1, __ATOMIC_RELAXED));
}

static void add(uint64_t *to, uint64_t what)
{
	__atomic_add_fetch(to, what, __ATOMIC_RELAXED);
}

static uint64_t get(const uint64_t *from)
{
	return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

void stats_answer(struct stats_slot *slot, enum plan_route route, uint16_t status, int change)
{
	uint64_t *count = &slot->answers[response_index(status)];

	if (status == 200 && route == PLAN_HEALTHZ)
		count = &slot->counts[STATS_HEALTHZ];
	else if (status == 200 && route == PLAN_STATS)
		count = &slot->counts[STATS_STATS];
	add(count, (uint64_t)change);
}

void stats_set_ring(struct stats *stats, const char *instead)
{
	stats->has_ring = !instead;
	stats->fallback = instead;
}

void stats_set_green(struct stats *stats, const char *guard, size_t bytes)
{
	stats->guard = guard;
	stats->stack_bytes = bytes;
}

void stats_set_process(struct stats_slot *slot, uint32_t pid)
{
	__atomic_store_n(&slot->pid, pid, __ATOMIC_RELAXED);
}

void stats_add_ended(struct stats_slot *slot, uint64_t voluntary, uint64_t involuntary)
{
	add(&slot->ended_voluntary, voluntary);
	add(&slot->ended_involuntary, involuntary);
}

void stats_work(struct stats_slot *slot, enum plan_kind kind, uint64_t cpu_ns, uint64_t wall_ns)
{
	struct stats_work *work = &slot->work[kind];

	add(&work->count, 1);
	add(&work->cpu_ns, cpu_ns);
	add(&work->wall_ns, wall_ns);
}

void stats_waited(struct stats_slot *slot, bool first, uint64_t ns, uint64_t all_ns)
{
	uint64_t max_ns = get(&slot->queue_wait_max_ns);

	add(&slot->queue_waits, first);
	add(&slot->queue_wait_ns, ns);
	while (all_ns > max_ns && !__atomic_compare_exchange_n(&slot->queue_wait_max_ns, &max_ns, all_ns,
							       true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* All slots as one. */
static struct stats_slot sum(const struct stats *stats)
{
	struct stats_slot all = {};

	for (uint32_t i = 0; i < stats->nr_slots; i++) {
		const struct stats_slot *slot = &stats->slots[i];

		for (unsigned at = 0; at < RESPONSE_STATUSES; at++)
			all.answers[at] += get(&slot->answers[at]);
		for (unsigned at = 0; at < STATS_COUNTS; at++)
			all.counts[at] += get(&slot->counts[at]);
		for (unsigned at = 0; at < PLAN_KINDS; at++) {
			all.work[at].count += get(&slot->work[at].count);
			all.work[at].cpu_ns += get(&slot->work[at].cpu_ns);
			all.work[at].wall_ns += get(&slot->work[at].wall_ns);
		}
		all.queue_depth += get(&slot->queue_depth);
		all.queue_waits += get(&slot->queue_waits);
		all.queue_wait_ns += get(&slot->queue_wait_ns);
		if (get(&slot->queue_wait_max_ns) > all.queue_wait_max_ns)
			all.queue_wait_max_ns = get(&slot->queue_wait_max_ns);
	}
	return all;
}

/* Of all processes of the server. */
struct usage {
	uint32_t processes;
	uint64_t resident_bytes; /* what they share is counted for each */
	uint64_t voluntary, involuntary;
	bool is_whole; /* all were read */
};

/* Adds what /proc tells of process PID; one that is gone has nothing. */
static void add_process(struct usage *usage, uint32_t pid)
{
	unsigned long long kb, nr;
	char path[40], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	file = fopen(path, "re");
	if (!file && errno == ENOENT) /* it has ended */
		return;
	usage->processes++;
	usage->is_whole &= file != NULL; /* there may be no file more to open */
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "VmRSS: %llu", &kb) == 1)
			usage->resident_bytes += kb * 1024;
		else if (sscanf(line, "voluntary_ctxt_switches: %llu", &nr) == 1)
			usage->voluntary += nr;
		else if (sscanf(line, "nonvoluntary_ctxt_switches: %llu", &nr) == 1)
			usage->involuntary += nr;
	}
	if (file)
		fclose(file);
}

static struct usage usage_of(const struct stats *stats)
{
	struct usage usage = { .is_whole = true };
	struct rusage self;
	bool is_one = true;

	add_process(&usage, stats->pid);
	for (uint32_t i = 0; i < stats->nr_slots; i++) {
		const struct stats_slot *slot = &stats->slots[i];
		uint32_t pid = __atomic_load_n(&slot->pid, __ATOMIC_RELAXED);

		usage.voluntary += get(&slot->ended_voluntary);
		usage.involuntary += get(&slot->ended_involuntary);
		is_one = is_one && !pid;
		if (pid)
			add_process(&usage, pid);
	}
	/* What /proc has there is of the first thread only. */
	if (is_one && !getrusage(RUSAGE_SELF, &self)) {
		usage.voluntary = (uint64_t)self.ru_nvcsw;
		usage.involuntary = (uint64_t)self.ru_nivcsw;
	}
	return usage;
}

static void print_requests(FILE *out, const struct stats_slot *all)
{
	const char *comma = "";
	uint64_t count = 0;

	for (unsigned i = 0; i < RESPONSE_STATUSES; i++)
		count += all->answers[i];
	fprintf(out, "\"requests\":{\"count\":%lu,\"by_status\":{", count);
	for (unsigned i = 0; i < RESPONSE_STATUSES; i++) {
		if (!all->answers[i])
			continue;
		fprintf(out, "%s\"%u\":%lu", comma, response_statuses[i], all->answers[i]);
		comma = ",";
	}
	fprintf(out, "}},\"healthz\":{\"count\":%lu},\"stats\":{\"count\":%lu}", all->counts[STATS_HEALTHZ],
		all->counts[STATS_STATS]);
}

static void print_work(FILE *out, const struct stats_slot *all)
{
	fprintf(out, ",\"work\":{");
	for (unsigned i = 0; i < PLAN_KINDS; i++)
		fprintf(out, "%s\"%s\":{\"count\":%lu,\"cpu_ns\":%lu,\"wall_ns\":%lu}", i ? "," : "",
			plan_kind_name((enum plan_kind)i), all->work[i].count, all->work[i].cpu_ns,
			all->work[i].wall_ns);
	fprintf(out, "}");
}

static void print_ring(FILE *out, const struct stats *stats, const uint64_t *counts)
{
	if (stats->fallback)
		fprintf(out, ",\"fallback\":\"%s\"", stats->fallback);
	if (stats->has_ring)
		fprintf(out, ",\"fallback\":null,\"ring\":{\"no_buffers\":%lu,\"overflows\":%lu}",
			counts[STATS_NO_BUFFERS], counts[STATS_OVERFLOWS]);
}

static void print_green(FILE *out, const struct stats *stats, const uint64_t *counts)
{
	if (stats->guard)
		fprintf(out,
			",\"green\":{\"switches\":%lu,\"steals\":%lu,\"preemptions\":%lu,\"stack_guard\":\"%"
			"s\","
			"\"stack_bytes\":%zu}",
			counts[STATS_GREEN_SWITCHES], counts[STATS_STEALS], counts[STATS_PREEMPTIONS],
			stats->guard, stats->stack_bytes);
}

/* Accepted is read after closed, which was summed before, so that open is never less than none. */
static void print_connections(FILE *out, const struct stats *stats, const uint64_t *counts)
{
	uint64_t accepted = 0;

	fprintf(out, ",\"connections\":{");
	for (uint32_t i = 0; i < stats->nr_slots; i++) {
		uint64_t share = get(&stats->slots[i].counts[STATS_ACCEPTED]);

		accepted += share;
		if (stats->by_worker)
			fprintf(out, "%s%lu", i ? "," : "\"accepted_by_worker\":[", share);
	}
	fprintf(out, "%s\"accepted\":%lu,\"open\":%lu,\"refused\":%lu,\"timed_out\":%lu}",
		stats->by_worker ? "]," : "", accepted, accepted - counts[STATS_CLOSED],
		counts[STATS_REFUSED], counts[STATS_TIMED_OUT]);
}

static void print(FILE *out, const struct stats *stats)
{
	struct stats_slot all = sum(stats);
	struct usage usage = usage_of(stats);

	fprintf(out, "{\"model\":\"%s\",\"processes\":%u,", stats->model, usage.processes);
	print_requests(out, &all);
	print_connections(out, stats, all.counts);
	print_work(out, &all);
	fprintf(out,
		",\"scheduling\":{\"switches\":{\"voluntary\":%lu,\"involuntary\":%lu},\"queue_depth\":%lu,"
		"\"queue_wait\":{\"count\":%lu,\"total_ns\":%lu,\"max_ns\":%lu}}",
		usage.voluntary, usage.involuntary, all.queue_depth, all.queue_waits, all.queue_wait_ns,
		all.queue_wait_max_ns);
	print_ring(out, stats, all.counts);
	print_green(out, stats, all.counts);
	if (usage.is_whole)
		fprintf(out, ",\"memory\":{\"rss_bytes\":%lu}}\n", usage.resident_bytes);
	else
		fputs(",\"memory\":{\"rss_bytes\":null}}\n", out);
}

char *stats_json(const struct stats *stats, size_t *bytes)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, bytes);

	if (!out)
		return NULL;
	print(out, stats);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
