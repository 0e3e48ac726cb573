/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A request that a green thread works for: on which worker it is, as whoever observes the process is told,
 * and how much CPU time it has used on all of them.
 */
#ifndef WHYLATE_SERVERS_GREEN_REQUEST_H
#define WHYLATE_SERVERS_GREEN_REQUEST_H

#include "servers/traceparent.h"
#include "servers/work.h"

/* All zero: none. */
struct green_request {
	struct work work;
	const struct traceparent *trace;
	uint64_t cpu_ns; /* to be added to its thread's; of the step alone */
};

/* Once, before any request: work waits in green threads, and not in the workers. */
void green_requests_init(void);

/* All of the work that io_begin() has begun, in the green thread that called it, for a request of TRACE. */
void green_request_run(struct green_request *request, const struct traceparent *trace);

/*
 * Around a green_wait() while its answer is sent: the worker is left and, or another one, taken.  Nothing for
 * a request that was with one worker all along.
 */
void green_request_leave(struct green_request *request);
void green_request_return(struct green_request *request);

/* It is answered, or never will be: its worker is seen to work for it no more. */
void green_request_end(struct green_request *request);

#endif /* WHYLATE_SERVERS_GREEN_REQUEST_H */
