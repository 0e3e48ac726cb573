/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The CPUs that the target may use: the union of what its threads may, over all that were asked about.
 * What a cgroup's quota leaves of them is no matter of this file (user/trace/quota.h).
 */
#ifndef WHYLATE_TRACE_CPUS_H
#define WHYLATE_TRACE_CPUS_H

#include <stddef.h>
#include <stdint.h>

/* As many as Linux can be built for on any architecture; a mask that is too small is refused by it. */
#define CPUS_MAX 8192

/* All zero: none. */
struct cpus {
	uint64_t mask[CPUS_MAX / 64];
};

/* Add what thread TID may use; nothing if it is gone. */
void cpus_add_thread(struct cpus *cpus, uint32_t tid);

/* The same for all threads that process PID has now. */
void cpus_add_process(struct cpus *cpus, uint32_t pid);

uint32_t cpus_count(const struct cpus *cpus);

#endif /* WHYLATE_TRACE_CPUS_H */
