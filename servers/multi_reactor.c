// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * multi-reactor: one event loop for each worker, each with a listener, an epoll and a file table of its own.
 *
 *     connections   o o o o   o o o o   o o o o      the kernel deals them out by a hash when they come,
 *                   \ | | /   \ | | /   \ | | /      and there they stay
 *     listeners    [queue 1] [queue 2] [queue 3]     one address (SO_REUSEPORT)
 *                      |         |         |
 *     epoll_wait    worker 1  worker 2  worker 3     each as in event-loop: a request waits, unread, for
 *                      |         |         |         those of its own worker alone
 *                   recv, work, send; recv, ...      but nobody takes over for a worker that is busy
 *
 * A UNIX socket has one queue: all workers accept from that, whoever comes first.
 */
#include "servers/workers.h"

static int serve(struct server *server, struct err *err)
{
	return workers_serve(server, &workers_epoll, err);
}

const struct model model = {
	.name = "multi-reactor",
	.summary = "An event loop for each worker, with connections of its own.",
	.workers_max = 4096,
	.apart = true,
	.serve = serve,
};
