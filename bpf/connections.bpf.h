/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which sockets are the target's listeners, and which are connections that they accepted. */
#ifndef WHYLATE_BPF_CONNECTIONS_H
#define WHYLATE_BPF_CONNECTIONS_H

#include "socket.bpf.h"

/* The listeners of the target, and by the kernel's copying all their connections. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct connection_mark);
} marks SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct span);
} spans SEC(".maps");

/* Addresses that UNIX listeners of the target are bound to: their connections share the very struct. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u8);
} unix_addresses SEC(".maps");

/* Ports that TCP listeners of the target have, as the host counts: for connections that were there before. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u16);
	__type(value, __u8);
} ports SEC(".maps");

/* The new span of a connection, all zeros; another CPU may make it at the same time. */
static __always_inline struct span *span_new(struct sock *sk)
{
	struct span *span = bpf_sk_storage_get(&spans, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!span) /* who comes second is refused (bpf_local_storage_update) */
		span = bpf_sk_storage_get(&spans, sk, NULL, 0);
	if (!span)
		count_loss(LOSS_SPAN_CREATE);
	return span;
}

/* Is the socket's connection one of the target's listeners'?  Creates its span. */
static __always_inline struct span *span_create(struct sock *sk, __u64 established_ns)
{
	struct span *span = span_new(sk);

	if (!span)
		return NULL;
	span->socket = (__u64)sk;
	if (!span->request)
		span->established_ns = established_ns;
	return span;
}

/* What SK, a UNIX socket, is bound to; NULL: nothing. */
static __always_inline struct unix_address *unix_address_of(struct sock *sk)
{
	return BPF_CORE_READ((struct unix_sock *)sk, addr);
}

static __always_inline bool is_ours_by_address(struct sock *sk)
{
	__u64 address;

	if (!is_unix(sk) || sk->__sk_common.skc_state == TCP_LISTEN)
		return false;
	address = (__u64)unix_address_of(sk);
	return address && bpf_map_lookup_elem(&unix_addresses, &address);
}

/* By its own address, as one that was accepted before its listener had a mark. */
static __always_inline bool is_accepted(struct sock *sk)
{
	__u16 port = sk->__sk_common.skc_num;

	if (is_tcp(sk))
		return bpf_map_lookup_elem(&ports, &port);
	return is_ours_by_address(sk);
}

/*
 * A connection that was there before us: what it may owe began before, too, and so did what is UNREAD.
 * NULL also if the agent's iterator and a task that uses it meet here: who is first has seen as much.
 */
static __always_inline struct span *span_adopt(struct sock *sk, bool unread)
{
	struct span *span = span_new(sk);

	if (!span || __sync_val_compare_and_swap(&span->socket, 0, (__u64)sk))
		return NULL;
	span->owes = 1 + NOT_BEFORE_ATTACH;
	span->unread_before = unread;
	return span;
}

/* The span of a connection of the target's; NULL for all other sockets, nearly all of them at one load. */
static __always_inline struct span *span_of(struct sock *sk)
{
	struct connection_mark *mark;
	struct span *span;

	if (sk->sk_bpf_storage) {
		span = bpf_sk_storage_get(&spans, sk, NULL, 0);
		if (span)
			return span;
		mark = bpf_sk_storage_get(&marks, sk, NULL, 0);
		if (mark && sk->__sk_common.skc_state != TCP_LISTEN)
			return span_create(sk, mark->established_ns);
	}
	return is_ours_by_address(sk) ? span_create(sk, 0) : NULL;
}

/* A UNIX listener of the target's, or one of its connections: all others will be known by its address. */
static __always_inline void note_unix_address(struct sock *sk)
{
	__u64 address = (__u64)unix_address_of(sk);
	__u8 yes = 1;

	if (address && bpf_map_update_elem(&unix_addresses, &address, &yes, BPF_ANY))
		count_loss(LOSS_SPAN_CREATE);
}

/*
 * A task of the target uses SK, a UNIX socket whose address we do not know: accepted from a listener that is
 * younger than we are, as nothing tells of those?  Then others hold that address too: unix_stream_connect()
 * in net/unix/af_unix.c has counted the accepted socket in; that of a client, if it has one, is its own.
 */
static __always_inline bool is_of_new_listener(struct sock *sk)
{
	struct unix_address *address = unix_address_of(sk);

	return sk->__sk_common.skc_state != TCP_LISTEN && address &&
	       BPF_CORE_READ(address, refcnt.refs.counter) > 1;
}

/*
 * The same as span_of(), of a socket at which the current task reads or writes: it may have been there before
 * us and be in no table of files, as a direct descriptor of io_uring's.  Notes at the socket say nothing:
 * they may be another agent's.  When what is read now arrived, nobody saw.
 */
static __always_inline struct span *span_touched(struct sock *sk)
{
	struct span *span = span_of(sk);

	if (span || (is_tcp(sk) ? !nr_listeners : !is_unix(sk)) || !clock_of(bpf_get_current_task_btf()))
		return span;
	if (is_tcp(sk))
		return is_accepted(sk) ? span_adopt(sk, true) : NULL;
	if (!is_of_new_listener(sk))
		return NULL;
	note_unix_address(sk);
	__sync_fetch_and_add(&nr_listeners, 1);
	return span_adopt(sk, false); /* what does not begin a request may be of one from before us */
}

/* A task of the target listens on SK. */
static __always_inline void mark_listener(struct sock *sk)
{
	__u16 port = sk->__sk_common.skc_num;
	__u8 yes = 1;

	__sync_fetch_and_add(&nr_listeners, 1);
	if (is_unix(sk)) {
		note_unix_address(sk);
		return;
	}
	if (!bpf_sk_storage_get(&marks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE) ||
	    bpf_map_update_elem(&ports, &port, &yes, BPF_ANY))
		count_loss(LOSS_SPAN_CREATE);
}

#endif /* WHYLATE_BPF_CONNECTIONS_H */
