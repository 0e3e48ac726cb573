// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/loop_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "servers/listen.h"
#include "servers/probes.h"
#include "user/base/clock.h"

#define EVENTS	256
#define ACCEPTS 64 /* at once, so that those who are connected get their turn */
int loop_arm(struct loop *loop, int fd, uint32_t *armed, uint32_t events, struct watched *watched)
{
	struct epoll_event event = { .events = events, .data.ptr = watched };
	int op = !*armed ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

	if (events == *armed)
		return 0;
	if (epoll_ctl(loop->epoll, op, fd, &event))
		return -errno;
	*armed = events;
	return 0;
}

void loop_end_task(struct loop *loop, struct connection *c)
{
	struct task *task = c->task;

	if (!task)
		return;
	if (task->asking)
		upstream_close(&task->call);
	c->task = NULL;
	task->watched.kind = GONE;
	task->next = loop->ended;
	loop->ended = task;
}

static void close_connection(struct loop *loop, struct connection *c)
{
	if (c->task)
		probe_request_end(&c->task->work.context, &c->conn, 0);
	loop_end_task(loop, c);
	timers_remove(&loop->timers, &c->timer);
	close(c->fd);
	conn_fini(&c->conn);
	c->watched.kind = GONE;
	*(c->previous ? &c->previous->next : &loop->connections) = c->next;
	if (c->next)
		c->next->previous = c->previous;
	c->next = loop->closed;
	loop->closed = c;
	loop->open--;
	server_left(loop->io.server);
	stats_count(loop->io.slot, STATS_CLOSED);
}

/* When C, which is in nobody else's hands, is to be gone on with if nothing comes. */
static uint64_t due_ns(const struct connection *c)
{
	return c->task ? c->task->work.wake_at_ns : conn_deadline_ns(&c->conn);
}

static bool is_handed(const struct connection *c)
{
	return c->task && c->task->handed;
}

/* Wait for EVENTS and for what has a time. */
static void wait_for(struct loop *loop, struct connection *c, uint32_t events)
{
	if (loop_arm(loop, c->fd, &c->armed, events, &c->watched) ||
	    (!is_handed(c) && timers_set(&loop->timers, &c->timer, due_ns(c))))
		close_connection(loop, c);
}

static void end_asking(struct task *task, uint16_t status)
{
	work_end_call(&task->work, &task->call, status);
	task->asking = false;
}

/* Go on with C's work.  Returns false if it waits for something, or is in others' hands. */
static bool run_task(struct loop *loop, struct connection *c)
{
	struct task *task = c->task;
	enum work_need need;

	while ((need = work_run_to_call(&task->work, loop->others.steps, &task->call)) == WORK_ASK) {
		task->asking = true;
		task->armed = 0;
		if (!loop_arm(loop, task->call.fd, &task->armed, EPOLLOUT, &task->watched))
			break;
		end_asking(task, 503);
	}
	if (need == WORK_HAND)
		loop_hand_over(loop, task);
	else if (need != WORK_DONE)
		probe_request_yield(&task->work.context);
	if (need != WORK_DONE)
		return false;
	io_answer(&c->conn, &task->work);
	loop_end_task(loop, c);
	return true;
}

/* The loop is seen to work for no request any more, if it was. */
static void end_context(void)
{
	if (otel_thread_ctx_v1)
		whylate_request_leave();
}

/* A request is whole.  Returns false if it waits for something. */
static bool begin_task(struct loop *loop, struct connection *c)
{
	struct task *task = malloc(sizeof(*task));

	if (!task) {
		io_answer_no_memory(&c->conn);
		return true;
	}
	*task = (struct task){ .watched.kind = UPSTREAM, .loop = loop, .connection = c };
	c->task = task;
	if (io_begin(&loop->io, &c->conn, &task->work, c->known_at_ns)) {
		if (!loop->others.take || loop->others.steps)
			return run_task(loop, c);
		loop_hand_over(loop, task);
		return false;
	}
	loop_end_task(loop, c);
	return true;
}

/* Not before the timers that are due by now: it would come again at once. */
static void end_turn(struct loop *loop, struct connection *c)
{
	c->had_turn = true;
	if (timers_set(&loop->timers, &c->timer, clock_monotonic_ns()))
		close_connection(loop, c);
}

void loop_advance(struct loop *loop, struct connection *c)
{
	uint32_t turn = IO_TURN_ANSWERS;
	enum io_wait wait;

	c->had_turn = false;
	do
		wait = io_advance(&loop->io, c->fd, &c->conn, &c->is_read, &turn);
	while (wait == IO_WORK && begin_task(loop, c));
	if (wait == IO_WORK && is_handed(c))
		return; /* it may be on its way back already */
	if (wait == IO_CLOSE)
		close_connection(loop, c);
	else if (wait == IO_TURN)
		end_turn(loop, c);
	else
		wait_for(loop, c, wait == IO_READ ? EPOLLIN : wait == IO_WRITE ? EPOLLOUT : c->armed);
	end_context();
}

void loop_resume(struct loop *loop, struct connection *c)
{
	if (c->task->work.context.record.valid)
		whylate_request_take(&c->task->work.context);
	if (run_task(loop, c)) {
		loop_advance(loop, c);
	} else {
		wait_for(loop, c, c->armed);
		end_context();
	}
}

/* What C's work waited for was no queue. */
static void resume_from_yield(struct loop *loop, struct connection *c)
{
	probe_request_run(&c->task->work.context, 0);
	loop_resume(loop, c);
}

static void on_upstream(struct loop *loop, struct task *task)
{
	enum upstream_state state = upstream_advance(&task->call);
	uint32_t events = state == UPSTREAM_WRITE ? EPOLLOUT : EPOLLIN;

	if (state <= UPSTREAM_WRITE && !loop_arm(loop, task->call.fd, &task->armed, events, &task->watched))
		return;
	end_asking(task, state == UPSTREAM_DONE ? 0 : 502);
	resume_from_yield(loop, task->connection);
}

/*
 * What C waits for may have come while others were worked for, and then not be known yet: only who is late
 * with that is cut off.
 */
static void on_deadline(struct loop *loop, struct connection *c, uint64_t now_ns)
{
	c->is_read = false;
	c->known_at_ns = now_ns;
	loop_advance(loop, c);
	if (c->watched.kind == CONNECTION && !c->task && io_expire(&loop->io, &c->conn, now_ns))
		loop_advance(loop, c);
}

static void on_timer(struct loop *loop, struct connection *c, uint64_t now_ns)
{
	if (is_handed(c))
		return;
	if (c->had_turn) {
		loop_advance(loop, c);
	} else if (now_ns < due_ns(c)) { /* it was moved since */
		wait_for(loop, c, c->armed);
	} else if (!c->task) {
		on_deadline(loop, c, now_ns);
	} else {
		if (c->task->asking)
			end_asking(c->task, upstream_advance(&c->task->call) == UPSTREAM_DONE ? 0 : 504);
		resume_from_yield(loop, c);
	}
}

static void open_connection(struct loop *loop, int fd)
{
	const struct server *server = loop->io.server;
	enum server_admission admission = server_enter(server, loop->open);
	struct connection *c = admission == SERVER_DROP ? NULL : malloc(sizeof(*c));

	if (!c) {
		io_turn_away(&loop->io, fd);
		server_left(server);
		return;
	}
	*c = (struct connection){ .watched.kind = CONNECTION, .fd = fd, .next = loop->connections };
	c->known_at_ns = clock_monotonic_ns(); /* those before it may have taken long */
	io_open(&loop->io, &c->conn, admission, c->known_at_ns);
	if (loop->draining)
		conn_drain(&c->conn);
	if (c->next)
		c->next->previous = c;
	loop->connections = c;
	loop->open++;
	/* Who is answered may come again at once: not before the listener is closed. */
	if (loop->draining)
		wait_for(loop, c, EPOLLOUT);
	else
		loop_advance(loop, c);
}

/* With EPOLLEXCLUSIVE the others would not know of those whom this one leaves. */
static bool leaves_to_others(const struct loop *loop)
{
	return server_leaves_to_others(loop->io.server, loop->open) && !loop->draining;
}

/* At most so many. */
static void accept_some(struct loop *loop, uint32_t most)
{
	struct epoll_event none = {};
	int fd = 0;

	for (uint32_t i = 0; i < most; i++) {
		fd = leaves_to_others(loop) ? -EMFILE :
					      listen_accept(loop->io.server->listener, SOCK_NONBLOCK);
		if (fd < 0)
			break;
		open_connection(loop, fd);
	}
	if (fd < 0 && server_may_retry(fd) && !loop->draining &&
	    !timers_set(&loop->timers, &loop->pause, clock_monotonic_ns() + SERVER_PAUSE_NS))
		epoll_ctl(loop->epoll, EPOLL_CTL_MOD, loop->io.server->listener, &none);
}

static void close_listener(struct loop *loop)
{
	server_close_listener(loop->io.server);
	loop->listening = false;
}

static void stop_listening(struct loop *loop, bool begins)
{
	const struct server *server = loop->io.server;
	bool stops = server_stops_listening(server, begins);

	accept_some(loop, listen_waiting(server->listener) + ACCEPTS);
	if (stops || timers_set(&loop->timers, &loop->pause, clock_monotonic_ns() + SERVER_LEAVE_NS))
		close_listener(loop);
}

static void accept_again(struct loop *loop)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &loop->listener };

	if (!loop->draining)
		epoll_ctl(loop->epoll, EPOLL_CTL_MOD, loop->io.server->listener, &event);
	else if (loop->listening)
		stop_listening(loop, false);
}

static void begin_draining(struct loop *loop)
{
	struct connection *next;
	struct epoll_event none = {};

	__atomic_store_n(&loop->draining, true, __ATOMIC_RELAXED);
	loop->drain_until_ns = server_drain_until_ns(loop->io.server);
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->io.server->stop_fd, &none);
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->io.server->listener, &none);
	for (struct connection *c = loop->connections; c; c = next) {
		next = c->next;
		if (is_handed(c))
			continue; /* it is told when it comes back */
		conn_drain(&c->conn);
		if (!c->task && conn_is_idle(&c->conn))
			loop_advance(loop, c);
	}
	stop_listening(loop, true);
}

static void on_connection(struct loop *loop, struct connection *c)
{
	c->is_read = false;
	c->known_at_ns = loop->woke_at_ns;
	if (c->task)
		/* It comes again once it is waited for: most clients send nothing before they are answered. */
		loop_arm(loop, c->fd, &c->armed, 0, &c->watched);
	else
		loop_advance(loop, c);
}

static void on_event(struct loop *loop, struct watched *watched)
{
	switch (watched->kind) {
	case LISTENER:
		if (!loop->draining)
			accept_some(loop, ACCEPTS);
		break;
	case STOP:
		begin_draining(loop);
		break;
	case CONNECTION:
		on_connection(loop, owner_of(watched, struct connection, watched));
		break;
	case UPSTREAM:
		on_upstream(loop, owner_of(watched, struct task, watched));
		break;
	case GIVEN_BACK:
		loop_take_back(loop);
		break;
	case GONE:
		break;
	}
}

static void run_timers(struct loop *loop)
{
	uint64_t now_ns = clock_monotonic_ns();
	struct timer *timer;

	while ((timer = timers_take(&loop->timers, now_ns))) {
		if (timer == &loop->pause)
			accept_again(loop);
		else
			on_timer(loop, owner_of(timer, struct connection, timer), now_ns);
	}
}

static void free_closed(struct loop *loop)
{
	struct connection *c;
	struct task *task;

	while ((c = loop->closed)) {
		loop->closed = c->next;
		free(c);
	}
	while ((task = loop->ended)) {
		loop->ended = task->next;
		free(task);
	}
}

/* Rounded up; long waits are cut short, which does no harm. */
static int whole_ms(const struct timespec *left)
{
	return left->tv_sec < 1000000 ? (int)(left->tv_sec * 1000 + (left->tv_nsec + 999999) / 1000000) :
					1000000000;
}

/* Wait for events until the next timer.  Returns how many, or -errno. */
static int wait_for_events(struct loop *loop, struct epoll_event *events)
{
	uint64_t until_ns = timers_next_ns(&loop->timers), now_ns;
	struct timespec left = {};
	int nr;

	if (loop->draining && loop->drain_until_ns < until_ns)
		until_ns = loop->drain_until_ns;
	if (until_ns != TIMERS_NEVER) {
		now_ns = clock_monotonic_ns();
		left = clock_timespec(until_ns > now_ns ? until_ns - now_ns : 0);
	}
	if (loop->no_room)
		return loop_wait_for_room(loop, events, until_ns == TIMERS_NEVER ? NULL : &left);
	nr = epoll_pwait2(loop->epoll, events, EVENTS, until_ns == TIMERS_NEVER ? NULL : &left, NULL);
	if (nr < 0 && errno == ENOSYS) /* Linux 5.11 has it */
		nr = epoll_wait(loop->epoll, events, EVENTS, until_ns == TIMERS_NEVER ? -1 : whole_ms(&left));
	loop->woke_at_ns = clock_monotonic_ns();
	return nr >= 0 ? nr : errno == EINTR ? 0 : -errno;
}

int loop_run(struct loop *loop, struct err *err)
{
	struct epoll_event events[EVENTS];

	while (!loop->draining || loop->open || loop->listening) {
		int nr = wait_for_events(loop, events);

		if (nr < 0)
			return err_set(err, -nr, "cannot wait for events: %s", strerror(-nr));
		for (int i = 0; i < nr; i++)
			on_event(loop, events[i].data.ptr);
		run_timers(loop);
		free_closed(loop);
		if (loop->draining && loop->woke_at_ns >= loop->drain_until_ns)
			break;
	}
	return (int)loop->open;
}

struct loop *loop_new(struct server *server, struct stats_slot *slot, struct err *err)
{
	struct epoll_event listener = { .events = EPOLLIN }, stop = { .events = EPOLLIN };
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	loop->io.server = server;
	loop->io.slot = slot;
	loop->listener.kind = LISTENER;
	loop->stop.kind = STOP;
	loop->given_back_fd = -1;
	listener.data.ptr = &loop->listener;
	stop.data.ptr = &loop->stop;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, server->listener, &listener) ||
	    epoll_ctl(loop->epoll, EPOLL_CTL_ADD, server->stop_fd, &stop)) {
		err_set(err, errno, "cannot set up epoll: %s", strerror(errno));
		loop_free(loop);
		return NULL;
	}
	loop->listening = true;
	return loop;
}

void loop_free(struct loop *loop)
{
	while (loop->connections)
		close_connection(loop, loop->connections);
	free_closed(loop);
	if (loop->listening)
		close_listener(loop);
	timers_fini(&loop->timers);
	if (loop->epoll >= 0)
		close(loop->epoll);
	if (loop->given_back_fd >= 0)
		close(loop->given_back_fd);
	free(loop);
}

int loop_serve(struct server *server, struct err *err)
{
	struct loop *loop = loop_new(server, stats_slot(server->stats, 0), err);
	int ret;

	if (!loop)
		return -err->code;
	server_ready(server);
	ret = loop_run(loop, err);
	loop_free(loop);
	return ret;
}
