/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of httpd share; httpd.c says what it is. */
#ifndef WHYLATE_WORKLOADS_HTTPD_H
#define WHYLATE_WORKLOADS_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/time_types.h>
#include <sys/types.h>

#include "address.h"
#include "include/whylate/thread_context.h"

#define REQUEST_BYTES 8192 /* of a request's head, or of several requests that came at once */

enum path {
	PATH_NONE, /* 404 */
	PATH_ROOT,
	PATH_BURN,
	PATH_SLEEP,
	PATH_LOCK,
	PATH_CONTEND,
	PATH_FILE,
	PATH_FAULT,
	PATH_USERFAULT,
	PATH_UPSTREAM,
	PATH_SIZE,
	PATH_SENDFILE,
	PATH_CHUNKS,
	PATH_COUNT,
};

struct request {
	enum path path;
	bool head_only, keep_alive;
	uint64_t us, bytes, pages, n; /* of the query; 0 if not there */
};

/* An answer on its way. */
struct answer {
	char text[512]; /* what is sent next: the head, a small body or a chunk */
	size_t text_bytes, text_sent;
	uint64_t body_left;   /* bytes by write or sendfile */
	uint64_t piece_bytes; /* at most so many in one write */
	uint64_t chunks_left; /* the last, which is empty, not counted; 0: that one is next */
	bool chunked, counted;
};

enum state { READING, WAITING, SENDING };

/* What an epoll event points to: a connection, or what else one can wait for. */
struct watched {
	enum { LISTENER, CONNECTION, UPSTREAM, HANDED_BACK } kind;
	int fd;
};

struct connection {
	struct watched watched;
	struct connection *next; /* in whatever list holds it */
	enum state state;
	bool nonblocking;
	bool gone;	 /* the client's side has failed while an answer was worked for */
	uint32_t armed;	 /* what epoll waits for */
	int upstream_fd; /* of those that ask it while they block; -1: none yet */
	char in[REQUEST_BYTES];
	size_t in_bytes;
	uint64_t body_left; /* of the request, to be skipped */
	bool has_head;
	struct request request;
	struct whylate_request context;
	uint64_t known_ns;	      /* what its work took, on its way from who did it to who answers */
	uint64_t began_ns;	      /* a nap in the ring, */
	struct __kernel_timespec nap; /* and for how long */
	struct answer answer;
};

enum progress { DONE, AGAIN, FAILED };

struct options {
	const char *mode;
	struct address address;
	int listener;
	struct address upstream; /* bytes 0: none */
	unsigned workers;
	bool answer_by_reader;
	bool async, sqpoll, spin, direct; /* of io-uring */
	uint64_t accept_delay_us, reader_burns_us;
	int send_buffer_bytes; /* 0: the kernel's choice */
	const char *directory;
};

extern struct options options;
extern uint64_t *answered; /* by all processes */

/* httpd.c */
void die(const char *what) __attribute__((noreturn));
int connect_upstream(int socket_flags); /* a socket that is connected, or is about to be */

/* httpd_connection.c: requests in, answers out. */

/* The next connection, ready for its first request; NULL if there is none now. */
struct connection *connection_accept(bool nonblocking);
struct connection *connection_new(int fd, bool nonblocking); /* which was accepted otherwise */
void connection_close(struct connection *c);
/* Takes what has come. AGAIN: nothing; FAILED: the other side has finished, or the connection is broken. */
enum progress connection_read(struct connection *c);
/* DONE: c->request is whole; AGAIN: more must be read; FAILED: not HTTP, and that was answered. */
enum progress connection_parse(struct connection *c);
/* Prepares the answer to c->request, whose work took KNOWN_NS, and sends what can be sent. */
enum progress connection_answer(struct connection *c, uint64_t known_ns);
enum progress connection_send(struct connection *c); /* goes on */

/* The same, for whoever sends otherwise: prepare, then what is to be sent next, until all was. */
void connection_prepare(struct connection *c, uint64_t known_ns);
size_t connection_next(struct connection *c, const char **bytes);
/* SENT bytes of that, or a negative errno.  AGAIN: there is more. */
enum progress connection_sent(struct connection *c, ssize_t sent);

/* httpd_work.c: does the work of the request of C while it blocks; returns X-Known-ns. */
uint64_t work_for(struct connection *c);

/* httpd_blocking.c: a thread, or a process, for a connection. */
void serve_threads(void);
void serve_prefork(void);

/* httpd_loop.c */
struct loop {
	int fd;	      /* of epoll */
	bool oneshot; /* connections belong to somebody else from each event until they are armed again */
	/* Takes a request away; false: the loop works for it itself. */
	bool (*take)(struct loop *loop, struct connection *c);
	void (*on_handed_back)(struct loop *loop); /* what HANDED_BACK stands for was written */
	struct connection *closed;		   /* freed when no event can point to them any more */
	struct upstream *idle_upstreams;
};

void loop_init(struct loop *loop);
void loop_watch(struct loop *loop, struct watched *watched);
void loop_run(struct loop *loop) __attribute__((noreturn));
void loop_arm(struct loop *loop, struct connection *c, uint32_t events);
void loop_close(struct loop *loop, struct connection *c);
/* Answers a request that was taken away, and goes on with the connection. */
void loop_answer(struct loop *loop, struct connection *c, uint64_t known_ns);
void serve_loop(void);

/* httpd_upstream.c */
bool upstream_take(struct loop *loop, struct connection *c); /* asks without waiting */
void upstream_event(struct loop *loop, struct watched *watched, uint32_t events);
uint64_t upstream_ask(struct connection *c); /* asks and waits; ns */

/* httpd_pool.c */
void serve_pool(void);

/* httpd_io_uring.c */
void serve_io_uring(void);

/* httpd_record.c: says what the calling thread works for, where --record is given. */
bool record_as(const char *name); /* false: not a way to say it */
void record_begin(struct connection *c);
void record_take(struct connection *c);
void record_queue(struct connection *c);
void record_leave(void);

#endif /* WHYLATE_WORKLOADS_HTTPD_H */
