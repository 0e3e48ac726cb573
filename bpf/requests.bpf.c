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
#include "compat.bpf.h"
#include "reads.bpf.h"
#include "sends.bpf.h"

/* The socket has something to be read, perhaps. */
static __always_inline void arrive(struct sock *sk, enum hook hook)
{
	struct span *span;
	__u64 now_ns;

	span = span_of(sk);
	if (!span && sk->sk_bpf_storage)
		note_answer(sk);
	if (!span || span->arrived_ns || !has_unread(sk))
		return;
	progress_begin(&span->seen, sk, hook);
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
	arrive(sk, HOOK_ONLY);
	return 0;
}

/* From 7.0 on programs on tracepoints may be preempted: what arrives meanwhile on this CPU would be skipped. */
SEC("?tp_btf/sk_data_ready")
int BPF_PROG(on_arrival_alone, struct sock *sk)
{
	bpf_preempt_disable();
	arrive(sk, HOOK_FIRST);
	bpf_preempt_enable();
	return 0;
}

SEC("?tp_btf/sk_data_ready")
int BPF_PROG(on_arrival_again, struct sock *sk)
{
	bpf_preempt_disable();
	arrive(sk, HOOK_SECOND);
	bpf_preempt_enable();
	return 0;
}

SEC("?fentry/sock_def_readable")
int BPF_PROG(on_readable, struct sock *sk)
{
	arrive(sk, HOOK_ONLY);
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

SEC("?tp_btf/sock_recv_length")
int BPF_PROG(on_read, struct sock *sk, int length, int flags)
{
	note_read(sk, length, flags, HOOK_ONLY);
	return 0;
}

/* The task's own clock would have moved on since we read the time. */
SEC("?tp_btf/sock_recv_length")
int BPF_PROG(on_read_alone, struct sock *sk, int length, int flags)
{
	bpf_preempt_disable();
	note_read(sk, length, flags, HOOK_FIRST);
	bpf_preempt_enable();
	return 0;
}

SEC("?tp_btf/sock_recv_length")
int BPF_PROG(on_read_again, struct sock *sk, int length, int flags)
{
	bpf_preempt_disable();
	note_read(sk, length, flags, HOOK_SECOND);
	bpf_preempt_enable();
	return 0;
}

/* One body for all that follow: not a copy in each.  A call that was waiting before we came is not seen. */
static __noinline int read_returned(struct socket *socket, int length, int flags)
{
	struct sock *sk = socket->sk;

	if (sk)
		note_read(sk, length, flags, HOOK_ONLY);
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

SEC("?tp_btf/sock_send_length")
int BPF_PROG(on_send, struct sock *sk, int length)
{
	note_send(sk, length, HOOK_ONLY);
	return 0;
}

SEC("?tp_btf/sock_send_length")
int BPF_PROG(on_send_alone, struct sock *sk, int length)
{
	bpf_preempt_disable();
	note_send(sk, length, HOOK_FIRST);
	bpf_preempt_enable();
	return 0;
}

SEC("?tp_btf/sock_send_length")
int BPF_PROG(on_send_again, struct sock *sk, int length)
{
	bpf_preempt_disable();
	note_send(sk, length, HOOK_SECOND);
	bpf_preempt_enable();
	return 0;
}

static __noinline int send_returned(struct socket *socket, int length)
{
	struct sock *sk = socket->sk;

	if (sk)
		note_send(sk, length, HOOK_ONLY);
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
static __always_inline void note_state(struct sock *sk, int state, enum hook hook)
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
		if (!span)
			return;
		make_up_end(sk, span, hook);
		close_connection(span);
	}
}

SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int old, int state)
{
	note_state(sk, state, HOOK_ONLY);
	return 0;
}

SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(on_state_alone, struct sock *sk, int old, int state)
{
	bpf_preempt_disable();
	note_state(sk, state, HOOK_FIRST);
	bpf_preempt_enable();
	return 0;
}
