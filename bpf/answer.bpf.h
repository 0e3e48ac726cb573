/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is sent on a connection that owes an answer, and what that says of the protocol. */
#ifndef WHYLATE_BPF_ANSWER_BPF_H
#define WHYLATE_BPF_ANSWER_BPF_H

#include "request.h"
#include "skipped.bpf.h"
#include "socket.bpf.h"

/* What a send is, by its first bytes and by what came before it. */
enum answer {
	ANSWER_MORE,  /* of a response that began before */
	ANSWER_FIRST, /* of a final response */
	ANSWER_INTERIM,
	ANSWER_ENDS_HTTP,
	ANSWER_PIPELINED, /* a further response, without a read between */
};

/* A 100 has 25 bytes, seldom a few headers: what is longer has the final response behind it. */
#define CONTINUE_MOST_BYTES 128

static __always_inline enum answer judge_first(struct span *span, __u32 begins, __u32 status, int length,
					       __u32 missed)
{
	if (begins == HTTP_RESPONSE) {
		if (status == 100 && length > CONTINUE_MOST_BYTES)
			return ANSWER_FIRST; /* whose status is not looked at */
		if (status < 200 && status != 101)
			return ANSWER_INTERIM;
		if (status == 101 || (span->flags & SPAN_CONNECT && status < 300))
			return ANSWER_ENDS_HTTP;
		if (!(span->flags & SPAN_CONNECT))
			span->protocol = SPEAKS_HTTP;
		span->status = (__u8)http_status_class(status);
	} else if (begins != HTTP_UNDECIDED && !(missed & MISSED_SEND)) {
		/* Perhaps an early answer goes on, and what was read is the rest of its request: no other
		 * protocol for ever, but until a request is seen to begin. */
		span->was_http = span->protocol == SPEAKS_HTTP && span->flags & SPAN_UNSEEN;
		span->protocol = SPEAKS_TURNS + TURN_OTHER;
	}
	return ANSWER_FIRST;
}

/*
 * What the current task just sent: an enum http_begins in the low byte, the status above it.  FIRST: nothing
 * of an answer went before, so that of several messages in one call it is the first.  With its stack in that
 * of the program, each answer would cost more than the call does.  Verified by itself: in the frames of its
 * callers, Linux 6.1 can hold the length for known, and takes the bytes for none.
 */
VERIFIED_ONCE __u32 look_at_response(int moved_bytes, int first)
{
	__u8 bytes[HTTP_LOOK_BYTES] = {};
	__u32 status = 0,
	      begins = http_look_response(bytes, look(bpf_get_current_task_btf(), moved_bytes, first, bytes),
					  &status);

	return begins | status << 8;
}

/* Whether what the current task just sent, MOVED_BYTES, is an alert of TLS. */
VERIFIED_ONCE __u32 is_tls_alert(int moved_bytes)
{
	__u8 bytes[HTTP_LOOK_BYTES] = {};

	return http_is_tls_alert(bytes, look(bpf_get_current_task_btf(), moved_bytes, false, bytes),
				 (__u32)moved_bytes);
}

/* Whether the server ends a session of TLS, as after the keep-alive timeout: that is no part of an answer. */
static __always_inline bool ends_session(const struct span *span, int length)
{
	return span->protocol == SPEAKS_TURNS + TURN_TLS && length <= HTTP_TLS_ALERT_BYTES_MAX &&
	       is_tls_alert(length);
}

static __always_inline enum answer judge_response(struct span *span, int length, bool first, __u32 missed)
{
	__u32 seen = span->protocol < SPEAKS_TURNS ? look_at_response(length, first) : HTTP_UNDECIDED;
	__u32 begins = seen & 0xff, status = seen >> 8;

	if (first)
		return judge_first(span, begins, status, length, missed);
	return begins == HTTP_RESPONSE ? ANSWER_PIPELINED : ANSWER_MORE;
}

#endif /* WHYLATE_BPF_ANSWER_BPF_H */
