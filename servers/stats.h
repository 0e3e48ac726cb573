/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the server did, counted exactly: the oracle for load generators and for the agent.  The counts lie in
 * memory that all processes of a server share, in slots, so that workers do not write to each other's lines.
 */
#ifndef WHYLATE_SERVERS_STATS_H
#define WHYLATE_SERVERS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "servers/plan.h"
#include "servers/response.h"
#include "user/base/err.h"

enum stats_count {
	STATS_HEALTHZ, /* answers to those two are in no other count */
	STATS_STATS,
	STATS_ACCEPTED,
	STATS_CLOSED,
	STATS_REFUSED,	      /* of the accepted: above the limit */
	STATS_TIMED_OUT,      /* of the accepted: cut off by a deadline, idle ones too */
	STATS_NO_BUFFERS,     /* the two of rings: a receive that found none of them free */
	STATS_OVERFLOWS,      /* and completions that had no room in the ring for a while */
	STATS_GREEN_SWITCHES, /* the three of green threads: how often one was run */
	STATS_STEALS,	      /* how often a worker took some from another */
	STATS_PREEMPTIONS,    /* and how often one that took long was interrupted for others */
	STATS_COUNTS,
};

/* Whoever writes uses the functions below: slots may be shared. */
struct stats_slot {
	_Alignas(64) uint64_t answers[RESPONSE_STATUSES];
	uint64_t counts[STATS_COUNTS];
	struct stats_work {
		uint64_t count, cpu_ns, wall_ns;
	} work[PLAN_KINDS];
	uint32_t pid; /* of whose slot it is, where that is a process; else 0 */
	uint64_t ended_voluntary, ended_involuntary;
	uint64_t queue_depth;
	uint64_t queue_waits, queue_wait_ns, queue_wait_max_ns;
};

struct stats;

/* BY_WORKER: a slot is a worker's alone.  NULL with a sentence in ERR. */
struct stats *stats_new(const char *model, uint32_t nr_slots, bool by_worker, struct err *err);

/* How the model does what it does, if it was not clear from the start: by a ring, or INSTEAD of it by this. */
void stats_set_ring(struct stats *stats, const char *instead);

/* The model has green threads: on stacks of BYTES each, guarded by GUARD. */
void stats_set_green(struct stats *stats, const char *guard, size_t bytes);

/* Process PID counts in SLOT alone, beside the one that made STATS, with a single thread; 0: it has ended. */
void stats_set_process(struct stats_slot *slot, uint32_t pid);

/* What the switches of a process that has ended were, which /proc does not tell any more. */
void stats_add_ended(struct stats_slot *slot, uint64_t voluntary, uint64_t involuntary);

struct stats_slot *stats_slot(struct stats *stats, uint32_t number);
/* One after the other, from number 1 on, for threads that have no numbers. */
struct stats_slot *stats_next_slot(struct stats *stats);

static inline void stats_count(struct stats_slot *slot, enum stats_count count)
{
	__atomic_add_fetch(&slot->counts[count], 1, __ATOMIC_RELEASE);
}

/* An answer of ROUTE; CHANGE is 1, or -1 for one that was counted before it turned out to be cut short. */
void stats_answer(struct stats_slot *slot, enum plan_route route, uint16_t status, int change);

void stats_work(struct stats_slot *slot, enum plan_kind kind, uint64_t cpu_ns, uint64_t wall_ns);

/*
 * A request waited NS, in user space, for whoever works for it: for the FIRST time, or once more; it makes
 * ALL_NS in all.
 */
void stats_waited(struct stats_slot *slot, bool first, uint64_t ns, uint64_t all_ns);

/* CHANGE more requests than before wait in a queue of the server's. */
static inline void stats_queued(struct stats_slot *slot, int change)
{
	__atomic_add_fetch(&slot->queue_depth, (uint64_t)change, __ATOMIC_RELAXED);
}

/* The JSON of /stats, of *BYTES, to be freed; NULL: no memory. */
char *stats_json(const struct stats *stats, size_t *bytes);

#endif /* WHYLATE_SERVERS_STATS_H */
