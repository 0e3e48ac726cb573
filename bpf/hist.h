/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one histogram shape of this project: log-linear, as HdrHistogram's idea of a fixed relative
 * error, in a form that costs a BPF program a shift and an add.
 *
 * Values below 32 ns have a bucket each; above, every octave is cut into 32 equal parts, so that the
 * midpoint of a bucket is never off by more than 1/64 (1.6 %) of the value.  The last bucket ends at
 * 2^36 ns (68.7 s) and also holds everything longer.  Buckets are half open: [from, to).
 *
 * Pure C without includes beyond fixed-width types: compiled for the kernel and for the host, and
 * tests/unit/test_hist.c and bpf/selftest.bpf.c prove that both agree on every edge.
 */
#ifndef WHYLATE_BPF_HIST_H
#define WHYLATE_BPF_HIST_H

#include <linux/types.h>

#ifndef __always_inline /* BPF programs cannot pass or return structs between functions */
#define __always_inline inline __attribute__((always_inline))
#endif

/*
 * A global function where the kernel is to run it: the verifier looks at it once and not once for every way
 * that leads to a call.  All arguments are checked by it, since the callers' knowledge of them is lost.
 */
#if defined(__bpf__)
#define VERIFIED_ONCE __attribute__((noinline, weak))
#else
#define VERIFIED_ONCE static inline
#endif

/* Before a loop of the kernel's side: unrolled, it would keep more values than there is stack for. */
#if defined(__clang__)
#define NOT_UNROLLED _Pragma("clang loop unroll(disable)")
#else
#define NOT_UNROLLED
#endif

#define HIST_SUB_BITS	 5u
#define HIST_SUB_BUCKETS (1u << HIST_SUB_BITS)
#define HIST_OCTAVES	 31u					  /* 2^5 up to 2^36 ns */
#define HIST_BUCKETS	 (HIST_SUB_BUCKETS * (HIST_OCTAVES + 1u)) /* 1024: a power of two, for masking */
#define HIST_LIMIT_NS	 (1ull << (HIST_SUB_BITS + HIST_OCTAVES))

_Static_assert(HIST_BUCKETS == 1024, "bucket indices are masked with HIST_BUCKETS - 1");

/*
 * Position of the highest set bit of VALUE, which must not be 0; BPF has no clz instruction.  Without
 * branches, of which the verifier would walk through all combinations: all bits below the highest are set,
 * and each of the 64 values that are left turns another part of a de Bruijn sequence to the top (the constant
 * and its table as in www.chessprogramming.org/BitScan, bitscan reverse by Kim Walisch and Mark Dickinson).
 */
static __always_inline __u32 hist_log2(__u64 value)
{
	static const __u8 log2_of[64] = {
		0,  47, 1,  56, 48, 27, 2,  60, 57, 49, 41, 37, 28, 16, 3,  61, 54, 58, 35, 52, 50, 42,
		21, 44, 38, 32, 29, 23, 17, 11, 4,  62, 46, 55, 26, 59, 40, 36, 15, 53, 34, 51, 20, 43,
		31, 22, 10, 45, 25, 39, 14, 33, 19, 30, 9,  24, 13, 18, 8,  12, 7,  6,	5,  63,
	};

	value |= value >> 1;
	value |= value >> 2;
	value |= value >> 4;
	value |= value >> 8;
	value |= value >> 16;
	value |= value >> 32;
	return log2_of[value * 0x03f79d71b4cb0a89ull >> 58];
}

/*
 * The bucket that holds VALUE_NS; always below HIST_BUCKETS.  Without branches as well: below
 * HIST_SUB_BUCKETS is what would be the octave before the first one, and all that is too long has the last
 * bucket.
 */
static __always_inline __u32 hist_bucket(__u64 value_ns)
{
	__u64 over = value_ns >> (HIST_SUB_BITS + HIST_OCTAVES), below = (value_ns - HIST_SUB_BUCKETS) >> 63;
	__u32 octave = hist_log2(value_ns | HIST_SUB_BUCKETS) - HIST_SUB_BITS;
	__u32 bucket = ((octave + 1 - (__u32)below) << HIST_SUB_BITS) +
		       ((__u32)(value_ns >> octave) & (HIST_SUB_BUCKETS - 1));

	__asm__("" : "+r"(over)); /* compilers know that what follows is a condition, and would make it one */
	return (bucket | (__u32)((__s64)(0 - over) >> 63)) & (HIST_BUCKETS - 1);
}

/* Lower edge of BUCKET in ns; for BUCKET == HIST_BUCKETS the upper edge of the last. */
static __always_inline __u64 hist_bucket_from_ns(__u32 bucket)
{
	__u32 octave = bucket >> HIST_SUB_BITS;

	if (octave == 0)
		return bucket;
	return (__u64)(HIST_SUB_BUCKETS + (bucket & (HIST_SUB_BUCKETS - 1))) << (octave - 1);
}

/* Upper edge of BUCKET in ns, exclusive. */
static __always_inline __u64 hist_bucket_to_ns(__u32 bucket)
{
	return hist_bucket_from_ns(bucket + 1);
}

#endif /* WHYLATE_BPF_HIST_H */
