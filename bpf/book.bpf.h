/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How an answered request enters the sums, and leaves them again when more of its answer is sent.
 *
 * Only components that are not zero cost anything.
 */
#ifndef WHYLATE_BPF_BOOK_H
#define WHYLATE_BPF_BOOK_H

#include "maps.bpf.h"
#include "switches.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HIST_BUCKETS);
	__type(key, __u32);
	__type(value, struct request_bucket);
} request_buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WITHOUTS);
	__type(key, __u32);
	__type(value, struct component_moves);
} component_moves SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STATUSES);
	__type(key, __u32);
	__type(value, struct switch_table);
} switch_tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct request_counts);
} request_counts SEC(".maps");

static __always_inline struct request_counts *counts_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&request_counts, &zero);
}

/* What becomes of a request that is not answered.  Arrivals interrupt the tasks' hooks on the same CPU. */
static __always_inline void count_not(__u32 reason, __s64 more)
{
	struct request_counts *counts = counts_here();

	if (counts && reason < NOT_COUNTED_KINDS)
		__sync_fetch_and_add(&counts->not_counted[reason], more);
}

/* A request has arrived (1), or is no longer open (-1). */
static __always_inline void count_open(__s64 more)
{
	count_not(NOT_UNANSWERED, more);
}

/* A number that no other request has: those of one CPU count up. */
static __always_inline __u64 next_request(void)
{
	struct request_counts *counts = counts_here();

	return counts ? ((__u64)bpf_get_smp_processor_id() + 1) << 48 | ++counts->numbers : 0;
}

/* Without COMPONENT, the request would lie in bucket WITHOUT and not in bucket AT. */
static __always_inline void book_move(__u32 component, __u32 at, __u32 without, __s64 by)
{
	struct component_moves *moves = bpf_map_lookup_elem(&component_moves, &component);

	if (!moves)
		return;
	moves->moves[at & (HIST_BUCKETS - 1)] -= by;
	moves->moves[without & (HIST_BUCKETS - 1)] += by;
}

/* The least by which a latency must be shorter to lie in a lower bucket than NUMBER, in which it lies. */
static __always_inline __u64 bucket_room_ns(__u64 latency_ns, __u32 number)
{
	return latency_ns - hist_bucket_from_ns(number) + 1;
}

/* Undo in MOVES what a part of NS moves alone, if it does.  Returns BY then, else 0. */
static __always_inline __s64 unbook_part(struct component_moves *moves, __u64 ns, __u64 latency_ns,
					 __u64 room_ns, __s64 by)
{
	if (ns < room_ns)
		return 0;
	moves->moves[hist_bucket(latency_ns - ns)] -= by;
	return by;
}

/* See struct component_moves: nothing for a request that waited for a CPU in one way only, or not at all. */
static __always_inline void book_run_queue(const struct parts *parts, __u32 number, __u64 latency_ns,
					   __u64 room_ns, __s64 by)
{
	__u64 unread_ns = parts->components_ns[COMPONENT_SOCKET_RUN_QUEUE],
	      wakeup_ns = parts->components_ns[COMPONENT_RUN_QUEUE_WAKEUP],
	      preempted_ns = parts->components_ns[COMPONENT_RUN_QUEUE_PREEMPTED],
	      ns = blamed_ns(parts->components_ns);
	__u32 what = WITHOUT_RUN_QUEUE;
	struct component_moves *moves;

	if (ns < room_ns || ns == unread_ns || ns == wakeup_ns || ns == preempted_ns)
		return;
	moves = bpf_map_lookup_elem(&component_moves, &what);
	if (!moves)
		return;
	moves->moves[hist_bucket(latency_ns - ns)] += by;
	by -= unbook_part(moves, unread_ns, latency_ns, room_ns, by) +
	      unbook_part(moves, wakeup_ns, latency_ns, room_ns, by) +
	      unbook_part(moves, preempted_ns, latency_ns, room_ns, by);
	moves->moves[number & (HIST_BUCKETS - 1)] -= by;
}

static __always_inline void book_blame(struct request_bucket *bucket, const struct parts *parts, __s64 by)
{
	/* All of it is run queue: see parts_settle_blame(). */
	if (!blamed_ns(parts->components_ns))
		return;
	NOT_UNROLLED for (__u32 i = 0; i < BLAME_KINDS; i++) bucket->blame_ns[i] += by * parts->blame_ns[i];
}

/* BY: 1, or -1 to take the request out again. */
static __always_inline void book_bucket(const struct span *span, __u32 number, __u64 latency_ns, __s64 by)
{
	struct request_bucket *bucket = bpf_map_lookup_elem(&request_buckets, &number);
	__u64 room_ns = bucket_room_ns(latency_ns, number);

	if (!bucket)
		return;
	bucket->before++;
	border_barrier();
	bucket->count += by;
	bucket->latency_ns += by * latency_ns;
	NOT_UNROLLED for (__u32 i = 0; i < COMPONENTS; i++)
	{
		__u64 ns = span->parts.components_ns[i];

		if (!ns)
			continue;
		bucket->components_ns[i] += by * ns;
		if (ns >= room_ns)
			book_move(i, number, hist_bucket(latency_ns - ns), by);
	}
	book_run_queue(&span->parts, number, latency_ns, room_ns, by);
	book_blame(bucket, &span->parts, by);
	bucket->voluntary += by * span->parts.voluntary;
	bucket->involuntary += by * span->parts.involuntary;
	bucket->migrations += by * span->parts.migrations;
	if (span->status < STATUSES)
		bucket->statuses[span->status] += by;
	border_barrier();
	bucket->after++;
}

static __always_inline void book_switches(const struct span *span, __s64 by)
{
	__u32 status = span->status;
	__u64 switches = span->parts.voluntary + span->parts.involuntary;
	__u64 on_cpu_ns = span->parts.components_ns[COMPONENT_ON_CPU];
	struct switch_table *table;

	if (!switches_are_known(on_cpu_ns, span->parts.components_ns[COMPONENT_RESIDUAL]))
		return;
	table = bpf_map_lookup_elem(&switch_tables, &status);
	if (table)
		switch_row_book(&table->rows[switch_row_of(switches) & (SWITCH_ROWS - 1)], switches,
				on_cpu_ns, by);
}

VERIFIED_ONCE int book_request(const struct span *span, __u64 latency_ns, __s64 by)
{
	if (!span)
		return 0;
	book_bucket(span, hist_bucket(latency_ns) & (HIST_BUCKETS - 1), latency_ns, by);
	book_switches(span, by);
	return 0;
}

static __always_inline void book_turn(__u32 protocol, __u64 latency_ns, __s64 by)
{
	__u32 id = HIST_TURN_FIRST + protocol;
	struct hist_slot *slot = bpf_map_lookup_elem(&hists, &id);

	if (!slot)
		return;
	slot->total_ns += by * latency_ns;
	slot->buckets[hist_bucket(latency_ns) & (HIST_BUCKETS - 1)] += by;
	if (by > 0)
		hist_note_max(slot, latency_ns);
}

static __always_inline void book_by(struct span *span, __u64 latency_ns, __s64 by)
{
	if (span->protocol < SPEAKS_TURNS)
		book_request(span, latency_ns, by);
	else
		book_turn(span->protocol - SPEAKS_TURNS, latency_ns, by);
}

/* The latest request leaves the sums, if it is in them. */
static __always_inline void unbook(struct span *span)
{
	if (!(span->flags & SPAN_BOOKED))
		return;
	book_by(span, span->at_ns - span->begin_ns, -1);
	span->flags &= (__u8)~SPAN_BOOKED;
}

/* It enters them as of its latest touch. */
static __always_inline void book(struct span *span)
{
	__u32 id = HIST_REQUEST_MAX;
	struct hist_slot *slot;
	__u64 latency_ns;

	if (!span_close(span, &latency_ns))
		count_loss(LOSS_COMPONENTS);
	book_by(span, latency_ns, 1);
	slot = span->protocol < SPEAKS_TURNS ? bpf_map_lookup_elem(&hists, &id) : NULL;
	if (slot)
		hist_note_max(slot, latency_ns);
	span->flags |= SPAN_BOOKED;
}

#endif /* WHYLATE_BPF_BOOK_H */
