// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests that others work for.  Where they answer, they get the connection with the request; both come back
 * through a list and an eventfd.  Where they have no room, requests are kept in order, and nobody is read
 * from until there is some: not more are kept than the events that were at hand.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "servers/loop_internal.h"
#include "user/base/clock.h"

static void hand_or_keep(struct loop *loop, struct task *task)
{
	if (!loop->no_room && loop->others.take(loop->others.workers, task))
		return;
	task->next = NULL;
	*loop->last_no_room = task;
	loop->last_no_room = &task->next;
}

/*
 * The loop is seen to work for TASK, and is about to queue it.  Not before its first time: of a request that
 * does not leave the loop more is known without, since a record does not say for what it sleeps.
 */
static void begin_context(struct task *task)
{
	const struct traceparent *trace = &task->connection->conn.trace;

	whylate_request_begin(&task->work.context, trace->is_known ? trace->trace_id : NULL);
	task->work.context.record.trace_flags = trace->flags;
	whylate_request_take(&task->work.context);
}

void loop_hand_over(struct loop *loop, struct task *task)
{
	task->handed = true;
	work_queue(&task->work);
	if (!task->work.context.record.valid)
		begin_context(task);
	whylate_request_queue(&task->work.context);
	stats_queued(loop->io.slot, 1);
	hand_or_keep(loop, task);
}

static void take_back(struct loop *loop, struct task *task)
{
	struct connection *c = task->connection;

	if (loop->draining)
		conn_drain(&c->conn);
	if (loop->others.steps) {
		task->handed = false;
		stats_queued(loop->io.slot, -1);
		loop_resume(loop, c);
	} else {
		loop_end_task(loop, c);
		loop_advance(loop, c);
	}
}

void loop_take_back(struct loop *loop)
{
	struct task *task, *next;
	uint64_t count;

	if (read(loop->given_back_fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&loop->lock);
	task = loop->returned;
	loop->returned = NULL;
	loop->last_returned = &loop->returned;
	pthread_mutex_unlock(&loop->lock);
	for (; task; task = next) {
		next = task->next;
		take_back(loop, task);
	}
	while ((task = loop->no_room)) {
		next = task->next;
		if (!loop->others.take(loop->others.workers, task))
			return;
		loop->no_room = next;
	}
	loop->last_no_room = &loop->no_room;
}

/* In a thread of theirs: TASK is the loop's again. */
static void give_back(struct loop *loop, struct task *task)
{
	const uint64_t one = 1;
	bool is_first;

	task->next = NULL;
	pthread_mutex_lock(&loop->lock);
	is_first = !loop->returned;
	*loop->last_returned = task;
	loop->last_returned = &task->next;
	pthread_mutex_unlock(&loop->lock);
	if (is_first && write(loop->given_back_fd, &one, sizeof(one)) < 0)
		abort(); /* cannot be: the counter would have to be full */
}

void loop_do(struct task *task, struct io *io)
{
	struct loop *loop = task->loop;
	struct connection *c = task->connection;

	stats_queued(loop->io.slot, -1);
	whylate_request_take(&task->work.context);
	task->work.slot = io->slot;
	work_run_blocking(&task->work);
	if (__atomic_load_n(&loop->draining, __ATOMIC_RELAXED))
		conn_drain(&c->conn);
	io_answer(&c->conn, &task->work);
	while (conn_need(&c->conn) == CONN_SEND && io_send(io, c->fd, &c->conn, MSG_DONTWAIT) != -EAGAIN)
		;
	whylate_request_leave();
	give_back(loop, task);
}

void loop_do_steps(struct task *task, struct stats_slot *slot)
{
	struct loop *loop = task->loop;

	stats_queued(loop->io.slot, -1);
	whylate_request_take(&task->work.context);
	task->work.slot = slot;
	work_run(&task->work, ~loop->others.steps);
	task->work.slot = loop->io.slot;
	work_queue(&task->work);
	whylate_request_queue(&task->work.context);
	stats_queued(loop->io.slot, 1);
	give_back(loop, task);
}

int loop_wait_for_room(struct loop *loop, struct epoll_event *events, const struct timespec *left)
{
	struct pollfd wait[] = { { loop->given_back_fd, POLLIN, 0 },
				 { loop->draining ? -1 : loop->io.server->stop_fd, POLLIN, 0 } };
	int ret = ppoll(wait, 2, left, NULL), nr = 0;

	loop->woke_at_ns = clock_monotonic_ns();
	if (ret > 0 && wait[0].revents)
		events[nr++].data.ptr = &loop->given_back;
	if (ret > 0 && wait[1].revents)
		events[nr++].data.ptr = &loop->stop;
	return ret >= 0 || errno == EINTR ? nr : -errno;
}

int loop_hand_to(struct loop *loop, const struct loop_workers *workers, struct err *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &loop->given_back };

	loop->given_back.kind = GIVEN_BACK;
	loop->others = *workers;
	loop->last_no_room = &loop->no_room;
	loop->last_returned = &loop->returned;
	pthread_mutex_init(&loop->lock, NULL);
	loop->given_back_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->given_back_fd < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->given_back_fd, &event))
		return err_set(err, errno, "cannot set up an eventfd: %s", strerror(errno));
	return 0;
}
