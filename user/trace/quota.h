/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The CPU quota that binds a process: of its cgroup or of one above it, in either cgroup version. */
#ifndef WHYLATE_TRACE_QUOTA_H
#define WHYLATE_TRACE_QUOTA_H

#include <stdint.h>

#include "user/trace/snapshot.h"

/*
 * Read the tightest quota over PID's cgroup and its ancestors, with that cgroup's throttling counters.
 * None, or no way to know (PID gone, cgroups not mounted): out->present is false.
 */
void quota_read(uint32_t pid, struct snapshot_quota *out);

#endif /* WHYLATE_TRACE_QUOTA_H */
