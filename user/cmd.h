/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The subcommands; each prints, and chooses the exit status. */
#ifndef WHYLATE_CMD_H
#define WHYLATE_CMD_H

#include "user/base/err.h"

enum exit_status {
	EXIT_MEASURED = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_LOSSES = 3, /* measured, but something was lost: the report says what */
};

/* ARGV[0] is the subcommand's name. */
int cmd_attach(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

/*
 * Print "whylate: SENTENCE" on stderr, one line of plain text whatever it names.  All talk goes this way.
 */
void cmd_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Print "whylate: SENTENCE (ENAME)" on stderr and return STATUS. */
int cmd_fail(const struct err *err, int status);

/*
 * For a command that printed to stdout without looking: returns STATUS, or EXIT_FAILED if not all of it
 * could be written, and has said so on stderr then.
 */
int cmd_end_stdout(int status);

#endif /* WHYLATE_CMD_H */
