// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Servers that block: a thread, or a process, for a connection. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "httpd.h"

#define STACK_BYTES (128 * 1024)

static enum progress next_request(struct connection *c)
{
	enum progress progress;

	while ((progress = connection_parse(c)) == AGAIN)
		if (connection_read(c) == FAILED)
			return FAILED;
	return progress;
}

static void *serve(void *connection)
{
	struct connection *c = connection;

	while (next_request(c) == DONE)
		if (connection_answer(c, work_for(c)) != DONE || !c->request.keep_alive)
			break;
	connection_close(c);
	return NULL;
}

void serve_threads(void)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	for (;;) {
		struct connection *c = connection_accept(false);
		pthread_t thread;

		if (!c)
			continue;
		errno = pthread_create(&thread, &attributes, serve, c);
		if (errno)
			die("pthread_create");
	}
}

void serve_prefork(void)
{
	pid_t parent = getpid();

	for (unsigned i = 0; i < options.workers; i++) {
		pid_t child = fork();

		if (child < 0)
			die("fork");
		if (child)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent) {
			struct connection *c = connection_accept(false);

			if (c)
				serve(c);
		}
		_exit(0);
	}
	wait(NULL);
	errno = ECHILD;
	die("a worker has ended");
}
