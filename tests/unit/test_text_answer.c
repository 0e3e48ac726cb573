// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The sentence that the text opens with: true, and no more than is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_requests.h"
#include "tests/unit/text_screen.h"

/* The answer as one line. */
static void expect_answer(const struct report *report, const char *wanted)
{
	char *text = rendered(report), *end = strstr(text, "\n\n");

	assert_non_null(end);
	end[0] = '\0';
	for (char *at = text; (at = strchr(at, '\n'));)
		*at = ' ';
	assert_string_equal(text, wanted);
	free(text);
}

static void every_group_has_its_words(void **state)
{
	static const struct {
		uint32_t component;
		uint64_t ns, left_ns;
		const char *answer;
	} cases[] = {
		{ COMPONENT_ACCEPT_WAIT, 9, 1, "90.0 % was waiting in the accept queue." },
		{ COMPONENT_SOCKET_BUSY, 9, 1,
		  "90.0 % went by while this server was busy with other requests." },
		{ COMPONENT_BUSY_WITH_OTHERS, 1, 0,
		  "100.0 % went by while this server was busy with other requests." },
		{ COMPONENT_SOCKET_RUN_QUEUE, 9, 1, "90.0 % was waiting for a CPU." },
		{ COMPONENT_ON_CPU, 3, 1, "75.0 % was work on a CPU for the request itself." },
		{ COMPONENT_SOCKET_BLOCKED, 3, 1, "75.0 % was blocked before the read." },
		{ COMPONENT_BLOCKED_FIRST + BLOCKED_FUTEX, 3, 1,
		  "75.0 % was blocked on a futex (a lock, say)." },
		{ COMPONENT_BLOCKED_FIRST + BLOCKED_OTHER, 3, 1, "75.0 % was blocked for other reasons." },
		{ COMPONENT_BLOCKED_UPSTREAM, 3, 1, "75.0 % was waiting for an upstream." },
		{ COMPONENT_RUNTIME_QUEUE, 3, 1, "75.0 % was waiting in the runtime's own queue." },
		{ COMPONENT_ON_CPU, 1, 3, "75.0 % is not explained." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct report report;
		char wanted[200];

		tail_of(&report, cases[i].component, cases[i].ns * MS, cases[i].left_ns * MS);
		snprintf(wanted, sizeof(wanted), "p99 is 12.2 ms; in those requests %s", cases[i].answer);
		expect_answer(&report, wanted);
	}
}

/* No group has half of it; several reasons to be blocked; a single request. */
static void answer_claims_no_more_than_it_knows(void **state)
{
	struct report report;
	struct report_request_quantile *tail = &report.requests.quantiles[2];

	(void)state;
	tail_of(&report, COMPONENT_ON_CPU, 4 * MS, 3 * MS);
	component(&report.requests, COMPONENT_BLOCKED_UPSTREAM, 0, 0, 3 * MS, 0, 13 * MS);
	expect_answer(&report, "p99 is 12.2 ms; in those requests the largest part, 40.0 %, was work on a "
			       "CPU "
			       "for the request itself.");
	tail_of(&report, COMPONENT_BLOCKED_FIRST + BLOCKED_DISK, 4 * MS, 2 * MS);
	component(&report.requests, COMPONENT_BLOCKED_FIRST + BLOCKED_FAULT, 0, 0, 4 * MS + 1, 0, 13 * MS);
	tail->tail_count = 1;
	expect_answer(&report, "p99 is 12.2 ms; in that request 80.0 % was blocked, of which 50.0 % in page "
			       "faults.");
	/* No time at all: no share of it. */
	some_requests(&report);
	expect_answer(&report, "p99 is 12.2 ms.");
	/* The midpoint of the bucket that holds the longest lies above it. */
	report.requests.latency.max_ns = 12100 * US;
	expect_answer(&report, "p99 is 12.1 ms.");
}

static void blame_reaches_as_far_as_it_is_known(void **state)
{
	static const struct {
		uint32_t kind;
		const char *words;
	} kinds[] = {
		{ BLAME_SELF, "behind this server's own threads." },
		{ BLAME_PROCESS, "behind other processes." },
		{ BLAME_KERNEL, "behind kernel threads." },
		{ BLAME_IDLE, "was the wakeup's own way to a CPU." },
		{ BLAME_QUOTA, "for the CPU quota of its cgroup." },
		{ BLAME_OTHER, "behind somebody not known." },
	};
	static const char start[] = "p99 is 12.2 ms; in those requests 90.0 % was waiting for a CPU";
	struct report report;
	char wanted[200];

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint64_t blame_ns[BLAME_KINDS] = {};

		tail_of(&report, COMPONENT_RUN_QUEUE_PREEMPTED, 9 * MS, 1 * MS);
		blame_ns[(kinds[i].kind + 1) % BLAME_KINDS] = 3 * MS;
		blame_ns[kinds[i].kind] = 6 * MS;
		behind(&report.requests, blame_ns);
		snprintf(wanted, sizeof(wanted), "%s, of which 66.7 %% %s", start, kinds[i].words);
		expect_answer(&report, wanted);
	}
	/* Before the read as well as after it. */
	tail_of(&report, COMPONENT_RUN_QUEUE_WAKEUP, 6 * MS, 1 * MS);
	component(&report.requests, COMPONENT_SOCKET_RUN_QUEUE, 0, 0, 3 * MS, 0, 13 * MS);
	behind(&report.requests, (const uint64_t[BLAME_KINDS]){ [BLAME_SELF] = 9 * MS });
	snprintf(wanted, sizeof(wanted), "%s, of which 100.0 %% behind this server's own threads.", start);
	expect_answer(&report, wanted);
	report.target.threads = 1;
	snprintf(wanted, sizeof(wanted), "%s, of which 100.0 %% behind this server itself.", start);
	expect_answer(&report, wanted);
}

/* The strongest single component, if it is a quarter at least; never the work or what is not known. */
static void what_it_would_be_without(void **state)
{
	struct report report;
	uint64_t *without_ns = report.requests.quantiles[2].without_ns;

	(void)state;
	tail_of(&report, COMPONENT_ON_CPU, 9 * MS, 1 * MS);
	without_ns[COMPONENT_ON_CPU] = without_ns[COMPONENT_RESIDUAL] = 1;
	without_ns[COMPONENT_SOCKET_BUSY] = 9300 * US;
	expect_answer(&report, "p99 is 12.2 ms; in those requests 90.0 % was work on a CPU for the request "
			       "itself.");
	without_ns[COMPONENT_SOCKET_BUSY] = 9100 * US;
	expect_answer(&report, "p99 is 12.2 ms; in those requests 90.0 % was work on a CPU for the request "
			       "itself. "
			       "Without the work for others before the read it would be 9.10 ms.");
	without_ns[COMPONENT_BLOCKED_FIRST + BLOCKED_SLEEP] = 5 * MS;
	expect_answer(&report, "p99 is 12.2 ms; in those requests 90.0 % was work on a CPU for the request "
			       "itself. "
			       "Without the time blocked in a sleep it would be 5.00 ms.");
}

/* It is three components, none of which may make much of it alone; and older reports have no more than these.
 */
static void what_it_would_be_without_any_wait_for_a_cpu(void **state)
{
	struct report report;
	uint64_t *without_ns = report.requests.quantiles[2].without_ns;

	(void)state;
	tail_of(&report, COMPONENT_SOCKET_RUN_QUEUE, 9 * MS, 1 * MS);
	without_ns[COMPONENT_SOCKET_RUN_QUEUE] = 11 * MS;
	without_ns[COMPONENT_RUN_QUEUE_WAKEUP] = 9 * MS;
	without_ns[WITHOUT_RUN_QUEUE] = 1900 * US;
	expect_answer(&report, "p99 is 12.2 ms; in those requests 90.0 % was waiting for a CPU. Without the "
			       "wait for a CPU it would be 1.90 ms.");
	/* What makes more of it alone comes first; of two that make as much, the one alone. */
	without_ns[COMPONENT_BLOCKED_UPSTREAM] = 1900 * US;
	expect_answer(&report, "p99 is 12.2 ms; in those requests 90.0 % was waiting for a CPU. Without the "
			       "upstream it would be 1.90 ms.");
	without_ns[COMPONENT_BLOCKED_UPSTREAM] = 12 * MS;
	report.requests.has_without_run_queue = false;
	expect_answer(&report, "p99 is 12.2 ms; in those requests 90.0 % was waiting for a CPU. Without the "
			       "wait for a CPU after wakeups it would be 9.00 ms.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_group_has_its_words),
		cmocka_unit_test(answer_claims_no_more_than_it_knows),
		cmocka_unit_test(blame_reaches_as_far_as_it_is_known),
		cmocka_unit_test(what_it_would_be_without),
		cmocka_unit_test(what_it_would_be_without_any_wait_for_a_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
