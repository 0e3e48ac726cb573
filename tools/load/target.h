/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom to ask and what, from words to bytes that are ready to be sent. */
#ifndef WHYLATE_LOAD_TARGET_H
#define WHYLATE_LOAD_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/load/plan.h"
#include "user/base/err.h"

/* As the command line has it; nothing is copied. */
struct load_target_options {
	const char *const *urls;
	uint32_t nr_urls;
	const char *const *targets; /* WEIGHT=URL */
	uint32_t nr_targets;
	const char *method, *body_path, *unix_path; /* NULL: not given */
	const char *const *headers;
	uint32_t nr_headers;
	bool remote;
};

/* Fill the plan's server and requests.  Returns 0 or a negative errno with a sentence in ERR. */
int load_targets_parse(struct load_plan *plan, const struct load_target_options *options, struct err *err);

/* One more request, for PATH of the same server; equal ones share one. */
int load_targets_add(struct load_plan *plan, const char *method, const char *path, uint32_t *index,
		     struct err *err);

void load_targets_free(struct load_plan *plan);

#endif /* WHYLATE_LOAD_TARGET_H */
