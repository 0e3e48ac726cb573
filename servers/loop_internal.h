/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of the loop share: loop.c, and loop_others.c for work that is not its own. */
#ifndef WHYLATE_SERVERS_LOOP_INTERNAL_H
#define WHYLATE_SERVERS_LOOP_INTERNAL_H

#include <pthread.h>
#include <sys/epoll.h>

#include "include/whylate/thread_context.h"
#include "servers/io.h"
#include "servers/loop.h"
#include "servers/timers.h"
#include "servers/upstream.h"

/* What an event points to. */
struct watched {
	enum { LISTENER, STOP, CONNECTION, UPSTREAM, GIVEN_BACK, GONE } kind;
};

/* Of a connection while its request is worked for. */
struct task {
	struct work work; /* first, so that a probe's argument is the task's own address */
	struct watched watched;
	struct loop *loop;
	struct connection *connection;
	struct upstream_call call;
	bool asking;
	bool handed; /* to others, with its connection where they answer */
	uint32_t armed;
	struct task *next; /* of those that are given back, wait for room, or ended */
};

struct connection {
	struct watched watched;
	int fd;
	uint32_t armed;	      /* what epoll waits for; 0: it does not know of it */
	bool is_read;	      /* nothing more has come since it was read */
	bool had_turn;	      /* and is to go on, after those who are ready: its timer brings it back */
	uint64_t known_at_ns; /* since when it was known to have something to read */
	struct timer timer;
	struct conn conn;
	struct task *task;
	struct connection *previous, *next;
};

struct loop {
	struct io io;
	int epoll;
	struct watched listener, stop;
	struct timers timers;
	bool listening;	    /* its listener is open */
	struct timer pause; /* of accepting; of draining: until the listener is closed */
	bool draining;	    /* atomic, where others work */
	uint64_t drain_until_ns;
	uint64_t woke_at_ns; /* when the events at hand became known */
	uint32_t open;
	struct connection *connections;
	struct connection *closed; /* to be freed once no event at hand can point to them */
	struct task *ended;

	struct loop_workers others; /* take is NULL: there are none */
	struct task *no_room,
		**last_no_room; /* tasks that they had no room for; nobody is read from meanwhile */
	struct watched given_back;
	int given_back_fd;
	pthread_mutex_t lock;
	struct task *returned, **last_returned; /* under the lock: what they are done with */
};

/* loop.c */

/* Let epoll wait for EVENTS on FD, where it waited for *ARMED.  Returns 0 or -errno. */
int loop_arm(struct loop *loop, int fd, uint32_t *armed, uint32_t events, struct watched *watched);

/* As far as C can go without waiting. */
void loop_advance(struct loop *loop, struct connection *c);

/* What C's work waited for has come. */
void loop_resume(struct loop *loop, struct connection *c);

/* C's request is done with. */
void loop_end_task(struct loop *loop, struct connection *c);

/* loop_others.c */

/* From here on TASK is somebody else's, and its connection too where they answer. */
void loop_hand_over(struct loop *loop, struct task *task);

/* Tasks come back from those who worked for them. */
void loop_take_back(struct loop *loop);

/* Instead of epoll_wait() while there is no room: up to two events.  Returns how many, or -errno. */
int loop_wait_for_room(struct loop *loop, struct epoll_event *events, const struct timespec *left);

#endif /* WHYLATE_SERVERS_LOOP_INTERNAL_H */
