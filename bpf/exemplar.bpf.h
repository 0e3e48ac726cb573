/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The slowest requests of each interval, handed to the agent one by one: the only stream there is.  What gets
 * lost of it changes no figure, and how much goes by it is bounded.
 */
#ifndef WHYLATE_BPF_EXEMPLAR_H
#define WHYLATE_BPF_EXEMPLAR_H

#include "touch.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* set to what all CPUs may send in two intervals */
} exemplars SEC(".maps");

/* The slowest so far on one CPU, in no order. */
struct slowest {
	__u64 latency_ns[EXEMPLARS_EACH];
	__u32 interval;
	__u32 sent;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct slowest);
} slowest SEC(".maps");

/* Whether LATENCY_NS is among the slowest; it takes the place of the least of them then. */
static __always_inline bool is_slow(struct slowest *among, __u64 latency_ns)
{
	__u32 least = 0;

	if (among->interval != interval_number) {
		__builtin_memset(among, 0, sizeof(*among));
		among->interval = interval_number;
	}
	for (__u32 i = 1; i < EXEMPLARS_EACH; i++)
		if (among->latency_ns[i] < among->latency_ns[least & (EXEMPLARS_EACH - 1)])
			least = i;
	if (latency_ns <= among->latency_ns[least & (EXEMPLARS_EACH - 1)] || among->sent >= EXEMPLARS_MOST)
		return false;
	among->latency_ns[least & (EXEMPLARS_EACH - 1)] = latency_ns;
	among->sent++;
	return true;
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

/* A global function: see VERIFIED_ONCE; seldom called. */
static __noinline int exemplar_send(const struct span *span, const struct worker *worker)
{
	struct exemplar *out = bpf_ringbuf_reserve(&exemplars, sizeof(*out), 0);

	if (!out) {
		count_loss(LOSS_EXEMPLARS);
		return 0;
	}
	exemplar_fill(out, span, worker);
	bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
	return 0;
}

/* The request was booked: hand it on if it is one of the slowest. */
static __always_inline void exemplar_note(struct span *span, const struct worker *worker)
{
	__u32 zero = 0;
	struct slowest *among = bpf_map_lookup_elem(&slowest, &zero);

	if (among && is_slow(among, span->at_ns - span->begin_ns)) {
		span->flags |= SPAN_SHOWN;
		exemplar_send(span, worker);
	}
}

/* The place among the slowest that LATENCY_NS has is free again, if it was taken on this CPU. */
static __always_inline void free_place(__u64 latency_ns)
{
	__u32 zero = 0;
	struct slowest *among = bpf_map_lookup_elem(&slowest, &zero);

	for (__u32 i = 0; among && i < EXEMPLARS_EACH; i++)
		if (among->latency_ns[i] == latency_ns) {
			among->latency_ns[i] = 0;
			return;
		}
}

/* The latest request, which may have been handed on, is none of ours: not touched since, it is taken back. */
static __noinline int exemplar_withdraw(struct span *span)
{
	struct exemplar_withdrawal out;

	if (!span || !(span->flags & SPAN_SHOWN))
		return 0;
	span->flags &= (__u8)~SPAN_SHOWN;
	free_place(span->at_ns - span->begin_ns);
	out.request = span->request;
	if (bpf_ringbuf_output(&exemplars, &out, sizeof(out), BPF_RB_NO_WAKEUP))
		count_loss(LOSS_EXEMPLARS);
	return 0;
}

#endif /* WHYLATE_BPF_EXEMPLAR_H */
