// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One thread reads requests by epoll; others work for them, and answer or hand the answer back. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "httpd.h"

struct queue {
	pthread_mutex_t mutex;
	pthread_cond_t filled;
	struct connection *first, **end;
};

static struct queue requests = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, &requests.first };
static struct queue answers = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, &answers.first };
static struct watched handed_back = { .kind = HANDED_BACK };
static struct loop loop;

static void put(struct queue *queue, struct connection *c)
{
	pthread_mutex_lock(&queue->mutex);
	c->next = NULL;
	*queue->end = c;
	queue->end = &c->next;
	pthread_cond_signal(&queue->filled);
	pthread_mutex_unlock(&queue->mutex);
}

/* The first of QUEUE; if it is empty, NULL or, with WAIT, the one that comes. */
static struct connection *get(struct queue *queue, bool wait)
{
	struct connection *c;

	pthread_mutex_lock(&queue->mutex);
	while (!queue->first && wait)
		pthread_cond_wait(&queue->filled, &queue->mutex);
	c = queue->first;
	if (c && !(queue->first = c->next))
		queue->end = &queue->first;
	pthread_mutex_unlock(&queue->mutex);
	return c;
}

static bool take(struct loop *reader, struct connection *c)
{
	(void)reader;
	record_begin(c);
	record_take(c);
	record_queue(c);
	put(&requests, c);
	return true;
}

static void hand_back(struct connection *c)
{
	const uint64_t one = 1;

	put(&answers, c);
	if (write(handed_back.fd, &one, sizeof(one)) != sizeof(one))
		die("eventfd");
}

static void on_handed_back(struct loop *reader)
{
	struct connection *c;
	uint64_t count;

	if (read(handed_back.fd, &count, sizeof(count)) != sizeof(count))
		die("eventfd");
	while ((c = get(&answers, false))) {
		record_take(c);
		loop_answer(reader, c, c->known_ns);
		record_leave();
	}
}

/* As if the socket did block. */
static enum progress send_all(struct connection *c, enum progress progress)
{
	while (progress == AGAIN) {
		struct pollfd socket = { .fd = c->watched.fd, .events = POLLOUT };

		poll(&socket, 1, -1);
		progress = connection_send(c);
	}
	return progress;
}

/* Answers, and gives the connection back to the reader unless there is more to do in it. */
static void answer(struct connection *c)
{
	enum progress progress = send_all(c, connection_answer(c, work_for(c)));

	record_leave();
	if (progress == DONE && c->request.keep_alive) {
		progress = connection_parse(c);
		if (progress == DONE) {
			record_begin(c);
			record_take(c);
			record_queue(c);
			put(&requests, c);
			return;
		}
		if (progress == AGAIN) {
			c->state = READING;
			loop_arm(&loop, c, EPOLLIN);
			return;
		}
	}
	/* No event can come for it: it is not armed. */
	connection_close(c);
}

static void *work(void *unused)
{
	for (;;) {
		struct connection *c = get(&requests, true);

		record_take(c);
		if (options.answer_by_reader) {
			c->known_ns = work_for(c);
			record_queue(c);
			hand_back(c);
		} else {
			answer(c);
		}
	}
	return unused;
}

void serve_pool(void)
{
	loop = (struct loop){ .oneshot = true, .take = take, .on_handed_back = on_handed_back };
	loop_init(&loop);
	handed_back.fd = eventfd(0, EFD_CLOEXEC);
	if (handed_back.fd < 0)
		die("eventfd");
	loop_watch(&loop, &handed_back);
	for (unsigned i = 0; i < options.workers; i++) {
		pthread_t thread;

		errno = pthread_create(&thread, NULL, work, NULL);
		if (errno)
			die("pthread_create");
		pthread_detach(thread);
	}
	loop_run(&loop);
}
