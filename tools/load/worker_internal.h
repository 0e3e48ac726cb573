/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between the sources of a thread: its loop (worker.c), connections (connect.c), requests (ask.c), outcomes
 * (settle.c). */
#ifndef WHYLATE_LOAD_WORKER_INTERNAL_H
#define WHYLATE_LOAD_WORKER_INTERNAL_H

#include <sys/queue.h>

#include "tools/load/response.h"
#include "tools/load/timetable.h"
#include "tools/load/walltime.h"
#include "tools/load/worker.h"

#define READ_BYTES 65536u
/* More is no way to the CPU, but others on it. */
#define AWAY_NS 100000ull

enum state {
	CLOSED,	    /* to be connected as soon as may be */
	RESTING,    /* the last attempt failed, or came to nothing: not before until_ns */
	CONNECTING, /* until until_ns at most */
	IDLE,	    /* since free_ns */
	FLYING,	    /* owes an answer */
	STATES,
};

struct connection {
	TAILQ_ENTRY(connection) link;
	int fd; /* -1: none */
	uint8_t state;
	bool tried;	   /* once */
	bool was_open;	   /* ever */
	bool measured;	   /* what it owes; else it is of the warm-up */
	uint32_t asked;	   /* requests on it since it is open */
	uint32_t request;  /* that is flying, of the plan's */
	bool last;	   /* and after it comes no other: Connection: close */
	int send_error;	   /* why the rest of it cannot be sent; 0: nothing is known against it */
	size_t sent_bytes; /* of that */
	uint64_t due_ns;   /* when it was; closed loop: sent_ns */
	uint64_t free_ns;  /* since when the connection could take it */
	uint64_t sent_ns;
	uint64_t late_ns;  /* how much of due to sent_ns was our doing; open loop */
	uint64_t until_ns; /* CONNECTING, RESTING: when that ends */
	struct response response;
};

TAILQ_HEAD(connection_list, connection);

struct load_worker {
	struct load_shared *shared;
	const struct load_plan *plan;
	uint32_t number;
	struct load_books books;
	struct connection *connections;
	uint32_t nr_connections;
	struct connection_list lists[STATES];
	uint32_t nr_in[STATES];
	uint32_t nr_tried;
	uint32_t first; /* the number of its first connection, of all threads' */
	int epoll;
	struct timetable timetable;
	uint64_t asked;	   /* closed loop: requests so far */
	uint64_t now_ns;   /* the latest reading of the clock */
	uint64_t start_ns; /* 0: not yet */
	uint64_t over_ns;  /* after this nothing is due */
	uint64_t stop_ns;  /* after this no answer is waited for */
	uint64_t connect_every_ns, next_connect_ns;
	uint64_t full_since_ns; /* a UNIX listener's queue, at each attempt; 0: it was not at the last */
	int last_error;		/* of the latest attempt; written whole: the run asks meanwhile */
	struct walltime walltime;
	uint64_t nothing_ns;   /* when there last was nothing to do: what waited then did not wait for us */
	bool away;	       /* it was off its CPU: what ended since is seen before more is sent */
	bool woke;	       /* that is when it woke: by an answer that may have come before */
	uint64_t late_till_ns; /* when a request was last sent that was late by us alone, if at all */
	uint64_t idle_ns;      /* while requests were due, with nothing to do */
	uint64_t early_ns;     /* how much before a due time it asks to be woken */
	uint64_t cpu_before_ns, cpu_ns, ended_ns;
	struct err err;
	char buffer[READ_BYTES];
};

/* Whether the thread was off its CPU between SINCE_NS and the latest reading of the clock. */
static inline bool was_away(const struct load_worker *worker, uint64_t since_ns)
{
	return worker->now_ns > since_ns + AWAY_NS;
}

static inline bool is_closed_loop(const struct load_worker *worker)
{
	return worker->plan->mode == LOAD_CLOSED;
}

/* One writer: the thread itself. */
static inline void count(uint64_t *word)
{
	__atomic_store_n(word, *word + 1, __ATOMIC_RELAXED);
}

static inline void count_bytes(uint64_t *word, uint64_t bytes)
{
	__atomic_store_n(word, *word + bytes, __ATOMIC_RELAXED);
}

/* From the list that it is in to the end of STATE's. */
void connection_to(struct load_worker *worker, struct connection *connection, enum state state);

/* connect.c: */
void connect_begin(struct load_worker *worker);		    /* all are to be made */
void connect_some(struct load_worker *worker);		    /* as many as may be now */
uint64_t connect_next_ns(const struct load_worker *worker); /* when there is something to do */
void connect_ready(struct load_worker *worker, struct connection *connection);
/* It is closed, and will be connected again; not at once if nothing was ever asked on it. */
void connection_close(struct load_worker *worker, struct connection *connection);
/* Be told when more can be written to it. */
void connection_watch_write(struct load_worker *worker, struct connection *connection);

/* ask.c: */
uint64_t
ask_next_ns(const struct load_worker *worker); /* when the next request is due; UINT64_MAX: none is */
/* Send what is due, as far as connections are free; nothing while `away`. */
void ask_due(struct load_worker *worker);
/* Whether all of what flies on CONNECTION was sent. */
bool ask_is_whole(const struct load_worker *worker, const struct connection *connection);
/* CONNECTION may be used: send the next request of a closed loop, or keep it idle. */
void ask_or_idle(struct load_worker *worker, struct connection *connection);
void ask_rest(struct load_worker *worker,
	      struct connection *connection); /* of a request that was sent in part */
void ask_give_up(struct load_worker *worker,
		 bool all); /* what waits too long for a connection, or all that waits */

/* answer.c: read what came; ENDED: the server has said that no more will. */
void answer_read(struct load_worker *worker, struct connection *connection, bool ended);

/* settle.c: the outcome of what flies on CONNECTION, and its latency. */
void settle_due(struct load_worker *worker, bool measured); /* it has become due (closed loop: is sent) */
/* It was read at worker->now_ns; ARRIVAL_NS as in load_socket_read(). */
void settle_answered(struct load_worker *worker, struct connection *connection, uint64_t arrival_ns);
void settle_failed(struct load_worker *worker, struct connection *connection, enum load_failure failure);
void settle_late(struct load_worker *worker, struct connection *connection); /* timed out */
void settle_unanswered(struct load_worker *worker, struct connection *connection);
/* The first answer since the thread woke came at ARRIVAL_NS, as in load_socket_read(). */
void settle_woken(struct load_worker *worker, uint64_t arrival_ns);
/* CONNECTION's request is sent: whose doing it was that it was not sent when it was due. */
void settle_sent(struct load_worker *worker, struct connection *connection);
/* Of a request, due at DUE_NS, that found no connection in WAITED_NS. */
void settle_unsent(struct load_worker *worker, bool measured, uint64_t due_ns, uint64_t waited_ns);

#endif /* WHYLATE_LOAD_WORKER_INTERNAL_H */
