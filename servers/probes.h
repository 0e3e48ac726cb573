/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * USDT probes, provider `whylate`: what a request goes through in user space, for whoever attaches.  Each is
 * a nop, and a note in the file that says where it is and where its arguments are at that moment: they are
 * not passed, so callers give what they have in a register or in memory anyway.
 *
 *     begin -> (enqueue ->) run -> (yield -> | enqueue ->) run -> ... -> end
 *
 * From run to the next of yield, enqueue and end some thread works for the request, and that thread is the
 * one that comes by there.  A request is told from others by the address of its context while it is open; the
 * records that threads publish have the same number (docs/thread-context.md).
 */
#ifndef WHYLATE_SERVERS_PROBES_H
#define WHYLATE_SERVERS_PROBES_H

#include <stdint.h>
#include <sys/sdt.h>

#include "include/whylate/thread_context.h"
#include "servers/conn.h"

/* A request that is to be worked for is whole; CONN's address is the connection's number while it is open. */
static inline void probe_request_begin(const struct whylate_request *request, const struct conn *conn)
{
	DTRACE_PROBE2(whylate, request_begin, request, conn);
}

/* It is about to be put where it waits for a thread; before anybody can take it from there. */
static inline void probe_request_enqueue(const struct whylate_request *request)
{
	DTRACE_PROBE1(whylate, request_enqueue, request);
}

/*
 * The calling thread works for it from here on.  WAITED_NS: how long that took in user space, as in /stats;
 * the first time since the server knew of it, later since it was enqueued, and 0 after a yield, unless
 * what it waited for came and the server had no thread for it yet.
 */
static inline void probe_request_run(const struct whylate_request *request, uint64_t waited_ns)
{
	DTRACE_PROBE2(whylate, request_run, request, waited_ns);
}

/* The calling thread turns away from it: it waits for what is no queue, as time or an upstream. */
static inline void probe_request_yield(const struct whylate_request *request)
{
	DTRACE_PROBE1(whylate, request_yield, request);
}

/* Its answer of STATUS is made and will be sent; 0: it will never have one. */
static inline void probe_request_end(const struct whylate_request *request, const struct conn *conn,
				     uint16_t status)
{
	DTRACE_PROBE3(whylate, request_end, request, conn, status);
}

#endif /* WHYLATE_SERVERS_PROBES_H */
