// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The sockets that were there before us: an iterator over the open files of the target's tasks, in every
 * table of files that there is.  It runs twice, after the hooks are on: first for the listeners, then for the
 * connections that they accepted, which their port (or the address that they share) tells from those
 * that the target made itself.
 */
#include "maps.bpf.h"
#include "connections.bpf.h"

/* The connections of the second pass; else the listeners. */
__u32 seeds_connections;

/* An unread request is waited for no less. */
static __always_inline void seed_connection(struct sock *sk)
{
	if (is_accepted(sk) && !bpf_sk_storage_get(&spans, sk, NULL, 0))
		span_adopt(sk, has_unread(sk));
}

/* What an open FILE of a TASK of the target's is a stream socket of; NULL if it is none. */
static __always_inline struct sock *stream_of(struct task_struct *task, struct file *file)
{
	struct socket *socket;
	struct sock *sk;

	if (!task || !file || !clock_of(task))
		return NULL;
	socket = bpf_sock_from_file(file);
	sk = socket ? socket->sk : NULL;
	return sk && (is_tcp(sk) || is_unix(sk)) ? sk : NULL;
}

/*
 * A listener by multipath TCP, as Go makes them where it can, accepts, also plain TCP, from a socket that no
 * descriptor leads to: its first subflow.  The agent is told which processes have one, since it is found by
 * the port, in the network namespace that it is in: the agent goes to theirs.
 */
static __always_inline void seed_listener(struct seq_file *seq, struct task_struct *task, struct sock *sk)
{
	__u32 pid = task_process(task);

	mark_listener(sk);
	if (sk->sk_protocol == IPPROTO_MPTCP)
		bpf_seq_write(seq, &pid, sizeof(pid));
}

SEC("?iter/tcp")
int seed_subflows(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct tcp_sock *tcp;
	__u16 port;

	if (!common || common->skc_state != TCP_LISTEN)
		return 0;
	port = common->skc_num;
	tcp = bpf_skc_to_tcp_sock(common);
	if (tcp && bpf_core_field_exists(tcp->is_mptcp) && tcp->is_mptcp &&
	    bpf_map_lookup_elem(&ports, &port))
		mark_listener((struct sock *)tcp);
	return 0;
}

SEC("?iter/task_file")
int seed_sockets(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct sock *sk = stream_of(task, ctx->file);

	if (!task || !sk)
		return 0;
	if (sk->__sk_common.skc_state == TCP_LISTEN) {
		if (!seeds_connections)
			seed_listener(ctx->meta->seq, task, sk);
	} else if (seeds_connections) {
		seed_connection(sk);
	}
	return 0;
}

__u32 looks; /* for answers that are still being sent; the agent counts them up from 1 */
__u64 still_sending;

/* An answer that is booked, of which the socket did not take all: its task waits for room, or will. */
SEC("?iter/task_file")
int count_sending(struct bpf_iter__task_file *ctx)
{
	struct sock *sk = stream_of(ctx->task, ctx->file);
	struct span *span = sk ? bpf_sk_storage_get(&spans, sk, NULL, 0) : NULL;

	/* A socket may be open in several places. */
	if (!span || span->looked_at == looks || span->protocol >= SPEAKS_TURNS)
		return 0;
	span->looked_at = looks;
	if (span->state == SPAN_ANSWERED && span->flags & SPAN_BOOKED && waits_to_send(sk))
		still_sending++;
	return 0;
}

/* Whoever may answer requests is ready to be handed one from the first on. */
SEC("?iter/task")
int seed_workers(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_clock *clock = task ? clock_of(task) : NULL;

	if (clock && nr_listeners && !clock->works && clock_is_live(clock))
		worker_create(task, clock);
	return 0;
}
