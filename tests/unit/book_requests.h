/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Requests booked into a snapshot, as the kernel's side does it. */
#ifndef WHYLATE_TESTS_BOOK_REQUESTS_H
#define WHYLATE_TESTS_BOOK_REQUESTS_H

#include "bpf/switches.h"
#include "user/trace/snapshot.h"

/* One request as the kernel's side knows it, with one voluntary switch; its latency sums its components. */
struct request {
	__u64 components_ns[COMPONENTS];
	uint32_t status, blame, involuntary, migrations;
};

static inline uint64_t latency_of(const struct request *request)
{
	uint64_t sum_ns = 0;

	for (int i = 0; i < COMPONENTS; i++)
		sum_ns += request->components_ns[i];
	return sum_ns;
}

/* As many as TIMES would lie in another bucket if they had NS less of WHAT. */
static inline void book_without(struct snapshot_requests *in, uint32_t what, uint64_t latency_ns, uint64_t ns,
				uint64_t times)
{
	uint32_t bucket = hist_bucket(latency_ns), without = hist_bucket(latency_ns - ns);

	in->without[what].moves[bucket] -= times;
	in->without[what].moves[without] += times; /* where both are one, nothing */
}

/* Book COUNT of them, as the contract of request_abi.h says; below 0: take them out again. */
static inline void book(struct snapshot_requests *in, const struct request *request, int64_t count)
{
	uint64_t latency_ns = latency_of(request), times = (uint64_t)count;
	uint32_t bucket = hist_bucket(latency_ns);
	struct request_bucket *one = &in->buckets[bucket];

	one->count += times;
	one->latency_ns += times * latency_ns;
	one->statuses[request->status] += times;
	one->voluntary += times;
	one->involuntary += times * request->involuntary;
	one->migrations += times * request->migrations;
	switch_row_book(&in->switches[request->status].rows[switch_row_of(1 + request->involuntary)],
			1 + request->involuntary, request->components_ns[COMPONENT_ON_CPU], count);
	one->blame_ns[request->blame] += times * blamed_ns(request->components_ns);
	for (int i = 0; i < COMPONENTS; i++) {
		uint64_t ns = request->components_ns[i];

		one->components_ns[i] += times * ns;
		book_without(in, (uint32_t)i, latency_ns, ns, times);
	}
	book_without(in, WITHOUT_RUN_QUEUE, latency_ns, blamed_ns(request->components_ns), times);
}

#endif /* WHYLATE_TESTS_BOOK_REQUESTS_H */
