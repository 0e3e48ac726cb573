// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/syscalls.h"

#include <sys/syscall.h>

#include "user/trace/syscalls_table.h"

void syscalls_fill(uint8_t table[SYSCALL_TABLE_LEN])
{
	fill(table);
}
