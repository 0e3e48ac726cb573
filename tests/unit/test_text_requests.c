// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The text's part on requests: some models to the byte, and what must hold of any. */
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
#include "user/render/text_parts.h"

enum { REPORTS = 300 };

/* Its own workers, too many of them for the CPUs; and what the kernel saw of the whole. */
static void late_behind_itself(struct report *report, struct report_blame *blame,
			       struct report_thread *threads)
{
	struct report_requests *r = &report->requests;
	struct report_scheduling *s = &report->scheduling;

	some_requests(report);
	component(r, COMPONENT_ACCEPT_WAIT, 0, 0, 12 * US, 310 * US, 12300 * US);
	component(r, COMPONENT_SOCKET_BUSY, 310 * US, 700 * US, 1900 * US, 2100 * US, 11 * MS);
	component(r, COMPONENT_SOCKET_RUN_QUEUE, 20 * US, 90 * US, 400 * US, 500 * US, 12 * MS);
	component(r, COMPONENT_ON_CPU, 210 * US, 240 * US, 300 * US, 330 * US, 12200 * US);
	component(r, COMPONENT_RUN_QUEUE_WAKEUP, 180 * US, 2600 * US, 8900 * US, 24 * MS, 1900 * US);
	component(r, COMPONENT_RUN_QUEUE_PREEMPTED, 4 * US, 70 * US, 600 * US, 900 * US, 11900 * US);
	component(r, COMPONENT_BLOCKED_FIRST + BLOCKED_DISK, 9 * US, 30 * US, 700 * US, 1100 * US, 12 * MS);
	component(r, COMPONENT_RESIDUAL, 1 * US, 1 * US, 4 * US, 4 * US, 12300 * US);
	r->quantiles[2].without_ns[WITHOUT_RUN_QUEUE] = 1400 * US;
	behind(r, (const uint64_t[BLAME_KINDS]){ [BLAME_SELF] = 6080 * US,
						 [BLAME_PROCESS] = 3200 * US,
						 [BLAME_KERNEL] = 130 * US,
						 [BLAME_IDLE] = 90 * US });
	r->statuses[STATUS_2XX] -= 57;
	r->statuses[STATUS_5XX] = 56;
	r->statuses[STATUS_UNKNOWN] = 1;
	r->still_sending = 2;
	r->slope = (struct report_slope){ .known = true,
					  .status = STATUS_2XX,
					  .count = 119163,
					  .ns = 1840,
					  .low_ns = 1210,
					  .high_ns = 2470 };
	r->not_counted[NOT_UNANSWERED] = 3;
	r->not_counted[NOT_BEFORE_ATTACH] = 64;
	turns_of(r, TURN_TLS, 17);
	s->wall_ns = 15000 * MS;
	s->on_cpu_ns = 4170 * MS;
	s->run_queue_ns = s->run_queue_cause_ns[AFTER_WAKEUP] = 2540 * MS;
	s->blocked_ns = s->blocked_reason_ns[BLOCKED_POLL] = 8290 * MS;
	s->run_queue[AFTER_WAKEUP].count = s->run_queue[AFTER_WAKEUP].buckets[hist_bucket(5 * MS)] = 500;
	s->run_queue[AFTER_WAKEUP].max_ns = 5200 * US;
	s->utilisation_ratio = 0.417;
	report->threads = threads;
	report->nr_threads = 3;
	report->blame = blame;
	blame[0] = (struct report_blame){ .kind = BLAME_SELF, .ns = 1500 * MS };
	blame[1] =
		(struct report_blame){ .kind = BLAME_PROCESS, .pid = 11966, .comm = "wrk", .ns = 1040 * MS };
	report->nr_blame = 2;
	report->agent.nr_hooks = 2;
	strcpy(report->agent.hooks[0].name, "sched_switch");
	strcpy(report->agent.hooks[1].name, "sk_data_ready");
}

/* Beside the model, as the eye sees it.  After a wanted change, what the failed test printed goes there. */
static void expect_golden(const struct report *report, const char *name)
{
	char path[64], *wanted, *text = rendered(report);

	snprintf(path, sizeof(path), "tests/golden/requests_%s.txt", name);
	wanted = slurp(path);
	if (strcmp(text, wanted)) {
		fputs(text, stdout);
		fail_msg("this is not what %s holds", path);
	}
	expect_plain(text, SCREEN_COLUMNS);
	free(wanted);
	free(text);
}

static void own_threads_are_in_the_way(void **state)
{
	struct report_thread threads[3] = {};
	struct report_blame blame[2];
	struct report report;

	(void)state;
	late_behind_itself(&report, blame, threads);
	expect_golden(&report, "self");
}

/* A proxy, on kernels whose hooks are all there: little to tell, so the scheduling has its room. */
static void upstream_is_slow(void **state)
{
	struct report report;
	struct report_requests *r = &report.requests;

	(void)state;
	some_requests(&report);
	component(r, COMPONENT_ON_CPU, 50 * US, 60 * US, 70 * US, 80 * US, 12200 * US);
	component(r, COMPONENT_RUN_QUEUE_WAKEUP, 5 * US, 6 * US, 7 * US, 8 * US, 12250 * US);
	component(r, COMPONENT_BLOCKED_UPSTREAM, 600 * US, 4050 * US, 13900 * US, 30 * MS, 110 * US);
	behind(r, (const uint64_t[BLAME_KINDS]){ [BLAME_IDLE] = 7 * US });
	r->switches = (struct report_request_switches){ 240000, 300, 1200 };
	r->quantiles[2].switches = (struct report_request_switches){ 2480, 20, 30 }; /* of 1,220 */
	expect_golden(&report, "upstream");
}

static void none_was_answered(void **state)
{
	struct report report, silent;
	char *text, *other;

	(void)state;
	some_requests(&report);
	memset(&report.requests, 0, sizeof(report.requests));
	silent = report;
	report.requests.watched = true;
	turns_of(&report.requests, TURN_TLS, 17);
	report.requests.not_counted[NOT_UNANSWERED] = 3;
	expect_golden(&report, "turns");
	/* What was not watched has no line, nor has what did not happen. */
	text = rendered(&silent);
	assert_null(strstr(text, "equest"));
	silent.requests.watched = true;
	other = rendered(&silent);
	assert_string_equal(text, other);
	free(other);
	/* But of who listens one would expect some. */
	silent.requests.listens = true;
	other = rendered(&silent);
	assert_non_null(strstr(other, "It listens, and no request was seen"));
	expect_plain(other, 100);
	free(text);
	free(other);
}

/* Who was in the way of the tail is said where that was 1 % of it. */
static void small_blame_is_left_out(void **state)
{
	struct report report;
	char *text;

	(void)state;
	for (uint64_t part = 98; part <= 100; part++) {
		tail_of(&report, COMPONENT_RUN_QUEUE_WAKEUP, part, 10000 - part);
		behind(&report.requests, (const uint64_t[BLAME_KINDS]){ [BLAME_KERNEL] = part });
		text = rendered(&report);
		assert_int_equal(lines_with(text, "who had the CPU while"), part > 99);
		assert_int_equal(lines_with(text, "  kernel threads\n"), part > 99);
		free(text);
	}
}

/* The middle of an interval that holds 0 would be read as a cost. */
static void slope_that_can_be_0_is_not_told(void **state)
{
	struct report_slope *slope;
	struct report report;
	char *text;

	(void)state;
	some_requests(&report);
	slope = &report.requests.slope;
	*slope = (struct report_slope){ .known = true, .ns = 777, .low_ns = -1500, .high_ns = 3054 };
	text = rendered(&report);
	assert_int_equal(lines_with(text, "  a switch   costs a request: cannot tell,"), 1);
	assert_non_null(strstr(text, "95 % sure: -1.50 us to 3.05 us\n"));
	assert_null(strstr(text, "777 ns"));
	free(text);
	slope->low_ns = 1;
	text = rendered(&report);
	assert_int_equal(lines_with(text, "  a switch   costs a request 777 ns of CPU,"), 1);
	free(text);
}

/* After the slope where that is known, else before it: then that says least. */
static void switching_has_its_share(void **state)
{
	static const char lines[] = "  switching  4.6 % of CPU time\n             one takes 3.10 us (p50)\n";
	struct report report;
	struct report_switch_cost *direct = &report.scheduling.switch_cost;
	char *text, *at;

	(void)state;
	some_requests(&report);
	report.scheduling.on_cpu_ns = 5961 * MS;
	direct->available = true;
	direct->cost.buckets[hist_bucket(3100)] = direct->cost.count = 100;
	direct->cost.total_ns = 274 * MS;
	text = rendered(&report);
	at = strstr(text, lines);
	assert_non_null(at);
	assert_non_null(strstr(at, "  a switch   costs a request: cannot tell"));
	free(text);
	report.requests.slope =
		(struct report_slope){ .known = true, .ns = 777, .low_ns = 1, .high_ns = 3054 };
	text = rendered(&report);
	at = strstr(text, "  a switch   costs a request 777 ns");
	assert_non_null(at);
	assert_non_null(strstr(at, lines));
	free(text);
	direct->available = false;
	text = rendered(&report);
	assert_null(strstr(text, "switching"));
	assert_null(strstr(text, "CPU time\n"));
	free(text);
}

static void switches_of_one_request_are_told(void **state)
{
	struct report report;
	struct report_request_quantile *tail = &report.requests.quantiles[2];
	struct report_switch_cost *direct = &report.scheduling.switch_cost;
	char *text;

	(void)state;
	some_requests(&report);
	report.requests.switches = (struct report_request_switches){ 120412, 1193, 120 };
	tail->switches = (struct report_request_switches){ 2074, 488, 122 }; /* of 1,220 */
	text = rendered(&report);
	assert_non_null(strstr(text, "\n  switching  1.02 a request, 0.01 preempted, 0.00 migrated\n"
				     "             from p99 on 2.10, 0.40, 0.10\n"));
	free(text);
	report.scheduling.on_cpu_ns = 5961 * MS;
	direct->available = true;
	direct->cost.buckets[hist_bucket(3100)] = direct->cost.count = 100;
	direct->cost.total_ns = 274 * MS;
	tail->switches.voluntary = 24400000;
	text = rendered(&report);
	assert_non_null(strstr(text, "\n  switching  1.02 a request, 0.01 preempted, 0.00 migrated; "
				     "4.6 % of CPU time\n"
				     "             from p99 on 20,000, 0.40, 0.10; one takes 3.10 us "
				     "(p50)\n"));
	free(text);
}

/* What is far below it does not know it; where the intervals have shown it, they say so instead. */
static void capacity_says_how_far_it_can_be_trusted(void **state)
{
	struct report report;
	char *text;

	(void)state;
	some_requests(&report);
	report.scheduling.on_cpu_ns = 5961 * MS; /* of 10 s: 50 us for each of 119,220 */
	text = rendered(&report);
	assert_non_null(strstr(text, "\n  capacity   40,000 a second at most, 59.6 % used, 50.0 us of CPU "
				     "each, 2 CPUs\n"));
	assert_null(strstr(text, "may be more"));
	free(text);
	report.target.cpus_allowed = 3;
	text = rendered(&report);
	assert_int_equal(lines_with(text, "             it may be more: under load a request often takes "
					  "less"),
			 1);
	free(text);
	report.requests.loads =
		(struct report_loads){ true, { 100, 1000 * MS, 9000 * US }, { 4000, 1000 * MS, 200 * MS } };
	text = rendered(&report);
	assert_non_null(strstr(text, "\n             90.0 us each at 100 a second, 50.0 us at 4,000: "
				     "it may be more\n"));
	assert_int_equal(lines_with(text, "may be more"), 1);
	free(text);
}

static void client_stands_beside_the_server(void **state)
{
	struct report report;
	struct report_client *client = &report.requests.client;
	char *text;

	(void)state;
	some_requests(&report);
	*client = (struct report_client){ .present = true, .file = "runs/load.json", .source = "from_due" };
	client->count = 119218;
	for (int i = 0; i < QUANTILES; i++)
		client->ns[i] = report.requests.quantiles[i].latency_ns + 2 * MS;
	text = rendered(&report);
	assert_non_null(strstr(text, "\n  by load.json: 119,218 requests, 119,220 answered here\n"
				     "          from due       here difference\n"));
	assert_int_equal(lines_with(text, "    2.00 ms\n"), QUANTILES);
	assert_int_equal(lines_with(text, "  In between: until it is sent, the network, and until the "
					  "client"),
			 1);
	free(text);
	client->has_sent = true;
	memcpy(client->sent_ns, client->ns, sizeof(client->sent_ns));
	strcpy(client->source, "hlog");
	client->ns[0] /= 20;
	text = rendered(&report);
	assert_int_equal(lines_with(text, "client  from send       here difference\n"), 1);
	assert_int_equal(lines_with(text, "  The client cannot have been faster: these are other requests"),
			 1);
	free(text);
}

/* All that can be there is there: the scheduling gives way first, and losses stay. */
static void everything_at_once_is_one_screen(void **state)
{
	struct report_thread threads[3] = {};
	struct report_blame blame[2];
	struct report report;
	struct report_requests *r = &report.requests;
	char *text;

	(void)state;
	late_behind_itself(&report, blame, threads);
	for (uint32_t i = 0; i < COMPONENTS; i++)
		component(r, i, 1 * MS, 2 * MS, 3 * MS + i, 4 * MS, 5 * MS);
	for (uint64_t ns = 1; ns < 30 * MS; ns *= 2)
		add_latencies(r, ns, 1);
	for (int i = 0; i < STATUSES; i++)
		r->statuses[i] = 987654321;
	for (uint32_t i = 0; i < TURN_PROTOCOLS; i++)
		turns_of(r, i, 987654321);
	for (int i = 0; i < NOT_COUNTED_KINDS; i++)
		r->not_counted[i] = 987654321;
	for (int i = 0; i < LOSS_KINDS; i++)
		report.losses[i] = 987654321;
	r->client = (struct report_client){ .present = true, .file = "load.json", .source = "from_send" };
	report.target.has_exit_status = true;
	report.scheduling.quota = (struct report_quota){ .present = true, .has_counts = true };
	strcpy(report.scheduling.quota.cgroup, "/web");
	report.agent.nr_hooks = REPORT_HOOKS_MAX;
	for (int i = 0; i < REPORT_HOOKS_MAX; i++) {
		snprintf(report.agent.hooks[i].name, sizeof(report.agent.hooks[i].name), "hook_%d", i);
		snprintf(report.agent.hooks[i].without, sizeof(report.agent.hooks[i].without), "part %d", i);
		strcpy(report.agent.hooks[i].how, "absent");
	}
	text = rendered(&report);
	expect_plain(text, SCREEN_COLUMNS);
	assert_int_equal(lines_with(text, "\n  LOST  "), TEXT_LOSSES);
	assert_non_null(strstr(text, "p99.9"));
	assert_non_null(strstr(text, "\n  CPUs "));
	assert_null(strstr(text, "where the time went"));
	free(text);
}

static uint64_t some_figure(void)
{
	uint64_t bits = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();

	switch (rand() % 6) {
	case 0:
		return UINT64_MAX;
	case 1:
		return 0;
	default:
		return bits >> rand() % 64;
	}
}

/* Tenths of a percent of the tail's blame, where there are any. */
static void expect_whole_blame(const char *text)
{
	const char *line = strstr(text, "  who had the CPU while ");
	unsigned whole, tenth, sum = 0;

	if (!line)
		return;
	while ((line = strchr(line, '\n')) && sscanf(++line, "%u.%u %% %*u", &whole, &tenth) == 2)
		sum += 10 * whole + tenth;
	assert_int_equal(sum, 1000);
}

/* Every bar is as wide as every other, or empty where there was no time. */
static void expect_whole_bars(const struct report_requests *r, const char *text)
{
	const char *line = strstr(text, "where their time went\n");

	assert_non_null(line);
	for (int i = 0; i < QUANTILES; i++) {
		bool any = false;

		for (int j = 0; j < COMPONENTS; j++)
			any |= r->quantiles[i].components_ns[j] != 0;
		line = strchr(strchr(line, '\n'), '|') + 1;
		assert_int_equal(strspn(line, "AOWCBUR?"), any ? 50 : 0);
	}
}

/* Figures that fit nothing, up to the largest: no crash, no overflow (UBSan), a screen, whole shares. */
static void any_figures_are_plain_text(void **state)
{
	struct report report;
	struct report_requests *r = &report.requests;

	(void)state;
	srand(1);
	for (int round = 0; round < REPORTS; round++) {
		char *text;

		some_requests(&report);
		report.window.duration_ns = some_figure();
		r->latency.max_ns = some_figure();
		r->still_sending = some_figure();
		r->switches = (struct report_request_switches){ some_figure(), some_figure(), some_figure() };
		report.scheduling.switch_cost.available = rand() % 2;
		report.scheduling.switch_cost.cost.count = (uint64_t)rand() % 2;
		report.scheduling.switch_cost.cost.total_ns = some_figure();
		for (int i = 0; i < QUANTILES; i++) {
			uint64_t *figures = (uint64_t *)&r->quantiles[i].latency_ns;

			for (size_t j = 0; j < sizeof(r->quantiles[i]) / sizeof(*figures) - 1; j++)
				figures[j] = some_figure();
		}
		for (int i = 0; i < STATUSES; i++)
			r->statuses[i] = some_figure();
		for (uint32_t i = 0; i < TURN_PROTOCOLS; i++)
			turns_of(r, i, some_figure());
		for (int i = 0; i < NOT_COUNTED_KINDS; i++)
			r->not_counted[i] = some_figure();
		report.scheduling.on_cpu_ns = some_figure();
		report.target.cpus_allowed = (uint32_t)some_figure();
		if (rand() % 2)
			r->loads = (struct report_loads){ true,
							  { some_figure(), some_figure(), some_figure() },
							  { some_figure(), some_figure(), some_figure() } };
		r->client.present = rand() % 2;
		r->client.has_sent = rand() % 2;
		strcpy(r->client.source, rand() % 2 ? "from_due" : "hlog");
		strcpy(r->client.file, rand() % 2 ? "/tmp/\x1b[31m \xff" : "/");
		for (int i = 0; i < QUANTILES; i++)
			r->client.ns[i] = some_figure();
		r->slope = (struct report_slope){ .known = rand() % 2, .ns = (int64_t)some_figure() };
		r->slope.low_ns = rand() % 2 ? INT64_MIN : (int64_t)some_figure();
		r->slope.high_ns = (int64_t)some_figure();
		r->count = rand() % 4 ? r->count : some_figure();
		text = rendered(&report);
		/* Figures of centuries take room. */
		expect_plain(text, 100);
		if (r->count) {
			expect_whole_bars(r, text);
			expect_whole_blame(text);
		}
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_threads_are_in_the_way),
		cmocka_unit_test(upstream_is_slow),
		cmocka_unit_test(none_was_answered),
		cmocka_unit_test(small_blame_is_left_out),
		cmocka_unit_test(slope_that_can_be_0_is_not_told),
		cmocka_unit_test(switching_has_its_share),
		cmocka_unit_test(switches_of_one_request_are_told),
		cmocka_unit_test(capacity_says_how_far_it_can_be_trusted),
		cmocka_unit_test(client_stands_beside_the_server),
		cmocka_unit_test(everything_at_once_is_one_screen),
		cmocka_unit_test(any_figures_are_plain_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
