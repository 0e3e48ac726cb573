// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The sockets' events make requests of bytes: which connections are the target's, when a request's first
 * byte comes, when it is read, when its answer is sent.  How its time is split is the matter
 * of request.h and touch.h, how it is booked book.bpf.h's.
 *
 * The hooks on read and send run in the task that reads or sends, after the fact; arrivals and states of
 * TCP in whatever context the packet is handled.  Where the kernel has no tracepoints for them (before 6.3),
 * they are on what the socket's operations lead to: the calls above are inlined into each other.  They may
 * meet on one span: `arrived_ns` is all that an arrival writes, and the end of a connection that and `state`;
 * both words are exchanged atomically, so that whoever takes out that a request is open counts what becomes
 * of it, and nobody else does.
 */
#include "maps.bpf.h"
#include "compat.bpf.h"
#include "socket.bpf.h"
#include "book.bpf.h"
#include "connections.bpf.h"
#include "touch.bpf.h"
#include "upstream.bpf.h"
#include "exemplar.bpf.h"
#include "answer.bpf.h"
#include "ends.bpf.h"

/* The socket has something to be read, perhaps. */
static __always_inline void arrive(struct sock *sk)
{
	struct span *span;
	__u64 now_ns;

	span = span_of(sk);
	if (!span && sk->sk_bpf_storage)
		note_answer(sk);
	if (!span || span->arrived_ns || !has_unread(sk))
		return;
	if (!sk->sk_socket)
		span->waits_accept = 1;
	now_ns = bpf_ktime_get_ns() & ~ARRIVAL_COUNTED;
	if (span->state != SPAN_READ)
		now_ns |= ARRIVAL_COUNTED;
	if (__sync_val_compare_and_swap(&span->arrived_ns, 0, now_ns))
		return;
	if (now_ns & ARRIVAL_COUNTED)
		count_open(1);
	/* A UNIX socket's reader may have been faster: then it has not seen this arrival. */
	if (!has_unread(sk) && __sync_val_compare_and_swap(&span->arrived_ns, now_ns, 0) == now_ns &&
	    now_ns & ARRIVAL_COUNTED)
		count_open(-1);
}

SEC("?tp_btf/sk_data_ready")
int BPF_PROG(on_arrival, struct sock *sk)
{
	arrive(sk);
	return 0;
}

/* From 7.0 on programs on tracepoints may be preempted: what arrives meanwhile on this CPU would be skipped. */
SEC("?tp_btf/sk_data_ready")
int BPF_PROG(on_arrival_alone, struct sock *sk)
{
	bpf_preempt_disable();
	arrive(sk);
	bpf_preempt_enable();
	return 0;
}

SEC("?fentry/sock_def_readable")
int BPF_PROG(on_readable, struct sock *sk)
{
	arrive(sk);
	return 0;
}

/* A new connection, of whatever protocol, is taken from its listener's queue. */
SEC("?fentry/security_sock_graft")
int BPF_PROG(on_accept, struct sock *sk)
{
	struct span *span = span_of(sk);

	if (span)
		span->accepted_ns = bpf_ktime_get_ns();
	return 0;
}

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

/* Bytes of a connection of the target's were read, LENGTH of them. */
static __always_inline void read_connection(struct toucher *by, struct sock *sk, struct span *span,
					    int length)
{
	__u64 arrived_ns = __sync_lock_test_and_set(&span->arrived_ns, 0);
	__u32 state = *(volatile __u32 *)&span->state, begins;

	/* What came between the read and here is not read. */
	if (has_unread(sk))
		__sync_val_compare_and_swap(&span->arrived_ns, 0, bpf_ktime_get_ns() & ~ARRIVAL_COUNTED);
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
			touch_first(by, span, next_request(), arrived_ns);
			return;
		}
		/* Another task held it, or this one has turned to something else since.  One condition, not
		 * two: each doubles what the verifier has to look at. */
		if ((span->holder ^ by->clock->id) | (span->request ^ by->worker->request))
			touch(by, span);
		return;
	}
	/* A look at the user's bytes costs more than all else here: later, if there is doubt. */
	if (state == SPAN_ANSWERED && span->protocol == SPEAKS_HTTP)
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
	touch_first(by, span, next_request(), arrived_ns);
	/* From memory: the verifier would look at the same again for each that it knows BEGINS to be. */
	begins = *(volatile __u8 *)&span->begins;
	if (begins == HTTP_CONNECT)
		span->flags |= SPAN_CONNECT;
	else if (begins == HTTP_UNDECIDED || span->was_http)
		span->flags |= SPAN_UNSEEN;
	if (span_enter(span, SPAN_READ) >= SPAN_CLOSED)
		count_closed();
}

/* The current task has read LENGTH bytes, or a negative errno. */
static __always_inline void note_read(struct sock *sk, int length, int flags)
{
	struct toucher by;
	struct span *span;

	if (flags & (MSG_PEEK | MSG_ERRQUEUE))
		return;
	if (length < 0) {
		note_broken(sk, length);
		return;
	}
	span = span_touched(sk);
	if (!span && sk->sk_bpf_storage)
		read_upstream(&by, sk);
	else if (span && length)
		read_connection(&by, sk, span, length);
	else if (span && !has_unread(sk)) /* else no bytes were asked for */
		read_nothing(sk, span);
}

SEC("?tp_btf/sock_recv_length")
int BPF_PROG(on_read, struct sock *sk, int length, int flags)
{
	note_read(sk, length, flags);
	return 0;
}

/* The task's own clock would have moved on since we read the time. */
SEC("?tp_btf/sock_recv_length")
int BPF_PROG(on_read_alone, struct sock *sk, int length, int flags)
{
	bpf_preempt_disable();
	note_read(sk, length, flags);
	bpf_preempt_enable();
	return 0;
}

/* One body for all that follow: not a copy in each.  A call that was waiting before we came is not seen. */
static __noinline int read_returned(struct socket *socket, int length, int flags)
{
	struct sock *sk = socket->sk;

	if (sk)
		note_read(sk, length, flags);
	return 0;
}

SEC("?fexit/inet_recvmsg")
int BPF_PROG(on_inet_read, struct socket *socket, void *message, unsigned long size, int flags, int length)
{
	return read_returned(socket, length, flags);
}

SEC("?fexit/inet6_recvmsg")
int BPF_PROG(on_inet6_read, struct socket *socket, void *message, unsigned long size, int flags, int length)
{
	return read_returned(socket, length, flags);
}

SEC("?fexit/unix_stream_recvmsg")
int BPF_PROG(on_unix_read, struct socket *socket, void *message, unsigned long size, int flags, int length)
{
	return read_returned(socket, length, flags);
}

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
static __always_inline void send_answer(struct sock *sk, struct span *span, int length, bool first)
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
	answer = judge_response(span, length, first);
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

/* Bytes were sent on a connection of the target's. */
static __always_inline void send_connection(struct sock *sk, struct span *span, int length)
{
	__u32 state = *(volatile __u32 *)&span->state;

	if (state == SPAN_IDLE) {
		/* A read that nobody saw: it was waiting before we came, or spliced. */
		if (span->arrived_ns && !has_unread(sk))
			cancel_arrival(span);
		speak_first(span);
	} else if (state != SPAN_CLOSED && span->request) {
		send_answer(sk, span, length, state != SPAN_ANSWERED); /* else more of that */
	}
}

/* The current task has sent LENGTH bytes, or a negative errno. */
static __always_inline void note_send(struct sock *sk, int length)
{
	struct span *span;

	if (length <= 0) {
		note_broken(sk, length);
		return;
	}
	span = span_touched(sk);
	if (span)
		send_connection(sk, span, length);
	else
		send_upstream(sk);
}

SEC("?tp_btf/sock_send_length")
int BPF_PROG(on_send, struct sock *sk, int length)
{
	note_send(sk, length);
	return 0;
}

SEC("?tp_btf/sock_send_length")
int BPF_PROG(on_send_alone, struct sock *sk, int length)
{
	bpf_preempt_disable();
	note_send(sk, length);
	bpf_preempt_enable();
	return 0;
}

static __noinline int send_returned(struct socket *socket, int length)
{
	struct sock *sk = socket->sk;

	if (sk)
		note_send(sk, length);
	return 0;
}

SEC("?fexit/inet_sendmsg")
int BPF_PROG(on_inet_send, struct socket *socket, void *message, unsigned long size, int length)
{
	return send_returned(socket, length);
}

SEC("?fexit/inet6_sendmsg")
int BPF_PROG(on_inet6_send, struct socket *socket, void *message, unsigned long size, int length)
{
	return send_returned(socket, length);
}

SEC("?fexit/unix_stream_sendmsg")
int BPF_PROG(on_unix_send, struct socket *socket, void *message, unsigned long size, int length)
{
	return send_returned(socket, length);
}

/* sendfile and splice, before 6.5 (dc97391e6610): of TCP by both versions of IP, and of UNIX. */
SEC("?fexit/inet_sendpage")
int BPF_PROG(on_inet_send_page, struct socket *socket, void *page, int offset, unsigned long size, int flags,
	     int length)
{
	return send_returned(socket, length);
}

SEC("?fexit/unix_stream_sendpage")
int BPF_PROG(on_unix_send_page, struct socket *socket, void *page, int offset, unsigned long size, int flags,
	     int length)
{
	return send_returned(socket, length);
}

/* TCP: a connection enters its listener's queue; a task of the target listens, or connects; a connection
 * ends. */
static __always_inline void note_state(struct sock *sk, int state)
{
	struct connection_mark *mark;
	struct span *span;

	if (state == TCP_LISTEN) {
		if (clock_of(bpf_get_current_task_btf())) {
			mark_listener(sk);
			record_ask();
		}
		return;
	}
	if (state == TCP_SYN_SENT)
		connect_upstream(sk);
	if (!sk->sk_bpf_storage)
		return;
	if (state == TCP_ESTABLISHED) {
		mark = bpf_sk_storage_get(&marks, sk, NULL, 0);
		if (mark)
			mark->established_ns = bpf_ktime_get_ns();
		else
			note_connected(sk);
	} else if (state == TCP_CLOSE) {
		span = bpf_sk_storage_get(&spans, sk, NULL, 0);
		if (span)
			close_connection(span);
	}
}

SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int old, int state)
{
	note_state(sk, state);
	return 0;
}

SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(on_state_alone, struct sock *sk, int old, int state)
{
	bpf_preempt_disable();
	note_state(sk, state);
	bpf_preempt_enable();
	return 0;
}
