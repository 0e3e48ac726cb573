/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The few kernel structs and fields that the programs read, relocated at load (CO-RE) to wherever the
 * running kernel has them.  Written out instead of a generated header of 100,000 lines, so that a
 * reader sees what we depend on.  Fields that only some kernels have are asked for in compat.bpf.h.
 */
#ifndef WHYLATE_BPF_KERNEL_H
#define WHYLATE_BPF_KERNEL_H

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inode {
	unsigned short i_mode;
};

struct file_operations;

struct file {
	struct inode *f_inode;
	const struct file_operations *f_op;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct kiocb {
	struct file *ki_filp;
};

struct rq {
	__u64 clock;
	__u64 clock_task;    /* clock less interrupts and steal */
	__u64 prev_irq_time; /* only with CONFIG_IRQ_TIME_ACCOUNTING */
	int cpu;
};

struct cfs_rq {
	struct rq *rq;
	__u64 throttled_clock_self; /* since 6.6 (677ea015f231) */
	__u64 throttled_clock_self_time;
};

struct sched_entity {
	__u64 exec_start; /* of the run queue's clock_task, when sum_exec_runtime was last brought up */
	__u64 sum_exec_runtime;
	__u64 nr_migrations;
	unsigned char sched_delayed; /* since 6.12 (152e11f6df29) */
	struct cfs_rq *cfs_rq;
};

struct sched_info {
	unsigned long long run_delay;
	unsigned long long last_queued;	 /* the same when it was queued; 0 once it has arrived */
	unsigned long long last_arrival; /* the run queue's clock at the latest switch-in */
};

typedef struct {
	int counter;
} atomic_t;

typedef struct refcount_struct {
	atomic_t refs;
} refcount_t;

#define SIGNAL_GROUP_EXIT 0x4u /* include/linux/sched/signal.h */

struct signal_struct {
	atomic_t live; /* threads that have not begun to exit */
	int group_exit_code;
	unsigned int flags;
};

struct pid_namespace;

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct thread_info {
	__u32 status; /* x86: TS_COMPAT */
};

#if defined(__TARGET_ARCH_x86)
struct thread_struct {
	unsigned long fsbase;
};
#elif defined(__TARGET_ARCH_arm64)
struct thread_struct {
	struct {
		unsigned long tp_value;
	} uw;
};
#endif

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state; /* `state` before 5.14 (2f064a59a11f) */
	unsigned int flags;
	/* int, a byte in 7.2: unsigned here, since only then does the loader adjust the width. */
	unsigned int on_cpu;
	unsigned int on_rq;
	struct sched_entity se;
	struct sched_info sched_info;
	int exit_state;
	__u64 start_time; /* CLOCK_MONOTONIC */
	int exit_code;
	unsigned in_iowait : 1;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	unsigned long nvcsw;
	unsigned long nivcsw;
	char comm[16];
	struct files_struct *files;
	struct signal_struct *signal;
	void *bpf_storage; /* since 5.13 for tracing programs (a10787e6d58c) */
	struct thread_struct thread;
};

struct sock_common {
	unsigned short skc_family;
	__u16 skc_num; /* the local port */
	volatile unsigned char skc_state;
};

struct sk_buff_head {
	__u32 qlen;
};

struct sock;

struct socket {
	unsigned long flags; /* SOCK_NOSPACE */
	struct sock *sk;
};

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	struct socket *sk_socket; /* NULL until it is accepted */
	refcount_t sk_wmem_alloc; /* what was sent and is not gone yet, and 1 */
	int sk_sndbuf;
	__u8 sk_shutdown;
	unsigned short sk_type;
	unsigned short sk_protocol;
	void *sk_bpf_storage;
};

struct inet_connection_sock {
	const void *icsk_ulp_ops;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 write_seq;
	bool is_mptcp; /* a subflow of multipath TCP */
};

struct unix_address {
	refcount_t refcnt;
};

struct unix_sock {
	struct unix_address *addr; /* an accepted socket shares its listener's; others are seldom bound */
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bx;
	unsigned long ax;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 pstate;
	__u64 orig_x0;
	int syscallno;
};
#endif

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__tcp {
	struct sock_common *sk_common;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct file *file;
};

#pragma clang attribute pop

/* The user's own structs (include/uapi/linux/uio.h, include/linux/socket.h): never relocated. */
struct iovec {
	void *iov_base;
	__u64 iov_len;
};

#define USER_MSGHDR_IOV_OFFSET 16 /* of msg_iov in struct msghdr, 64 bits */

/* include/linux/sched.h; the values have not changed since these kernels can run us. */
#define TASK_STOPPED_OR_TRACED 0x0000000c
#define TASK_DEAD	       0x00000080
#define TASK_FROZEN	       0x00008000 /* since 6.1; nothing else had this bit that blocks a user task */
#define PF_IO_WORKER	       0x00000010
#define PF_USER_WORKER	       0x00004000 /* since 6.4 (54e6842d0775); before, of kernel threads only */
#define TCP_ESTABLISHED	       1
#define TCP_SYN_SENT	       2
#define TCP_CLOSE	       7
#define TCP_LISTEN	       10
#define EEXIST		       17
#define EPIPE		       32
#define ENOSYS		       38
#define ECONNRESET	       104
#define AF_UNIX		       1
#define AF_INET		       2
#define AF_INET6	       10
#define SOCK_STREAM	       1
#define SOCK_NOSPACE_BIT       2 /* include/linux/net.h */
#define RCV_SHUTDOWN	       1
#define SEND_SHUTDOWN	       2
#define SHUTDOWN_MASK	       3
#define IPPROTO_MPTCP	       262
#define MSG_PEEK	       0x0002
#define MSG_ERRQUEUE	       0x2000
#define PSR_MODE32_BIT	       0x00000010 /* arm64 */
#define PF_EXITING	       0x00000004
#define PF_KTHREAD	       0x00200000
#define TS_COMPAT	       0x0002

#endif /* WHYLATE_BPF_KERNEL_H */
