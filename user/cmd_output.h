/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the reports of a watching go: text on stdout, JSON in a file, or JSON on stdout.
 * Each of the two ways stands alone: if one fails the other goes on, as measuring cannot be repeated.
 */
#ifndef WHYLATE_CMD_OUTPUT_H
#define WHYLATE_CMD_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "user/base/err.h"
#include "user/report/report.h"

struct output {
	const char *path; /* borrowed; NULL: no JSON; "-": on stdout, and no text */
	FILE *json;
	bool stream; /* several reports follow each other, one a line */
	bool full;   /* the text is not held to one screen */
	bool begun;
	bool lost;		       /* a report had losses */
	struct err text_err, json_err; /* of the first failure; nothing more goes that way */
};

/*
 * Open PATH without touching what it holds: whoever is refused later keeps the old report.  STREAM and
 * FULL go to the fields of the same name.  Returns 0, or a negative errno with the sentence in ERR.
 */
int output_open(struct output *output, const char *path, bool stream, bool full, struct err *err);

/* The watching has begun: empty the file. */
void output_begin(struct output *output);

/* A session_sink; CONTEXT is the struct output.  Fails only when no way is left. */
int output_put(const struct report *report, void *context, struct err *err);

/* Close, and say on stderr what could not be written.  Returns whether all was. */
bool output_close(struct output *output);

#endif /* WHYLATE_CMD_OUTPUT_H */
