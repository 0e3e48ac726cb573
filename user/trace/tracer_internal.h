/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the two halves of the tracer share: tracer.c brings the programs to life, tracer_read.c reads their
 * maps. */
#ifndef WHYLATE_TRACE_TRACER_INTERNAL_H
#define WHYLATE_TRACE_TRACER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "bpf/clock.h"
#include "bpf/request.h"
#include "whylate.skel.h"

#include "user/trace/snapshot.h"
#include "user/trace/sockethooks.h"
#include "user/trace/switchcost.h"

#define TRACER_ASKED_MOST 1024

/* What the target's processes say of the requests that they work for. */
struct tracer_records {
	uint32_t asked[TRACER_ASKED_MOST]; /* processes to be looked at */
	size_t nr_asked;
	uint64_t nr_unplaced;	     /* that have records, and no place in the programs' table */
	bool followed, not_followed; /* of any of them, so far */
	bool threads;		     /* any of them has several */
	struct bpf_link
		*waking; /* what one thread hands to another is seen; NULL: there are none, or it is not */
};

struct tracer {
	struct whylate *skel;
	struct bpf_link *seed_link;
	struct bpf_link *read_link;
	uint32_t nr_cpus;    /* possible: the slots of a per-CPU map's value */
	uint32_t nr_cpu_ids; /* the highest possible CPU's number + 1: these may have gaps */
	struct ring_buffer *late_births;
	bool any_late_births; /* since threads were last given clocks */
	uint64_t began_at_ns; /* of all clocks that were there at attach */
	struct switchcost switch_cost;
	struct sockethooks sockets;
	struct tracer_records records;
	void *scratch; /* nr_cpus values of the largest per-CPU map */
};

/* Give a clock to each thread of the target that has none.  Returns 0 or a negative errno. */
int tracer_seed(struct tracer *tracer, struct err *err);

/*
 * Run an iterator to its end.  Its bytes are put at *OUT, which is grown as needed and the caller's to free
 * also if it fails.  Returns 0 or -errno.
 */
int tracer_run_iterator(struct bpf_link *link, char **out, size_t *out_bytes);

/* Attach an iterator, run it to its end, and detach it: for its bytes, as above, or for what it does. */
int tracer_collect_over(struct bpf_program *program, char **out, size_t *out_bytes);
int tracer_run_over(struct bpf_program *program);

/* Have late_births hear of processes that begin to serve.  Returns 0 or -errno. */
int tracer_records_open(struct tracer *tracer);

/* Look at all processes that THREADS[NR], what the reading iterator gave, are of.  Returns 0 or -errno. */
int tracer_find_records(struct tracer *tracer, const struct thread_record *threads, size_t nr);

/* And at those that were heard of.  One that cannot be looked at is a loss. */
void tracer_answer_asks(struct tracer *tracer);

/* What is done with records, as a hook; returns how many were written to OUT, at most MAX. */
size_t tracer_records_names(const struct tracer *tracer, struct tracer_hook *out, size_t max);

/* The values of KEY of all CPUs, in scratch memory that the next call overwrites; NULL with errno. */
const void *tracer_lookup_percpu(struct tracer *tracer, struct bpf_map *map, uint32_t key);

/*
 * What is known of requests, into SNAPSHOT (its hists are there already), and the slowest of INTERVAL, which
 * is not the running one any more.  Returns 0 or -errno.
 */
int tracer_read_requests(struct tracer *tracer, uint32_t interval, struct snapshot *snapshot);

/* Each CPU's sums of ended threads, into SLOTS[nr_cpus].  Returns how many are not whole, or -errno. */
int tracer_read_ended(struct tracer *tracer, struct ended_slot *slots);

#endif /* WHYLATE_TRACE_TRACER_INTERNAL_H */
