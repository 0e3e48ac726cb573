/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For servers that move requests between threads: say which request a thread works for, for whoever observes
 * the process from outside.  It costs a few stores; nobody is called, and nobody needs to be there.
 *
 * What is published is the thread context record of OpenTelemetry (OTEP 4947), and beside it, in a second
 * thread-local of the same kind, what that lacks: since when the request is in its present state, and how
 * long it has waited in user space so far.
 *
 *     WHYLATE_THREAD_CONTEXT_DEFINE;                    in one source file of the executable
 *
 *     struct whylate_request context;                   in each request of yours, which threads hand on
 *     whylate_request_begin(&context, trace_id);        its beginning; NULL: a random trace id
 *     whylate_request_take(&context);                   this thread works for it from here on
 *     whylate_request_queue(&context);                  it waits from here on; then put it in the queue
 *     whylate_request_leave();                          no more, and it waits for nothing in this process
 *
 * The reader runs in this very thread or instead of it: hence fences for the compiler alone.  It finds the
 * two variables by their symbols: link with -rdynamic (or --export-dynamic-symbol) or do not strip.
 * docs/thread-context.md has the layout, and what readers can follow.
 *
 * C11 and C++11, GCC and Clang; needs the C library's clock_gettime() and nothing else, which strict C shows
 * with -D_POSIX_C_SOURCE=200809L only.
 */
#ifndef WHYLATE_THREAD_CONTEXT_H
#define WHYLATE_THREAD_CONTEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#ifndef CLOCK_MONOTONIC
#error "thread_context.h needs clock_gettime(): define _POSIX_C_SOURCE 200809L before all includes, or use -std=gnu11"
#endif

#ifdef __cplusplus
#define WHYLATE_ASSERT static_assert
extern "C" {
#else
#define WHYLATE_ASSERT _Static_assert
#endif

/* OTEP 4947, without attributes; an SDK's record may have some behind it. */
struct otel_thread_ctx_v1 {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t valid; /* 1: to be read */
	uint8_t trace_flags;
	uint16_t attrs_data_size; /* in the machine's byte order */
} __attribute__((packed));

WHYLATE_ASSERT(sizeof(struct otel_thread_ctx_v1) == 28, "the standard's layout");
WHYLATE_ASSERT(offsetof(struct otel_thread_ctx_v1, attrs_data_size) == 26, "the standard's layout");

/*
 * What the standard lacks, in each thread.  Requests are told apart by an address of theirs, also when they
 * are open under one trace id at the same time.
 */
struct whylate_thread_ctx_v1 {
	/* While there is a record: */
	uint64_t request;   /* any number that is this request's alone while it is open; 0: not known */
	uint64_t since_ns;  /* CLOCK_MONOTONIC: when this thread took it up */
	uint64_t waited_ns; /* what it had waited in user space by then, in all its queues */
	/* The latest request that this thread turned away from: */
	uint64_t left_until_ns; /* when that was; 0 while the rest is being written */
	uint64_t left_since_ns;
	uint64_t left_request;
	uint8_t left_trace_id[16];
	/* Of `request`: the thread that it came from by a queue, as the address of this variable there; 0:
	 * none. */
	uint64_t before;
	uint64_t before_since_ns; /* that one had it from then */
	uint64_t before_until_ns;
};

WHYLATE_ASSERT(sizeof(struct whylate_thread_ctx_v1) == 88, "read from outside");

/* What the calling thread works for; NULL: nothing. */
extern __attribute__((visibility("default"))) __thread struct otel_thread_ctx_v1 *volatile otel_thread_ctx_v1;
extern __attribute__((visibility("default"))) __thread struct whylate_thread_ctx_v1 whylate_thread_ctx_v1;

#define WHYLATE_THREAD_CONTEXT_DEFINE                                           \
	__thread struct otel_thread_ctx_v1 *volatile otel_thread_ctx_v1 = NULL; \
	__thread struct whylate_thread_ctx_v1 whylate_thread_ctx_v1

/* One request; one thread at a time has it, and hands it on with whatever orders its memory (a mutex, say). */
struct whylate_request {
	uint64_t waited_ns;
	uint64_t queued_at_ns; /* 0: it waits in no queue */
	uint64_t before, before_since_ns, before_until_ns;
	struct otel_thread_ctx_v1 record;
};

/*
 * Not inlined: in between, a scheduler in user space may go on with its green thread in another thread, and
 * the compiler would keep where the variables of the one before are.
 */
#define WHYLATE_NOT_INLINE static __attribute__((noinline, unused))

static inline uint64_t whylate_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void whylate_fence(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Unlike any other, as far as chance goes; no secret.  A child of fork() makes those that its parent makes
 * next. */
static inline void whylate_random(void *bytes, size_t size)
{
	static __thread uint64_t state;
	uint8_t *at = (uint8_t *)bytes;

	if (!state) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		state = ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) ^
			(uint64_t)(uintptr_t)&state * 0xd1342543de82ef95u;
	}
	/* splitmix64 */
	for (size_t i = 0; i < size; i += 8) {
		uint64_t word = state += 0x9e3779b97f4a7c15u;

		word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
		word = (word ^ word >> 27) * 0x94d049bb133111ebu;
		word ^= word >> 31;
		memcpy(at + i, &word, size - i < 8 ? size - i : 8);
	}
}

/* A request begins.  TRACE_ID: 16 bytes, as a traceparent header has it, or NULL.  Nothing is published yet. */
static inline void whylate_request_begin(struct whylate_request *request, const uint8_t *trace_id)
{
	memset(request, 0, sizeof(*request));
	if (trace_id)
		memcpy(request->record.trace_id, trace_id, sizeof(request->record.trace_id));
	else
		whylate_random(request->record.trace_id, sizeof(request->record.trace_id));
	whylate_random(request->record.span_id, sizeof(request->record.span_id));
	request->record.valid = 1;
}

/* The calling thread turns away, at NOW_NS, from what it works for, if it does. */
static inline void whylate_unpublish(uint64_t now_ns)
{
	struct whylate_thread_ctx_v1 *thread = &whylate_thread_ctx_v1;
	const struct otel_thread_ctx_v1 *record = otel_thread_ctx_v1;

	if (!record)
		return;
	thread->left_until_ns = 0;
	whylate_fence();
	thread->left_since_ns = thread->since_ns;
	thread->left_request = thread->request;
	memcpy(thread->left_trace_id, record->trace_id, sizeof(thread->left_trace_id));
	whylate_fence();
	thread->left_until_ns = now_ns;
	whylate_fence();
	otel_thread_ctx_v1 = NULL;
	whylate_fence();
}

/*
 * The calling thread takes REQUEST up, from a queue or not: it works for it until it calls one of the
 * functions below, or this one for another.  Nobody is to free it before.
 */
WHYLATE_NOT_INLINE void whylate_request_take(struct whylate_request *request)
{
	struct whylate_thread_ctx_v1 *thread = &whylate_thread_ctx_v1;
	uint64_t now_ns = whylate_now_ns();

	if (request->queued_at_ns && now_ns > request->queued_at_ns)
		request->waited_ns += now_ns - request->queued_at_ns;
	request->queued_at_ns = 0;
	whylate_unpublish(now_ns);
	thread->request = (uint64_t)(uintptr_t)request;
	thread->since_ns = now_ns;
	thread->waited_ns = request->waited_ns;
	thread->before = request->before;
	thread->before_since_ns = request->before_since_ns;
	thread->before_until_ns = request->before_until_ns;
	whylate_fence();
	otel_thread_ctx_v1 = &request->record;
	whylate_fence();
}

/* The calling thread is about to put REQUEST into a queue: it waits from here on.  What the thread works for,
 * if that is another one, it goes on with. */
WHYLATE_NOT_INLINE void whylate_request_queue(struct whylate_request *request)
{
	struct whylate_thread_ctx_v1 *thread = &whylate_thread_ctx_v1;
	uint64_t now_ns = whylate_now_ns();

	request->before = 0;
	if (otel_thread_ctx_v1 == &request->record) {
		request->before = (uint64_t)(uintptr_t)thread;
		request->before_since_ns = thread->since_ns;
		request->before_until_ns = now_ns;
		whylate_unpublish(now_ns);
	}
	request->queued_at_ns = now_ns;
}

/* The calling thread turns away from what it works for: it is answered, or waits for something that is no
 * queue. */
WHYLATE_NOT_INLINE void whylate_request_leave(void)
{
	whylate_unpublish(whylate_now_ns());
}

#ifdef __cplusplus
}
#endif

#endif /* WHYLATE_THREAD_CONTEXT_H */
