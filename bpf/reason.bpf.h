/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Why a task is blocked: from what it is inside of, read at its switch-out for a few loads.
 *
 * The order matters: a stopped, traced or frozen task shows the number of an old call; io_uring_enter
 * sets in_iowait though it is not the disk; then in_iowait is the disk; then the call's number tells,
 * and for read, write and their kin the kind of file behind the first argument.
 */
#ifndef WHYLATE_BPF_REASON_H
#define WHYLATE_BPF_REASON_H

#include "maps.bpf.h"

#define FILE_KIND_MASK	 0170000
#define FILE_KIND_SOCKET 0140000
#define FILE_KIND_PIPE	 0010000

/* The system call (or -1: an exception, that is a page fault) and its first argument. */
static __always_inline bool task_syscall(struct task_struct *task, __s64 *number, __u64 *argument,
					 bool *compat)
{
	struct pt_regs *regs;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs)) /* 5.15 */
		return false;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
#if defined(__TARGET_ARCH_x86)
	*number = (__s64)regs->orig_ax;
	*compat = task->thread_info.status & TS_COMPAT;
	*argument = *compat ? regs->bx : regs->di;
	if (*compat) /* sign-extended from 32 bits only by some entries */
		*number = (__s32)*number;
#elif defined(__TARGET_ARCH_arm64)
	if (regs->pstate & PSR_MODE32_BIT) /* numbers of another table, which we do not have */
		return false;
	*number = regs->syscallno;
	*argument = regs->regs[0];
	*compat = false;
#endif
	return true;
}

static __always_inline __u8 mode_reason(unsigned short mode)
{
	mode &= FILE_KIND_MASK;
	if (mode == FILE_KIND_SOCKET)
		return BLOCKED_SOCKET;
	return mode == FILE_KIND_PIPE ? BLOCKED_PIPE : BLOCKED_OTHER;
}

/*
 * What kind of file descriptor FD is.  Plain loads wherever the kernel allows them, since this
 * runs at most switches of a server; the last kind is kept by the
 * file's operations, which are constants of the kernel and not, like struct file, used again at once.
 */
static __always_inline __u8 file_reason(struct task_struct *task, struct task_clock *clock, __u64 fd)
{
	struct files_struct *files = task->files;
	struct fdtable *table;
	const void *operations;
	struct file *file;

	if (!files)
		return BLOCKED_OTHER;
	table = files->fdt;
	if (fd >= table->max_fds)
		return BLOCKED_OTHER;
	file = slot_file(&table->fd[fd]);
	if (!file)
		return BLOCKED_OTHER;
	operations = file_operations(file);
	if (!clock || clock->file_operations != (__u64)operations) {
		__u8 reason = mode_reason(BPF_CORE_READ(file, f_inode, i_mode));

		if (!clock)
			return reason;
		clock->file_operations = (__u64)operations;
		clock->file_reason = reason;
	}
	return (__u8)clock->file_reason;
}

static __always_inline __u8 syscall_class(__s64 number, bool compat)
{
	if (number < 0 || number >= SYSCALL_TABLE_LEN)
		return BLOCKED_OTHER;
	number &= SYSCALL_TABLE_LEN - 1;
	return compat ? config.syscalls_compat[number] : config.syscalls[number];
}

/*
 * CLOCK may be NULL; if not, it is the task's own and this its writer: it keeps the kind of the last
 * file, and the reason of the latest sleep, poll or futex: what restart_syscall may go on with after what
 * lies between, most often a stop.
 */
static __always_inline __u8 blocked_reason(struct task_struct *task, __u64 state, struct task_clock *clock)
{
	bool in_iowait, compat = false;
	__u64 argument = 0;
	__s64 number = -2;
	__u8 class;

	if (state & (TASK_STOPPED_OR_TRACED | TASK_FROZEN))
		return BLOCKED_OTHER;
	if (task->flags & PF_USER_WORKER && !(task->flags & PF_IO_WORKER)) /* vhost's: it has no registers */
		return BLOCKED_OTHER;
	if (task->flags & PF_IO_WORKER)
		return BLOCKED_IO_URING;
	in_iowait = BPF_CORE_READ_BITFIELD(task, in_iowait);
	if (!task_syscall(task, &number, &argument, &compat))
		return in_iowait ? BLOCKED_DISK : BLOCKED_OTHER;
	class = syscall_class(number, compat);
	if (class == BLOCKED_IO_URING)
		return BLOCKED_IO_URING;
	if (in_iowait)
		return BLOCKED_DISK;
	if (number == -1)
		return BLOCKED_FAULT;
	if (class == SYSCALL_RESTART)
		return clock ? (__u8)clock->restart_reason : BLOCKED_OTHER;
	if (class == SYSCALL_FILE)
		return file_reason(task, clock, argument);
	if (clock && (class == BLOCKED_SLEEP || class == BLOCKED_POLL || class == BLOCKED_FUTEX))
		clock->restart_reason = class;
	return class < BLOCKED_REASONS ? class : BLOCKED_OTHER;
}

#endif /* WHYLATE_BPF_REASON_H */
