/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What each system call means to us: the tables that the kernel's side looks up. */
#ifndef WHYLATE_TRACE_SYSCALLS_H
#define WHYLATE_TRACE_SYSCALLS_H

#include <stdint.h>

#include "bpf/abi.h"

/* By the numbers of this architecture; what is not named is BLOCKED_OTHER. */
void syscalls_fill(uint8_t table[SYSCALL_TABLE_LEN]);

/* By the numbers of its 32-bit tasks. */
void syscalls_fill_compat(uint8_t table[SYSCALL_TABLE_LEN]);

/* Which calls read or write bytes of the caller's, and how (enum syscall_buffer); the rest is zeroed. */
void syscalls_fill_buffers(uint8_t table[SYSCALL_TABLE_LEN]);

#endif /* WHYLATE_TRACE_SYSCALLS_H */
