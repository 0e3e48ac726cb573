/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the requests' hooks ask of a socket, and of the call that the current task is inside of. */
#ifndef WHYLATE_BPF_SOCKET_H
#define WHYLATE_BPF_SOCKET_H

#include "maps.bpf.h"
#include "http.h"

static __always_inline bool is_tcp(struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return (family == AF_INET || family == AF_INET6) && sk->sk_type == SOCK_STREAM;
}

static __always_inline bool is_unix(struct sock *sk)
{
	return sk->__sk_common.skc_family == AF_UNIX && sk->sk_type == SOCK_STREAM;
}

/* Whether there are bytes that nobody has read; the end of the stream is none. */
static __always_inline bool has_unread(struct sock *sk)
{
	struct tcp_sock *tcp;

	if (!is_tcp(sk))
		return sk->sk_receive_queue.qlen > 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return false;
	/* A FIN takes a number of its own: net/ipv4/tcp_input.c, tcp_fin(). */
	return (__s32)(tcp->rcv_nxt - tcp->copied_seq) > (sk->sk_shutdown & RCV_SHUTDOWN ? 1 : 0);
}

/* The server had more to send than the socket took.  TCP takes that back once it has room, UNIX never does. */
static __always_inline bool had_no_room(struct sock *sk)
{
	struct socket *socket = sk->sk_socket;

	return socket && socket->flags & (1ul << SOCK_NOSPACE_BIT);
}

/* The same of the current task, which has just sent: UNIX took all if it is not full (sock_alloc_send_pskb()).
 */
static __always_inline bool wants_to_send(struct sock *sk)
{
	return had_no_room(sk) && (!is_unix(sk) || sk->sk_wmem_alloc.refs.counter > sk->sk_sndbuf);
}

/*
 * The same at any time.  Who waits for room in UNIX is not told of it before three quarters are free
 * (unix_writable()): with less, there may be more to send, or what is there is the last of it.
 */
static __always_inline bool waits_to_send(struct sock *sk)
{
	return had_no_room(sk) && (!is_unix(sk) || sk->sk_wmem_alloc.refs.counter > sk->sk_sndbuf >> 2);
}

/*
 * Whether the task is still inside the call that its registers are of.  What io_uring does for it at the end
 * of any call is none of that call's; nor is what io_uring's workers do, which have a copy of somebody's
 * registers.
 */
static __always_inline bool is_inside_call(const struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	/* Set by the entry of each call; then its result. */
	return regs->ax == (unsigned long)-ENOSYS;
#elif defined(__TARGET_ARCH_arm64)
	/* The first argument; then its result, which is seldom the same. */
	return regs->regs[0] == regs->orig_x0;
#endif
}

/*
 * Where the bytes are that the current call reads or writes: the first stretch of them; 0: not to be seen.
 * BEGINS: they are the first that it moves, as far as is known.
 */
static __always_inline __u32 user_bytes(struct task_struct *task, bool begins, const void **bytes)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	struct iovec *vector = NULL, first = {};
	const void *argument;
	__s64 number;
	__u64 length;
	__u8 shape;

#if defined(__TARGET_ARCH_x86)
	if (task->thread_info.status & TS_COMPAT)
		return 0;
	number = (__s64)regs->orig_ax;
	argument = (const void *)regs->si;
	length = regs->dx;
#elif defined(__TARGET_ARCH_arm64)
	if (regs->pstate & PSR_MODE32_BIT)
		return 0;
	number = regs->syscallno;
	argument = (const void *)regs->regs[1];
	length = regs->regs[2];
#endif
	if (number < 0 || number >= SYSCALL_TABLE_LEN || !is_inside_call(regs))
		return 0;
	shape = config.buffers[number & (SYSCALL_TABLE_LEN - 1)];
	if (shape == BUFFER_BYTES) {
		*bytes = argument;
		return length < HTTP_LOOK_BYTES ? (__u32)length : HTTP_LOOK_BYTES;
	}
	if (shape == BUFFER_NONE || (shape == BUFFER_MESSAGES && !begins))
		return 0;
	vector = (struct iovec *)argument;
	/* The first of several messages begins like one. */
	if (shape >= BUFFER_MESSAGE &&
	    bpf_probe_read_user(&vector, sizeof(vector), argument + USER_MSGHDR_IOV_OFFSET))
		return 0;
	if (bpf_probe_read_user(&first, sizeof(first), vector))
		return 0;
	*bytes = first.iov_base;
	return first.iov_len < HTTP_LOOK_BYTES ? (__u32)first.iov_len : HTTP_LOOK_BYTES;
}

/* The first bytes of what TASK, the current one, just moved, MOVED_BYTES in all; returns how many of OUT are
 * valid. */
static __always_inline __u32 look(struct task_struct *task, int moved_bytes, bool begins,
				  __u8 out[HTTP_LOOK_BYTES])
{
	const void *bytes = NULL;
	__u32 length = user_bytes(task, begins, &bytes);

	if (length > (__u32)moved_bytes)
		length = (__u32)moved_bytes;
	/* The compiler knows what follows from that; verifiers up to 6.1 must be shown. */
	barrier_var(length);
	if (!length || length > HTTP_LOOK_BYTES || bpf_probe_read_user(out, length, bytes))
		return 0;
	return length;
}

/*
 * What the current task just read, MOVED_BYTES of it: an enum http_begins.  Behind a header of the PROXY
 * protocol there may be anything, in the same read or the next: it is too short to tell.
 */
VERIFIED_ONCE __u32 look_at_request(int moved_bytes)
{
	__u8 bytes[HTTP_LOOK_BYTES] = {};
	__u32 length = look(bpf_get_current_task_btf(), moved_bytes, true, bytes),
	      begins = http_look_request(bytes, length);

	return begins == HTTP_PROXY ? HTTP_UNDECIDED : begins;
}

#endif /* WHYLATE_BPF_SOCKET_H */
