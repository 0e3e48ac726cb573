/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command line of the load generator. */
#ifndef WHYLATE_LOAD_OPTIONS_H
#define WHYLATE_LOAD_OPTIONS_H

#include "tools/load/plan.h"
#include "tools/load/target.h"
#include "user/base/err.h"
#include "user/base/opts.h"

/*
 * Fill PLAN, which must be all zero, from the command line: all but what depends on this machine
 * (load_limits_apply()), so threads is 0 if it was not given.  Returns 0; 1 if help was printed to stdout; or
 * -EINVAL (usage) or another negative errno (a file cannot be read) with a sentence in ERR.  Strings point
 * into ARGV.  The plan is to be given to load_plan_free() in any case.
 */
int load_options_parse(struct load_plan *plan, int argc, char **argv, struct err *err);
void load_plan_free(struct load_plan *plan);

/* Its two steps: first the words alone, all of the plan but for its server, requests and replay; */
struct load_options {
	struct load_target_options target;
	const char *replay_path;	  /* NULL: none */
	struct opt_list targets, headers; /* own target's */
};
int load_options_read(struct load_options *options, struct load_plan *plan, int argc, char **argv,
		      struct err *err);
void load_options_free(struct load_options *options); /* also after an error */
/* and then what hosts and files have for it. */
int load_options_resolve(const struct load_options *options, struct load_plan *plan, struct err *err);

#endif /* WHYLATE_LOAD_OPTIONS_H */
