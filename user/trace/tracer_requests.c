// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The sums of requests, from the programs' maps to a snapshot. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "user/trace/tracer_internal.h"

#define READ_TRIES 8

/* All are words that add up; those that say whether a copy is whole add up to nothing that is read. */
static void add_words(void *to, const void *from, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
		((uint64_t *)to)[i] += ((const uint64_t *)from)[i];
}

static bool are_whole(const struct request_bucket *slots, uint32_t nr_cpus)
{
	for (uint32_t cpu = 0; cpu < nr_cpus; cpu++)
		if (slots[cpu].after != slots[cpu].before)
			return false;
	return true;
}

/* A bucket that is written all the time is taken as it is in the end: one request of it may be cut. */
static int read_bucket(struct tracer *tracer, uint32_t number, struct request_bucket *out)
{
	const struct request_bucket *slots;

	for (int i = 0; i < READ_TRIES; i++) {
		slots = tracer_lookup_percpu(tracer, tracer->skel->maps.request_buckets, number);
		if (!slots)
			return -errno;
		if (are_whole(slots, tracer->nr_cpus))
			break;
	}
	for (uint32_t cpu = 0; cpu < tracer->nr_cpus; cpu++)
		add_words(out, &slots[cpu], sizeof(*out));
	return 0;
}

static int read_buckets(struct tracer *tracer, struct snapshot_requests *out)
{
	int ret = 0;

	for (uint32_t i = 0; i < HIST_BUCKETS && !ret; i++)
		ret = read_bucket(tracer, i, &out->buckets[i]);
	return ret;
}

static int read_switches(struct tracer *tracer, struct snapshot_requests *out)
{
	for (uint32_t i = 0; i < STATUSES; i++) {
		const struct switch_table *slots =
			tracer_lookup_percpu(tracer, tracer->skel->maps.switch_tables, i);

		if (!slots)
			return -errno;
		for (uint32_t cpu = 0; cpu < tracer->nr_cpus; cpu++)
			add_words(&out->switches[i], &slots[cpu], sizeof(*slots));
	}
	return 0;
}

/* To what the parts of all waiting for a CPU move together comes what each moves alone. */
static void add_run_queue(struct snapshot_requests *out)
{
	static const uint32_t parts[] = { COMPONENT_SOCKET_RUN_QUEUE, COMPONENT_RUN_QUEUE_WAKEUP,
					  COMPONENT_RUN_QUEUE_PREEMPTED };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		add_words(&out->without[WITHOUT_RUN_QUEUE], &out->without[parts[i]], sizeof(out->without[0]));
}

static int read_moves(struct tracer *tracer, struct snapshot_requests *out)
{
	for (uint32_t i = 0; i < WITHOUTS; i++) {
		const struct component_moves *slots =
			tracer_lookup_percpu(tracer, tracer->skel->maps.component_moves, i);

		if (!slots)
			return -errno;
		for (uint32_t cpu = 0; cpu < tracer->nr_cpus; cpu++)
			add_words(&out->without[i], &slots[cpu], sizeof(*slots));
	}
	add_run_queue(out);
	return 0;
}

static int read_counts(struct tracer *tracer, struct snapshot_requests *out)
{
	const struct request_counts *slots =
		tracer_lookup_percpu(tracer, tracer->skel->maps.request_counts, 0);

	if (!slots)
		return -errno;
	for (uint32_t cpu = 0; cpu < tracer->nr_cpus; cpu++)
		add_words(out->not_counted, slots[cpu].not_counted, sizeof(out->not_counted));
	out->listens = *(volatile __u32 *)&tracer->skel->bss->nr_listeners;
	return sockethooks_still_sending(tracer->skel, &out->still_sending);
}

/*
 * Each CPU's HEADS as of a moment when it was not writing, so that its set of what has ended is still.  Of
 * one that was at every look, `writing` stays 1.
 */
static int read_heads(struct tracer *tracer, struct slowest *heads)
{
	const struct timespec moment = { .tv_nsec = 500000 };
	uint32_t nr_still = 0;

	for (uint32_t cpu = 0; cpu < tracer->nr_cpus; cpu++)
		heads[cpu].writing = 1;
	for (int i = 0; i < READ_TRIES && nr_still < tracer->nr_cpus; i++) {
		const struct slowest *look;

		if (i)
			nanosleep(&moment, NULL);
		look = tracer_lookup_percpu(tracer, tracer->skel->maps.slowest, 0);
		if (!look)
			return -errno;
		for (uint32_t cpu = 0; cpu < tracer->nr_cpus; cpu++) {
			if (!heads[cpu].writing || look[cpu].writing)
				continue;
			heads[cpu] = look[cpu];
			nr_still++;
		}
	}
	return 0;
}

/* What the CPUs have in PLACE. */
static int read_exemplars(struct tracer *tracer, const struct slowest *heads, uint32_t interval,
			  uint32_t place, struct snapshot_requests *out)
{
	const struct exemplar *slots = NULL;

	for (uint32_t cpu = 0; cpu < tracer->nr_cpus; cpu++) {
		const struct slowest_set *set = snapshot_slowest_set(&heads[cpu], interval);

		if (!set || !set->requests[place])
			continue;
		if (!slots)
			slots = tracer_lookup_percpu(tracer, tracer->skel->maps.exemplars,
						     (interval & 1) * EXEMPLARS_EACH + place);
		if (!slots)
			return -errno;
		snapshot_take_exemplar(out, &slots[cpu]);
	}
	return 0;
}

/* The slowest of INTERVAL: what was withdrawn is known before any of them is taken. */
static int read_slowest(struct tracer *tracer, uint32_t interval, struct snapshot_requests *out)
{
	struct slowest *heads = calloc(tracer->nr_cpus, sizeof(*heads));
	int ret = heads ? read_heads(tracer, heads) : -ENOMEM;

	for (uint32_t cpu = 0; cpu < tracer->nr_cpus && !ret; cpu++)
		ret = snapshot_take_head(out, &heads[cpu], interval);
	for (uint32_t place = 0; place < EXEMPLARS_EACH && !ret; place++)
		ret = read_exemplars(tracer, heads, interval, place, out);
	free(heads);
	snapshot_sort_slowest(&out->slowest);
	return ret;
}

int tracer_read_requests(struct tracer *tracer, uint32_t interval, struct snapshot *snapshot)
{
	struct snapshot_requests *out;
	int ret;

	if (tracer->sockets.hooks == REQUEST_HOOKS_NONE)
		return 0;
	out = calloc(1, sizeof(*out));
	if (!out)
		return -ENOMEM;
	snapshot->requests = out;
	ret = read_buckets(tracer, out);
	if (!ret)
		ret = read_moves(tracer, out);
	if (!ret)
		ret = read_switches(tracer, out);
	if (!ret)
		ret = read_counts(tracer, out);
	if (!ret)
		ret = read_slowest(tracer, interval, out);
	out->max_ns = snapshot->hists[HIST_REQUEST_MAX].max_ns;
	for (int i = 0; i < TURN_PROTOCOLS; i++)
		out->turns[i] = snapshot->hists[HIST_TURN_FIRST + i];
	return ret;
}
