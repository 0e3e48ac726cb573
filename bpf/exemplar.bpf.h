/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The slowest requests of each interval, kept whole: each CPU has a few places, and the least gives way to a
 * slower one.  Of a response that is sent in parts, the latest part replaces what was kept of it before.
 */
#ifndef WHYLATE_BPF_EXEMPLAR_H
#define WHYLATE_BPF_EXEMPLAR_H

#include "touch.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * EXEMPLARS_EACH); /* of the intervals with even numbers, then of the others */
	__type(key, __u32);
	__type(value, struct exemplar);
} exemplars SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct slowest);
} slowest SEC(".maps");

static __always_inline struct slowest *slowest_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&slowest, &zero);
}

/* Programs on calls may be preempted, and another be in the middle of it on this CPU. */
static __always_inline bool slowest_begin(struct slowest *among)
{
	if (!__sync_lock_test_and_set(&among->writing, 1))
		return true;
	count_loss(LOSS_EXEMPLARS);
	return false;
}

static __always_inline void slowest_end(struct slowest *among)
{
	border_barrier();
	*(volatile __u64 *)&among->writing = 0;
}

/* The set of the interval that runs; AMONG is begun. */
static __always_inline struct slowest_set *slowest_set(struct slowest *among)
{
	__u32 number = *(volatile __u32 *)&interval_number;
	struct slowest_set *set = &among->sets[number & 1];

	if (set->interval != number) {
		__builtin_memset(set, 0, __builtin_offsetof(struct slowest_set, withdrawn));
		set->interval = number;
	}
	return set;
}

/* The place that REQUEST has in SET, or EXEMPLARS_EACH. */
static __always_inline __u32 place_of(const struct slowest_set *set, __u64 request)
{
	__u64 place = EXEMPLARS_EACH;

	NOT_UNROLLED for (__u64 i = 0; i < EXEMPLARS_EACH; i++)
		place += (i - place) & ~less_mask(0, set->requests[i] ^ request);
	return (__u32)place;
}

/* What has PLACE in SET from now on: nothing, if both are 0. */
static __always_inline void place_set(struct slowest_set *set, __u32 place, __u64 request, __u64 latency_ns)
{
	__u64 least = 0, least_ns;

	set->requests[place & (EXEMPLARS_EACH - 1)] = request;
	set->latencies_ns[place & (EXEMPLARS_EACH - 1)] = latency_ns;
	least_ns = set->latencies_ns[0];
	NOT_UNROLLED for (__u64 i = 1; i < EXEMPLARS_EACH; i++)
	{
		__u64 ns = set->latencies_ns[i], less = less_mask(ns, least_ns);

		least_ns += (ns - least_ns) & less;
		least += (i - least) & less;
	}
	set->least = (__u32)least;
	set->least_ns = least_ns;
}

static __always_inline void exemplar_fill(struct exemplar *out, const struct span *span,
					  const struct worker *worker)
{
	struct task_struct *task = bpf_get_current_task_btf();

	out->request = span->request;
	out->begin_ns = span->begin_ns;
	out->read_ns = span->read_ns;
	out->end_ns = span->at_ns;
	out->parts = span->parts;
	out->tid = task_tid(task);
	out->pid = task_process(task);
	bpf_probe_read_kernel(out->comm, sizeof(out->comm), task->comm);
	out->status = span->status;
	out->nr_stays = STAYS;
	__builtin_memcpy(out->trace_id, span->trace_id, sizeof(out->trace_id));
	for (__u32 i = 0; i < STAYS; i++)
		out->stays[i] = worker->stays[(worker->stay - 1 - i) & (STAYS - 1)];
}

static __always_inline void exemplar_put(struct slowest_set *set, struct span *span,
					 const struct worker *worker)
{
	__u32 place = place_of(set, span->request), index;
	bool is_there = place < EXEMPLARS_EACH;
	struct exemplar *out;

	if (!is_there)
		place = set->least & (EXEMPLARS_EACH - 1);
	index = (set->interval & 1) * EXEMPLARS_EACH + place;
	out = bpf_map_lookup_elem(&exemplars, &index);
	if (!out) {
		count_loss(LOSS_EXEMPLARS);
		return;
	}
	if (!is_there && set->least_ns > set->gone_ns)
		set->gone_ns = set->least_ns;
	if (!is_there && span->flags & SPAN_SHOWN)
		span->flags |= SPAN_SPREAD;
	span->flags |= SPAN_SHOWN;
	exemplar_fill(out, span, worker);
	place_set(set, place, span->request, span->at_ns - span->begin_ns);
}

/* Seldom called, but for requests that are there and go on being sent. */
VERIFIED_ONCE int exemplar_keep(struct span *span, const struct worker *worker)
{
	struct slowest *among = slowest_here();
	struct slowest_set *set;

	if (!span || !worker || !among || !slowest_begin(among))
		return 0;
	set = slowest_set(among);
	if (span->at_ns - span->begin_ns > set->least_ns)
		exemplar_put(set, span, worker);
	slowest_end(among);
	return 0;
}

/* The request was booked: keep it if it is one of the slowest. */
static __always_inline void exemplar_note(struct span *span, const struct worker *worker)
{
	struct slowest *among = slowest_here();
	__u32 number = interval_number;
	const struct slowest_set *set;

	if (!among)
		return;
	set = &among->sets[number & 1];
	/* What is there already has become slower than it was, and so than the least. */
	if (set->interval != number || span->at_ns - span->begin_ns > set->least_ns)
		exemplar_keep(span, worker);
}

/* For user space to drop it wherever it may be. */
static __always_inline void slowest_tell(struct slowest_set *set, __u64 request)
{
	if (set->nr_withdrawn >= EXEMPLARS_WITHDRAWN) {
		count_loss(LOSS_EXEMPLARS);
		return;
	}
	set->withdrawn[set->nr_withdrawn & (EXEMPLARS_WITHDRAWN - 1)] = request;
	set->nr_withdrawn++;
}

/* The latest request, which may have been kept, is none of ours. */
VERIFIED_ONCE int exemplar_withdraw(struct span *span)
{
	const __u8 shown = SPAN_SHOWN | SPAN_SPREAD;
	struct slowest *among = slowest_here();
	struct slowest_set *set;
	__u32 place;

	if (!span || !among || !(span->flags & SPAN_SHOWN) || !slowest_begin(among))
		return 0;
	set = slowest_set(among);
	place = place_of(set, span->request);
	if (place < EXEMPLARS_EACH)
		place_set(set, place, 0, 0);
	if (place >= EXEMPLARS_EACH || span->flags & SPAN_SPREAD)
		slowest_tell(set, span->request);
	span->flags &= (__u8)~shown;
	slowest_end(among);
	return 0;
}

#endif /* WHYLATE_BPF_EXEMPLAR_H */
