// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of subcommands, and what all of them need of the standard streams. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/base/plain.h"
#include "user/cmd.h"
#include "version.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "attach", cmd_attach, "watch processes that run: why do their threads not run?" },
	{ "run", cmd_run, "start a command and watch it from its first instruction" },
	{ "report", cmd_report, "print a report that was stored with --json" },
	{ "doctor", cmd_doctor, "what can be measured here, and what is missing" },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *out, int status)
{
	fputs("usage: agent COMMAND [options]; agent COMMAND --help\n\n", out);
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	fputs("\nexit status: 0 done, 1 failed, 2 usage, 3 measured with losses\n", out);
	return status;
}

void cmd_say(const char *fmt, ...)
{
	char raw[sizeof(((struct err *)0)->text) + 32], text[sizeof(raw)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(raw, sizeof(raw), fmt, args);
	va_end(args);
	plain_text(text, sizeof(text), raw);
	fprintf(stderr, "whylate: %s\n", text);
}

int cmd_fail(const struct err *err, int status)
{
	cmd_say("%s (%s)", err->text, err_name(err->code));
	return status;
}

int cmd_end_stdout(int status)
{
	struct err err = {};
	int why = 0;

	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		why = errno ? errno : EIO; /* an earlier write failed, and its reason is gone */
	if (!why)
		return status;
	err_set(&err, why, "cannot write to standard output: %s", strerror(why));
	return cmd_fail(&err, EXIT_FAILED);
}

/*
 * A standard descriptor that is closed would be given to the next file that is opened, and what is
 * printed would go into that file.  It becomes one that cannot be used that way.
 */
static int hold_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* The lowest number that is free: FD. */
		if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
			cmd_say("descriptor %d is closed, and /dev/null cannot stand for it", fd);
			return EXIT_FAILED;
		}
	}
	return EXIT_MEASURED;
}

int main(int argc, char **argv)
{
	if (hold_standard_descriptors())
		return EXIT_FAILED;
	if (argc < 2)
		return usage(stderr, EXIT_USAGE);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return cmd_end_stdout(usage(stdout, EXIT_MEASURED));
	if (!strcmp(argv[1], "--version")) {
		puts("whylate " WHYLATE_VERSION);
		return cmd_end_stdout(EXIT_MEASURED);
	}
	for (size_t i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	cmd_say("unknown command '%s'; see agent --help", argv[1]);
	return EXIT_USAGE;
}
