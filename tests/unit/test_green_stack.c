// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Stacks of green threads: each has its guard and its place, and switching keeps what a function must keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fenv.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "servers/green_stack.h"
#include "servers/green_switch.h"
#include "servers/stack_limit.h"

#define MANY 200u /* in several mappings */

static struct green_context here, there;

/* False where this kernel does not have GUARD. */
static bool begin(enum green_guard guard)
{
	struct err err = {};
	uint32_t most;
	int ret = green_stacks_init(guard, &most, &err);

	if (ret >= 0) {
		assert_int_equal(ret, guard);
		assert_true(most > MANY);
		return true;
	}
	assert_int_equal(guard, GREEN_GUARD_MADVISE);
	assert_non_null(strstr(err.text, "cannot guard a stack by madvise here"));
	print_message("no MADV_GUARD_INSTALL here\n");
	return false;
}

static void check_places(void)
{
	char *stacks[MANY];

	for (uint32_t i = 0; i < MANY; i++) {
		stacks[i] = green_stack_new();
		assert_non_null(stacks[i]);
		assert_int_equal((uintptr_t)stacks[i] % 4096, 0);
		memset(stacks[i], (int)i, green_stack_bytes());
	}
	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal((uint8_t)stacks[i][0], i);
		assert_int_equal((uint8_t)stacks[i][green_stack_bytes() - 1], i);
	}
	for (uint32_t i = 0; i < MANY; i++)
		green_stack_free(stacks[i]);
	/* What is free is used again, the last one first; the last had no place among the warm, and is zero. */
	assert_ptr_equal(green_stack_new(), stacks[MANY - 1]);
	assert_int_equal(stacks[MANY - 1][0], 0);
}

static void test_stacks_do_not_overlap(void **state)
{
	(void)state;
	for (enum green_guard guard = GREEN_GUARD_MADVISE; guard <= GREEN_GUARD_MPROTECT; guard++) {
		if (begin(guard))
			check_places();
		green_stacks_fini();
	}
}

/* More than any stack has; not to be made a loop. */
__attribute__((noinline)) static uint64_t dig(uint64_t depth)
{
	volatile char frame[512];

	memset((char *)frame, (int)depth, sizeof(frame));
	return depth ? dig(depth - 1) + (uint64_t)frame[depth % sizeof(frame)] : 0;
}

static void dig_deep(void *argument)
{
	green_context_begin();
	*(uint64_t *)argument = dig(*(uint64_t *)argument);
	green_switch(&there, &here, true);
}

/* A child digs on a stack whose neighbour below is in use.  Returns how it ended, as of waitpid(). */
static int dig_in_child(uint64_t depth)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		char *below = green_stack_new(), *stack = green_stack_new();

		signal(SIGSEGV, SIG_DFL); /* sanitizers have a word to say */
		memset(below, 1, green_stack_bytes());
		green_context_of_thread(&here);
		green_context_init(&there, stack, green_stack_bytes(), dig_deep, &depth);
		green_switch(&here, &there, false);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_overflow_is_a_fault(void **state)
{
	int status;

	(void)state;
	for (enum green_guard guard = GREEN_GUARD_MADVISE; guard <= GREEN_GUARD_MPROTECT; guard++) {
		if (begin(guard)) {
			status = dig_in_child(10);
			assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
			status = dig_in_child(green_stack_bytes() / 512);
			assert_true(WIFSIGNALED(status));
			assert_int_equal(WTERMSIG(status), SIGSEGV);
		}
		green_stacks_fini();
	}
}

static void test_limit_is_half_of_the_maps(void **state)
{
	(void)state;
	assert_int_equal(stack_limit(0), 0);
	assert_int_equal(stack_limit(2048), 0);
	assert_int_equal(stack_limit(65530), 31741);
	assert_int_equal(stack_limit(UINT64_MAX), UINT32_MAX / 2);
}

/* Without memory there is no stack, and those that are there stay. */
static void test_no_memory_is_no_stack(void **state)
{
	struct rlimit limit, none;
	char *stack;
	uint32_t nr = 0;

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* which need address space themselves */
#endif
	assert_true(begin(GREEN_GUARD_MPROTECT));
	stack = green_stack_new();
	assert_non_null(stack);
	assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
	none = (struct rlimit){ 0, limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	while (green_stack_new())
		nr++;
	assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
	assert_int_equal(nr, 63); /* the rest of the mapping that there was */
	memset(stack, 1, green_stack_bytes());
	assert_non_null(green_stack_new());
	green_stacks_fini();
}

static void test_trim_keeps_what_is_above(void **state)
{
	unsigned char resident[2];
	char *stack;

	(void)state;
	assert_true(begin(GREEN_GUARD_MPROTECT));
	stack = green_stack_new();
	memset(stack, 7, green_stack_bytes());
	green_stack_trim(stack, stack + 4096 + 100);
	assert_int_equal(mincore(stack, 8192, resident), 0);
	assert_int_equal(resident[0] & 1, 0);
	assert_int_equal(resident[1] & 1, 1);
	assert_int_equal(stack[4096], 7);
	assert_int_equal(stack[4095], 0);
	green_stacks_fini();
}

static double third(double one)
{
	volatile double three = 3;

	return one / three;
}

struct numbers {
	uint64_t n[6];
	double third;
};

static void count_up(void *argument)
{
	struct numbers *numbers = argument;
	uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;

	green_context_begin();
	fesetround(FE_UPWARD);
	for (;;) {
		numbers->n[0] = a++;
		numbers->n[1] = b += a;
		numbers->n[2] = c += b;
		numbers->n[3] = d += c;
		numbers->n[4] = e += d;
		numbers->n[5] = f += e;
		numbers->third = third(1);
		green_switch(&there, &here, false);
	}
}

static void test_switches_keep_registers(void **state)
{
	struct numbers numbers;
	uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
	const double down = third(1);
	char *stack;

	(void)state;
	assert_true(begin(GREEN_GUARD_MPROTECT));
	stack = green_stack_new();
	green_context_of_thread(&here);
	green_context_init(&there, stack, green_stack_bytes(), count_up, &numbers);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t before = a;

		green_switch(&here, &there, false);
		a++;
		b += a;
		c += b;
		d += c;
		e += d;
		f += e;
		assert_int_equal(numbers.n[0], before);
		assert_int_equal(numbers.n[1], b);
		assert_int_equal(numbers.n[2], c);
		assert_int_equal(numbers.n[3], d);
		assert_int_equal(numbers.n[4], e);
		assert_int_equal(numbers.n[5], f);
#ifdef __x86_64__ /* its ABI has the control words among what is kept */
		assert_true(numbers.third > down);
		assert_true(third(1) == down);
#endif
	}
	green_context_fini(&there);
	green_stacks_fini();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stacks_do_not_overlap),
		cmocka_unit_test(test_overflow_is_a_fault),
		cmocka_unit_test(test_limit_is_half_of_the_maps),
		cmocka_unit_test(test_no_memory_is_no_stack),
		cmocka_unit_test(test_trim_keeps_what_is_above),
		cmocka_unit_test(test_switches_keep_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
