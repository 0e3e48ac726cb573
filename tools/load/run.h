/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One run: threads, the start, what is told meanwhile, and the sum of all books. */
#ifndef WHYLATE_LOAD_RUN_H
#define WHYLATE_LOAD_RUN_H

#include "tools/load/result.h"
#include "user/base/err.h"

/* Who is told each second what happened in it.  Both books are sums over all threads. */
struct load_watcher {
	/* All is ready; it starts at STARTED_AT_NS, since 1970.  Not 0: it does not, with a sentence in ERR. */
	int (*begin)(void *context, uint64_t started_at_ns, struct err *err);
	void (*second)(void *context, const struct load_books *now, const struct load_books *before,
		       uint64_t from_ns, uint64_t to_ns); /* after the start */
	void *context;
};

/*
 * From now on SIGINT and SIGTERM end the run that goes on, with all that was measured; a second one ends the
 * program.
 */
void load_run_catch_signals(void);

/*
 * Do what PLAN says and fill RESULT, which is large and need not be cleared.  WATCHER may be NULL.  Returns
 * 0, or -errno with a sentence in ERR: a thread could not work, or (-EBADE) the books do not close, in which
 * case RESULT is what was found all the same.
 */
int load_run(const struct load_plan *plan, const struct load_watcher *watcher, struct load_result *result,
	     struct err *err);

#endif /* WHYLATE_LOAD_RUN_H */
