/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is sent at the target's sockets: where an answer begins, and whose it is. */
#ifndef WHYLATE_BPF_SENDS_BPF_H
#define WHYLATE_BPF_SENDS_BPF_H

#include "answer.bpf.h"
#include "exemplar.bpf.h"
#include "reads.bpf.h"

/* The open request has its answer.  False: it has ended otherwise. */
static __always_inline bool answered(struct sock *sk, struct span *span)
{
	__u64 next_ns = span->arrived_ns;
	__u32 was = span_enter(span, SPAN_ANSWERED);

	if (was == SPAN_LOST) { /* a reset came between the send and its hook */
		span->state = SPAN_CLOSED;
		count_not(NOT_CLOSED, -1);
		return true;
	}
	if (was != SPAN_READ) /* another thread answers it as well */
		return was == SPAN_ANSWERED;
	count_open(-1);
	/* While this one was open, what came was taken for the rest of it; and so it was if it is gone, by a
	 * read that nobody saw.  First the word is empty, so that what comes now is not lost. */
	if (next_ns && !(next_ns & ARRIVAL_COUNTED) &&
	    __sync_val_compare_and_swap(&span->arrived_ns, next_ns, 0) == next_ns && has_unread(sk) &&
	    !__sync_val_compare_and_swap(&span->arrived_ns, 0, next_ns | ARRIVAL_COUNTED))
		count_open(1);
	return true;
}

/* The server sends, and has read nothing that we saw: what it owed from before, or it speaks first. */
static __always_inline void speak_first(struct span *span)
{
	if (span->owes)
		count_not(span->owes - 1, 1);
	else
		span->protocol = SPEAKS_TURNS + TURN_OTHER;
	span->owes = 0;
	span->request = 0;
	span_enter(span, SPAN_ANSWERED);
}

/* SPAN, up to now, has ANSWER, the first of it or more. */
static __always_inline void book_answer(struct span *span, struct worker *worker, enum answer answer)
{
	if (answer == ANSWER_ENDS_HTTP) {
		span->protocol = SPEAKS_TURNS + TURN_UPGRADED;
		count_not(NOT_UPGRADED, 1);
		return;
	}
	book(span);
	if (span->protocol < SPEAKS_TURNS)
		exemplar_note(span, worker);
}

/* Bytes of an answer were sent, the FIRST ones or more. */
static __always_inline void send_answer(struct sock *sk, struct span *span, int length, bool first,
					__u32 missed)
{
	struct toucher by;
	enum answer answer;

	if (!touch_begin(&by, bpf_get_current_task_btf())) {
		if (first) {
			leave(span, 0, NOT_FOREIGN);
			speak_first(span);
		}
		return;
	}
	if (!first && ends_session(span, length))
		return;
	answer = judge_response(span, length, first, missed);
	if (answer == ANSWER_INTERIM)
		return;
	unbook(span);
	if (answer == ANSWER_PIPELINED)
		exemplar_withdraw(span);
	touch(&by, span);
	if (answer == ANSWER_PIPELINED)
		span->protocol = SPEAKS_TURNS + TURN_PIPELINED;
	if (!first || answered(sk, span))
		book_answer(span, by.worker, answer);
	touch_sent(&by, span, wants_to_send(sk));
}

/* Whether LENGTH bytes that are sent on SPAN, whose latest read was missed, answer what was read there. */
static __always_inline bool answers_missed(struct span *span, int length, __u32 missed)
{
	__u32 state = *(volatile __u32 *)&span->state;

	if (state == SPAN_READ) /* else it was more of the open request */
		return missed & MISSED_SEND;
	return state == SPAN_IDLE ||
	       (state == SPAN_ANSWERED && (span->protocol >= SPEAKS_TURNS || missed & MISSED_SEND ||
					   (look_at_response(length, true) & 0xff) == HTTP_RESPONSE));
}

/*
 * They do: the request begins with its arrival, unless that may be another's, and what it was worked for is
 * residual.  False: it is in no figure.
 */
static __always_inline bool open_missed(struct sock *sk, struct span *span, __u32 missed)
{
	__u64 arrived_ns = take_arrival(sk, span);
	struct toucher by;

	lose_answered(span);
	if (!arrived_ns || missed & MISSED_SEND || !touch_begin(&by, bpf_get_current_task_btf())) {
		lose_unseen(arrived_ns);
		span->request = 0;
		return false;
	}
	if (!(arrived_ns & ARRIVAL_COUNTED))
		count_open(1);
	touch_first(&by, span, next_request(), arrived_ns, 0);
	span->flags |= SPAN_UNSEEN;
	if (span_enter(span, SPAN_READ) >= SPAN_CLOSED)
		count_closed();
	return true;
}

/* Bytes were sent on a connection of the target's. */
static __always_inline void send_connection(struct sock *sk, struct span *span, int length, __u32 missed)
{
	__u32 state;

	if (missed & MISSED_READ && answers_missed(span, length, missed) && !open_missed(sk, span, missed))
		return;
	state = *(volatile __u32 *)&span->state;
	if (state == SPAN_IDLE) {
		/* A read that nobody saw: it was waiting before we came, or spliced. */
		if (span->arrived_ns && !has_unread(sk))
			cancel_arrival(span);
		speak_first(span);
	} else if (state != SPAN_CLOSED && span->request) {
		send_answer(sk, span, length, state != SPAN_ANSWERED, missed); /* else more of that */
	}
}

/*
 * LENGTH bytes are sent on SPAN, whose socket has no counters, and nothing tells of a read before: whether
 * one was missed.  They begin an answer, and the arrival was missed as well, or the next request is there
 * already. Or answers are pipelined; but then that goes on.
 */
static __always_inline bool doubts_read(struct span *span, int length)
{
	if (span->protocol >= SPEAKS_TURNS || (look_at_response(length, true) & 0xff) != HTTP_RESPONSE)
		return false;
	if (span->doubts <= DOUBTS_MOST)
		span->doubts += DOUBT;
	return span->doubts <= DOUBTS_MOST;
}

/* What was missed before they were sent.  Of a socket without counters: what has come and is there no more
 * was read. */
static __always_inline __u32 missed_before_send(struct sock *sk, struct span *span, int length,
						enum hook hook)
{
	__u32 missed = progress(&span->seen, sk, length, true, hook);

	if (hook == HOOK_ONLY || missed || is_tcp(sk) || *(volatile __u32 *)&span->state == SPAN_READ)
		return missed;
	return (span->arrived_ns && !has_unread(sk)) || doubts_read(span, length) ? MISSED_READ : 0;
}

/* The current task has sent LENGTH bytes, or a negative errno. */
static __always_inline void note_send(struct sock *sk, int length, enum hook hook)
{
	struct span *span;
	__u32 missed;

	if (length <= 0) {
		note_broken(sk, length);
		return;
	}
	span = span_touched(sk);
	if (!span) {
		send_upstream(sk, length, hook);
		return;
	}
	missed = missed_before_send(sk, span, length, hook);
	if (missed != PROGRESS_NONE)
		send_connection(sk, span, length, missed);
}

#endif /* WHYLATE_BPF_SENDS_BPF_H */
