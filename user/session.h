/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One watching, from chosen targets to reports: attach, wait, read, and hand each report on.
 * Prints nothing and chooses no exit status; what becomes of a report is the caller's business.
 */
#ifndef WHYLATE_SESSION_H
#define WHYLATE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "user/base/err.h"
#include "user/report/report.h"
#include "user/trace/probe.h"
#include "user/trace/target.h"

struct session;

/* All is borrowed and must outlive the session. */
struct session_options {
	const struct target_set *targets; /* at least one */
	const struct probe *probe;
	const char *command; /* the agent's own command line */
	const char *model;
	const char *client;   /* what is compared with the whole run, at its end; NULL: nothing */
	uint64_t duration_ns; /* 0: until a signal or the target's end */
	uint64_t interval_ns; /* 0: one report, at the end */
	bool follow, audit, verbose;
	bool requests;	       /* wanted; seen if the kernel has the hooks */
	bool switch_cost;      /* wanted; measured if the kernel has the hooks */
	bool not_begun;	       /* the target is still a fork of the agent: what it may use is not its own */
	uint8_t refuse_births; /* see struct tracer_options, as for the next */
	const char *tiny_tables;
};

/*
 * Takes a report: each interval's, and last the whole run's.  A negative errno, with the sentence in
 * ERR, ends the session.
 */
typedef int session_sink(const struct report *report, void *context, struct err *err);

/*
 * Attach.  Until session_run() SIGINT and SIGTERM end the agent at once, as nothing is measured yet.
 * Returns 0, or a negative errno with the sentence in ERR.
 */
int session_open(struct session **out, const struct session_options *options, struct err *err);

/* The target has become another program (exec): take its new name. */
void session_rename(struct session *session);

/*
 * Watch until the time is over, a signal comes, or the last of the target's processes has ended; give
 * SINK what was measured.  Returns 0, or a negative errno with the sentence in ERR: what went wrong meanwhile
 * ends the watching, and is told only after SINK had what was measured until then.
 */
int session_run(struct session *session, session_sink *sink, void *context, struct err *err);

/* Detach and free; safe on NULL. */
void session_close(struct session *session);

#endif /* WHYLATE_SESSION_H */
