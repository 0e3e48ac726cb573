/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a request asks for: its route, and for /process the steps of work in their order.  Pure. */
#ifndef WHYLATE_SERVERS_PLAN_H
#define WHYLATE_SERVERS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "servers/http.h"

enum plan_route { PLAN_NOT_FOUND, PLAN_PROCESS, PLAN_HEALTHZ, PLAN_STATS };

/* The order is that of /stats and of the defaults. */
enum plan_kind {
	PLAN_CPU_US,
	PLAN_WALL_US,
	PLAN_SEED_US,
	PLAN_SHA,
	PLAN_SLEEP_US,
	PLAN_LOCK_US,
	PLAN_READ_KB,
	PLAN_ALLOC_KB,
	PLAN_UPSTREAM,
	PLAN_KINDS,
};

#define PLAN_STEPS 9

struct plan {
	enum plan_route route;
	uint32_t nr_steps;
	struct plan_step {
		enum plan_kind kind;
		uint32_t amount; /* in what the kind's name ends in */
	} steps[PLAN_STEPS];
};

/* "cpu_us" and so on: in queries, in /stats, and with dashes as flags. */
const char *plan_kind_name(enum plan_kind kind);

/* The most that one step may ask for: what would hold a server longer than a minute is a typing error. */
uint32_t plan_kind_max(enum plan_kind kind);

/*
 * Understand TARGET: a path and maybe a query.  A query without steps leaves those that PLAN has, the
 * defaults.  Returns 0, or minus the status to answer: 400 for a query that cannot be done as it stands.
 */
int plan_read(struct plan *plan, const char *target, size_t bytes);

/* The methods of ROUTE, as the field Allow lists them; NULL: METHOD is one of them. */
const char *plan_refuse_method(enum plan_route route, enum http_method method);

#endif /* WHYLATE_SERVERS_PLAN_H */
