/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What machine this is, and what the agent itself has used of it so far. */
#ifndef WHYLATE_TRACE_MACHINE_H
#define WHYLATE_TRACE_MACHINE_H

#include <stdint.h>

struct machine {
	char kernel[65]; /* uname -r */
	char arch[65];
	uint32_t cpus; /* online */
	uint64_t memory_bytes;
};

void machine_read(struct machine *out);

/* CPU time of this process so far, user and system, and the most memory it has had resident. */
void machine_own_cost(uint64_t *cpu_ns, uint64_t *rss_bytes);

#endif /* WHYLATE_TRACE_MACHINE_H */
