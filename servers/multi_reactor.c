// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * multi-reactor: one event loop for each worker, each with a listener, an epoll and a file table of its own.
 *
 *     connections   o o o o   o o o o   o o o o      the kernel deals them out by a hash when they come,
 *                   \ | | /   \ | | /   \ | | /      and there they stay
 *     listeners    [queue 1] [queue 2] [queue 3]     one address (SO_REUSEPORT)
 *                      |         |         |
 *     epoll_wait    worker 1  worker 2  worker 3     each as in event-loop: a request waits, unread, for
 *                      |         |         |         those of its own worker alone
 *                   recv, work, send; recv, ...      but nobody takes over for a worker that is busy
 *
 * A UNIX socket has one queue: all workers accept from that, whoever comes first.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "servers/loop.h"
#include "servers/work.h"

struct reactor {
	struct server server; /* as this worker sees it */
	uint32_t number;
	pthread_t thread;
	struct loop *loop;
	int ret; /* as of loop_run(), with ERR */
	struct err err;
};

/* All have what is theirs. */
static pthread_barrier_t started;

/* In a table of its own the others' listeners are copies, which would keep them open. */
static void close_others(const struct reactor *r)
{
	for (uint32_t i = 0; i < r->server.workers && r->server.has_tables; i++)
		if (i != r->number)
			close(r->server.listeners[i]);
}

static int leave_table(struct reactor *r)
{
	if (!r->server.has_tables)
		return 0;
	if (unshare(CLONE_FILES))
		return err_set(&r->err, errno, "cannot have a file table for worker %u: %s", r->number + 1,
			       strerror(errno));
	work_own_files();
	close_others(r);
	return 0;
}

/* One that fails ends all. */
static void fail(const struct reactor *r)
{
	const uint64_t one = 1;

	if (!r->loop)
		__atomic_sub_fetch(&r->server.loops->listeners, 1,
				   __ATOMIC_RELAXED); /* nobody else closes it */
	if (write(r->server.stop_fd, &one, sizeof(one)) < 0)
		abort(); /* cannot be: the counter would have to be full */
}

static void run(struct reactor *r)
{
	if (!r->ret) {
		r->loop = loop_new(&r->server, stats_slot(r->server.stats, r->number), &r->err);
		r->ret = r->loop ? loop_run(r->loop, &r->err) : -r->err.code;
	}
	if (r->ret < 0)
		fail(r);
	if (r->loop)
		loop_free(r->loop);
}

static void *begin(void *argument)
{
	struct reactor *r = argument;

	r->ret = leave_table(r);
	pthread_barrier_wait(&started);
	run(r);
	return NULL;
}

/*
 * The first worker is this thread, which keeps the table that was: who looks for the process that listens
 * looks there.  Returns 0 once all others have left it, or -errno with a sentence in ERR.
 */
static int start(struct reactor *reactors, const struct server *server, struct err *err)
{
	int ret;

	pthread_barrier_init(&started, NULL, server->workers);
	for (uint32_t i = 0; i < server->workers; i++) {
		struct reactor *r = &reactors[i];

		r->number = i;
		r->server = *server;
		r->server.listener = server->listeners[i];
		ret = i ? pthread_create(&r->thread, NULL, begin, r) : 0;
		if (ret)
			return err_set(err, ret, "cannot start worker %u of %u: %s; see --workers", i + 1,
				       server->workers, strerror(ret));
	}
	pthread_barrier_wait(&started);
	close_others(&reactors[0]);
	return 0;
}

static int serve(struct server *server, struct err *err)
{
	struct reactor *reactors = calloc(server->workers, sizeof(*reactors));
	int ret = reactors ? start(reactors, server, err) : err_set(err, ENOMEM, "out of memory");

	if (ret)
		return ret; /* some may have started, and the process ends with that */
	run(&reactors[0]);
	for (uint32_t i = 0; i < server->workers && ret >= 0; i++) {
		if (i)
			pthread_join(reactors[i].thread, NULL);
		if (reactors[i].ret < 0)
			*err = reactors[i].err;
		ret = reactors[i].ret < 0 ? reactors[i].ret : ret + reactors[i].ret;
	}
	if (ret >= 0)
		free(reactors);
	return ret;
}

const struct model model = {
	.name = "multi-reactor",
	.summary = "An event loop for each worker, with connections of its own.",
	.workers_max = 4096,
	.apart = true,
	.serve = serve,
};
