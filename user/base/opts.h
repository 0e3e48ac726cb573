/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One table per command: it is parsed by, printed as help, and read by the check of the documents. */
#ifndef WHYLATE_BASE_OPTS_H
#define WHYLATE_BASE_OPTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "user/base/err.h"

enum opt_type {
	OPT_FLAG,     /* bool *: set to true */
	OPT_NO_FLAG,  /* bool *: set to false */
	OPT_STRING,   /* const char ** */
	OPT_LIST,     /* struct opt_list *: may be given again and again */
	OPT_UINT,     /* uint32_t * */
	OPT_PORT,     /* uint32_t *: 1 to 65535 */
	OPT_DURATION, /* uint64_t *, in ns, more than 0 */
	OPT_DURATION_OR_0,
	OPT_LETTER, /* no option: its name is a letter for the one before it, `-L VALUE` and `-LVALUE` */
};

/* What was given, in its order: TEXTS is the caller's to free, also after an error; the words are ARGV's. */
struct opt_list {
	const char **texts;
	uint32_t nr;
};

struct opt {
	const char *name; /* without the dashes; NULL ends the table */
	enum opt_type type;
	void *value;
	const char *metavar;
	const char *help;
};

/*
 * Take the options out of ARGV (ARGV[0] is skipped) and move the rest to its front: ARGV[1..*NR_LEFT].
 * Both `--name VALUE` and `--name=VALUE`; `--` ends the options: what follows it is *COMMAND, or where
 * COMMAND is NULL, moved like the rest.  Where TABLE has a flag `help`, `--help` or `-h` anywhere before
 * that sets it, and nothing else is parsed.  Returns 0, or -EINVAL with a sentence that names the option, or
 * -ENOMEM (OPT_LIST alone).
 */
int opts_parse(int argc, char **argv, const struct opt *table, int *nr_left, char ***command,
	       struct err *err);

/* Usage line(s), the options, then EXAMPLES. */
void opts_help(FILE *out, const char *usage, const struct opt *table, const char *examples);

#endif /* WHYLATE_BASE_OPTS_H */
