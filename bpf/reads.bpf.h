/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is read at the target's sockets: where a request begins, and what belongs to one. */
#ifndef WHYLATE_BPF_READS_BPF_H
#define WHYLATE_BPF_READS_BPF_H

#include "book.bpf.h"
#include "connections.bpf.h"
#include "ends.bpf.h"
#include "skipped.bpf.h"
#include "socket.bpf.h"
#include "touch.bpf.h"
#include "upstream.bpf.h"

/* What the LENGTH bytes that were just read begin, as far as that can say anything of their connection. */
static __always_inline __u32 look_for_request(const struct span *span, int length)
{
	return span->protocol < SPEAKS_TURNS || span->was_http ? look_at_request(length) : HTTP_UNDECIDED;
}

/*
 * What the first bytes of a request say of its connection, if it was not known.  Who asks for a tunnel may be
 * refused, and ask again: the next request is looked at then as well.
 */
static __always_inline void learn_protocol(struct span *span, __u32 begins)
{
	if (begins == HTTP_REQUEST && span->was_http) {
		span->protocol = SPEAKS_HTTP;
		span->was_http = 0;
	}
	if (span->protocol != SPEAKS_UNKNOWN || begins == HTTP_UNDECIDED || begins == HTTP_CONNECT)
		return;
	if (begins == HTTP_REQUEST)
		span->protocol = SPEAKS_HTTP;
	else if (begins == HTTP_TLS)
		span->protocol = SPEAKS_TURNS + TURN_TLS;
	else if (begins == HTTP_2_PREFACE)
		span->protocol = SPEAKS_TURNS + TURN_HTTP2;
	else
		span->protocol = SPEAKS_TURNS + TURN_OTHER;
}

/*
 * A task that is not the target's, or has no clock yet, reads or answers: what it does is not known.  The
 * connection begins anew, and whoever still answers that request owes it to REASON.  ARRIVAL: what was taken
 * from the span.
 */
static __always_inline void leave(struct span *span, __u64 arrival, __u32 reason)
{
	__u32 was = span_enter(span, SPAN_IDLE);

	if (was >= SPAN_CLOSED) {
		if (arrival & ARRIVAL_COUNTED)
			count_closed();
		return;
	}
	if (arrival & ARRIVAL_COUNTED || was == SPAN_READ)
		count_open(-1);
	span->owes = (__u8)(reason + 1);
}

/* What was read belongs to a request that was there before us: it says nothing of what the connection speaks.
 */
static __always_inline bool goes_on(struct span *span, __u32 begins)
{
	if (!span->owes)
		return false;
	if (span->unread_before) {
		span->unread_before = 0;
		return true;
	}
	return begins == HTTP_NOT;
}

/*
 * More is read before an answer.  If nobody saw the beginning of the open request, it may have been the rest
 * of one that was answered early, and the request begins only here, or at a read that comes later.  What
 * begins none is more of that, or of what was too short to tell: it says nothing of the connection.
 */
static __always_inline bool begins_anew(struct span *span, int length)
{
	if (!(span->flags & SPAN_UNSEEN) || look_for_request(span, length) != HTTP_REQUEST)
		return false;
	learn_protocol(span, HTTP_REQUEST);
	return true;
}

/* When what was read from SK has arrived (ARRIVAL_COUNTED): what came since is not read. */
static __always_inline __u64 take_arrival(struct sock *sk, struct span *span)
{
	__u64 arrived_ns = __sync_lock_test_and_set(&span->arrived_ns, 0);

	if (has_unread(sk))
		__sync_val_compare_and_swap(&span->arrived_ns, 0, bpf_ktime_get_ns() & ~ARRIVAL_COUNTED);
	return arrived_ns;
}

/* Bytes of a connection of the target's were read, LENGTH of them. */
static __always_inline void read_connection(struct toucher *by, struct sock *sk, struct span *span,
					    int length, __u32 missed)
{
	__u64 arrived_ns = take_arrival(sk, span);
	__u32 state, begins;

	if (missed)
		arrived_ns = make_up_read(span, arrived_ns, missed);
	state = *(volatile __u32 *)&span->state;
	if (arrived_ns & ARRIVAL_COUNTED && state == SPAN_READ) {
		count_open(-1); /* more of the same request after all */
		arrived_ns &= ~ARRIVAL_COUNTED;
	}
	if (state >= SPAN_CLOSED || !touch_begin(by, bpf_get_current_task_btf())) {
		leave(span, arrived_ns, NOT_FOREIGN);
		return;
	}
	if (state == SPAN_READ) {
		if (begins_anew(span, length)) {
			touch_first(by, span, next_request(), arrived_ns, 1);
			return;
		}
		/* Another task held it, or this one has turned to something else since.  One condition, not
		 * two: each doubles what the verifier has to look at. */
		if ((span->holder ^ by->clock->id) | (span->request ^ by->worker->request))
			touch(by, span);
		return;
	}
	/* A look at the user's bytes costs more than all else here: later, if there is doubt.  After what was
	 * missed they may be from the middle of a request. */
	if (missed & MISSED_READ || (state == SPAN_ANSWERED && span->protocol == SPEAKS_HTTP))
		begins = HTTP_UNDECIDED;
	else
		begins = look_for_request(span, length);
	if (goes_on(span, begins)) {
		if (arrived_ns & ARRIVAL_COUNTED)
			count_open(-1);
		return;
	}
	learn_protocol(span, begins);
	span->begins = (__u8)begins;
	if (!(arrived_ns & ARRIVAL_COUNTED))
		count_open(1);
	/* Of UNIX, the reader may have been faster than the arrival's hook. */
	if (!arrived_ns && is_tcp(sk))
		count_loss(LOSS_ARRIVALS);
	touch_first(by, span, next_request(), arrived_ns, 1);
	/* From memory: the verifier would look at the same again for each that it knows BEGINS to be. */
	begins = *(volatile __u8 *)&span->begins;
	if (begins == HTTP_CONNECT)
		span->flags |= SPAN_CONNECT;
	else if (begins == HTTP_UNDECIDED || span->was_http)
		span->flags |= SPAN_UNSEEN;
	if (span_enter(span, SPAN_READ) >= SPAN_CLOSED)
		count_closed();
}

/* What was missed before LENGTH bytes were read.  Of a socket without counters: where a request begins, the
 * one before it has its answer. */
static __always_inline __u32 missed_before_read(struct sock *sk, struct span *span, int length,
						enum hook hook)
{
	__u32 missed = progress(&span->seen, sk, length, false, hook);

	if (hook == HOOK_ONLY || missed || is_tcp(sk))
		return missed;
	if (span->doubts)
		span->doubts--;
	if (*(volatile __u32 *)&span->state != SPAN_READ)
		return 0;
	return look_for_request(span, length) == HTTP_REQUEST ? MISSED_SEND : 0;
}

/* The current task has read LENGTH bytes, or a negative errno. */
static __always_inline void note_read(struct sock *sk, int length, int flags, enum hook hook)
{
	struct toucher by;
	struct span *span;
	__u32 missed;

	if (flags & (MSG_PEEK | MSG_ERRQUEUE))
		return;
	if (length < 0) {
		note_broken(sk, length);
		return;
	}
	span = span_touched(sk);
	if (!span && sk->sk_bpf_storage) {
		read_upstream(&by, sk, length, hook);
	} else if (span && length) {
		missed = missed_before_read(sk, span, length, hook);
		if (missed != PROGRESS_NONE)
			read_connection(&by, sk, span, length, missed);
	} else if (span && !has_unread(sk)) { /* else no bytes were asked for */
		read_nothing(sk, span);
	}
}

#endif /* WHYLATE_BPF_READS_BPF_H */
