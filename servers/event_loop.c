// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * event-loop: one thread, one epoll, all connections.
 *
 *     connections   o o o o o o o o o        a request that came waits, unread, until the loop has
 *                    \ \ \ | / / / /         done with all that were ready before it
 *                   [ epoll_wait ]
 *                          |
 *                  the only thread:  recv, work, send;  recv, work, send;  ...
 *                          |
 *     timers (sleep_us, timeouts), upstreams: more events, nobody waits for them
 *
 * CPU work, the lock and reading a file hold up everybody; sleep_us and upstream hold up nobody else.
 */
#include "servers/loop.h"

const struct model model = {
	.name = "event-loop",
	.summary = "One thread serves all connections by one epoll.",
	.workers_max = 1,
	.serve = loop_serve,
};
