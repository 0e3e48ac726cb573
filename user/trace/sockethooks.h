/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which hooks see requests (bpf/requests.bpf.c), and what to call them in the report.  Without them the
 * report has no requests, and all else.
 */
#ifndef WHYLATE_TRACE_SOCKETHOOKS_H
#define WHYLATE_TRACE_SOCKETHOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/trace/probe.h"
#include "user/trace/tracer.h"

#define SOCKETHOOKS_PROGRAMS_MAX 10

struct bpf_link;
struct whylate;

struct sockethooks {
	enum request_hooks hooks; /* in use */
	bool accepts;		  /* the end of a connection's wait in its listener's queue is seen too */
	bool subflows_unseen; /* some of a multipath TCP listener's, in a namespace that we may not go to */
	struct bpf_link *links[SOCKETHOOKS_PROGRAMS_MAX];
	struct bpf_link *accept_link;
};

/* Between open and load: load the programs for HOOKS, and with them, if ACCEPTS, that for accepts. */
void sockethooks_choose(struct sockethooks *hooks, struct whylate *skel, enum request_hooks wanted,
			bool accepts);

/* Attach all for requests, or none: then the hooks in use are REQUEST_HOOKS_NONE.  Accepts may fail alone. */
void sockethooks_attach(struct sockethooks *hooks, struct whylate *skel);

/* Safe on a zeroed one, and twice. */
void sockethooks_detach(struct sockethooks *hooks);

/*
 * After all hooks are on and the threads have their clocks: find the target's listeners and the connections
 * that it has accepted so far.  Returns 0 or a negative errno, with the sentence in ERR.
 */
int sockethooks_seed(struct sockethooks *hooks, struct whylate *skel, struct err *err);

/* How many answers are being sent now and are booked already.  Returns 0 or a negative errno. */
int sockethooks_still_sending(struct whylate *skel, uint64_t *out);

/* The hooks in use, or those that are absent; returns how many were written to OUT, at most MAX. */
size_t sockethooks_names(const struct sockethooks *hooks, struct tracer_hook *out, size_t max);

#endif /* WHYLATE_TRACE_SOCKETHOOKS_H */
