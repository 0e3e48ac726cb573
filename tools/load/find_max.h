/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The highest rate that holds an objective: runs, until a search (search.h) knows. */
#ifndef WHYLATE_LOAD_FIND_MAX_H
#define WHYLATE_LOAD_FIND_MAX_H

#include <stdio.h>

#include <jansson.h>

#include "tools/load/result.h"
#include "tools/load/search.h"
#include "user/base/err.h"

struct load_found {
	struct search search;
	struct load_objective objective;
	struct load_plan plan; /* of the run that the result is of */
	struct load_segment segment;
};

/*
 * Find it for PLAN's objective; each run is as long as PLAN says, and a line for it goes to stderr.  RESULT
 * is a run at the highest rate that held, or the last one if none did; it refers to FOUND, and both to PLAN.
 * Returns 0 or as load_run(); where it was interrupted, or the server is gone, FOUND is what was known by
 * then.
 */
int load_find_max(struct load_found *found, const struct load_plan *plan, struct load_result *result,
		  struct err *err);

/* Whether it was the generator that could not do more: what the server can do is not known above. */
bool load_found_is_client_bound(const struct load_found *found);

/* The answer in words, with what is not known of it. */
void load_found_text(FILE *out, const struct load_found *found);
/* The same as the report's key find_max. */
json_t *load_found_json(const struct load_found *found);

#endif /* WHYLATE_LOAD_FIND_MAX_H */
