/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns the kernel's side: opens, configures, loads, attaches, reads and closes the BPF programs.
 * The only file that knows the skeleton is tracer.c.  One thread at a time.
 */
#ifndef WHYLATE_TRACE_TRACER_H
#define WHYLATE_TRACE_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/base/err.h"
#include "user/trace/probe.h"
#include "user/trace/snapshot.h"

struct tracer;

struct tracer_options {
	const uint32_t *pids; /* thread group ids, in the caller's PID namespace */
	size_t nr_pids;
	bool follow;		 /* children too: those that are there and those to come */
	bool audit;		 /* keep the kernel's own accounting beside ours */
	bool verbose;		 /* libbpf's talk on stderr */
	uint8_t refuse_births;	 /* tests: every so manieth newborn thread gets no clock at first; 0: none */
	const char *tiny_tables; /* tests: the names of those that are to have one entry (a ring: one page) */
	enum request_hooks requests; /* to be tried; if they do not attach, the report has none */
	bool accepts;		     /* with them, when connections are accepted; to be tried as well */
	enum switch_cost_hooks switch_cost; /* to be tried; if they do not attach, it is not measured */
};

struct tracer_hook {
	const char *name;
	const char *how;     /* "tp_btf", "fentry", "fexit", "iter", "tls" or "absent" */
	const char *without; /* if absent, what the report lacks; else "" */
};

/* How the direct cost of a context switch is measured. */
struct tracer_switch_cost {
	bool available;
	const char *method;
	const char *bias; /* what the figure contains that is not the switch; "" if not available */
};

/* What watching costs in memory and, where the kernel counts it, in time. */
struct tracer_cost {
	uint64_t per_cpu_bytes;
	uint64_t per_thread_bytes;
	uint64_t per_worker_bytes; /* and of a thread that may answer requests */
	uint64_t per_connection_bytes;
	uint64_t fixed_bytes;
	uint64_t run_ns; /* of all programs; 0 unless kernel.bpf_stats_enabled */
	uint64_t run_count;
};

/*
 * Load and attach, then give every thread of the target its clock.  On return *OUT measures.
 * Returns 0; -ESRCH if no thread of the target is left; another negative errno, with the sentence in ERR.
 */
int tracer_open(struct tracer **out, const struct tracer_options *options, struct err *err);

/* When the measuring began (CLOCK_MONOTONIC): the same for all threads that were there. */
uint64_t tracer_began_at_ns(const struct tracer *tracer);

/*
 * The programs ask for what they cannot do themselves; this descriptor (epoll) becomes readable then, and
 * tracer_answer() does it.  A thread for which there was no clock at its birth is a loss: it is given one,
 * from then on.  A process that begins to serve, or gets threads, is looked at.  Returns 0 or a negative
 * errno.
 */
int tracer_asks_fd(const struct tracer *tracer);
int tracer_answer(struct tracer *tracer, struct err *err);

/* How many events the kernel did not hand to a running program so far, and to no other in its place. */
uint64_t tracer_skipped(const struct tracer *tracer);

/*
 * What was skipped may have been the beginning of a thread, a listener or a connection: look for all that
 * have gone unseen, as at attach.  Returns 0 or a negative errno.
 */
int tracer_make_up(struct tracer *tracer, struct err *err);

/*
 * Copy what has been measured since tracer_open().  *SNAPSHOT is overwritten; free it with
 * snapshot_fini().  Ends an interval: the maxima in it are those since the last call.
 */
int tracer_read(struct tracer *tracer, struct snapshot *snapshot, struct err *err);

/*
 * All of the target has ended: wait until each of its threads has left its CPU for good, which is when it
 * enters the sums and its process' exit status is known, shortly after its end is announced.  Gives up
 * after 100 ms.
 */
void tracer_settle(struct tracer *tracer);

/* The hooks in use; returns how many were written to OUT, at most MAX. */
size_t tracer_hooks(const struct tracer *tracer, struct tracer_hook *out, size_t max);

void tracer_switch_cost(const struct tracer *tracer, struct tracer_switch_cost *out);

void tracer_cost(const struct tracer *tracer, struct tracer_cost *out);

/* How the process PID ended (as wait(2) has it), if it was attached and has; else -ENOENT. */
int tracer_exit_status(const struct tracer *tracer, uint32_t pid, int *status);

/* Detach and free; safe on NULL. */
void tracer_close(struct tracer *tracer);

#endif /* WHYLATE_TRACE_TRACER_H */
