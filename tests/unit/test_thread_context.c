// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What writers of thread contexts publish, when; and that the header is theirs in C and in C++. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "include/whylate/thread_context.h"

/* WHYLATE_THREAD_CONTEXT_DEFINE is in servers/server.c, which is linked with all tests. */

static const uint8_t trace_id[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static void a_request_is_published_while_it_is_worked_for(void **state)
{
	const struct whylate_thread_ctx_v1 *thread = &whylate_thread_ctx_v1;
	struct whylate_request one, two;
	uint64_t since_ns;

	(void)state;
	whylate_request_begin(&one, trace_id);
	whylate_request_begin(&two, NULL);
	assert_null(otel_thread_ctx_v1);
	whylate_request_take(&one);
	since_ns = thread->since_ns;
	assert_ptr_equal(otel_thread_ctx_v1, &one.record);
	assert_int_equal(thread->request, (uintptr_t)&one);
	assert_memory_equal(otel_thread_ctx_v1->trace_id, trace_id, sizeof(trace_id));
	assert_int_equal(otel_thread_ctx_v1->valid, 1);
	assert_int_equal(otel_thread_ctx_v1->attrs_data_size, 0);
	whylate_request_take(&two);
	assert_ptr_equal(otel_thread_ctx_v1, &two.record);
	assert_memory_equal(thread->left_trace_id, trace_id, sizeof(trace_id));
	assert_int_equal(thread->left_request, (uintptr_t)&one);
	assert_int_equal(thread->left_since_ns, since_ns);
	assert_int_equal(thread->left_until_ns, thread->since_ns);
	whylate_request_leave();
	assert_null(otel_thread_ctx_v1);
	assert_memory_equal(thread->left_trace_id, two.record.trace_id, sizeof(trace_id));
	since_ns = thread->left_until_ns;
	whylate_request_leave();
	assert_int_equal(thread->left_until_ns, since_ns);
}

/* Not inlined: UBSan's check for NULL uses the flags of an addition that ld turns into a lea, which sets
 * none. */
static __attribute__((noinline)) const struct whylate_thread_ctx_v1 *own_thread(void)
{
	return &whylate_thread_ctx_v1;
}

/* A thread makes another request ready, as by a lock that it gives back. */
static void to_queue_another_request_is_no_turning_away(void **state)
{
	const struct whylate_thread_ctx_v1 *thread = own_thread();
	struct whylate_request one, two;
	uint64_t left_ns = thread->left_until_ns;

	(void)state;
	whylate_request_begin(&one, NULL);
	whylate_request_begin(&two, NULL);
	whylate_request_take(&one);
	whylate_request_queue(&two);
	assert_ptr_equal(otel_thread_ctx_v1, &one.record);
	assert_int_equal(thread->left_until_ns, left_ns);
	assert_true(two.queued_at_ns >= thread->since_ns);
	assert_int_equal(two.before, 0);
	whylate_request_queue(&one);
	assert_null(otel_thread_ctx_v1);
	assert_int_equal(one.before, (uintptr_t)thread);
}

static void only_time_in_a_queue_is_waiting(void **state)
{
	const struct whylate_thread_ctx_v1 *thread = &whylate_thread_ctx_v1;
	struct whylate_request request;
	uint64_t began_ns = whylate_now_ns(), least_ns;

	(void)state;
	whylate_request_begin(&request, NULL);
	whylate_request_take(&request);
	assert_int_equal(thread->waited_ns, 0);
	assert_true(thread->since_ns >= began_ns);
	whylate_request_leave();
	whylate_request_take(&request);
	assert_int_equal(thread->waited_ns, 0);
	for (int i = 0; i < 2; i++) {
		const struct timespec moment = { .tv_nsec = 2000000 };

		least_ns = thread->waited_ns + 2000000;
		whylate_request_queue(&request);
		assert_null(otel_thread_ctx_v1);
		nanosleep(&moment, NULL);
		whylate_request_take(&request);
		assert_true(thread->waited_ns >= least_ns);
	}
	assert_true(thread->waited_ns <= thread->since_ns - began_ns);
	whylate_request_leave();
}

static void trace_ids_differ(void **state)
{
	struct whylate_request one, two;

	(void)state;
	whylate_request_begin(&one, NULL);
	whylate_request_begin(&two, NULL);
	assert_memory_not_equal(one.record.trace_id, two.record.trace_id, sizeof(trace_id));
	assert_memory_not_equal(one.record.span_id, two.record.span_id, sizeof(one.record.span_id));
}

/* A program of its own, as strict as compilers are. */
static void expect_compiles(const char *compiler)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "printf '%%s\\n' '#include \"include/whylate/thread_context.h\"' "
		 "'WHYLATE_THREAD_CONTEXT_DEFINE;' "
		 "'int main(void) { struct whylate_request r; whylate_request_begin(&r, NULL); "
		 "whylate_request_take(&r); whylate_request_queue(&r); return 0; }' | "
		 "%s -I. -Wall -Wextra -Wshadow -Wconversion -Werror -O2 -o /dev/null -",
		 compiler);
	assert_int_equal(system(command), 0);
}

static void it_compiles_as_c_and_as_cxx(void **state)
{
	(void)state;
	expect_compiles("gcc -std=gnu11 -x c");
	expect_compiles("clang -std=c11 -D_POSIX_C_SOURCE=200809L -pedantic -x c");
	expect_compiles("clang -std=c++11 -pedantic -x c++");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_published_while_it_is_worked_for),
		cmocka_unit_test(to_queue_another_request_is_no_turning_away),
		cmocka_unit_test(only_time_in_a_queue_is_waiting),
		cmocka_unit_test(trace_ids_differ),
		cmocka_unit_test(it_compiles_as_c_and_as_cxx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
