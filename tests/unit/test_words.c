// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is made of words and of what words: lists of CPUs, and command lines that a shell reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <cmocka.h>

#include "user/base/cpulist.h"
#include "user/base/quote.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void cpus_are_numbers_and_ranges(void **state)
{
	cpu_set_t cpus, want;

	(void)state;
	assert_int_equal(cpulist_parse(&cpus, "0,2-4,1023"), 0);
	CPU_ZERO(&want);
	CPU_SET(0, &want);
	for (int cpu = 2; cpu <= 4; cpu++)
		CPU_SET(cpu, &want);
	CPU_SET(1023, &want);
	assert_true(CPU_EQUAL(&cpus, &want));
}

static void what_is_no_list_of_cpus_is_refused(void **state)
{
	static const char *const lists[] = { "",    ",",    "0,",  ",0", "-1",	"1-", "3-2",
					     "0x1", "1024", "0 1", "a",	 "1-a", "+1", "99999999999999999999" };
	cpu_set_t cpus;

	(void)state;
	for (size_t i = 0; i < LENGTH(lists); i++)
		if (cpulist_parse(&cpus, lists[i]) != -EINVAL)
			fail_msg("'%s' was taken", lists[i]);
}

static void words_are_quoted_where_a_shell_needs_it(void **state)
{
	char *words[] = { "-R", "1000..2000:5s", "a b", "it's", "", "http://[::1]:80/x?y=1" };
	char *text = quote_command("load", LENGTH(words), words);

	(void)state;
	assert_string_equal(text, "load -R 1000..2000:5s 'a b' 'it'\\''s' '' 'http://[::1]:80/x?y=1'");
	free(text);
	text = quote_command("load", 0, NULL);
	assert_string_equal(text, "load");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpus_are_numbers_and_ranges),
		cmocka_unit_test(what_is_no_list_of_cpus_is_refused),
		cmocka_unit_test(words_are_quoted_where_a_shell_needs_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
