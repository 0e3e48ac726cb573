// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/workers.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "servers/loop.h"
#include "servers/work.h"

struct worker {
	struct server server; /* as this one sees it */
	const struct workers_loop *kind;
	uint32_t number;
	pthread_t thread;
	void *loop;
	int ret; /* as of run(), with ERR */
	struct err err;
};

/* All have a table of their own; and then, what they run. */
static pthread_barrier_t met;

/* In a table of its own the others' listeners are copies, which would keep them open. */
static void close_others(const struct worker *w)
{
	for (uint32_t i = 0; i < w->server.workers && w->server.has_tables; i++)
		if (i != w->number)
			close(w->server.listeners[i]);
}

/*
 * The first worker is the thread of serve(), which keeps the table that was: who looks for the process that
 * listens looks there.
 */
static int leave_table(struct worker *w)
{
	if (!w->server.has_tables || !w->number)
		return 0;
	if (unshare(CLONE_FILES))
		return err_set(&w->err, errno, "cannot have a file table: %s", strerror(errno));
	work_own_files();
	return 0;
}

/* Nothing is opened before all have left, so that nobody has copies of it. */
static void prepare(struct worker *w)
{
	w->ret = leave_table(w);
	pthread_barrier_wait(&met);
	if (!w->ret) {
		close_others(w);
		w->loop = w->kind->open(&w->server, stats_slot(w->server.stats, w->number), &w->err);
		w->ret = w->loop ? 0 : -w->err.code;
	}
	pthread_barrier_wait(&met);
}

static void run(struct worker *w)
{
	const uint64_t one = 1;

	w->ret = w->kind->run(w->loop, &w->err);
	/* One that fails ends all. */
	if (w->ret < 0 && write(w->server.stop_fd, &one, sizeof(one)) < 0)
		abort(); /* cannot be: the counter would have to be full */
	w->kind->close(w->loop);
}

static bool has_failed(const struct worker *workers)
{
	for (uint32_t i = 0; i < workers->server.workers; i++)
		if (!workers[i].loop)
			return true;
	return false;
}

/* Unless one has nothing to run: then nobody does. */
static void run_or_end(struct worker *w)
{
	if (!has_failed(w - w->number))
		run(w);
	else if (w->loop)
		w->kind->close(w->loop);
}

static void *begin(void *argument)
{
	struct worker *w = argument;

	prepare(w);
	run_or_end(w);
	return NULL;
}

/* All but the first, which is this thread.  Returns 0, or -errno with a sentence in ERR. */
static int start(struct worker *workers, const struct server *server, const struct workers_loop *kind,
		 struct err *err)
{
	uint32_t nr = server->workers;
	int ret;

	pthread_barrier_init(&met, NULL, nr);
	for (uint32_t i = 0; i < nr; i++) {
		struct worker *w = &workers[i];

		w->number = i;
		w->kind = kind;
		w->server = *server;
		w->server.listener = server->listeners[i];
		ret = i ? pthread_create(&w->thread, NULL, begin, w) : 0;
		if (ret)
			return err_set(err, ret, "cannot start worker %u of %u: %s; see --workers", i + 1, nr,
				       strerror(ret));
	}
	return 0;
}

/* Returns the sum of what they cut off, or -errno with a sentence in ERR. */
static int join(struct worker *workers, struct err *err)
{
	uint32_t nr = workers->server.workers;
	int ret = 0;

	for (uint32_t i = 0; i < nr; i++) {
		const struct worker *w = &workers[i];

		if (i)
			pthread_join(w->thread, NULL);
		if (w->ret < 0)
			ret = err_set(err, w->err.code, "worker %u of %u: %s", i + 1, nr, w->err.text);
		else if (ret >= 0)
			ret += w->ret;
	}
	return ret;
}

int workers_serve(struct server *server, const struct workers_loop *loop, struct err *err)
{
	struct worker *workers = calloc(server->workers, sizeof(*workers));
	int ret = workers ? start(workers, server, loop, err) : err_set(err, ENOMEM, "out of memory");

	if (ret)
		return ret; /* those that have started wait for the others, and the process ends with that */
	prepare(&workers[0]);
	if (!has_failed(workers))
		server_ready(&workers[0].server);
	run_or_end(&workers[0]);
	ret = join(workers, err);
	free(workers);
	return ret;
}

static void *open_epoll(struct server *server, struct stats_slot *slot, struct err *err)
{
	return loop_new(server, slot, err);
}

static int run_epoll(void *loop, struct err *err)
{
	return loop_run(loop, err);
}

static void close_epoll(void *loop)
{
	loop_free(loop);
}

const struct workers_loop workers_epoll = { open_epoll, run_epoll, close_epoll };
