/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets that the target made itself: what it asks there, on behalf of which request, and when the answer
 * comes. */
#ifndef WHYLATE_BPF_UPSTREAM_H
#define WHYLATE_BPF_UPSTREAM_H

#include "socket.bpf.h"
#include "touch.bpf.h"

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

	if (upstream && !upstream->arrived_ns && has_unread(sk))
		upstream->arrived_ns = bpf_ktime_get_ns();
}

/* A task of the target reads what it asked for on behalf of a request. */
static __always_inline void read_upstream(struct toucher *by, struct sock *sk)
{
	struct upstream *upstream = bpf_sk_storage_get(&upstreams, sk, NULL, 0);

	if (!upstream || !touch_begin(by, bpf_get_current_task_btf()))
		return;
	touch_answered(by->worker, by->clock, by->recorded, upstream, by->now_ns);
	/* Nothing will tell of what was there and is left. */
	if (!upstream->arrived_ns && has_unread(sk))
		upstream->arrived_ns = by->now_ns;
}

/* The current task writes to a socket that is none of the target's connections. */
static __always_inline void send_upstream(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_clock *clock = clock_of(task);
	struct upstream *upstream;
	struct toucher by;

	if (!clock || !clock->works || !touch_begin(&by, task) || !asks_for_request(by.worker))
		return;
	upstream = bpf_sk_storage_get(&upstreams, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!upstream) {
		count_loss(LOSS_SPAN_CREATE);
		return;
	}
	touch_asked(&by, upstream);
}

#endif /* WHYLATE_BPF_UPSTREAM_H */
