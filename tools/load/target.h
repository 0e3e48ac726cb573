/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom to ask for what: from the words of the command line to bytes that are ready to be sent. */
#ifndef WHYLATE_LOAD_TARGET_H
#define WHYLATE_LOAD_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/load/plan.h"
#include "user/base/err.h"

/* The words as given; NULL: not given.  Nothing of them is needed after load_targets_parse(). */
struct load_target_options {
	const char *const *urls; /* http://HOST[:PORT][/PATH], with the weight 1 */
	uint32_t nr_urls;
	const char *const *targets; /* WEIGHT=URL */
	uint32_t nr_targets;
	const char *method; /* GET, or POST with a body */
	const char *body_path;
	const char *unix_path;	    /* where the server is, whatever host the URLs say */
	const char *const *headers; /* "Name: value" */
	uint32_t nr_headers;
	bool remote; /* others than loopback addresses may be asked */
};

/*
 * Fill in the server, requests and weights of PLAN, which is all 0 there.  All URLs must name one host and
 * port; equal requests become one with the sum of their weights.  Returns 0, or with a sentence -EINVAL for
 * what cannot be, -ENOENT for a host that nobody knows, another -errno for a file that cannot be read.
 * load_targets_free() is due in either case.
 */
int load_targets_parse(struct load_plan *plan, const struct load_target_options *options, struct err *err);

/*
 * The INDEX of the request for PATH, which is added unless it is there; METHOD NULL: that of the options. The
 * body is sent with the options' method alone.  Costs one hash of METHOD and PATH.  0, or -EINVAL with a
 * sentence; indexes stay, but plan->requests may move.
 */
int load_targets_add(struct load_plan *plan, const char *method, const char *path, uint32_t *index,
		     struct err *err);

void load_targets_free(struct load_plan *plan);

#endif /* WHYLATE_LOAD_TARGET_H */
