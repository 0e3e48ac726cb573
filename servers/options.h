/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command line, the same for every model, but for a few options of its own. */
#ifndef WHYLATE_SERVERS_OPTIONS_H
#define WHYLATE_SERVERS_OPTIONS_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "servers/plan.h"
#include "servers/upstream.h"
#include "user/base/err.h"
#include "user/base/opts.h"

struct options {
	const char *address; /* in numbers */
	uint32_t port;	     /* 0: any */
	const char *unix_path;
	cpu_set_t cpus;								       /* that it may use */
	uint32_t workers;							       /* 0: not given */
	uint64_t read_timeout_ns, write_timeout_ns, idle_timeout_ns, drain_timeout_ns; /* 0: none */
	uint32_t max_connections;						       /* 0: none */
	const char *directory;
	struct upstream upstream;
	struct plan defaults; /* of requests to /process without a query */
};

/*
 * Returns 0, 1 if help was printed to stdout, or -EINVAL or -ENOMEM with a sentence in ERR.  MODEL is the
 * program's name, and SUMMARY says in one line what it is.  MORE are options of that model alone, as in
 * user/base/opts.h; NULL: none.  Strings point into ARGV.
 */
int options_parse(struct options *options, int argc, char **argv, const char *model, const char *summary,
		  const struct opt *more, struct err *err);

#endif /* WHYLATE_SERVERS_OPTIONS_H */
