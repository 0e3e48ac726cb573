/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is told while a run goes on: a line a second on a terminal, and the histogram log. */
#ifndef WHYLATE_LOAD_TELLING_H
#define WHYLATE_LOAD_TELLING_H

#include "tools/load/hlog.h"
#include "tools/load/run.h"

struct telling {
	const struct load_plan *plan;
	struct load_watcher watcher;
	bool progress; /* stderr is a terminal */
	struct load_hlog *hlog;
	struct hdr *interval; /* what the log has of one */
};

/* As PLAN asks for it.  Returns 0, or -ENOMEM with a sentence in ERR; telling_end() is due in either case. */
int telling_begin(struct telling *telling, const struct load_plan *plan, struct err *err);
/* NULL where nobody is to be told. */
const struct load_watcher *telling_watcher(const struct telling *telling);
/* Returns 0, or -errno with a sentence in ERR: the log is not whole. */
int telling_end(struct telling *telling, struct err *err);

#endif /* WHYLATE_LOAD_TELLING_H */
