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

/* Summed over CPUs.  max_ns belongs to the interval that this snapshot ends, not to the whole run. */
struct snapshot_hist {
	uint64_t total_ns;
	uint64_t max_ns;
	uint64_t buckets[HIST_BUCKETS];
};

struct snapshot_blame_name {
	uint32_t pid;
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

struct snapshot {
	uint64_t at_ns; /* CLOCK_MONOTONIC, when the copy began */
	struct thread_record *threads; /* the living, owned; sorted by (began_at_ns, tid) */
	size_t nr_threads;
	struct ended_sums ended;
	struct snapshot_hist hists[HIST_IDS];
	uint64_t blame_ns[BLAME_KINDS]; /* of closed waits and of the closed parts of open ones */
	struct snapshot_blame_name *names; /* owned; their sum is at most process + kernel above */
	size_t nr_names;
	struct snapshot_quota quota;
	uint64_t switch_cost_own_ns; /* our own program's share, taken off the histogram already */
	uint64_t switches_replayed; /* not announced by the kernel, taken from its record of arrivals */
	uint64_t losses[LOSS_KINDS];
};

/* Free what the snapshot owns and zero it; safe on a zeroed one. */
void snapshot_fini(struct snapshot *snapshot);

#endif /* WHYLATE_TRACE_SNAPSHOT_H */
