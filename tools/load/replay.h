/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A file to replay: `SECONDS PATH` or `SECONDS METHOD PATH` a line, as an access log can be cut to.  SECONDS
 * has up to nine digits behind its point and may count from anything (1970, too): the first line is the
 * start, and none is before the one above it.  PATH begins with a slash.  Blanks part the words; what begins
 * with # is a comment, and a line may be empty.
 */
#ifndef WHYLATE_LOAD_REPLAY_H
#define WHYLATE_LOAD_REPLAY_H

#include <stdio.h>

#include "tools/load/plan.h"
#include "user/base/err.h"

/* As load_targets_add(): *INDEX is that of the request for PATH, the same one for the same words.  METHOD is
 * NULL where the line has none. */
typedef int (*replay_add)(struct load_plan *plan, const char *method, const char *path, uint32_t *index,
			  struct err *err);

/*
 * Read FILE, which sentences call NAME, to its end into plan->replay and nr_replay (free the former, also
 * after an error): all that the run needs of it.  ADD gets each line's request.  Returns 0, or a negative
 * errno with a sentence that has the number of the line.
 */
int load_replay_read(struct load_plan *plan, FILE *file, const char *name, replay_add add, struct err *err);

/* The same of the file at PATH. */
int load_replay_open(struct load_plan *plan, const char *path, replay_add add, struct err *err);

#endif /* WHYLATE_LOAD_REPLAY_H */
