/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The components of a request's latency in as few groups as a person can tell apart at a glance. */
#ifndef WHYLATE_RENDER_REQUEST_GROUPS_H
#define WHYLATE_RENDER_REQUEST_GROUPS_H

#include <stdint.h>

#include "user/report/requests.h"

/* In the order of a request's life, as far as they have one. */
enum request_group {
	GROUP_ACCEPT,
	GROUP_OTHERS,
	GROUP_RUN_QUEUE,
	GROUP_ON_CPU,
	GROUP_BLOCKED,
	GROUP_UPSTREAM,
	GROUP_RUNTIME,
	GROUP_RESIDUAL,
	REQUEST_GROUPS,
};

/* Of COMPONENT; the residual's for a value out of range. */
enum request_group request_group_of(uint32_t component);

/* How it is drawn and called in a legend. */
char request_group_letter(enum request_group group);
const char *request_group_name(enum request_group group);

/* A sum of more than 64 bits is UINT64_MAX. */
uint64_t request_add_ns(uint64_t one_ns, uint64_t other_ns);
void request_group_sums(const uint64_t components_ns[COMPONENTS], uint64_t sums_ns[REQUEST_GROUPS]);
/* The index of the largest of NR values; the first of several. */
uint32_t request_largest(const uint64_t *values, uint32_t nr);

#endif /* WHYLATE_RENDER_REQUEST_GROUPS_H */
