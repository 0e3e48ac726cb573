// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tools/load/replay.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct load_plan plan;
static struct err err;
static char asked[256]; /* "METHOD PATH|" of each line */

static int add(struct load_plan *of, const char *method, const char *path, uint32_t *index, struct err *why)
{
	char *end = asked + strlen(asked);

	assert_ptr_equal(of, &plan);
	if (!strcmp(path, "/refused"))
		return err_set(why, EINVAL, "no such path");
	*index = (uint32_t)strlen(path); /* equal ones share it */
	snprintf(end, sizeof(asked) - (size_t)(end - asked), "%s %s|", method ? method : "-", path);
	return 0;
}

static int read_text(const char *text)
{
	FILE *file = fmemopen((void *)text, strlen(text), "r");
	int ret;

	free(plan.replay);
	memset(&plan, 0, sizeof(plan));
	err_clear(&err);
	*asked = '\0';
	ret = load_replay_read(&plan, file, "log", add, &err);
	fclose(file);
	return ret;
}

static void lines_are_times_and_requests(void **state)
{
	(void)state;
	assert_int_equal(read_text("# begins\n0.5 /a\n\n  0.5\tPOST\t/bb\r\n1.000000001 /a #why\n7 HEAD /c"),
			 0);
	assert_string_equal(asked, "- /a|POST /bb|- /a|HEAD /c|");
	assert_int_equal(plan.nr_replay, 4);
	assert_int_equal(plan.replay[0].due_ns, 0);
	assert_int_equal(plan.replay[1].due_ns, 0);
	assert_int_equal(plan.replay[1].request, 3);
	assert_int_equal(plan.replay[2].due_ns, 500000001);
	assert_int_equal(plan.replay[3].due_ns, 6500000000);
}

static void times_may_count_from_1970(void **state)
{
	(void)state;
	assert_int_equal(read_text("1764163200.123 /\n1764163260.124 /\n"), 0);
	assert_int_equal(plan.replay[1].due_ns, 60001000000);
}

static void many_lines_are_kept(void **state)
{
	enum { LINES = 5000 };
	char *text = malloc(LINES * 16), *end = text;

	(void)state;
	for (int i = 0; i < LINES; i++)
		end += sprintf(end, "%d.%03d #%d\n", i / 1000, i % 1000, i);
	for (char *at = text; (at = strchr(at, '#')); at++)
		*at = '/'; /* each line has a path of its own */
	assert_true((size_t)(end - text) < LINES * 16);
	free(plan.replay);
	memset(&plan, 0, sizeof(plan));
	FILE *file = fmemopen(text, (size_t)(end - text), "r");
	assert_int_equal(load_replay_read(&plan, file, "log", add, &err), 0);
	fclose(file);
	assert_int_equal(plan.nr_replay, LINES);
	for (uint64_t i = 0; i < LINES; i++)
		assert_int_equal(plan.replay[i].due_ns, i * 1000000);
	free(text);
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "#\n", "log has no line to replay; `SECONDS PATH` is one" },
		{ "0 /\n\nx /\n", "log, line 3: a line begins with a time in seconds, as in 1.25, not 'x'" },
		{ "-1 /\n", "log, line 1: a line begins with a time" },
		{ "1s /\n", "not '1s'" },
		{ "1e3 /\n", "not '1e3'" },
		{ "1. /\n", "nine digits" },
		{ "0.0000000001 /\n", "a time in seconds has at most nine digits behind its point" },
		{ "99999999999 /\n", "and fits, not '99999999999'" },
		{ "1 /\n0.9 /\n", "log, line 2: the times must not decrease" },
		{ "1 /\n2 /\n1.5 /\n", "log, line 3: the times must not decrease" },
		{ "1\n", "behind the time comes a path, as in /index.html, or a method and a path, not ''" },
		{ "1 GET\n", "a method and a path, not 'GET'" },
		{ "1 GET index\n", "a method and a path, not 'index'" },
		{ "1 / HTTP/1.1\n", "behind the path the line ends, not 'HTTP/1.1'" },
		{ "1 \x1b[2J\n", "not '?[2J'" },
		{ "1 /\n1 /refused\n", "log, line 2: no such path" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		assert_int_equal(read_text(cases[i].text), -EINVAL);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s' does not say '%s'", err.text, cases[i].says);
	}
}

static void what_cannot_be_read_is_named(void **state)
{
	(void)state;
	free(plan.replay);
	err_clear(&err);
	assert_int_equal(load_replay_open(&plan, "/nowhere", add, &err), -ENOENT);
	assert_string_equal(err.text, "cannot read --replay /nowhere: No such file or directory");
	err_clear(&err);
	assert_int_equal(load_replay_open(&plan, "/", add, &err), -EISDIR);
	assert_string_equal(err.text, "cannot read /: Is a directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_times_and_requests),
		cmocka_unit_test(times_may_count_from_1970),
		cmocka_unit_test(many_lines_are_kept),
		cmocka_unit_test(what_is_wrong_is_named_with_its_line),
		cmocka_unit_test(what_cannot_be_read_is_named),
	};
	int ret = cmocka_run_group_tests(tests, NULL, NULL);

	free(plan.replay);
	return ret;
}
