/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets that the target made itself: what it asks there, on behalf of which request, and when the answer
 * comes. */
#ifndef WHYLATE_BPF_UPSTREAM_BPF_H
#define WHYLATE_BPF_UPSTREAM_BPF_H

#include "skipped.bpf.h"
#include "socket.bpf.h"
#include "touch.bpf.h"
#include "upstream.h"

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct upstream);
} upstreams SEC(".maps");

/* An upstream answers: from here on it is the reader who lets the request wait. */
static __always_inline void note_answer(struct sock *sk)
{
	struct upstream *upstream = bpf_sk_storage_get(&upstreams, sk, NULL, 0);

	/* A greeting is what was waited for, and not to be connected. */
	if (upstream && (!upstream->arrived_ns || upstream->connecting) && has_unread(sk))
		upstream->arrived_ns = bpf_ktime_get_ns();
}

/* SK is connected: so is whoever asked for that. */
static __always_inline void note_connected(struct sock *sk)
{
	struct upstream *upstream = bpf_sk_storage_get(&upstreams, sk, NULL, 0);

	if (upstream && upstream->connecting)
		upstream->arrived_ns = bpf_ktime_get_ns();
}

/* A task of the target reads what it asked for on behalf of a request. */
static __always_inline void read_upstream(struct toucher *by, struct sock *sk, int length, enum hook hook)
{
	struct upstream *upstream = bpf_sk_storage_get(&upstreams, sk, NULL, 0);

	if (!upstream || progress(&upstream->seen, sk, length, false, hook) == PROGRESS_NONE)
		return;
	upstream->in_vain = 0;
	if (!touch_begin(by, bpf_get_current_task_btf()))
		return;
	touch_answered(by->worker, by->clock, by->recorded, upstream, by->now_ns);
	/* Nothing will tell of what was there and is left. */
	if (!upstream->arrived_ns && has_unread(sk))
		upstream->arrived_ns = by->now_ns;
}

/* The note at SK of which request it is asked for; NULL and a loss where there is no memory. */
static __always_inline struct upstream *note_upstream(struct sock *sk)
{
	struct upstream *upstream = bpf_sk_storage_get(&upstreams, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!upstream)
		count_loss(LOSS_SPAN_CREATE);
	return upstream;
}

/* The current task, if it is one of the target's that answers requests. */
static __always_inline bool upstream_begin_touch(struct toucher *by)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_clock *clock = clock_of(task);

	return clock && clock->works && touch_begin(by, task);
}

/* The current task writes to a socket that is none of the target's connections. */
static __always_inline void send_upstream(struct sock *sk, int length, enum hook hook)
{
	struct upstream *upstream = sk->sk_bpf_storage ? bpf_sk_storage_get(&upstreams, sk, NULL, 0) : NULL;
	struct toucher by;

	if (upstream && (upstream->in_vain >= IN_VAIN_MOST ||
			 progress(&upstream->seen, sk, length, true, hook) == PROGRESS_NONE))
		return;
	if (!upstream_begin_touch(&by))
		return;
	if (upstream && upstream->connecting)
		touch_answered(by.worker, by.clock, by.recorded, upstream, by.now_ns);
	if (!asks_for_request(by.worker))
		return;
	if (!upstream) {
		upstream = note_upstream(sk);
		if (!upstream)
			return;
		progress(&upstream->seen, sk, length, true, hook);
	}
	upstream->in_vain++;
	touch_asked(&by, upstream);
}

/* The current task has begun to connect SK by TCP: who has to wait for that will ask in another turn. */
static __always_inline void connect_upstream(struct sock *sk)
{
	struct upstream *upstream;
	struct toucher by;

	if (!upstream_begin_touch(&by) || !asks_for_request(by.worker))
		return;
	upstream = note_upstream(sk);
	if (upstream)
		touch_connects(&by, upstream);
}

#endif /* WHYLATE_BPF_UPSTREAM_BPF_H */
