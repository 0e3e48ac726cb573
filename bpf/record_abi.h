/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What of thread context records (docs/thread-context.md) crosses the border between the kernel's side and
 * the user's; the rules are abi.h's.
 */
#ifndef WHYLATE_BPF_RECORD_ABI_H
#define WHYLATE_BPF_RECORD_ABI_H

#include "hist.h"

#define TRACE_ID_BYTES 16

/* What a thread says beside its record, as include/whylate/thread_context.h has it. */
struct record_thread {
	__u64 request;
	__u64 since_ns;
	__u64 waited_ns;
	__u64 left_until_ns;
	__u64 left_since_ns;
	__u64 left_request;
	__u8 left_trace_id[TRACE_ID_BYTES];
	__u64 before;
	__u64 before_since_ns;
	__u64 before_until_ns;
};

_Static_assert(sizeof(struct record_thread) == 88, "no hidden padding");

/* Where threads of a process have the two variables: bytes from the thread pointer. */
struct record_place {
	__s64 record;
	__s64 state;
	__u32 has; /* PLACE_...; 0: the process has none */
	__u32 pad;
};

_Static_assert(sizeof(struct record_place) == 24, "no hidden padding");

#define PLACE_RECORD 1u
#define PLACE_STATE  2u

#endif /* WHYLATE_BPF_RECORD_ABI_H */
