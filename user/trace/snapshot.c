// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/clock.h"

static int by_clock(const void *left, const void *right)
{
	const struct thread_record *a = left, *b = right;

	return a->clock_id < b->clock_id ? -1 : a->clock_id > b->clock_id;
}

bool ended_is_whole(const struct ended_slot *slot)
{
	return slot->begun == slot->sums.threads;
}

static void add_ended(struct ended_sums *to, const struct ended_sums *from)
{
	const __u64 *audit = (const __u64 *)&from->audit;

	to->threads += from->threads;
	to->wall_ns += from->wall_ns;
	clock_sums_merge(&to->sums, &from->sums);
	to->counts.voluntary += from->counts.voluntary;
	to->counts.involuntary += from->counts.involuntary;
	to->counts.migrations += from->counts.migrations;
	for (size_t i = 0; i < sizeof(to->audit) / sizeof(__u64); i++)
		((__u64 *)&to->audit)[i] += audit[i];
}

/* Mark the thread with clock ID, if it is among the living. */
static void mark_dead(struct snapshot *snapshot, uint64_t id)
{
	const struct thread_record key = { .clock_id = id };
	struct thread_record *found = NULL;

	if (snapshot->nr_threads)
		found = bsearch(&key, snapshot->threads, snapshot->nr_threads, sizeof(*found), by_clock);
	if (found)
		found->state = CLOCK_DEAD;
}

static void drop_state(struct snapshot *snapshot, uint32_t state)
{
	size_t kept = 0;

	for (size_t i = 0; i < snapshot->nr_threads; i++)
		if (snapshot->threads[i].state != state)
			snapshot->threads[kept++] = snapshot->threads[i];
	snapshot->nr_threads = kept;
}

void snapshot_settle(struct snapshot *snapshot, const struct ended_slot *before,
		     const struct ended_slot *after, uint32_t nr_cpus, uint64_t nr_clocks, uint64_t nr_unused)
{
	uint64_t known = nr_unused;

	if (snapshot->nr_threads)
		qsort(snapshot->threads, snapshot->nr_threads, sizeof(*snapshot->threads), by_clock);
	memset(&snapshot->ended, 0, sizeof(snapshot->ended));
	for (uint32_t cpu = 0; cpu < nr_cpus; cpu++) {
		uint64_t first = before[cpu].sums.threads, last = after[cpu].sums.threads;

		add_ended(&snapshot->ended, &after[cpu].sums);
		known += last;
		/* What the ring no longer has may be in both: counted as unread, it is not silent. */
		if (last - first > ENDED_IDS) {
			known -= last - first - ENDED_IDS;
			first = last - ENDED_IDS;
		}
		for (uint64_t i = first; i < last; i++) {
			uint64_t id = after[cpu].ids[i % ENDED_IDS];

			mark_dead(snapshot, id);
			known -= id >= nr_clocks; /* born and ended during the read */
		}
	}
	drop_state(snapshot, CLOCK_DEAD);
	for (size_t i = 0; i < snapshot->nr_threads; i++)
		known += snapshot->threads[i].clock_id < nr_clocks;
	snapshot->nr_unread = nr_clocks > known ? nr_clocks - known : 0;
}

void snapshot_drop_unborn(struct snapshot *snapshot)
{
	drop_state(snapshot, CLOCK_NEW);
}

static uint64_t latency_ns(const struct exemplar *exemplar)
{
	return exemplar->end_ns - exemplar->begin_ns;
}

static void note_gone(struct snapshot_slowest *slowest, uint64_t ns)
{
	if (ns > slowest->gone_ns)
		slowest->gone_ns = ns;
}

static void keep(struct snapshot_slowest *kept, const struct exemplar *one)
{
	struct exemplar *least = kept->of;

	for (size_t i = 0; i < kept->nr; i++) {
		if (kept->of[i].request == one->request) {
			if (one->end_ns >= kept->of[i].end_ns)
				kept->of[i] = *one;
			return;
		}
		if (latency_ns(&kept->of[i]) < latency_ns(least))
			least = &kept->of[i];
	}
	if (kept->nr < SNAPSHOT_EXEMPLARS) {
		kept->of[kept->nr++] = *one;
	} else if (latency_ns(one) > latency_ns(least)) {
		note_gone(kept, latency_ns(least));
		*least = *one;
	} else {
		note_gone(kept, latency_ns(one));
	}
}

static void drop(struct snapshot_slowest *kept, uint64_t request)
{
	for (size_t i = 0; i < kept->nr; i++) {
		if (kept->of[i].request != request)
			continue;
		kept->of[i] = kept->of[--kept->nr];
		return;
	}
}

const struct slowest_set *snapshot_slowest_set(const struct slowest *head, uint32_t interval)
{
	const struct slowest_set *set = &head->sets[interval & 1];

	return !head->writing && set->interval == interval ? set : NULL;
}

static int add_withdrawn(struct snapshot_requests *out, const struct slowest_set *set)
{
	size_t nr = out->nr_withdrawn + set->nr_withdrawn;
	uint64_t *more;

	if (!set->nr_withdrawn)
		return 0;
	more = realloc(out->withdrawn, nr * sizeof(*more));
	if (!more)
		return -ENOMEM;
	memcpy(more + out->nr_withdrawn, set->withdrawn, set->nr_withdrawn * sizeof(*more));
	out->withdrawn = more;
	out->nr_withdrawn = nr;
	return 0;
}

int snapshot_take_head(struct snapshot_requests *out, const struct slowest *head, uint32_t interval)
{
	const struct slowest_set *set = snapshot_slowest_set(head, interval);

	if (head->writing)
		note_gone(&out->slowest, UINT64_MAX);
	if (!set)
		return 0;
	note_gone(&out->slowest, set->gone_ns);
	return add_withdrawn(out, set);
}

void snapshot_take_exemplar(struct snapshot_requests *out, const struct exemplar *one)
{
	for (size_t i = 0; i < out->nr_withdrawn; i++)
		if (out->withdrawn[i] == one->request)
			return;
	keep(&out->slowest, one);
}

void snapshot_merge_slowest(struct snapshot_slowest *kept, const struct snapshot_requests *from)
{
	for (size_t i = 0; i < from->nr_withdrawn; i++)
		drop(kept, from->withdrawn[i]);
	for (size_t i = 0; i < from->slowest.nr; i++)
		keep(kept, &from->slowest.of[i]);
	note_gone(kept, from->slowest.gone_ns);
}

static int slowest_first(const void *left, const void *right)
{
	uint64_t a_ns = latency_ns(left), b_ns = latency_ns(right);

	return a_ns > b_ns ? -1 : a_ns < b_ns;
}

void snapshot_sort_slowest(struct snapshot_slowest *slowest)
{
	qsort(slowest->of, slowest->nr, sizeof(*slowest->of), slowest_first);
}

void snapshot_fini(struct snapshot *snapshot)
{
	free(snapshot->threads);
	free(snapshot->names);
	if (snapshot->requests)
		free(snapshot->requests->withdrawn);
	free(snapshot->requests);
	memset(snapshot, 0, sizeof(*snapshot));
}
