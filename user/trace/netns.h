/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Network namespaces: what the kernel shows of sockets only to who is in theirs. */
#ifndef WHYLATE_TRACE_NETNS_H
#define WHYLATE_TRACE_NETNS_H

#include <stddef.h>

/*
 * Call RUN(ARG) once in the calling thread's network namespace, and in each other that a process of the map
 * PIDS, whose keys they are, is in; the thread is in its own again afterwards.  Where it may not go to one
 * (that takes CAP_SYS_ADMIN), *NR_REFUSED is one more.  Returns 0, or a negative errno: RUN's, which ends it,
 * or why nothing can be known.
 */
int netns_run_in_each(int pids, int (*run)(void *arg), void *arg, size_t *nr_refused);

#endif /* WHYLATE_TRACE_NETNS_H */
