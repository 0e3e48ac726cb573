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

/* SEEN, of SK, before LENGTH bytes were read, or sent; brings it up to now. */
static __always_inline __u32 progress(struct progress *seen, struct sock *sk, int length, bool sent,
				      enum hook hook)
{
	struct progress was = *seen;
	__u32 read_seq, sent_seq, missed = 0;
	const struct tcp_sock *tcp;

	if (hook == HOOK_ONLY)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return first_saw(hook, sent) ? PROGRESS_NONE : 0;
	read_seq = tcp->copied_seq;
	sent_seq = tcp->write_seq;
	if (sent ? was.sent_seq == sent_seq : hook == HOOK_SECOND && was.read_seq == read_seq)
		return PROGRESS_NONE;
	seen->read_seq = read_seq;
	seen->sent_seq = sent_seq;
	if (!was.read_seq && !was.sent_seq) /* it begins here */
		return 0;
	if (was.read_seq != read_seq - (sent ? 0 : (__u32)length))
		missed |= MISSED_READ;
	if (was.sent_seq != sent_seq - (sent ? (__u32)length : 0))
		missed |= MISSED_SEND;
	if (missed)
		count_loss(LOSS_RECURSION);
	return missed;
}

/* The connection of SPAN begins, or nothing of what was read or sent there so far is asked for. */
static __always_inline void progress_begin(struct progress *seen, struct sock *sk, enum hook hook)
{
	const struct tcp_sock *tcp;

	if (hook == HOOK_ONLY || seen->read_seq || seen->sent_seq)
		return;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return;
	seen->read_seq = tcp->copied_seq;
	seen->sent_seq = tcp->write_seq;
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
	const struct tcp_sock *tcp;

	if (hook == HOOK_ONLY || !span->seen.sent_seq || *(volatile __u32 *)&span->state != SPAN_READ)
		return;
	tcp = bpf_skc_to_tcp_sock(sk);
	/* The end of the stream has a number of its own. */
	if (tcp && tcp->write_seq - span->seen.sent_seq > 1)
		lose_answered(span);
}

#endif /* WHYLATE_BPF_SKIPPED_BPF_H */
