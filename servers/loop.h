/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A reactor: epoll, connections that never block, timers.  One thread calls it; a model may have several,
 * which share nothing but the counts.
 */
#ifndef WHYLATE_SERVERS_LOOP_H
#define WHYLATE_SERVERS_LOOP_H

#include "servers/io.h"
#include "servers/server.h"

struct loop;
struct task;

/* Others, who do the work of requests instead of the loop, or some of it. */
struct loop_workers {
	/*
	 * Take TASK, to call loop_do() or loop_do_steps() in another thread; false: no room now, ask again
	 * when one is given back.
	 */
	bool (*take)(void *workers, struct task *task);
	void *workers;
	/* Of 1 << PLAN_KIND: these alone are for them, by loop_do_steps(); 0: all, and the answer. */
	uint32_t steps;
};

/*
 * Accepts from SERVER's listener, and closes it in the end; ends by its stop_fd, counts in SLOT.  NULL with a
 * sentence in ERR.
 */
struct loop *loop_new(struct server *server, struct stats_slot *slot, struct err *err);

/*
 * Until the server is to end and all that was begun is answered.  Returns how many connections the drain
 * timeout left for loop_free() to cut off, or -errno with a sentence in ERR.
 */
int loop_run(struct loop *loop, struct err *err);

/* Not while others still work for it. */
void loop_free(struct loop *loop);

/* All of that with one loop, which does its own work: for a model's serve(). */
int loop_serve(struct server *server, struct err *err);

/* From now on work is WORKERS'.  Before loop_run().  Returns 0 or -errno with a sentence in ERR. */
int loop_hand_to(struct loop *loop, const struct loop_workers *workers, struct err *err);

/*
 * In a thread of theirs: TASK's work, its answer, and the sending of it; then the connection is the loop's
 * again, and TASK is gone.  Only the counts of IO are used.
 */
void loop_do(struct task *task, struct io *io);

/*
 * In a thread of theirs: those of TASK's steps that are for them, up to one that is not.  Then it is the
 * loop's again, which had kept the connection, goes on with it, and answers.  SLOT is where that thread
 * counts.
 */
void loop_do_steps(struct task *task, struct stats_slot *slot);

#endif /* WHYLATE_SERVERS_LOOP_H */
