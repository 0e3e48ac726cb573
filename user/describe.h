/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The words and facts of a report that are no measurement: agent, machine, target, window, methods. */
#ifndef WHYLATE_DESCRIBE_H
#define WHYLATE_DESCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include "user/base/err.h"
#include "user/report/report.h"
#include "user/trace/probe.h"
#include "user/trace/target.h"
#include "user/trace/tracer.h"

/* What is to be described; all borrowed. */
struct describe {
	const char *command; /* the agent's own command line */
	const char *model;
	const char *comm; /* the target's name, COMM_BYTES */
	const struct target_set *targets;
	const struct probe *probe;
	const struct tracer *tracer;
	uint32_t cpus_allowed;
	bool switch_cost; /* wanted */
};

/*
 * Fill all of REPORT (zeroed) that is no measurement, but for the window.  Returns 0 or -ENOMEM; either
 * way report_fini() frees it.
 */
int describe_report(const struct describe *about, struct report *report, struct err *err);

/* The window that began at REALTIME_NS, in ns since 1970. */
void describe_window(uint64_t realtime_ns, uint64_t duration_ns, struct report_window *window);

#endif /* WHYLATE_DESCRIBE_H */
