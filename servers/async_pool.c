// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * async-pool: a reactor, and a pool of threads for what would hold it up; the model of tokio.
 *
 *     connections   o o o o o o o o           idle ones hold no thread
 *                    \ \ \ | / / /
 *     sleep_us,     [ the reactor ] <----+    recv, and send the answer
 *     upstream            |              |
 *               [ s s s s s s s s ]   [ r r ] steps wait for a thread, results for the reactor
 *                 /       |      \       |
 *              thread  thread  thread ---+    CPU work, the lock, reading a file; as many as are needed
 *
 * A thread starts where none is free, and ends when it had nothing to do.  With --cpu-work inline, CPU work
 * stays on the reactor, and everybody waits for it: the usual mistake.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "servers/loop.h"
#include "servers/queue.h"

/* As tokio's: thread_keep_alive and max_blocking_threads of tokio::runtime::Builder. */
#define KEEP_ALIVE_NS 10000000000u
#define THREADS	      512u
/* More, and it is the kernel that says how many threads there are. */
#define THREADS_MAX 32768u
/* tokio's is 2 MiB; what is not touched takes no memory. */
#define STACK_BYTES 262144u

/* What the pool is for. */
#define BIT(kind)      (1u << (kind))
#define BLOCKING_STEPS (BIT(PLAN_LOCK_US) | BIT(PLAN_READ_KB))
#define CPU_STEPS \
	(BIT(PLAN_CPU_US) | BIT(PLAN_WALL_US) | BIT(PLAN_SEED_US) | BIT(PLAN_SHA) | BIT(PLAN_ALLOC_KB))

static const char *cpu_work = "blocking";
static uint32_t threads_max = THREADS;

static const struct opt own_options[] = {
	{ "cpu-work", OPT_STRING, &cpu_work, "WHERE",
	  "blocking: in the pool; inline: on the reactor itself (blocking)" },
	{ "blocking-threads", OPT_UINT, &threads_max, "N", "at most so many in the pool (512)" },
	{ NULL },
};

struct pool {
	struct queue queue;
	pthread_attr_t attributes;
	struct stats *stats;
};

static int take_options(struct err *err)
{
	if (strcmp(cpu_work, "blocking") && strcmp(cpu_work, "inline"))
		return err_set(err, EINVAL, "--cpu-work is blocking or inline, not '%s'", cpu_work);
	if (!threads_max || threads_max > THREADS_MAX)
		return err_set(err, EINVAL, "--blocking-threads takes a number from 1 to %u, not %u",
			       THREADS_MAX, threads_max);
	return 0;
}

static void *run(void *argument)
{
	struct pool *pool = argument;
	struct stats_slot *slot = stats_next_slot(pool->stats);
	struct task *task;

	while ((task = queue_pop(&pool->queue)))
		loop_do_steps(task, slot);
	return NULL;
}

/* Returns 0 or an errno. */
static int start_thread(struct pool *pool)
{
	pthread_t thread;

	return pthread_create(&thread, &pool->attributes, run, pool);
}

/* A thread that cannot be started is no reason to refuse: the task waits for one of those that are there. */
static bool take(void *workers, struct task *task)
{
	struct pool *pool = workers;
	enum queue_pushed pushed = queue_push(&pool->queue, task);

	if (pushed == QUEUE_SHORT && start_thread(pool))
		queue_not_started(&pool->queue);
	return pushed != QUEUE_FULL;
}

/* After this nobody works any more. */
static void stop(struct pool *pool)
{
	queue_close(&pool->queue);
	queue_wait_until_left(&pool->queue);
	queue_fini(&pool->queue);
	pthread_attr_destroy(&pool->attributes);
}

/*
 * The queue is as long as there are connections, each of which has one step in it at most.  A shorter one
 * would bound nothing that --max-connections does not, and the reactor would have to leave alone those too
 * whom the pool does not concern.
 */
static int start(struct pool *pool, const struct server *server, struct err *err)
{
	int ret = queue_init(&pool->queue, server->connections_max);

	if (ret)
		return err_set(err, -ret, "out of memory");
	pool->stats = server->stats;
	queue_count_threads(&pool->queue, threads_max, KEEP_ALIVE_NS);
	pthread_attr_init(&pool->attributes);
	pthread_attr_setdetachstate(&pool->attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&pool->attributes, STACK_BYTES);
	/* Unlike tokio's, one is always there: so that what is in the queue does not wait for what may fail. */
	ret = start_thread(pool);
	if (!ret)
		return 0;
	queue_not_started(&pool->queue);
	stop(pool);
	return err_set(err, ret, "cannot start a thread: %s", strerror(ret));
}

static int serve(struct server *server, struct err *err)
{
	static struct pool
		pool; /* outlives this function if the drain timeout comes before the pool is done */
	struct loop *loop = loop_new(server, stats_slot(server->stats, 0), err);
	const struct loop_workers workers = { take, &pool,
					      BLOCKING_STEPS | (strcmp(cpu_work, "inline") ? CPU_STEPS : 0) };
	int ret;

	if (!loop)
		return -err->code;
	ret = start(&pool, server, err);
	if (!ret) {
		ret = loop_hand_to(loop, &workers, err);
		if (!ret) {
			server_ready(server);
			ret = loop_run(loop, err);
		}
		if (ret > 0)
			return ret; /* somebody still works, and the process ends with that */
		stop(&pool);
	}
	loop_free(loop);
	return ret;
}

const struct model model = {
	.name = "async-pool",
	.summary = "One reactor; what would block it goes to a pool of threads, and comes back.",
	.workers_max = 1,
	.slots = 64,
	.options = own_options,
	.take_options = take_options,
	.serve = serve,
};
