// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The tables of system calls, against numbers written out: the kernel never changes one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "user/trace/syscalls.h"

struct expected {
	unsigned number;
	unsigned class;
};

static void check(const uint8_t *table, const struct expected *expected, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (table[expected[i].number] != expected[i].class)
			fail_msg("call %u is %u, not %u", expected[i].number, table[expected[i].number],
				 expected[i].class);
}

#define CHECK(table, expected) check(table, expected, sizeof(expected) / sizeof(expected[0]))

static void native_numbers_have_their_reasons(void **state)
{
	uint8_t table[SYSCALL_TABLE_LEN];
#if defined(__x86_64__)
	static const struct expected expected[] = {
		{ 202, BLOCKED_FUTEX },	   { 449, BLOCKED_FUTEX },  /* futex, futex_waitv */
		{ 7, BLOCKED_POLL },	   { 23, BLOCKED_POLL },    /* poll, select */
		{ 232, BLOCKED_POLL },	   { 281, BLOCKED_POLL },   /* epoll_wait, epoll_pwait */
		{ 441, BLOCKED_POLL },	   { 271, BLOCKED_POLL },   /* epoll_pwait2, ppoll */
		{ 270, BLOCKED_POLL },				    /* pselect6 */
		{ 42, BLOCKED_SOCKET },	   { 43, BLOCKED_SOCKET },  /* connect, accept */
		{ 288, BLOCKED_SOCKET },   { 44, BLOCKED_SOCKET },  /* accept4, sendto */
		{ 45, BLOCKED_SOCKET },	   { 46, BLOCKED_SOCKET },  /* recvfrom, sendmsg */
		{ 47, BLOCKED_SOCKET },	   { 299, BLOCKED_SOCKET }, /* recvmsg, recvmmsg */
		{ 307, BLOCKED_SOCKET },			    /* sendmmsg */
		{ 35, BLOCKED_SLEEP },	   { 230, BLOCKED_SLEEP },  /* nanosleep, clock_nanosleep */
		{ 74, BLOCKED_DISK },	   { 75, BLOCKED_DISK },    /* fsync, fdatasync */
		{ 26, BLOCKED_DISK },	   { 162, BLOCKED_DISK },   /* msync, sync */
		{ 306, BLOCKED_DISK },	   { 277, BLOCKED_DISK },   /* syncfs, sync_file_range */
		{ 208, BLOCKED_DISK },	   { 333, BLOCKED_DISK },   /* io_getevents, io_pgetevents */
		{ 426, BLOCKED_IO_URING },			    /* io_uring_enter */
		{ 0, SYSCALL_FILE },	   { 1, SYSCALL_FILE },	    /* read, write */
		{ 17, SYSCALL_FILE },	   { 18, SYSCALL_FILE },    /* pread64, pwrite64 */
		{ 19, SYSCALL_FILE },	   { 20, SYSCALL_FILE },    /* readv, writev */
		{ 295, SYSCALL_FILE },	   { 296, SYSCALL_FILE },   /* preadv, pwritev */
		{ 327, SYSCALL_FILE },	   { 328, SYSCALL_FILE },   /* preadv2, pwritev2 */
		{ 40, SYSCALL_FILE },	   { 275, SYSCALL_FILE },   /* sendfile, splice */
		{ 276, SYSCALL_FILE },	   { 278, SYSCALL_FILE },   /* tee, vmsplice */
		{ 326, SYSCALL_FILE },				    /* copy_file_range */
		{ 219, SYSCALL_RESTART },			    /* restart_syscall */
		{ 61, BLOCKED_OTHER },	   { 34, BLOCKED_OTHER },   /* wait4, pause */
		{ 39, BLOCKED_OTHER },	   { 511, BLOCKED_OTHER },  /* getpid; none has this one */
	};
#elif defined(__aarch64__)
	static const struct expected expected[] = {
		{ 98, BLOCKED_FUTEX },	   { 449, BLOCKED_FUTEX },  /* futex, futex_waitv */
		{ 22, BLOCKED_POLL },	   { 73, BLOCKED_POLL },    /* epoll_pwait, ppoll */
		{ 72, BLOCKED_POLL },	   { 441, BLOCKED_POLL },   /* pselect6, epoll_pwait2 */
		{ 202, BLOCKED_SOCKET },   { 242, BLOCKED_SOCKET }, /* accept, accept4 */
		{ 203, BLOCKED_SOCKET },   { 207, BLOCKED_SOCKET }, /* connect, recvfrom */
		{ 206, BLOCKED_SOCKET },   { 212, BLOCKED_SOCKET }, /* sendto, recvmsg */
		{ 101, BLOCKED_SLEEP },	   { 115, BLOCKED_SLEEP },  /* nanosleep, clock_nanosleep */
		{ 82, BLOCKED_DISK },	   { 83, BLOCKED_DISK },    /* fsync, fdatasync */
		{ 4, BLOCKED_DISK },				    /* io_getevents */
		{ 426, BLOCKED_IO_URING },			    /* io_uring_enter */
		{ 63, SYSCALL_FILE },	   { 64, SYSCALL_FILE },    /* read, write */
		{ 71, SYSCALL_FILE },	   { 76, SYSCALL_FILE },    /* sendfile, splice */
		{ 128, SYSCALL_RESTART },			    /* restart_syscall */
		{ 260, BLOCKED_OTHER },	   { 511, BLOCKED_OTHER },  /* wait4; none has this one */
	};
#else
#error "no numbers known for this architecture"
#endif

	(void)state;
	memset(table, 0xff, sizeof(table));
	syscalls_fill(table);
	CHECK(table, expected);
}

static void compat_numbers_have_their_reasons(void **state)
{
	uint8_t table[SYSCALL_TABLE_LEN];
#if defined(__x86_64__)
	static const struct expected expected[] = {
		{ 240, BLOCKED_FUTEX },	   { 422, BLOCKED_FUTEX },  /* futex, futex_time64 */
		{ 168, BLOCKED_POLL },	   { 142, BLOCKED_POLL },   /* poll, _newselect */
		{ 256, BLOCKED_POLL },	   { 319, BLOCKED_POLL },   /* epoll_wait, epoll_pwait */
		{ 413, BLOCKED_POLL },	   { 414, BLOCKED_POLL },   /* pselect6_time64, ppoll_time64 */
		{ 102, BLOCKED_SOCKET },   { 362, BLOCKED_SOCKET }, /* socketcall, connect */
		{ 371, BLOCKED_SOCKET },   { 417, BLOCKED_SOCKET }, /* recvfrom, recvmmsg_time64 */
		{ 162, BLOCKED_SLEEP },	   { 407, BLOCKED_SLEEP },  /* nanosleep, clock_nanosleep_time64 */
		{ 118, BLOCKED_DISK },	   { 148, BLOCKED_DISK },   /* fsync, fdatasync */
		{ 416, BLOCKED_DISK },				    /* io_pgetevents_time64 */
		{ 426, BLOCKED_IO_URING },			    /* io_uring_enter */
		{ 3, SYSCALL_FILE },	   { 4, SYSCALL_FILE },	    /* read, write */
		{ 239, SYSCALL_FILE },	   { 313, SYSCALL_FILE },   /* sendfile64, splice */
		{ 0, SYSCALL_RESTART },				    /* restart_syscall */
		{ 1, BLOCKED_OTHER },	   { 202, BLOCKED_OTHER },  /* exit, getegid32: futex in 64 bits */
		{ 232, BLOCKED_OTHER },	   { 511, BLOCKED_OTHER },  /* fgetxattr: epoll_wait in 64 bits */
	};

#endif
	(void)state;
	memset(table, 0xff, sizeof(table));
	syscalls_fill_compat(table);
#if defined(__x86_64__)
	CHECK(table, expected);
#else
	for (unsigned i = 0; i < SYSCALL_TABLE_LEN; i++)
		assert_int_equal(table[i], BLOCKED_OTHER);
#endif
}

static void buffers_are_where_the_calls_have_them(void **state)
{
	uint8_t table[SYSCALL_TABLE_LEN];
#if defined(__x86_64__)
	static const struct expected expected[] = {
		{ 0, BUFFER_BYTES },	  { 1, BUFFER_BYTES },	    /* read, write */
		{ 45, BUFFER_BYTES },	  { 44, BUFFER_BYTES },	    /* recvfrom, sendto */
		{ 19, BUFFER_VECTOR },	  { 20, BUFFER_VECTOR },    /* readv, writev */
		{ 47, BUFFER_MESSAGE },	  { 46, BUFFER_MESSAGE },   /* recvmsg, sendmsg */
		{ 299, BUFFER_MESSAGES }, { 307, BUFFER_MESSAGES }, /* recvmmsg, sendmmsg */
		{ 40, BUFFER_NONE },	  { 275, BUFFER_NONE },	    /* sendfile, splice */
		{ 426, BUFFER_NONE },				    /* io_uring_enter */
	};
#elif defined(__aarch64__)
	static const struct expected expected[] = {
		{ 63, BUFFER_BYTES },	  { 64, BUFFER_BYTES },	    /* read, write */
		{ 207, BUFFER_BYTES },	  { 206, BUFFER_BYTES },    /* recvfrom, sendto */
		{ 65, BUFFER_VECTOR },	  { 66, BUFFER_VECTOR },    /* readv, writev */
		{ 212, BUFFER_MESSAGE },  { 211, BUFFER_MESSAGE },  /* recvmsg, sendmsg */
		{ 243, BUFFER_MESSAGES }, { 269, BUFFER_MESSAGES }, /* recvmmsg, sendmmsg */
		{ 71, BUFFER_NONE },	  { 76, BUFFER_NONE },	    /* sendfile, splice */
		{ 426, BUFFER_NONE },				    /* io_uring_enter */
	};
#endif

	(void)state;
	memset(table, 0xff, sizeof(table));
	syscalls_fill_buffers(table);
	CHECK(table, expected);
}

/* What the kernel's side does not know it would take for a reason, and index with it. */
static void every_entry_is_a_known_class(void **state)
{
	uint8_t tables[2][SYSCALL_TABLE_LEN];

	(void)state;
	memset(tables, 0xff, sizeof(tables));
	syscalls_fill(tables[0]);
	syscalls_fill_compat(tables[1]);
	for (unsigned i = 0; i < 2 * SYSCALL_TABLE_LEN; i++)
		assert_in_range(tables[i / SYSCALL_TABLE_LEN][i % SYSCALL_TABLE_LEN], 0, SYSCALL_RESTART);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(native_numbers_have_their_reasons),
		cmocka_unit_test(compat_numbers_have_their_reasons),
		cmocka_unit_test(buffers_are_where_the_calls_have_them),
		cmocka_unit_test(every_entry_is_a_known_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
