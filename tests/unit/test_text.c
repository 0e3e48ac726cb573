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
#include "tests/unit/text_screen.h"
#include "user/render/text_parts.h"
#include "user/report/report_json.h"

enum { REPORTS = 500 };

/* "12.3" behind the sum and its unit; in tenths. */
static unsigned share_in(const char *line)
{
	unsigned whole, tenth;

	if (sscanf(line, "%*s %*s %u.%u", &whole, &tenth) != 2)
		fail_msg("no share in '%.80s'", line);
	return 10 * whole + tenth;
}

/*
 * Those of the table's rows that hold no other; and what the sentence above says of them.  Requests take the
 * place of the table.
 */
static void expect_shares(const struct report *report, const char *text, unsigned whole)
{
	unsigned on_cpu[2], waiting[2], blocked[2], sum = 0, waits = 0, parts = 0;
	const char *line = strstr(text, " % of their time");

	assert_non_null(line);
	if (report->requests.count)
		return;
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

/* The rows of the blame, where there are any: "  12.3 %     4 ms  WHO". */
static void expect_blame(const char *text)
{
	const char *line = strstr(text, "  who had the CPU during the waits\n");
	unsigned whole, tenth, sum = 0;

	if (!line)
		return;
	while ((line = strchr(line, '\n')) && sscanf(++line, "%u.%u %% %*u", &whole, &tenth) == 2)
		sum += 10 * whole + tenth;
	assert_int_equal(sum, 1000);
}

static void expect_losses(const struct report *report, const char *text)
{
	size_t wanted = 0, lines = 0;

	for (int i = 0; i < LOSS_KINDS; i++)
		wanted += report->losses[i] != 0;
	for (; (text = strstr(text, "\n  LOST  ")); text++)
		lines++;
	assert_int_equal(lines, wanted < TEXT_LOSSES ? wanted : TEXT_LOSSES);
}

static void golden(const char *name)
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
	expect_plain(text, 80);
	expect_shares(&report, text, 1000);
	expect_blame(text);
	expect_losses(&report, text);
	free(text);
	free(wanted);
	report_fini(&report);
}

static void three_hogs_on_a_busy_machine(void **state)
{
	(void)state;
	golden("hogs");
}

/* Every loss, a quota that came late, hooks that are absent, names that are no names: still one screen. */
static void everything_that_can_be_wrong(void **state)
{
	(void)state;
	golden("losses");
}

/* Every component, status and protocol: what was stored is what the live run printed. */
static void requests_of_every_kind(void **state)
{
	(void)state;
	golden("requests");
}

static void slowest_of_a_loop(void **state)
{
	(void)state;
	golden("exemplars");
}

static void any_report_is_plain_text(void **state)
{
	struct report report;

	(void)state;
	for (unsigned seed = 1; seed <= REPORTS; seed++) {
		char *text;

		fake_report(&report, seed);
		if (seed % 8 == 0) /* as a file may say */
			report.scheduling.switch_cost = (struct report_switch_cost){ .method = "left out "
											       "\x1b]0;x\a "
											       "\xff" };
		text = rendered(&report);
		/* Figures of 292 years take room. */
		expect_plain(text, 132);
		expect_shares(&report, text, report.scheduling.wall_ns ? 1000 : 0);
		if (report.scheduling.run_queue_ns)
			expect_blame(text);
		expect_losses(&report, text);
		free(text);
		report_fini(&report);
	}
}

/* Some seed's report in which nothing takes more room than it would in an ordinary one. */
static void ordinary_report(struct report *report, size_t nr_threads, int nr_reasons)
{
	struct report_scheduling *s = &report->scheduling;

	memset(report, 0, sizeof(*report));
	report->target.threads = report->nr_threads = nr_threads;
	report->threads = calloc(nr_threads, sizeof(*report->threads));
	for (size_t i = 0; i < nr_threads; i++)
		report->threads[i].tid = (uint32_t)i + 1;
	for (int i = 0; i < nr_reasons; i++)
		s->blocked_reason_ns[i] = 1000;
	for (int octave = 0; octave < 12; octave++)
		s->run_queue[AFTER_WAKEUP].buckets[octave * HIST_SUB_BUCKETS] = 1;
	s->run_queue[AFTER_WAKEUP].count = 12;
	s->run_queue_ns = s->run_queue_cause_ns[AFTER_WAKEUP] = 7000;
	report->blame = calloc(7, sizeof(*report->blame));
	for (report->nr_blame = 0; report->nr_blame < 7; report->nr_blame++)
		report->blame[report->nr_blame] =
			(struct report_blame){ .kind = BLAME_PROCESS, .pid = 1, .ns = 1000 };
}

/* The bars give way first, then threads and blame; the last row is shown where "1 more" would stand. */
static void what_is_less_important_gives_way(void **state)
{
	struct report report;
	char *text;

	(void)state;
	ordinary_report(&report, 4, 1);
	text = rendered(&report);
	assert_int_equal(lines_with(text, " |#"), 12);
	assert_int_equal(lines_with(text, "(process 1)\n"), 4);
	assert_non_null(strstr(text, "  3 more\n"));
	assert_null(strstr(text, "and 1 more"));
	free(text);
	report_fini(&report);

	ordinary_report(&report, 11, BLOCKED_REASONS);
	report.scheduling.switches_replayed = 1;
	for (int i = 0; i < LOSS_KINDS; i++)
		report.losses[i] = 1;
	text = rendered(&report);
	expect_plain(text, 80);
	expect_blame(text);
	expect_losses(&report, text);
	assert_true(lines_with(text, " |#") < 5);
	assert_non_null(strstr(text, "not announced"));
	assert_non_null(strstr(text, "thread, most waiting first"));
	assert_non_null(strstr(text, "\n  and "));
	free(text);
	text = rendered_as(&report, true);
	assert_int_equal(lines_with(text, " |#"), 12);
	assert_null(strstr(text, "\n  and "));
	expect_blame(text);
	expect_losses(&report, text);
	free(text);
	report_fini(&report);
}

/* A wait that is not over, or began in the window before, was never the longest of this one. */
static void longest_wait_may_not_be_known(void **state)
{
	struct report report;
	char *text;

	(void)state;
	ordinary_report(&report, 4, 1);
	report.threads[0].wall_ns = report.threads[0].sums.run_queue_ns[AFTER_WAKEUP] = 5000000;
	report.threads[1].wall_ns = report.threads[1].sums.run_queue_ns[AFTER_WAKEUP] = 4000000;
	report.threads[1].sums.run_queue_max_ns = 3000000;
	text = rendered(&report);
	assert_non_null(strstr(text, "    5.00 ms          -\n"));
	assert_non_null(strstr(text, "    4.00 ms    3.00 ms\n"));
	free(text);
	report_fini(&report);
}

/* Who leads, and the sentence that the figures allow. */
static void headline_claims_what_is_known(void **state)
{
	static const struct {
		struct report_blame row;
		uint64_t threads;
		const char *sentence;
	} cases[] = {
		{ { .kind = BLAME_IDLE },
		  1,
		  "\n100.0 % of the waiting was the wakeup's own way to a CPU: nobody" },
		{ { .kind = BLAME_OTHER },
		  1,
		  "\nWho had the CPU during 100.0 % of the waiting is not known.\n" },
		{ { .kind = BLAME_QUOTA },
		  1,
		  "\n100.0 % of the waiting was for the CPU quota of its cgroup.\n" },
		{ { .kind = BLAME_SELF }, 1, "\nOf all waiting, 100.0 % was behind itself.\n" },
		{ { .kind = BLAME_SELF },
		  2,
		  "\nOf all waiting, 100.0 % was behind itself (its own threads).\n" },
		{ { .kind = BLAME_KERNEL }, 1, "\nOf all waiting, 100.0 % was behind kernel threads.\n" },
		{ { .kind = BLAME_PROCESS, .pid = 7, .comm = "make" }, 1, " was behind make (process 7).\n" },
		{ { .kind = BLAME_PROCESS, .comm = "cc1" }, 1, " was behind cc1 (other processes).\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct report_blame row = cases[i].row;
		struct report report = { .blame = &row, .nr_blame = 1 };
		char *text;

		row.ns = report.scheduling.run_queue_ns = 5000;
		report.scheduling.run_queue_cause_ns[AFTER_WAKEUP] = 5000;
		report.target.threads = cases[i].threads;
		text = rendered(&report);
		if (!strstr(text, cases[i].sentence))
			fail_msg("no '%s' in %s", cases[i].sentence, text);
		free(text);
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
	assert_non_null(strstr(text, "No wait for a CPU was seen from its beginning to its end; "
				     "they sum to 5.00 ms."));
	free(text);
	report.scheduling.run_queue_ns = report.scheduling.run_queue_cause_ns[AFTER_PREEMPTION] = 0;
	text = rendered(&report);
	assert_non_null(strstr(text, "None ever waited for a CPU."));
	free(text);
}

/* Where it is not known there is no share, and where it is more than the time on a CPU the line is no longer.
 */
static void switches_have_their_share(void **state)
{
	struct report report = {};
	struct report_switch_cost *one = &report.scheduling.switch_cost;
	char *text;

	(void)state;
	report.scheduling.on_cpu_ns = 1000000;
	one->available = true;
	one->own_ns = 725;
	one->cost.count = one->cost.buckets[hist_bucket(3100)] = 100;
	one->cost.total_ns = 310000;
	text = rendered(&report);
	assert_non_null(strstr(text, "\n  one costs  p50 3.10 us, p99 3.10 us without 725 ns of ours; "
				     "31.0 % of CPU time\n"));
	free(text);
	report.scheduling.on_cpu_ns = 300000;
	text = rendered(&report);
	assert_non_null(strstr(text, " of ours; 103 % of CPU time\n"));
	free(text);
	report.scheduling.on_cpu_ns = 0;
	text = rendered(&report);
	assert_non_null(strstr(text, "without 725 ns of ours\n"));
	free(text);
}

static void failed_write_is_an_error(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct report report = {};
	struct err err = {};

	(void)state;
	assert_int_equal(render_text(&report, false, full, &err), -28 /* ENOSPC */);
	assert_non_null(strstr(err.text, "No space left"));
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_hogs_on_a_busy_machine),
		cmocka_unit_test(everything_that_can_be_wrong),
		cmocka_unit_test(requests_of_every_kind),
		cmocka_unit_test(slowest_of_a_loop),
		cmocka_unit_test(any_report_is_plain_text),
		cmocka_unit_test(what_is_less_important_gives_way),
		cmocka_unit_test(longest_wait_may_not_be_known),
		cmocka_unit_test(headline_claims_what_is_known),
		cmocka_unit_test(starved_target_is_not_called_content),
		cmocka_unit_test(switches_have_their_share),
		cmocka_unit_test(failed_write_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
