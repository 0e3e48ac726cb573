/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The body of both tables: included after the header that has the numbers (native or 32-bit).
 * A call that an architecture lacks is skipped.
 */
#include <string.h>

static void fill_futex(uint8_t table[SYSCALL_TABLE_LEN])
{
#ifdef __NR_futex
	table[__NR_futex] = BLOCKED_FUTEX;
#endif
#ifdef __NR_futex_time64
	table[__NR_futex_time64] = BLOCKED_FUTEX;
#endif
#ifdef __NR_futex_waitv
	table[__NR_futex_waitv] = BLOCKED_FUTEX;
#endif
#ifdef __NR_futex_wait
	table[__NR_futex_wait] = BLOCKED_FUTEX;
#endif
}

static void fill_poll(uint8_t table[SYSCALL_TABLE_LEN])
{
#ifdef __NR_poll
	table[__NR_poll] = BLOCKED_POLL;
#endif
#ifdef __NR_ppoll
	table[__NR_ppoll] = BLOCKED_POLL;
#endif
#ifdef __NR_ppoll_time64
	table[__NR_ppoll_time64] = BLOCKED_POLL;
#endif
#ifdef __NR_select
	table[__NR_select] = BLOCKED_POLL;
#endif
#ifdef __NR__newselect
	table[__NR__newselect] = BLOCKED_POLL;
#endif
#ifdef __NR_pselect6
	table[__NR_pselect6] = BLOCKED_POLL;
#endif
#ifdef __NR_pselect6_time64
	table[__NR_pselect6_time64] = BLOCKED_POLL;
#endif
#ifdef __NR_epoll_wait
	table[__NR_epoll_wait] = BLOCKED_POLL;
#endif
#ifdef __NR_epoll_pwait
	table[__NR_epoll_pwait] = BLOCKED_POLL;
#endif
#ifdef __NR_epoll_pwait2
	table[__NR_epoll_pwait2] = BLOCKED_POLL;
#endif
}

static void fill_socket(uint8_t table[SYSCALL_TABLE_LEN])
{
#ifdef __NR_accept
	table[__NR_accept] = BLOCKED_SOCKET;
#endif
#ifdef __NR_accept4
	table[__NR_accept4] = BLOCKED_SOCKET;
#endif
#ifdef __NR_connect
	table[__NR_connect] = BLOCKED_SOCKET;
#endif
#ifdef __NR_recvfrom
	table[__NR_recvfrom] = BLOCKED_SOCKET;
#endif
#ifdef __NR_recvmsg
	table[__NR_recvmsg] = BLOCKED_SOCKET;
#endif
#ifdef __NR_recvmmsg
	table[__NR_recvmmsg] = BLOCKED_SOCKET;
#endif
#ifdef __NR_recvmmsg_time64
	table[__NR_recvmmsg_time64] = BLOCKED_SOCKET;
#endif
#ifdef __NR_recv
	table[__NR_recv] = BLOCKED_SOCKET;
#endif
#ifdef __NR_sendto
	table[__NR_sendto] = BLOCKED_SOCKET;
#endif
#ifdef __NR_sendmsg
	table[__NR_sendmsg] = BLOCKED_SOCKET;
#endif
#ifdef __NR_sendmmsg
	table[__NR_sendmmsg] = BLOCKED_SOCKET;
#endif
#ifdef __NR_send
	table[__NR_send] = BLOCKED_SOCKET;
#endif
#ifdef __NR_socketcall
	table[__NR_socketcall] = BLOCKED_SOCKET;
#endif
}

static void fill_sleep(uint8_t table[SYSCALL_TABLE_LEN])
{
#ifdef __NR_nanosleep
	table[__NR_nanosleep] = BLOCKED_SLEEP;
#endif
#ifdef __NR_clock_nanosleep
	table[__NR_clock_nanosleep] = BLOCKED_SLEEP;
#endif
#ifdef __NR_clock_nanosleep_time64
	table[__NR_clock_nanosleep_time64] = BLOCKED_SLEEP;
#endif
}

static void fill_disk(uint8_t table[SYSCALL_TABLE_LEN])
{
#ifdef __NR_fsync
	table[__NR_fsync] = BLOCKED_DISK;
#endif
#ifdef __NR_fdatasync
	table[__NR_fdatasync] = BLOCKED_DISK;
#endif
#ifdef __NR_sync
	table[__NR_sync] = BLOCKED_DISK;
#endif
#ifdef __NR_syncfs
	table[__NR_syncfs] = BLOCKED_DISK;
#endif
#ifdef __NR_sync_file_range
	table[__NR_sync_file_range] = BLOCKED_DISK;
#endif
#ifdef __NR_msync
	table[__NR_msync] = BLOCKED_DISK;
#endif
#ifdef __NR_io_getevents
	table[__NR_io_getevents] = BLOCKED_DISK;
#endif
#ifdef __NR_io_pgetevents
	table[__NR_io_pgetevents] = BLOCKED_DISK;
#endif
#ifdef __NR_io_pgetevents_time64
	table[__NR_io_pgetevents_time64] = BLOCKED_DISK;
#endif
}

static void fill_io_uring(uint8_t table[SYSCALL_TABLE_LEN])
{
#ifdef __NR_io_uring_enter
	table[__NR_io_uring_enter] = BLOCKED_IO_URING;
#endif
}

static void fill_file(uint8_t table[SYSCALL_TABLE_LEN])
{
#ifdef __NR_read
	table[__NR_read] = SYSCALL_FILE;
#endif
#ifdef __NR_write
	table[__NR_write] = SYSCALL_FILE;
#endif
#ifdef __NR_readv
	table[__NR_readv] = SYSCALL_FILE;
#endif
#ifdef __NR_writev
	table[__NR_writev] = SYSCALL_FILE;
#endif
#ifdef __NR_pread64
	table[__NR_pread64] = SYSCALL_FILE;
#endif
#ifdef __NR_pwrite64
	table[__NR_pwrite64] = SYSCALL_FILE;
#endif
#ifdef __NR_preadv
	table[__NR_preadv] = SYSCALL_FILE;
#endif
#ifdef __NR_pwritev
	table[__NR_pwritev] = SYSCALL_FILE;
#endif
#ifdef __NR_preadv2
	table[__NR_preadv2] = SYSCALL_FILE;
#endif
#ifdef __NR_pwritev2
	table[__NR_pwritev2] = SYSCALL_FILE;
#endif
#ifdef __NR_splice
	table[__NR_splice] = SYSCALL_FILE;
#endif
#ifdef __NR_tee
	table[__NR_tee] = SYSCALL_FILE;
#endif
#ifdef __NR_vmsplice
	table[__NR_vmsplice] = SYSCALL_FILE;
#endif
#ifdef __NR_sendfile
	table[__NR_sendfile] = SYSCALL_FILE;
#endif
#ifdef __NR_sendfile64
	table[__NR_sendfile64] = SYSCALL_FILE;
#endif
#ifdef __NR_copy_file_range
	table[__NR_copy_file_range] = SYSCALL_FILE;
#endif
}

static void fill_restart(uint8_t table[SYSCALL_TABLE_LEN])
{
#ifdef __NR_restart_syscall
	table[__NR_restart_syscall] = SYSCALL_RESTART;
#endif
}

static void fill(uint8_t table[SYSCALL_TABLE_LEN])
{
	memset(table, BLOCKED_OTHER, SYSCALL_TABLE_LEN);
	fill_futex(table);
	fill_poll(table);
	fill_socket(table);
	fill_sleep(table);
	fill_disk(table);
	fill_io_uring(table);
	fill_file(table);
	fill_restart(table);
}
