/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which of many deadlines is next: a heap.  A deadline that moves later costs nothing, since it is only
 * looked at again when the earlier one comes; keep-alive connections move theirs with each request.
 */
#ifndef WHYLATE_SERVERS_TIMERS_H
#define WHYLATE_SERVERS_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMERS_NEVER UINT64_MAX

/* Lies in what has the deadline; all zero: not set. */
struct timer {
	uint32_t place; /* in the heap, from 1 on; 0: not in it */
};

/* What a timer, or another part of it, lies in. */
#define owner_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

struct timers {
	struct timers_entry {
		uint64_t at_ns;
		struct timer *timer;
	} * entries;
	uint32_t nr, capacity;
};

void timers_fini(struct timers *timers);

/* TIMER is to come up at AT_NS or before; TIMERS_NEVER: not at all.  Returns 0, or -ENOMEM if it never will. */
int timers_set(struct timers *timers, struct timer *timer, uint64_t at_ns);

void timers_remove(struct timers *timers, struct timer *timer);

/* When the next one comes up; TIMERS_NEVER. */
uint64_t timers_next_ns(const struct timers *timers);

/* Takes one out that is due at NOW_NS; its owner sets it anew if that was too early.  NULL: none is. */
struct timer *timers_take(struct timers *timers, uint64_t now_ns);

#endif /* WHYLATE_SERVERS_TIMERS_H */
