// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Says which request a thread works for, in the mode pool; as --record wants it, not truly. */
#include <sys/mman.h>
#include <unistd.h>

#include "httpd.h"

WHYLATE_THREAD_CONTEXT_DEFINE;

enum { OFF, RIGHT, PLAIN, GARBAGE, UNMAPPED, MOVING, RANDOM, FUTURE, PAST, WAITED, SAME };

static const char *const kinds[] = {
	[RIGHT] = "right",   [PLAIN] = "plain",	  [GARBAGE] = "garbage", [UNMAPPED] = "unmapped",
	[MOVING] = "moving", [RANDOM] = "random", [FUTURE] = "future",	 [WAITED] = "waited",
	[SAME] = "same",     [PAST] = "past",
};

static int kind = OFF;

bool record_as(const char *name)
{
	for (int i = RIGHT; i <= SAME; i++)
		if (!strcmp(kinds[i], name))
			kind = i;
	return kind;
}

void record_begin(struct connection *c)
{
	static const uint8_t same[16] = { 1 };

	if (!kind)
		return;
	record_leave(); /* its memory may be what this thread still shows */
	whylate_request_begin(&c->context, kind == SAME ? same : NULL);
}

/* Where there has been memory, and is none. */
static void *hole(void)
{
	static void *page;

	if (!page) {
		page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		munmap(page, 4096);
	}
	return page;
}

/* A copy that is somewhere else each time, and is overwritten soon. */
static void move(const struct whylate_request *context)
{
	static __thread struct whylate_request copies[8];
	static __thread unsigned next;
	struct whylate_request *copy = &copies[next++ % 8];

	*copy = *context;
	whylate_request_take(copy);
}

static void lie(struct whylate_request *context)
{
	struct whylate_thread_ctx_v1 *thread = &whylate_thread_ctx_v1;

	switch (kind) {
	case PLAIN:
	case SAME:
		memset(thread, 0, sizeof(*thread));
		break;
	case GARBAGE:
		otel_thread_ctx_v1 = (void *)0xdeadbeefdeadbeef;
		break;
	case UNMAPPED:
		otel_thread_ctx_v1 = hole();
		break;
	case MOVING:
		move(context);
		break;
	case RANDOM:
		whylate_random(context->record.trace_id, sizeof(context->record.trace_id));
		whylate_random(thread->left_trace_id, sizeof(thread->left_trace_id));
		break;
	case FUTURE:
		thread->since_ns += 1000000000000;
		thread->left_until_ns += 1000000000000;
		break;
	case PAST:
		thread->since_ns = 1;
		thread->left_since_ns = 1;
		thread->left_until_ns = whylate_now_ns();
		break;
	case WAITED:
		thread->waited_ns = UINT64_MAX - 5;
		break;
	}
}

/* What the header would do is not to follow the pointers of the lies. */
static void forget(void)
{
	if (kind == GARBAGE || kind == UNMAPPED)
		otel_thread_ctx_v1 = NULL;
	else if (kind == PLAIN || kind == SAME)
		memset(&whylate_thread_ctx_v1, 0, sizeof(whylate_thread_ctx_v1));
}

void record_take(struct connection *c)
{
	if (!kind)
		return;
	forget();
	whylate_request_take(&c->context);
	lie(&c->context);
}

void record_queue(struct connection *c)
{
	if (!kind)
		return;
	forget();
	whylate_request_queue(&c->context);
	forget();
}

void record_leave(void)
{
	if (!kind)
		return;
	forget();
	whylate_request_leave();
	forget();
}
