// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One thread and a ring: each connection has one operation in it, a read, a send or a nap, and the listener
 * one accept.
 *
 * What the kernel does for them it does in whatever task is at hand: in the thread's own io_uring_enter(); at
 * the end of any other system call of the thread; in a worker or a polling thread of the kernel's.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>

#include "httpd.h"
#include "work.h"

#define ENTRIES	       4096u
#define DIRECT_FILES   1024u
#define SQPOLL_IDLE_MS 20u

/* In the low bits of what comes back, beside the connection. */
enum operation { ACCEPT, RECEIVE, SEND, NAP, CLOSE, OPERATIONS_MASK = 7 };

static struct io_uring ring;

static void die_of(int error, const char *what)
{
	errno = -error;
	die(what);
}

static struct io_uring_sqe *next_entry(void)
{
	struct io_uring_sqe *entry;

	while (!(entry = io_uring_get_sqe(&ring))) {
		io_uring_submit(&ring);
		if (options.sqpoll)
			io_uring_sqring_wait(&ring);
	}
	return entry;
}

/* ENTRY is prepared. */
static void start(struct io_uring_sqe *entry, struct connection *c, enum operation operation)
{
	entry->user_data = (uintptr_t)c | operation;
	if (options.async)
		entry->flags |= IOSQE_ASYNC;
	if (options.direct && c)
		entry->flags |= IOSQE_FIXED_FILE;
}

static void start_accept(void)
{
	struct io_uring_sqe *entry = next_entry();

	io_uring_prep_accept(entry, options.listener, NULL, NULL, options.direct ? 0 : SOCK_CLOEXEC);
	if (options.direct) /* liburing's own function for it, before 2.4, does not know this number */
		entry->file_index = IORING_FILE_INDEX_ALLOC;
	start(entry, NULL, ACCEPT);
}

static void start_receive(struct connection *c)
{
	struct io_uring_sqe *entry = next_entry();

	io_uring_prep_recv(entry, c->watched.fd, c->in + c->in_bytes, sizeof(c->in) - c->in_bytes, 0);
	start(entry, c, RECEIVE);
}

static void start_send(struct connection *c)
{
	struct io_uring_sqe *entry = next_entry();
	const char *bytes;
	size_t nr = connection_next(c, &bytes);

	io_uring_prep_send(entry, c->watched.fd, bytes, nr, MSG_NOSIGNAL);
	start(entry, c, SEND);
}

static void start_nap(struct connection *c)
{
	const struct timespec nap = timespec_of(c->request.us * 1000);
	struct io_uring_sqe *entry = next_entry();

	c->began_ns = now_ns(CLOCK_MONOTONIC);
	c->nap = (struct __kernel_timespec){ nap.tv_sec, nap.tv_nsec };
	io_uring_prep_timeout(entry, &c->nap, 0, 0);
	entry->user_data = (uintptr_t)c | NAP; /* no worker can do that */
}

static void finish(struct connection *c)
{
	if (options.direct) {
		struct io_uring_sqe *entry = next_entry();

		io_uring_prep_close_direct(entry, (unsigned)c->watched.fd);
		entry->user_data = CLOSE;
		c->watched.fd = -1;
	}
	connection_close(c);
}

static void answer(struct connection *c, uint64_t known_ns)
{
	connection_prepare(c, known_ns);
	start_send(c);
}

/* As far as what has come goes. */
static void advance(struct connection *c)
{
	enum progress progress = connection_parse(c);

	if (progress == AGAIN)
		start_receive(c);
	else if (progress == FAILED)
		finish(c);
	else if (c->request.path == PATH_SLEEP)
		start_nap(c);
	else
		answer(c, work_for(c));
}

static void accepted(int fd)
{
	if (fd >= 0)
		start_receive(connection_new(fd, false));
	else if (fd != -ECONNABORTED && fd != -EINTR)
		die_of(fd, "accept");
	start_accept();
}

static void received(struct connection *c, int bytes)
{
	if (bytes <= 0) {
		finish(c);
		return;
	}
	c->in_bytes += (size_t)bytes;
	advance(c);
}

static void sent(struct connection *c, int bytes)
{
	enum progress progress = connection_sent(c, bytes);

	if (progress == AGAIN)
		start_send(c);
	else if (progress == FAILED || !c->request.keep_alive)
		finish(c);
	else
		advance(c);
}

static void completed(uint64_t what, int result)
{
	struct connection *c = (struct connection *)(uintptr_t)(what & ~(uint64_t)OPERATIONS_MASK);

	switch (what & OPERATIONS_MASK) {
	case ACCEPT:
		accepted(result);
		break;
	case RECEIVE:
		received(c, result);
		break;
	case SEND:
		sent(c, result);
		break;
	case CLOSE:
		break;
	default:
		answer(c, now_ns(CLOCK_MONOTONIC) - c->began_ns);
	}
}

/* Until something is done, what looks like an answer and like no request goes nowhere. */
static void spin(int null_fd)
{
	static const char words[] = "HTTP/1.1 500 nothing of this is for any socket\r\n\r\n";

	io_uring_submit(&ring);
	while (!io_uring_cq_ready(&ring))
		if (write(null_fd, words, sizeof(words) - 1) < 0)
			die("writing to /dev/null");
}

void serve_io_uring(void)
{
	struct io_uring_params params = { .flags = options.sqpoll ? IORING_SETUP_SQPOLL : 0,
					  .sq_thread_idle = SQPOLL_IDLE_MS };
	int ret = io_uring_queue_init_params(ENTRIES, &ring, &params),
	    null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct io_uring_cqe *done;

	if (ret)
		die_of(ret, "io_uring_setup");
	if (options.direct && (ret = io_uring_register_files_sparse(&ring, DIRECT_FILES)))
		die_of(ret, "io_uring_register");
	/* Its connections inherit it, for which there may be no setsockopt(). */
	address_no_delay(options.listener, &options.address);
	start_accept();
	for (;;) {
		if (options.spin) {
			spin(null_fd);
		} else {
			ret = io_uring_submit_and_wait(&ring, 1);
			if (ret < 0 && ret != -EINTR)
				die_of(ret, "io_uring_enter");
		}
		while (!io_uring_peek_cqe(&ring, &done)) {
			uint64_t what = done->user_data;
			int result = done->res;

			io_uring_cqe_seen(&ring, done);
			completed(what, result);
		}
	}
}
