/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How connections end, and what becomes of the requests on them that are not answered. */
#ifndef WHYLATE_BPF_ENDS_BPF_H
#define WHYLATE_BPF_ENDS_BPF_H

#include "book.bpf.h"
#include "connections.bpf.h"
#include "touch.bpf.h"

/* A request that is counted as open has lost its connection. */
static __always_inline void count_closed(void)
{
	count_open(-1);
	count_not(NOT_CLOSED, 1);
}

/* What was asked and not answered will not be. */
static __always_inline void close_connection(struct span *span)
{
	bool unread = __sync_lock_test_and_set(&span->arrived_ns, 0) & ARRIVAL_COUNTED;
	bool read = __sync_val_compare_and_swap(&span->state, SPAN_READ, SPAN_LOST) == SPAN_READ ||
		    __sync_lock_test_and_set(&span->state, SPAN_CLOSED) == SPAN_READ;

	work_drop(span->socket); /* seldom there */
	if (read && unread)	 /* more of the same request */
		count_open(-1);
	if (read || unread)
		count_closed();
}

/* Nobody is at the other end of a UNIX connection any more: not only that it has said all. */
static __always_inline bool is_over(struct sock *sk)
{
	return is_unix(sk) && sk->sk_shutdown == SHUTDOWN_MASK;
}

/* The call that gave ERROR shows whether the other end of a UNIX connection is gone: no event tells of that. */
static __always_inline void note_broken(struct sock *sk, int error)
{
	struct span *span;

	if ((error != -EPIPE && error != -ECONNRESET) || !is_unix(sk))
		return;
	span = span_of(sk);
	if (span)
		close_connection(span);
}

/* No arrival after all. */
static __always_inline void cancel_arrival(struct span *span)
{
	if (__sync_lock_test_and_set(&span->arrived_ns, 0) & ARRIVAL_COUNTED)
		count_open(-1);
}

/* A read gave nothing, and there is nothing: the end of the stream. */
static __always_inline void read_nothing(struct sock *sk, struct span *span)
{
	if (is_over(sk))
		close_connection(span);
	else
		cancel_arrival(span);
}

#endif /* WHYLATE_BPF_ENDS_BPF_H */
