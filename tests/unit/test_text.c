// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The text: two stored reports to the byte, and random ones for what must hold of any.
 * After a wanted change of wording: build/agent report tests/golden/X.json > tests/golden/X.txt, and read
 * the difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_report.h"
#include "user/render/render.h"
#include "user/report/report_json.h"

enum { REPORTS = 500 };

static char *slurp(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = calloc(1, 65536);

	if (!in)
		fail_msg("cannot read %s: run from the project's root", path);
	assert_true(fread(text, 1, 65535, in) > 0);
	fclose(in);
	return text;
}

static char *rendered(const struct report *report)
{
	struct err err = {};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(render_text(report, out, &err), 0);
	fclose(out);
	return text;
}

static void expect_plain(const char *text, size_t most_columns, size_t most_lines)
{
	size_t columns = 0, lines = 0;

	for (const char *at = text; *at; at++) {
		if (*at == '\n') {
			lines++;
			columns = 0;
			continue;
		}
		if (*at < ' ' || *at > '~')
			fail_msg("byte 0x%02x in line %zu", (unsigned char)*at, lines + 1);
		if (++columns > most_columns)
			fail_msg("line %zu is longer than %zu columns", lines + 1, most_columns);
	}
	if (lines > most_lines)
		fail_msg("%zu lines, not %zu", lines, most_lines);
}

/* "12.3" behind the sum and its unit; in tenths. */
static unsigned share_in(const char *line)
{
	unsigned whole, tenth;

	if (sscanf(line, "%*s %*s %u.%u", &whole, &tenth) != 2)
		fail_msg("no share in '%.80s'", line);
	return 10 * whole + tenth;
}

/* Those of the table's rows that hold no other; and what the sentence above says of them. */
static void expect_shares(const char *text, unsigned whole)
{
	unsigned on_cpu[2], waiting[2], blocked[2], sum = 0, waits = 0, parts = 0;
	const char *line = strstr(text, " % of their time");

	assert_non_null(line);
	while (line[-1] != '\n')
		line--;
	assert_int_equal(sscanf(line, "%u.%u %% of their time on a CPU, %u.%u %% waiting for one, %u.%u %%",
				&on_cpu[0], &on_cpu[1], &waiting[0], &waiting[1], &blocked[0], &blocked[1]),
			 6);
	for (; (line = strchr(line, '\n'));) {
		line++;
		if (!strncmp(line, "  on a CPU ", 11) || !strncmp(line, "  blocked: ", 11))
			sum += share_in(line + 19);
		else if (!strncmp(line, "  run queue ", 12))
			sum += waits = share_in(line + 19);
		else if (!strncmp(line, "   after ", 9))
			parts += share_in(line + 19);
	}
	assert_int_equal(sum, whole);
	assert_int_equal(parts, waits);
	assert_int_equal(10 * (on_cpu[0] + waiting[0] + blocked[0]) + on_cpu[1] + waiting[1] + blocked[1],
			 whole);
}

static void golden(const char *name, size_t most_lines)
{
	char path[64], *wanted, *text;
	struct report report;
	struct err err = {};
	FILE *in;

	snprintf(path, sizeof(path), "tests/golden/%s.json", name);
	in = fopen(path, "r");
	assert_non_null(in);
	if (report_json_read(in, path, &report, &err))
		fail_msg("%s", err.text);
	fclose(in);
	snprintf(path, sizeof(path), "tests/golden/%s.txt", name);
	wanted = slurp(path);
	text = rendered(&report);
	assert_string_equal(text, wanted);
	expect_plain(text, 80, most_lines);
	expect_shares(text, 1000);
	free(text);
	free(wanted);
	report_fini(&report);
}

static void three_hogs_on_a_busy_machine(void **state)
{
	(void)state;
	golden("hogs", 45);
}

/* Every loss, a quota that came late, hooks that are absent, names that are no names: one screen more. */
static void everything_that_can_be_wrong(void **state)
{
	(void)state;
	golden("losses", 56);
}

static void any_report_is_plain_text(void **state)
{
	struct report report;

	(void)state;
	for (unsigned seed = 1; seed <= REPORTS; seed++) {
		char *text;

		fake_report(&report, seed);
		text = rendered(&report);
		/* Figures of 292 years take room. */
		expect_plain(text, 132, 62);
		expect_shares(text, report.scheduling.wall_ns ? 1000 : 0);
		free(text);
		report_fini(&report);
	}
}

static void starved_target_is_not_called_content(void **state)
{
	struct report report = {};
	char *text;

	(void)state;
	report.scheduling.wall_ns = report.scheduling.run_queue_ns = 5000000;
	report.scheduling.run_queue_cause_ns[AFTER_PREEMPTION] = 5000000;
	text = rendered(&report);
	assert_non_null(strstr(text, "No wait for a CPU ended; those that are open sum to 5.00 ms"));
	free(text);
	report.scheduling.run_queue_ns = report.scheduling.run_queue_cause_ns[AFTER_PREEMPTION] = 0;
	text = rendered(&report);
	assert_non_null(strstr(text, "None ever waited for a CPU."));
	free(text);
}

static void failed_write_is_an_error(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct report report = {};
	struct err err = {};

	(void)state;
	assert_int_equal(render_text(&report, full, &err), -28 /* ENOSPC */);
	assert_non_null(strstr(err.text, "No space left"));
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_hogs_on_a_busy_machine),
		cmocka_unit_test(everything_that_can_be_wrong),
		cmocka_unit_test(any_report_is_plain_text),
		cmocka_unit_test(starved_target_is_not_called_content),
		cmocka_unit_test(failed_write_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
