/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The CPU quota that binds a process: of its cgroup or of one above it, in either cgroup version. */
#ifndef WHYLATE_TRACE_QUOTA_H
#define WHYLATE_TRACE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "user/trace/snapshot.h"

#define QUOTA_PATH_BYTES 4096

/* A process' cgroups, by version less 1; an empty path: none known.  Zeroed at first. */
struct quota_place {
	char mount[2][QUOTA_PATH_BYTES];
	char path[2][QUOTA_PATH_BYTES];
};

/*
 * Where PID is now.  If it is gone, or going, PLACE stays what it was: its cgroup can still be read.  A
 * cgroup that no mount of the agent's shows is not known.
 */
void quota_find(uint32_t pid, struct quota_place *place);

/* Whether the cgroup at PLACE, which is known, has been removed, as some are with the last of their
 * processes. */
bool quota_is_gone(const struct quota_place *place);

/*
 * Read the tightest quota over the cgroup at PLACE and its ancestors, with that cgroup's throttling
 * counters.  None, or no way to know: out->present is false.
 */
void quota_read(const struct quota_place *place, struct snapshot_quota *out);

#endif /* WHYLATE_TRACE_QUOTA_H */
