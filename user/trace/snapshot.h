/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One consistent copy of everything that the kernel's side has measured since attach, as plain structs.
 *
 * Cumulative: the figures of an interval are the difference of two snapshots (analysis/scheduling.h).
 * Nothing here knows libbpf; trace/tracer.h fills it.
 */
#ifndef WHYLATE_TRACE_SNAPSHOT_H
#define WHYLATE_TRACE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "bpf/request_abi.h"

/* Summed over CPUs.  max_ns belongs to the interval that this snapshot ends, not to the whole run. */
struct snapshot_hist {
	uint64_t total_ns;
	uint64_t max_ns;
	uint64_t buckets[HIST_BUCKETS];
};

struct snapshot_blame_name {
	uint32_t pid; /* or the key of a shared name (BLAME_NAME_SHARED) */
	struct blame_name blame;
};

/* CPU quota of the target's cgroup and those above it; absent if none has one. */
struct snapshot_quota {
	bool present;
	uint64_t quota_ns; /* the tightest: CPU time per period */
	uint64_t period_ns;
	uint64_t periods; /* cumulative since the cgroup was made */
	uint64_t throttled_periods;
	uint64_t throttled_ns;
	char cgroup[256]; /* the path of the one that throttles */
};

#define SNAPSHOT_EXEMPLARS 8

/* The slowest requests of some time. */
struct snapshot_slowest {
	struct exemplar of[SNAPSHOT_EXEMPLARS];
	size_t nr;
	uint64_t gone_ns; /* one that took no longer than this may be missing */
};

/* Of requests; cumulative as all else, summed over CPUs. */
struct snapshot_requests {
	struct request_bucket buckets[HIST_BUCKETS]; /* `after` and `before` mean nothing here */
	struct component_moves without[WITHOUTS];    /* WITHOUT_RUN_QUEUE: all that it moves */
	struct switch_table switches[STATUSES];
	uint64_t max_ns; /* of the interval that this snapshot ends */
	struct snapshot_hist turns[TURN_PROTOCOLS];
	uint64_t not_counted[NOT_COUNTED_KINDS]; /* NOT_UNANSWERED: open now */
	uint64_t still_sending;			 /* now */
	bool listens;				 /* so far, where the target was seen to */
	struct snapshot_slowest slowest; /* of the interval that this snapshot ends, the slowest first */
	/* Numbers of requests that were none: whoever keeps exemplars of an interval before is to drop them. */
	uint64_t *withdrawn; /* owned */
	size_t nr_withdrawn;
};

struct snapshot {
	uint64_t at_ns;		       /* CLOCK_MONOTONIC, when the copy began */
	struct thread_record *threads; /* the living, owned; sorted by clock_id */
	size_t nr_threads;
	uint64_t nr_unread; /* that are in neither: changed at every try, or their end was missed */
	struct ended_sums ended;
	struct snapshot_hist hists[HIST_IDS];
	struct snapshot_blame_name *names; /* owned; may sum to more than the blame of process + kernel */
	size_t nr_names;
	struct snapshot_quota quota;
	struct snapshot_requests *requests; /* owned; NULL: not watched */
	uint64_t switch_cost_own_ns;	    /* our own program's share, taken off the histogram already */
	uint64_t nr_unplaced; /* processes whose threads' records are not followed, as there are too many */
	uint64_t skipped;     /* events that no program was handed: see tracer_skipped() */
	uint64_t switches_replayed; /* not announced by the kernel, taken from its record of arrivals */
	uint64_t losses[LOSS_KINDS];
};

/* Whether a copy of SLOT was made while no thread was being added. */
bool ended_is_whole(const struct ended_slot *slot);

/*
 * Each thread into exactly one place.  The living in SNAPSHOT were read between two looks at the ended,
 * BEFORE and AFTER (a slot for each of NR_CPUS): those that ended in between are taken out, and
 * snapshot->ended becomes the sum of AFTER.  Of the clocks numbered below NR_CLOCKS, those that are now
 * in neither are counted in nr_unread; NR_UNUSED numbers went to none.  A thread that is on its way out
 * shows up in a later AFTER, so this may be called again with one.
 */
void snapshot_settle(struct snapshot *snapshot, const struct ended_slot *before,
		     const struct ended_slot *after, uint32_t nr_cpus, uint64_t nr_clocks,
		     uint64_t nr_unused);

/* Take out the threads that are not born yet, when all is settled. */
void snapshot_drop_unborn(struct snapshot *snapshot);

/* What HEAD has of INTERVAL, which has ended; NULL: nothing, or it is not known. */
const struct slowest_set *snapshot_slowest_set(const struct slowest *head, uint32_t interval);

/*
 * What HEAD says of INTERVAL beside its exemplars, into OUT: the numbers of requests that were none, and what
 * may be missing.  A head that still says `writing` says nothing: anything may.  Returns 0 or -ENOMEM.
 */
int snapshot_take_head(struct snapshot_requests *out, const struct slowest *head, uint32_t interval);

/*
 * Keep ONE if it is among the slowest and was not withdrawn.  Of the same request, by whichever CPUs and in
 * whatever order, that with the latest end is right.
 */
void snapshot_take_exemplar(struct snapshot_requests *out, const struct exemplar *one);

/* Make KEPT, the slowest of intervals before, those of the interval that FROM ends as well. */
void snapshot_merge_slowest(struct snapshot_slowest *kept, const struct snapshot_requests *from);

/* Put the slowest first. */
void snapshot_sort_slowest(struct snapshot_slowest *slowest);

/* Free what the snapshot owns and zero it; safe on a zeroed one. */
void snapshot_fini(struct snapshot *snapshot);

#endif /* WHYLATE_TRACE_SNAPSHOT_H */
