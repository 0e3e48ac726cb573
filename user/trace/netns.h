/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Network namespaces: what the kernel shows of sockets only to who is in theirs. */
#ifndef WHYLATE_TRACE_NETNS_H
#define WHYLATE_TRACE_NETNS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Call RUN(ARG) once in each network namespace that one of the processes PIDS[NR] is in (0: one without a
 * number here); the calling thread is in its own again afterwards.  Where it may not go to one (that takes
 * CAP_SYS_ADMIN), or not know which it is, *NR_REFUSED is one more, and in the latter case it is as if that
 * were its own.  Returns 0, or a negative errno: RUN's, which ends it, or why nothing can be known.
 */
int netns_run_in_each(const uint32_t *pids, size_t nr, int (*run)(void *arg), void *arg, size_t *nr_refused);

#endif /* WHYLATE_TRACE_NETNS_H */
