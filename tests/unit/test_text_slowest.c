// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The text's part on the slowest requests: to the byte, and what must hold of any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_exemplars.h"
#include "tests/unit/fake_requests.h"
#include "tests/unit/text_screen.h"

static struct report report;

static int begin(void **state)
{
	(void)state;
	some_requests(&report);
	return 0;
}

static struct report_exemplar *add(uint64_t latency_ns, int64_t begun_ns, uint32_t status)
{
	struct report_exemplar *e = &report.exemplars.of[report.exemplars.nr++];

	*e = (struct report_exemplar){ .latency_ns = latency_ns,
				       .begun_ns = begun_ns,
				       .status = status,
				       .pid = 4711,
				       .tid = 4712,
				       .comm = "nginx" };
	return e;
}

/* The next part of E, LENGTH_NS of it. */
static struct report_segment *then(struct report_exemplar *e, uint64_t length_ns, uint32_t activity,
				   uint32_t cpu)
{
	struct report_segment *s = &e->segments[e->nr_segments];
	uint64_t from_ns = e->nr_segments++ ? s[-1].to_ns : 0;

	*s = (struct report_segment){ from_ns, from_ns + length_ns, activity, cpu, 0, "" };
	return s;
}

/* The section, heading and all, is WANTED. */
static void expect_section(const char *wanted)
{
	char *text = rendered(&report), *section = strstr(text, "\n  the slowest"), *end;

	assert_non_null(section);
	end = strstr(section, "\n\n");
	assert_non_null(end);
	end[1] = '\0';
	assert_string_equal(section + 1, wanted);
	free(text);
}

static void timeline_is_drawn_and_put_into_words(void **state)
{
	struct report_exemplar *e = add(10 * MS, 1230 * MS, STATUS_2XX);
	struct report_segment *s;

	(void)state;
	then(e, 1 * MS, COMPONENT_ACCEPT_WAIT, REPORT_CPU_UNKNOWN);
	then(e, 1 * MS, COMPONENT_SOCKET_BUSY, 1);
	s = then(e, 3100 * US, COMPONENT_RUN_QUEUE_PREEMPTED, 1);
	s->who_pid = 99;
	strcpy(s->who_comm, "wrk");
	then(e, 2900 * US, COMPONENT_ON_CPU, 1);
	then(e, 2 * MS, COMPONENT_BLOCKED_FIRST + BLOCKED_FUTEX, REPORT_CPU_UNKNOWN);
	e = add(5 * MS, -2 * (int64_t)MS, STATUS_UNKNOWN);
	then(e, 1 * MS, ACTIVITY_UNKNOWN, REPORT_CPU_UNKNOWN);
	then(e, 2 * MS, ACTIVITY_BUSY, 0);
	then(e, 2 * MS, ACTIVITY_MIXED, REPORT_CPU_UNKNOWN);
	expect_section("  the slowest   c on a CPU, for it or for others   ? not known   ~ short turns\n"
		       "  10.0 ms: 2xx by nginx (thread 4712), begun 1.23 s into the window\n"
		       "    |AAAAAOOOOOWWWWWWWWWWWWWWWWCCCCCCCCCCCCCCBBBBBBBBBB|\n"
		       "    3.10 ms waiting for CPU 1 behind wrk; 2.90 ms on CPU 1 for it\n"
		       "  5.00 ms: unknown status by nginx (thread 4712), begun 2.00 ms before the window\n"
		       "    |??????????cccccccccccccccccccc~~~~~~~~~~~~~~~~~~~~|\n"
		       "    2.00 ms on CPU 0; 1.00 ms not known\n");
}

/* Of one segment alone, in words. */
static void every_activity_has_its_words(void **state)
{
	static const struct {
		uint32_t activity, cpu, who_pid;
		const char *comm, *words;
		char letter;
	} cases[] = {
		{ COMPONENT_ACCEPT_WAIT, REPORT_CPU_UNKNOWN, 0, "", "accept queue", 'A' },
		{ COMPONENT_SOCKET_BUSY, 3, 0, "", "unread, its reader busy on CPU 3", 'O' },
		{ COMPONENT_SOCKET_BUSY, REPORT_CPU_UNKNOWN, 0, "", "unread, its reader busy on a CPU", 'O' },
		{ COMPONENT_SOCKET_RUN_QUEUE, 3, 4711, "nginx",
		  "unread, waiting for CPU 3 behind its own threads", 'W' },
		{ COMPONENT_SOCKET_BLOCKED, REPORT_CPU_UNKNOWN, 0, "", "unread, its reader blocked", 'B' },
		{ COMPONENT_ON_CPU, 3, 0, "", "on CPU 3 for it", 'C' },
		{ COMPONENT_BUSY_WITH_OTHERS, 3, 0, "", "busy with others on CPU 3", 'O' },
		{ COMPONENT_RUN_QUEUE_WAKEUP, 3, 0, "", "waiting for CPU 3", 'W' },
		{ COMPONENT_RUN_QUEUE_PREEMPTED, 3, 99, "", "waiting for CPU 3 behind process 99", 'W' },
		{ COMPONENT_BLOCKED_FIRST + BLOCKED_DISK, REPORT_CPU_UNKNOWN, 0, "", "blocked: disk", 'B' },
		{ COMPONENT_BLOCKED_UPSTREAM, REPORT_CPU_UNKNOWN, 0, "", "waiting for an upstream", 'U' },
		{ COMPONENT_RUNTIME_QUEUE, REPORT_CPU_UNKNOWN, 0, "", "runtime's queue", 'R' },
		{ ACTIVITY_BUSY, 3, 0, "", "on CPU 3", 'c' },
		{ ACTIVITY_RUN_QUEUE, 3, 99, "\033wrk", "waiting for CPU 3 behind ?wrk", 'w' },
		{ ACTIVITY_BLOCKED, REPORT_CPU_UNKNOWN, 0, "", "blocked, for one of several reasons", 'b' },
		{ ACTIVITY_UNKNOWN, REPORT_CPU_UNKNOWN, 0, "", "not known", '?' },
		{ ACTIVITY_MIXED, REPORT_CPU_UNKNOWN, 0, "", "short turns", '~' },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct report_segment *s;
		char wanted[120], *text;

		begin(state);
		s = then(add(7 * MS, 0, STATUS_2XX), 7 * MS, cases[i].activity, cases[i].cpu);
		s->who_pid = cases[i].who_pid;
		strcpy(s->who_comm, cases[i].comm);
		text = rendered(&report);
		snprintf(wanted, sizeof(wanted), "%c|\n    7.00 ms %s\n", cases[i].letter, cases[i].words);
		if (!strstr(text, wanted))
			fail_msg("no \"%s\" in: %s", wanted, text);
		free(text);
	}
}

/* Three at most, fewer where the screen is full, none where losses and the like take its room. */
static void they_give_way_on_a_full_screen(void **state)
{
	char *text;

	(void)state;
	for (uint64_t i = 0; i < REPORT_EXEMPLARS; i++)
		then(add((9 - i) * MS, 0, STATUS_2XX), (9 - i) * MS, COMPONENT_ON_CPU, 0);
	for (unsigned most = 3; most >= 2; most--) {
		/* Without latencies there are no bars in the way. */
		report.requests.latency.count = most == 3 ? 0 : report.requests.count;
		text = rendered(&report);
		assert_int_equal(lines_with(text, " by nginx (thread "), most);
		expect_plain(text, SCREEN_COLUMNS);
		free(text);
	}
	for (uint32_t i = 0; i < 12; i++)
		component(&report.requests, i, 1 * MS, 2 * MS, 3 * MS, 4 * MS, 5 * MS);
	text = rendered(&report);
	assert_int_equal(lines_with(text, " by nginx (thread "), 1);
	expect_plain(text, SCREEN_COLUMNS);
	free(text);
	for (uint32_t i = 12; i < COMPONENTS; i++)
		component(&report.requests, i, 1 * MS, 2 * MS, 3 * MS, 4 * MS, 5 * MS);
	for (int i = 0; i < LOSS_KINDS; i++)
		report.losses[i] = 987654321;
	for (uint32_t i = 0; i < TURN_PROTOCOLS; i++)
		turns_of(&report.requests, i, 987654321);
	for (int i = 0; i < NOT_COUNTED_KINDS; i++)
		report.requests.not_counted[i] = 987654321;
	report.agent.nr_hooks = REPORT_HOOKS_MAX;
	for (int i = 0; i < REPORT_HOOKS_MAX; i++) {
		strcpy(report.agent.hooks[i].how, "absent");
		snprintf(report.agent.hooks[i].without, sizeof(report.agent.hooks[i].without), "part %d", i);
	}
	text = rendered(&report);
	assert_int_equal(lines_with(text, "\n  the slowest"), 0);
	expect_plain(text, SCREEN_COLUMNS);
	free(text);
	text = rendered_as(&report, true);
	assert_int_equal(lines_with(text, " by nginx (thread "), REPORT_EXEMPLARS);
	expect_plain_lines(text, SCREEN_COLUMNS, SIZE_MAX);
	free(text);
}

/* Figures up to the largest: no crash, a screen, and each bar is whole. */
static void any_exemplars_are_plain_text(void **state)
{
	srand(1);
	for (int round = 0; round < 300; round++) {
		const char *line;
		char *text;

		begin(state);
		memset(&report.exemplars, 0, sizeof(report.exemplars));
		fake_exemplars(&report.exemplars);
		text = rendered(&report);
		/* Figures of centuries take room. */
		expect_plain(text, 100);
		line = strstr(text, "\n  the slowest");
		assert_int_equal(line != NULL, report.exemplars.nr > 0);
		for (size_t i = 0; line && (line = strstr(line, "\n    |")); i++) {
			line += 6;
			assert_int_equal(strspn(line, "AOWCBURcwb?~"),
					 report.exemplars.of[i].latency_ns ? 50 : 0);
		}
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(timeline_is_drawn_and_put_into_words, begin),
		cmocka_unit_test_setup(every_activity_has_its_words, begin),
		cmocka_unit_test_setup(they_give_way_on_a_full_screen, begin),
		cmocka_unit_test_setup(any_exemplars_are_plain_text, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
