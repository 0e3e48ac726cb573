/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Leaving one stack for another, in user space: what the ABI lets a called function change is lost, and all
 * else kept, the control words of floating point with it.  No system call, and no signal mask.
 *
 * After a switch the thread may be another one.  What a compiler knows of the first, the addresses of
 * thread-local variables above all, holds in no function that switches: such variables, errno too, are for
 * functions of their own.
 */
#ifndef WHYLATE_SERVERS_GREEN_SWITCH_H
#define WHYLATE_SERVERS_GREEN_SWITCH_H

#include <stdbool.h>
#include <stddef.h>

/* Where somebody was on a stack when it was left; all zero: of a thread, which is on its own. */
struct green_context {
	void *sp;
#ifdef __SANITIZE_ADDRESS__
	void *fake;
	const void *low;
	size_t bytes;
#endif
#ifdef __SANITIZE_THREAD__
	void *fiber;
#endif
};

/* The calling thread's own stack, which it leaves by green_switch() and comes back to. */
void green_context_of_thread(struct green_context *context);

/*
 * RUN is to be called with ARGUMENT on the stack that begins LOW and has BYTES, a multiple of 16, both; it
 * must not return.
 */
void green_context_init(struct green_context *context, void *low, size_t bytes, void (*run)(void *argument),
			void *argument);

/* Nobody is on it any more. */
void green_context_fini(struct green_context *context);

/* The first thing to be called by RUN. */
void green_context_begin(void);

/* Leave FROM, where the caller is, for TO.  LAST: FROM is never come back to. */
void green_switch(struct green_context *from, const struct green_context *to, bool last);

#endif /* WHYLATE_SERVERS_GREEN_SWITCH_H */
