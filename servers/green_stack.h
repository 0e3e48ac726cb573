/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stacks of green threads: many small ones in few mappings, each with a guard below it, so that one that
 * overflows is a segmentation fault and not somebody else's data.  There is no stack without a guard.
 */
#ifndef WHYLATE_SERVERS_GREEN_STACK_H
#define WHYLATE_SERVERS_GREEN_STACK_H

#include <stddef.h>
#include <stdint.h>

#include "user/base/err.h"

enum green_guard {
	GREEN_GUARD_ANY,     /* madvise, else mprotect */
	GREEN_GUARD_MADVISE, /* MADV_GUARD_INSTALL, Linux 6.13: in the page tables, as many as there is room */
	GREEN_GUARD_MPROTECT, /* each splits the mapping: vm.max_map_count limits them */
};

/* "any", "madvise", "mprotect". */
const char *green_guard_name(enum green_guard guard);

/*
 * Once, before any other: see how stacks can be guarded.  *MOST: how many there can be with that.  Returns
 * the way, or -errno with a sentence in ERR.
 */
int green_stacks_init(enum green_guard wanted, uint32_t *most, struct err *err);

/* All are given back, used or not. */
void green_stacks_fini(void);

/* One's size without its guard, a multiple of the page size. */
size_t green_stack_bytes(void);

/* Its low end; NULL: there is no memory for it, or no guard.  What was in it is left there or zero. */
void *green_stack_new(void);

/* Nobody is on STACK. */
void green_stack_free(void *stack);

/* Whatever is wholly below UP_TO in STACK is not needed any more: its memory goes back to the kernel. */
void green_stack_trim(void *stack, const void *up_to);

/* Calls LOOK for every stack that there ever was, also those that are free. */
void green_stacks_each(void (*look)(void *stack));

#endif /* WHYLATE_SERVERS_GREEN_STACK_H */
