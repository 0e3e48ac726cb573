// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Have the kernel end this process with the agent, however that ends.  It outlives exec, but neither that of
 * a program with privileges of its own nor a change of user or group (commit_creds()).  AGENT may have ended
 * just before; a parent outside this PID namespace has the number 0.
 */
static bool end_with(pid_t agent)
{
	return !prctl(PR_SET_PDEATHSIG, SIGTERM) && (getppid() == agent || !getppid());
}

static void run_child(pid_t agent, int gate_fd, int error_fd, char *const argv[])
{
	sigset_t none;
	char go;
	int why;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL); /* the agent's blocked signals are not the command's */
	signal(SIGPIPE, SIG_DFL);	       /* nor what it ignores */
	dup2(STDERR_FILENO, STDOUT_FILENO);    /* stdout is the report and nothing else */
	if (!end_with(agent) || read(gate_fd, &go, 1) != 1)
		_exit(127); /* the agent gave up */
	execvp(argv[0], argv);
	why = errno;
	if (write(error_fd, &why, sizeof(why)) < 0)
		_exit(126);
	_exit(127);
}

int command_start(struct command *command, char *const argv[], struct err *err)
{
	pid_t agent = getpid();
	int gate[2], error[2];

	if (pipe2(gate, O_CLOEXEC))
		return err_set(err, errno, "cannot start %s: %s", argv[0], strerror(errno));
	if (pipe2(error, O_CLOEXEC)) {
		err_set(err, errno, "cannot start %s: %s", argv[0], strerror(errno));
		close(gate[0]);
		close(gate[1]);
		return -err->code;
	}
	command->pid = fork();
	if (!command->pid) {
		close(gate[1]); /* or our own copy would keep the gate from ever closing */
		run_child(agent, gate[0], error[1], argv);
	}
	close(gate[0]);
	close(error[1]);
	command->gate_fd = gate[1];
	command->error_fd = error[0];
	if (command->pid < 0) {
		err_set(err, errno, "cannot start %s: %s", argv[0], strerror(errno));
		close(command->gate_fd);
		close(command->error_fd);
		return -err->code;
	}
	return 0;
}

int command_release(struct command *command, char *const argv[], struct err *err)
{
	int why = 0;
	ssize_t got = write(command->gate_fd, "", 1);

	close(command->gate_fd);
	if (got == 1)
		got = read(command->error_fd, &why, sizeof(why)); /* ends when exec closes it */
	close(command->error_fd);
	if (got != sizeof(why))
		return 0;
	waitpid(command->pid, NULL, 0);
	return err_set(err, why, "cannot run %s: %s", argv[0], strerror(why));
}

int command_status(const struct command *command, int *status)
{
	return waitpid(command->pid, status, WNOHANG) == command->pid ? 0 : -ECHILD;
}

void command_abort(struct command *command)
{
	close(command->gate_fd); /* the child reads the end of the gate and leaves */
	close(command->error_fd);
	waitpid(command->pid, NULL, 0);
}

bool command_is_bound(const struct command *command)
{
	char path[32];
	struct stat process;

	snprintf(path, sizeof(path), "/proc/%d", (int)command->pid);
	return !stat(path, &process) && process.st_uid == geteuid() && process.st_gid == getegid();
}
