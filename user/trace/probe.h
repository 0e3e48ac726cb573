/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What this kernel and this user can do, found in the running kernel's own type information (BTF), or by
 * trying, and never in its version number.  The doctor prints it, the tracer obeys it.
 */
#ifndef WHYLATE_TRACE_PROBE_H
#define WHYLATE_TRACE_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "user/base/err.h"

struct probe_item {
	const char *name;
	bool present;
	bool required;	     /* nothing can be measured without it */
	const char *without; /* what the report lacks without it */
	const char *remedy;  /* how to get it */
};

enum probe_index {
	PROBE_PRIVILEGE,
	PROBE_BTF,
	PROBE_TASK_STORAGE,
	PROBE_TASK_ITERATOR,
	PROBE_SCHED_SWITCH,
	PROBE_SCHED_WAKEUP,
	PROBE_TASK_NEWTASK,
	PROBE_SCHED_INFO,
	PROBE_SCHED_ENTRY_EXIT,
	PROBE_FENTRY,
	PROBE_TASK_REGISTERS,
	PROBE_SOCKETS,
	PROBE_SOCKET_CALLS,
	PROBE_ACCEPT,
	PROBE_GROUP_SCHEDULING,
	PROBE_IRQ_TIME,
	PROBE_QUOTA_CLOCK,
	PROBE_ITEMS,
};

struct probe {
	struct probe_item items[PROBE_ITEMS];
	bool preempts; /* programs on tracepoints, unless they ask it not to, and they can */
};

/* The hooks that can time a context switch. */
enum switch_cost_hooks {
	SWITCH_COST_NONE,
	SWITCH_COST_TRACEPOINTS, /* sched_entry_tp, sched_exit_tp */
	SWITCH_COST_FENTRY,	 /* fentry and fexit on the scheduler's functions */
};

/* The hooks that can see requests. */
enum request_hooks {
	REQUEST_HOOKS_NONE,
	REQUEST_HOOKS_TRACEPOINTS, /* sk_data_ready, sock_recv_length, sock_send_length */
	REQUEST_HOOKS_ALONE,	   /* the same, with preemption off inside */
	REQUEST_HOOKS_FENTRY,	   /* fentry and fexit on functions near them */
};

/* Look; never fails. */
void probe_kernel(struct probe *probe);

/*
 * After probe_kernel(): try what only trying tells.  A program that does nothing is attached and taken
 * off again, which takes seconds on a busy machine; the tracer finds out when it attaches its own.
 */
void probe_try(struct probe *probe);

/*
 * 0 if everything that is required is there; else -EPERM (privilege), -ENOENT (no BTF) or -ENOSYS
 * (kernel too old), with the sentence that the user needs.
 */
int probe_refuse(const struct probe *probe, struct err *err);

/* The best pair of hooks for the direct cost of a context switch. */
enum switch_cost_hooks probe_switch_cost(const struct probe *probe);

/* The best hooks for requests. */
enum request_hooks probe_requests(const struct probe *probe);

/* Whether it can be seen when a connection is accepted. */
bool probe_accepts(const struct probe *probe);

#endif /* WHYLATE_TRACE_PROBE_H */
