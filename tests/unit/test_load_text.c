// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The load generator's text: some runs to the byte, and what must hold of any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_load.h"
#include "tests/unit/text_screen.h"
#include "tools/load/progress.h"
#include "tools/load/report_text.h"

#define MOST_LINES 70 /* of a run in which everything went wrong */

static char text[1 << 16];

static void render(void)
{
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	load_report_text(out, &fake_result);
	assert_false(ferror(out));
	fclose(out);
}

/* Beside the runs, as the eye sees it.  After a wanted change, what the failed test printed goes there. */
static void expect_golden(const char *name)
{
	char path[64], *wanted;

	snprintf(path, sizeof(path), "tests/golden/load_%s.txt", name);
	render();
	wanted = slurp(path);
	if (strcmp(text, wanted)) {
		fputs(text, stdout);
		fail_msg("this is not what %s holds", path);
	}
	free(wanted);
	expect_plain_lines(text, LOAD_TEXT_COLUMNS, MOST_LINES);
	assert_null(strstr(text, " \n"));
}

static void clean_run(void **state)
{
	(void)state;
	fake_clean_run();
	expect_golden("clean");
}

static void closed_run(void **state)
{
	(void)state;
	fake_closed_run();
	expect_golden("closed");
}

static void run_with_all_outcomes(void **state)
{
	(void)state;
	fake_bad_run();
	expect_golden("bad");
}

static void late_generator_says_so_first(void **state)
{
	(void)state;
	fake_late_run();
	expect_golden("late");
	assert_true(!strncmp(text, "The generator was late: ", 24));
}

static void expect_words(const char *words)
{
	if (!strstr(text, words))
		fail_msg("no '%s' in\n%s", words, text);
}

static void run_without_a_connection_has_no_lag(void **state)
{
	(void)state;
	fake_begin(LOAD_RATE, 100);
	fake_result.books.connections_open = 0;
	fake_result.opening_ns = 0;
	fake_never_sent(UNSENT_REFUSED, 1000, FAKE_S);
	render();
	expect_plain_lines(text, LOAD_TEXT_COLUMNS, MOST_LINES);
	assert_true(!strncmp(text, "p50 > 1.00 s, p99 > 1.00 s (1.00 s..) from due, 100 a second\n", 61));
	expect_words("\n100 % not answered\n");
	expect_words("sum 1,000 = due 1,000\n");
	expect_words("  connections   0 of 64 open, 64 opened, 0 failed, 0 reconnects\n"
		     "  all open      not when each had been tried once\n");
	expect_words("  lag of send   not known\n");
}

static void run_that_measured_nothing_says_so(void **state)
{
	(void)state;
	fake_begin(LOAD_RATE, 100);
	fake_warmup(7);
	fake_result.window_ns = 0;
	fake_result.cpu_window_ns = 0;
	fake_result.interrupted = true;
	render();
	expect_plain_lines(text, LOAD_TEXT_COLUMNS, MOST_LINES);
	expect_words("Nothing was measured");
	expect_words("Interrupted: the run is shorter than was planned.");
	expect_words("sum 0 = due 0; warm-up: sum 7 = due 7\n");
}

/* A mistake of the generator's own would be no less visible than one of the server's. */
static void books_that_do_not_close_are_shown(void **state)
{
	(void)state;
	fake_clean_run();
	fake_result.books.measured.due++;
	render();
	expect_words("the books do not close: sum 100,000, but due 100,001; warm-up: sum 10,000 = due "
		     "10,000\n");
}

static void many_statuses_are_told_by_class(void **state)
{
	(void)state;
	fake_begin(LOAD_RATE, 90);
	for (uint32_t i = 100; i < 1000; i++)
		fake_answer(i, 0, 0, 1 + i);
	render();
	expect_plain_lines(text, LOAD_TEXT_COLUMNS, MOST_LINES);
	expect_words("  answered other                                  400\n");
	expect_words("  answered 1xx                                    100\n");
	assert_int_equal(lines_with(text, "\n  answered "), 6);
	expect_words("answered 2xx                  answered 3xx                  answered 4xx\n");
	expect_words("sum 900 = due 900\n");
}

/* The widest that there can be. */
static void figures_of_any_size_fit(void **state)
{
	struct load_books *books = &fake_result.books;

	(void)state;
	fake_begin(LOAD_RATE, 1);
	fake_plan.connections = fake_plan.threads = 999999;
	for (uint64_t i = 1; i < 190; i++)
		fake_answer(200, 1110 * FAKE_MS, HDR_LIMIT_NS / i, 11 * FAKE_S);
	books->measured.answered[200] = books->measured.due = 1ull << 50;
	books->connections_opened = books->connections_failed = books->reconnects = 99999999;
	books->connections_open = 999999;
	books->no_arrival_time = 1ull << 50;
	fake_result.user_bytes = 1ull << 40;
	render();
	expect_plain_lines(text, LOAD_TEXT_COLUMNS, MOST_LINES);
}

static void progress_is_of_the_interval(void **state)
{
	static struct load_books before, nothing;
	char line[128];

	(void)state;
	fake_clean_run();
	load_progress_line(line, sizeof(line), &fake_result.books, &nothing, FAKE_S, 3 * FAKE_S, 11 * FAKE_S);
	assert_string_equal(line, "3.00 s of 11.0 s  110,000/s  p50 115 us  p99 802 us  errors 0  lag p99 "
				  "2.10 us");
	before = fake_result.books;
	for (int i = 0; i < 300; i++)
		fake_answer(i % 3 ? 200 : 500, 0, 9 * FAKE_US, 20 * FAKE_MS);
	fake_unanswered(&fake_result.books.measured.timed_out, 40, FAKE_S);
	load_progress_line(line, sizeof(line), &fake_result.books, &before, FAKE_S / 2, 4 * FAKE_S,
			   11 * FAKE_S);
	assert_string_equal(line, "4.00 s of 11.0 s  600/s  p50 20.0 ms  p99 > 1.00 s  errors 140  lag p99 > "
				  "9.00 us");
	/* In the warm-up there is no latency yet. */
	before = fake_result.books;
	fake_warmup(50);
	load_progress_line(line, sizeof(line), &fake_result.books, &before, FAKE_S, FAKE_S, 0);
	assert_string_equal(line, "1.00 s  50/s  warming up  errors 0");
	load_progress_line(line, 8, &fake_result.books, &before, FAKE_S, FAKE_S, 0);
	assert_string_equal(line, "1.00 s ");
	fake_closed_run();
	load_progress_line(line, sizeof(line), &fake_result.books, &nothing, 10 * FAKE_S, 10 * FAKE_S,
			   10 * FAKE_S);
	assert_string_equal(line, "10.0 s of 10.0 s  4,000/s  p50 113 us  p99 799 us  errors 0  lag p99 400 "
				  "ns");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_run),
		cmocka_unit_test(closed_run),
		cmocka_unit_test(run_with_all_outcomes),
		cmocka_unit_test(late_generator_says_so_first),
		cmocka_unit_test(run_without_a_connection_has_no_lag),
		cmocka_unit_test(run_that_measured_nothing_says_so),
		cmocka_unit_test(books_that_do_not_close_are_shown),
		cmocka_unit_test(many_statuses_are_told_by_class),
		cmocka_unit_test(figures_of_any_size_fit),
		cmocka_unit_test(progress_is_of_the_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
