// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>
#include <cmocka.h>

#include "tools/load/options.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define S	      1000000000ull
#define URL	      "|http://127.0.0.1/"

static struct load_plan plan;
static struct load_options options;
static struct err err;

static void drop(void)
{
	load_options_free(&options);
	free(plan.segments);
	free(plan.sources);
	free(plan.command);
	memset(&plan, 0, sizeof(plan));
	memset(&options, 0, sizeof(options));
	err_clear(&err);
}

/* WORDS are parted by '|'. */
static int read_words(const char *words)
{
	static char copy[512], *argv[64];
	int argc = 1;

	drop();
	snprintf(copy, sizeof(copy), "%s", words);
	argv[0] = "build/load";
	for (char *next = copy; next;)
		argv[argc++] = strsep(&next, "|");
	return load_options_read(&options, &plan, argc, argv, &err);
}

static void all_have_defaults(void **state)
{
	(void)state;
	assert_int_equal(read_words("-R|1000" URL), 0);
	assert_int_equal(plan.mode, LOAD_RATE);
	assert_int_equal(plan.connections, 64);
	assert_int_equal(plan.threads, 0);
	assert_int_equal(plan.duration_ns, 10 * S);
	assert_int_equal(plan.warmup_ns, 0);
	assert_int_equal(plan.timeout_ns, 10 * S);
	assert_int_equal(plan.drain_ns, 10 * S);
	assert_int_equal(plan.arrivals, ARRIVALS_CONSTANT);
	assert_int_equal(plan.seed, 1);
	assert_int_equal(plan.churn, 0);
	assert_false(plan.pick_newest || plan.has_cpus || plan.nr_sources || options.target.remote);
	assert_int_equal(plan.waiting, WAIT_AUTO);
	assert_null(plan.json_path);
	assert_null(options.replay_path);
	assert_int_equal(plan.nr_segments, 1);
	assert_int_equal(plan.segments[0].duration_ns, 10 * S);
	assert_int_equal(options.target.nr_urls, 1);
	assert_string_equal(options.target.urls[0], "http://127.0.0.1/");
	assert_string_equal(plan.command, "load -R 1000 http://127.0.0.1/");
}

static void all_can_be_given(void **state)
{
	(void)state;
	assert_int_equal(read_words("--rate=5|-c8|-t|2|-d2s|--warmup=1s|--timeout=3s|--drain=0s|--arrivals|"
				    "poisson|"
				    "--seed=7|--pick=newest|--churn=9|--connect-rate=100|--cpus=0,2-3|--spin|"
				    "--json=-|--hlog=h|--remote|--source=127.0.0.2,::1"),
			 -EINVAL); /* it lacks the URL, but all are understood */
	assert_string_equal(err.text, "whom to ask? give a URL, as in http://127.0.0.1:8080/");
	assert_int_equal(read_words("--rate=5|-c8|-t|2|-d2s|--warmup=1s|--timeout=3s|--drain=0s|--arrivals|"
				    "poisson|"
				    "--seed=7|--pick=newest|--churn=9|--connect-rate=100|--cpus=0,2-3|--spin|"
				    "--json=-|--hlog=h|--remote|--source=127.0.0.2,::1" URL),
			 0);
	assert_int_equal(plan.connections, 8);
	assert_int_equal(plan.threads, 2);
	assert_int_equal(plan.duration_ns, 2 * S);
	assert_int_equal(plan.warmup_ns, S);
	assert_int_equal(plan.timeout_ns, 3 * S);
	assert_int_equal(plan.drain_ns, 0);
	assert_int_equal(plan.arrivals, ARRIVALS_POISSON);
	assert_int_equal(plan.seed, 7);
	assert_true(plan.pick_newest && plan.has_cpus && options.target.remote);
	assert_int_equal(plan.churn, 9);
	assert_true(plan.connect_rate == 100);
	assert_int_equal(CPU_COUNT(&plan.cpus), 3);
	assert_int_equal(plan.waiting, WAIT_SPIN);
	assert_string_equal(plan.json_path, "-");
	assert_string_equal(plan.hlog_path, "h");
	assert_int_equal(plan.nr_sources, 2);
	assert_int_equal(plan.sources[0].ss_family, AF_INET);
	assert_int_equal(((struct sockaddr_in *)plan.sources)->sin_addr.s_addr, htonl(0x7f000002));
	assert_int_equal(plan.sources[1].ss_family, AF_INET6);
}

static void requests_are_handed_on_as_they_are(void **state)
{
	(void)state;
	assert_int_equal(read_words("--closed|--target=1=http://a/|--target|2=http://a/b|-HA: b|--header|C: "
				    "d|"
				    "--method=PUT|--body=f|--unix=/s"),
			 0);
	assert_int_equal(plan.mode, LOAD_CLOSED);
	assert_int_equal(plan.nr_segments, 0);
	assert_int_equal(plan.duration_ns, 10 * S);
	assert_int_equal(options.target.nr_urls, 0);
	assert_int_equal(options.target.nr_targets, 2);
	assert_string_equal(options.target.targets[1], "2=http://a/b");
	assert_int_equal(options.target.nr_headers, 2);
	assert_string_equal(options.target.headers[0], "A: b");
	assert_string_equal(options.target.method, "PUT");
	assert_string_equal(options.target.body_path, "f");
	assert_string_equal(options.target.unix_path, "/s");
}

static void the_other_modes(void **state)
{
	(void)state;
	assert_int_equal(read_words("--find-max|--slo=p99.9=1.5ms|-d1s|--warmup=1s" URL), 0);
	assert_int_equal(plan.mode, LOAD_FIND_MAX);
	assert_true(plan.objective.q == 0.999);
	assert_int_equal(plan.objective.limit_ns, 1500000);
	assert_int_equal(plan.duration_ns, S);
	assert_int_equal(read_words("--replay|log" URL), 0);
	assert_int_equal(plan.mode, LOAD_REPLAY);
	assert_string_equal(options.replay_path, "log");
}

static void expect_segment(uint32_t at, double from, double to, uint64_t duration_ns)
{
	assert_true(at < plan.nr_segments && plan.segments[at].from_rate == from &&
		    plan.segments[at].to_rate == to);
	assert_int_equal(plan.segments[at].duration_ns, duration_ns);
}

static void schedules_are_steps_and_ramps(void **state)
{
	(void)state;
	assert_int_equal(read_words("-R1000:10s,1000..5000:30s,0.5:500ms" URL), 0);
	assert_int_equal(plan.nr_segments, 3);
	expect_segment(0, 1000, 1000, 10 * S);
	expect_segment(1, 1000, 5000, 30 * S);
	expect_segment(2, 0.5, 0.5, S / 2);
	assert_int_equal(plan.duration_ns, 40 * S + S / 2);
	/* The warm-up comes before them, at their first rate. */
	assert_int_equal(read_words("-R3.7..1.25|-d2s|--warmup=3s" URL), 0);
	assert_int_equal(plan.nr_segments, 2);
	expect_segment(0, 3.7, 3.7, 3 * S);
	expect_segment(1, 3.7, 1.25, 2 * S);
	assert_int_equal(plan.duration_ns, 2 * S);
	assert_int_equal(read_words("-R10:1s|--warmup=3s" URL), 0);
	assert_int_equal(plan.duration_ns, S);
	assert_int_equal(plan.nr_segments, 2);
}

struct refusal {
	const char *words, *says;
};

static void all_refused(const struct refusal *refusals, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		if (read_words(refusals[i].words) != -EINVAL)
			fail_msg("'%s' was taken", refusals[i].words);
		if (!strstr(err.text, refusals[i].says))
			fail_msg("%s: '%s' does not say '%s'", refusals[i].words, err.text, refusals[i].says);
	}
}

static void contradictions_are_named(void **state)
{
	static const struct refusal refusals[] = {
		{ "http://127.0.0.1/", "give exactly one of -R RATE, --closed, --find-max and --replay "
				       "FILE" },
		{ "-R1|--closed" URL, "give exactly one of" },
		{ "-R1|--replay=f" URL, "give exactly one of" },
		{ "--closed|--find-max|--slo=p99=1s" URL, "give exactly one of" },
		{ "-R1|--slo=p99=1s" URL, "--slo is what --find-max looks for" },
		{ "--find-max" URL, "--find-max needs --slo" },
		{ "--find-max|--slo=p98=1s" URL, "--slo takes p50, p75, p90, p95, p99, p99.9, p99.99 or "
						 "max" },
		{ "--find-max|--slo=p99" URL, "--slo takes p50" },
		{ "--find-max|--slo=p99=" URL, "--slo takes a time with its unit, more than 0" },
		{ "--find-max|--slo=max=0s" URL, "more than 0, as in p99=10ms, not 'max=0s'" },
		{ "--find-max|--slo=p99=1s|--hlog=f" URL, "--hlog excludes --find-max" },
		{ "--closed|--arrivals=constant" URL, "--arrivals excludes --closed" },
		{ "--replay=f|--arrivals=poisson" URL, "--arrivals excludes --replay" },
		{ "--replay=f|-d1s" URL, "--duration excludes --replay" },
		{ "--replay=f" URL URL, "--replay takes one URL" },
		{ "--replay=f|--target=1=http://a/" URL, "--replay takes one URL" },
		{ "--closed|--pick=newest" URL, "--pick excludes --closed" },
		{ "-R1|--pick=any" URL, "--pick is oldest or newest, not 'any'" },
		{ "-R1|--arrivals=uniform" URL, "--arrivals is constant or poisson, not 'uniform'" },
		{ "-R1|--spin|--sleep" URL, "--spin and --sleep exclude each other" },
		{ "-R1|--unix=s|--source=127.0.0.1" URL, "--source excludes --unix" },
		{ "-R1|--source=localhost" URL, "--source takes addresses in numbers" },
		{ "-R1|--source=127.0.0.1," URL, "--source takes addresses in numbers" },
		{ "-R1|--cpus=x" URL, "--cpus takes numbers and ranges" },
		{ "-R1|-c0" URL, "--connections must be more than 0" },
		{ "-R1|-c2|-t3" URL, "--threads 3 are more than the 2 --connections" },
		{ "-R1|--json=" URL, "--json and --hlog need the name of a file" },
		{ "-R1|--json=-|--hlog=-" URL, "--json and --hlog cannot both go to -" },
		{ "-R1|--timeout=0s" URL, "--timeout must be more than 0" },
		{ "-R1|--warmup=900000h" URL, "73 years at most" },
		{ "-R1", "whom to ask?" },
		{ "-R1|--frobnicate" URL, "unknown option --frobnicate" },
	};

	(void)state;
	all_refused(refusals, LENGTH(refusals));
}

static void what_is_no_schedule_is_named(void **state)
{
	static const struct refusal refusals[] = {
		{ "-R1:1s|-d1s" URL, "--rate has times of its own: leave out --duration" },
		{ "-R1,2" URL, "--rate: several segments need their times" },
		{ "-R1:1s,2" URL, "--rate: all segments have a time, or the only one has none" },
		{ "-R0" URL, "--rate takes requests a second, more than 0 and at most 1,000,000,000, not "
			     "'0'" },
		{ "-R0.0000000001" URL, "more than 0" },
		{ "-R1000000001" URL, "at most 1,000,000,000" },
		{ "-R1..0:1s" URL, "more than 0" },
		{ "-R1e3" URL, "as in 1000:10s,1000..5000:30s, not '1e3'" },
		{ "-R-1" URL, "not '-1'" },
		{ "-Rnan" URL, "not 'nan'" },
		{ "-R0x10" URL, "not '0x10'" },
		{ "-R1...2" URL, "not '1...2'" },
		{ "-R1." URL, "not '1.'" },
		{ "-R1:1s," URL, "not ''" },
		{ "-R1:5" URL, "--rate takes times with their unit, more than 0" },
		{ "-R1:0s" URL, "--rate takes times with their unit, more than 0" },
		{ "-R1:500000h,1:500000h" URL, "73 years at most, together" },
	};

	(void)state;
	all_refused(refusals, LENGTH(refusals));
}

/* A screen: 40 lines of 100 columns. */
static void help_fits_on_a_screen(void **state)
{
	FILE *there = tmpfile();
	int lines = 0, own = dup(STDOUT_FILENO);
	char line[512];

	(void)state;
	fflush(stdout);
	dup2(fileno(there), STDOUT_FILENO);
	assert_int_equal(read_words("-R|--help|--nonsense"), 1);
	fflush(stdout);
	dup2(own, STDOUT_FILENO);
	close(own);
	rewind(there);
	for (; fgets(line, sizeof(line), there); lines++)
		if (strlen(line) > 101)
			fail_msg("too long: %s", line);
	fclose(there);
	assert_in_range(lines, 30, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_have_defaults),
		cmocka_unit_test(all_can_be_given),
		cmocka_unit_test(requests_are_handed_on_as_they_are),
		cmocka_unit_test(the_other_modes),
		cmocka_unit_test(schedules_are_steps_and_ramps),
		cmocka_unit_test(contradictions_are_named),
		cmocka_unit_test(what_is_no_schedule_is_named),
		cmocka_unit_test(help_fits_on_a_screen),
	};
	int ret = cmocka_run_group_tests(tests, NULL, NULL);

	drop();
	return ret;
}
