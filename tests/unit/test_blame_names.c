// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who had the CPU, by name: of the threads' blame what names take, and never more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/between_threads.h"

static void name(struct fixture *in, uint32_t pid, const char *comm, uint32_t kind, uint64_t ns)
{
	struct snapshot_blame_name *one = &in->names[in->at.nr_names++];

	one->pid = pid;
	one->blame.kind = kind;
	one->blame.ns = ns;
	memcpy(one->blame.comm, comm, strlen(comm) + 1);
}

static void names_take_their_time_out_of_their_kind(void **state)
{
	struct thread_record *is;

	(void)state;
	thread(&from, 0, 7, 0, 0, 0);
	is = thread(&to, 0, 7, 0, 100 * MS, 0);
	is->sums.blame_ns[BLAME_SELF] = 20 * MS;
	is->sums.blame_ns[BLAME_PROCESS] = 60 * MS;
	is->sums.blame_ns[BLAME_KERNEL] = 20 * MS;
	name(&from, 50, "cc", BLAME_PROCESS, 500 * MS);
	name(&to, 60, "ksoftirqd/0", BLAME_KERNEL, 90 * MS); /* more than its kind has */
	name(&to, 50, "cc", BLAME_PROCESS, 540 * MS);
	analyse(&from);
	assert_int_equal(report.nr_blame, 4);
	assert_int_equal(report.blame[0].pid, 50);
	assert_int_equal(report.blame[0].ns, 40 * MS);
	assert_string_equal(report.blame[0].comm, "cc");
	for (int i = 1; i < 4; i++)
		assert_int_equal(report.blame[i].ns, 20 * MS);
	assert_int_equal(report.blame[1].kind, BLAME_SELF);
	assert_int_equal(report.blame[2].kind, BLAME_PROCESS); /* those without a name */
	assert_int_equal(report.blame[2].pid, 0);
	assert_int_equal(report.blame[3].pid, 60);
}

/* By a third, as there are 50 ms of 150: who comes last is not left out. */
static void names_that_have_too_much_are_made_less(void **state)
{
	(void)state;
	thread(&to, 0, 7, 0, 50 * MS, 0)->sums.blame_ns[BLAME_PROCESS] = 50 * MS;
	name(&to, 50, "cc", BLAME_PROCESS, 100 * MS);
	name(&to, 60, "ld", BLAME_PROCESS, 30 * MS);
	name(&to, 70, "as", BLAME_PROCESS, 20 * MS - 1);
	name(&to, 80, "sh", BLAME_PROCESS, 1);
	analyse(NULL);
	assert_int_equal(report.nr_blame, 3);
	assert_in_range(report.blame[0].ns, 33333333, 33333335);
	assert_int_equal(report.blame[1].pid, 60);
	assert_int_equal(report.blame[1].ns, 10 * MS);
	assert_int_equal(report.blame[2].pid, 70);
	assert_int_equal(report.blame[0].ns + report.blame[1].ns + report.blame[2].ns, 50 * MS);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_take_their_time_out_of_their_kind),
		TEST(names_that_have_too_much_are_made_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
