/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * When does the watching end, and when is an interval over: signals, timers and the target's processes
 * in one wait that costs nothing in between.
 */
#ifndef WHYLATE_TRACE_WATCH_H
#define WHYLATE_TRACE_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "user/base/err.h"

struct watch;

enum watch_event {
	WATCH_INTERVAL, /* an interval is over */
	WATCH_DURATION, /* the time asked for is over */
	WATCH_SIGNAL,	/* SIGINT, SIGTERM or SIGHUP */
	WATCH_LOOK,	/* it is time to look whether something went unseen */
	WATCH_CALL,	/* a descriptor of watch_add_call() is readable: read it, or it is so again */
	WATCH_EXITED,	/* the last of the processes watched has ended */
};

/* Raises the soft limit of open files to the hard one. */
int watch_open(struct watch **out, struct err *err);

/*
 * The time begins: DURATION_NS, INTERVAL_NS and LOOK_NS, again and again, start to run (0: none), and the
 * first SIGINT, SIGTERM or, where it is not ignored, SIGHUP becomes an event, or, if nobody waits for events
 * any more, nothing.  The second one ends the agent at once, whatever it does.  Before this they still do
 * what they did.
 */
int watch_start(struct watch *watch, uint64_t duration_ns, uint64_t interval_ns, uint64_t look_ns,
		struct err *err);

/*
 * Also wait for the end of process PID.  One that has ended already is no error.  -EMFILE leaves some files
 * for others to open.
 */
int watch_add(struct watch *watch, uint32_t pid, struct err *err);

/* Also wake when FD is readable.  It stays the caller's and must outlive WATCH. */
int watch_add_call(struct watch *watch, int fd, struct err *err);

/* Sleep until something happens.  With no process added WATCH_EXITED is returned at once. */
int watch_next(struct watch *watch, enum watch_event *event, struct err *err);

/* Give the signals back to the caller and free; safe on NULL. */
void watch_close(struct watch *watch);

#endif /* WHYLATE_TRACE_WATCH_H */
