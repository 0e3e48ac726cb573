// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A file of its own: the two sets of numbers have the same macro names. */
#include "user/trace/syscalls.h"

#if defined(__x86_64__)
#include <asm/unistd_32.h>
#endif
/* aarch64: its 32-bit numbers are in no installed header, so such tasks' blocks are `other`. */

#include "user/trace/syscalls_table.h"

void syscalls_fill_compat(uint8_t table[SYSCALL_TABLE_LEN])
{
	fill(table);
}
