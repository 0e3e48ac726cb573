// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/syscalls.h"

#include <sys/syscall.h>

#include "user/trace/syscalls_table.h"

void syscalls_fill(uint8_t table[SYSCALL_TABLE_LEN])
{
	fill(table);
}

void syscalls_fill_buffers(uint8_t table[SYSCALL_TABLE_LEN])
{
	memset(table, BUFFER_NONE, SYSCALL_TABLE_LEN);
	table[__NR_read] = table[__NR_write] = BUFFER_BYTES;
	table[__NR_recvfrom] = table[__NR_sendto] = BUFFER_BYTES;
	table[__NR_readv] = table[__NR_writev] = BUFFER_VECTOR;
	table[__NR_recvmsg] = table[__NR_sendmsg] = BUFFER_MESSAGE;
	table[__NR_recvmmsg] = table[__NR_sendmmsg] = BUFFER_MESSAGES;
}
