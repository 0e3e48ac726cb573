/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a run goes, on one line. */
#ifndef WHYLATE_LOAD_PROGRESS_H
#define WHYLATE_LOAD_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#include "tools/load/books.h"

/*
 * What the books BEFORE became NOW in INTERVAL_NS, into BUF, cut to its SIZE, without a newline.  ELAPSED_NS
 * of TOTAL_NS are over; if that is more, TOTAL_NS is not told: answers are waited for.  A quantile that few
 * values tell is given as its interval alone.  Takes a megabyte of stack.
 */
void load_progress_line(char *buf, size_t size, const struct load_books *now, const struct load_books *before,
			uint64_t interval_ns, uint64_t elapsed_ns, uint64_t total_ns);

#endif /* WHYLATE_LOAD_PROGRESS_H */
