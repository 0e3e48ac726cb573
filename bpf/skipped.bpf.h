/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads and sends that no program of ours saw.  From 7.0 on programs on tracepoints may be preempted, and one
 * that is hit again on its CPU meanwhile is skipped (docs/kernels.md).  There each arrival, read and send has
 * two programs, the second for when the first was skipped; and what both missed TCP's own counters tell:
 * without them a request whose answer was missed would last until the answer to the next one.
 */
#ifndef WHYLATE_BPF_SKIPPED_BPF_H
#define WHYLATE_BPF_SKIPPED_BPF_H

#include "book.bpf.h"
#include "socket.bpf.h"

/* Some sockets have no counters: what both programs missed at these is not known.  For user space. */
__u32 has_uncounted;

/* How a program is attached. */
enum hook {
	HOOK_ONLY, /* it is never skipped */
	HOOK_FIRST,
	HOOK_SECOND,
};

/* What a read or a send is, by how far its connection was when one was seen before it. */
#define PROGRESS_NONE 1u /* it was seen already */
#define MISSED_READ   2u /* something was read before it that nobody saw */
#define MISSED_SEND   4u /* something was sent before it */

/*
 * A socket without counters was read, or SENT to: whether the first of two programs has seen it.  What that
 * left where the second was skipped is another's, mostly: reads and sends take turns.
 */
static __always_inline bool first_saw(enum hook hook, bool sent)
{
	struct task_clock *clock = clock_of(bpf_get_current_task_btf());
	__u8 mine = sent ? AT_SEND : AT_READ;
	bool saw = clock ? clock->at_hook == mine : true;

	has_uncounted = 1;
	if (clock)
		clock->at_hook = hook == HOOK_FIRST ? mine : AT_NO_HOOK;
	return hook == HOOK_SECOND && saw;
}

/*
 * SK's own counters, as far as bytes have moved them: the end of either stream has a number of its own
 * (tcp_fin(), tcp_send_fin() in net/ipv4).  False: it has none, or they are not of the bytes that a call
 * moves (TLS in the kernel, the one user of a ULP that gets here).
 */
static __always_inline bool counters_of(struct sock *sk, struct progress *now)
{
	const struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	__u8 shutdown;

	if (!tcp || tcp->inet_conn.icsk_ulp_ops)
		return false;
	shutdown = sk->sk_shutdown;
	now->read_seq = tcp->copied_seq;
	if (shutdown & RCV_SHUTDOWN && tcp->copied_seq == tcp->rcv_nxt)
		now->read_seq--;
	now->sent_seq = tcp->write_seq - !!(shutdown & SEND_SHUTDOWN);
	return true;
}

/* SEEN, of SK, before LENGTH bytes were read, or sent; brings it up to now. */
static __always_inline __u32 progress(struct progress *seen, struct sock *sk, int length, bool sent,
				      enum hook hook)
{
	struct progress was = *seen, now;
	__u32 missed = 0;

	if (hook == HOOK_ONLY)
		return 0;
	if (!counters_of(sk, &now))
		return first_saw(hook, sent) ? PROGRESS_NONE : 0;
	/* A send of another thread's may have found the bytes read whose read's hooks are not through yet. */
	if (sent ? was.sent_seq == now.sent_seq : hook == HOOK_SECOND && was.hooked_seq == now.read_seq)
		return PROGRESS_NONE;
	now.hooked_seq = sent ? was.hooked_seq : now.read_seq;
	*seen = now;
	if (!was.read_seq && !was.sent_seq) /* it begins here */
		return 0;
	if (was.read_seq != now.read_seq - (sent ? 0 : (__u32)length))
		missed |= MISSED_READ;
	if (was.sent_seq != now.sent_seq - (sent ? (__u32)length : 0))
		missed |= MISSED_SEND;
	if (missed)
		count_loss(LOSS_RECURSION);
	return missed;
}

/* The connection of SPAN begins, or nothing of what was read or sent there so far is asked for. */
static __always_inline void progress_begin(struct progress *seen, struct sock *sk, enum hook hook)
{
	struct progress now;

	if (hook == HOOK_ONLY || seen->read_seq || seen->sent_seq || !counters_of(sk, &now))
		return;
	now.hooked_seq = now.read_seq;
	*seen = now;
}

/* The open request was answered, and nobody saw that. */
static __always_inline void lose_answered(struct span *span)
{
	if (span_enter(span, SPAN_ANSWERED) != SPAN_READ)
		return;
	count_open(-1);
	count_not(NOT_UNSEEN, 1);
}

/* At least one request was read and answered, and nobody saw either: what ARRIVED_NS tells is its arrival. */
static __always_inline void lose_unseen(__u64 arrived_ns)
{
	if (arrived_ns & ARRIVAL_COUNTED)
		count_open(-1);
	count_not(NOT_UNSEEN, 1);
}

/* A read comes after something was MISSED.  Returns when what is read has arrived, so far as that is known. */
static __always_inline __u64 make_up_read(struct span *span, __u64 arrived_ns, __u32 missed)
{
	bool open = *(volatile __u32 *)&span->state == SPAN_READ;

	if (!(missed & MISSED_SEND))
		return arrived_ns; /* of the same request */
	if (open)
		lose_answered(span);
	if (!(missed & MISSED_READ))
		return arrived_ns;
	lose_unseen(arrived_ns);
	return 0;
}

/* The connection ends: whether its open request was answered, for all that nobody saw it. */
static __always_inline void make_up_end(struct sock *sk, struct span *span, enum hook hook)
{
	struct progress now;

	if (hook == HOOK_ONLY || !span->seen.sent_seq || *(volatile __u32 *)&span->state != SPAN_READ)
		return;
	if (counters_of(sk, &now) && now.sent_seq != span->seen.sent_seq)
		lose_answered(span);
}

#endif /* WHYLATE_BPF_SKIPPED_BPF_H */
