/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A command that is started by the agent, but not before the agent watches: the child waits at a gate
 * between fork and exec.
 */
#ifndef WHYLATE_TRACE_COMMAND_H
#define WHYLATE_TRACE_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "user/base/err.h"

struct command {
	pid_t pid;
	int gate_fd;  /* closing it lets the child go on to exec */
	int error_fd; /* the child's errno, if exec failed */
};

/*
 * Fork the child that will become ARGV (NULL-terminated); its stdout is our stderr.  It gets SIGTERM when
 * the calling thread ends, and SIGPIPE is not ignored in it.
 */
int command_start(struct command *command, char *const argv[], struct err *err);

/* Let it exec; returns when it has, or with why it could not. */
int command_release(struct command *command, char *const argv[], struct err *err);

/*
 * Collect it if it has ended (*STATUS as wait(2) gives it); returns 0, or -ECHILD if it still runs.
 */
int command_status(const struct command *command, int *status);

/* For a caller that gives up before command_release(): end the child and collect it. */
void command_abort(struct command *command);

/*
 * Whether the kernel will send the command SIGTERM when we end (PR_SET_PDEATHSIG), which it forgets when the
 * command takes on another user or group.
 */
bool command_is_bound(const struct command *command);

#endif /* WHYLATE_TRACE_COMMAND_H */
