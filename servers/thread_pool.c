// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * thread-pool: a poller reads, and hands each whole request to a fixed number of threads.
 *
 *     connections   o o o o o o o o        idle and slow ones hold no thread
 *                    \ \ \ | / / /
 *                    [ the poller ]        recv; a whole request goes on
 *                          |
 *            [ r r r r r r r r | bounded ] requests wait here, where the kernel does not see them
 *                   /      |      \
 *               worker   worker   worker   work (may block), send; then the connection is the poller's again
 *
 * Where the queue is full the poller reads no more: requests wait in their sockets.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "servers/loop.h"
#include "servers/queue.h"

/* Requests that wait, for each worker: more would only be later. */
#define QUEUED_EACH 64u

struct pool {
	struct queue queue;
	const struct server *server;
	uint32_t nr;
	pthread_t threads[];
};

static bool take(void *workers, struct task *task)
{
	struct pool *pool = workers;

	return queue_push(&pool->queue, task) != QUEUE_FULL;
}

static void *run(void *argument)
{
	struct pool *pool = argument;
	struct io io = { .server = pool->server, .slot = stats_next_slot(pool->server->stats) };
	struct task *task;

	while ((task = queue_pop(&pool->queue)))
		loop_do(task, &io);
	return NULL;
}

/* After this nobody works any more. */
static void stop(struct pool *pool)
{
	queue_close(&pool->queue);
	for (uint32_t i = 0; i < pool->nr; i++)
		pthread_join(pool->threads[i], NULL);
	queue_fini(&pool->queue);
	free(pool);
}

static struct pool *start(const struct server *server, struct err *err)
{
	struct pool *pool = calloc(1, sizeof(*pool) + server->workers * sizeof(pthread_t));
	int ret = pool ? queue_init(&pool->queue, QUEUED_EACH * server->workers) : -ENOMEM;

	if (ret) {
		free(pool);
		err_set(err, -ret, "out of memory");
		return NULL;
	}
	pool->server = server;
	while (pool->nr < server->workers && !ret) {
		ret = pthread_create(&pool->threads[pool->nr], NULL, run, pool);
		pool->nr += !ret;
	}
	if (!ret)
		return pool;
	err_set(err, ret, "cannot start worker %u of %u: %s; see --workers", pool->nr + 1, server->workers,
		strerror(ret));
	stop(pool);
	return NULL;
}

static int serve(struct server *server, struct err *err)
{
	struct loop *loop = loop_new(server, stats_slot(server->stats, 0), err);
	struct pool *pool = loop ? start(server, err) : NULL;
	const struct loop_workers workers = { .take = take, .workers = pool };
	int ret = pool ? loop_hand_to(loop, &workers, err) : -err->code;

	if (!ret) {
		server_ready(server);
		ret = loop_run(loop, err);
	}
	if (ret > 0)
		return ret; /* somebody still works, and the process ends with that */
	if (pool)
		stop(pool);
	if (loop)
		loop_free(loop);
	return ret;
}

const struct model model = {
	.name = "thread-pool",
	.summary = "A poller reads; a fixed number of threads work for one request each.",
	.workers_max = 4096,
	.slots = 64,
	.serve = serve,
};
