// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The load generator's JSON: the books as they are, one run to the byte, and what the agent reads of it. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fake_load.h"
#include "tools/load/find_max.h"
#include "tools/load/report_json.h"
#include "user/analysis/quantile.h"
#include "user/report/client.h"

/* The value at PATH of names with points between; [N] is the N-th of an array. */
static json_t *at(json_t *value, const char *path)
{
	char name[32];
	int used, index;

	while (*path) {
		if (sscanf(path, "[%d]%n", &index, &used) == 1) {
			value = json_array_get(value, (size_t)index);
		} else {
			assert_int_equal(sscanf(path, "%31[^.[]%n", name, &used), 1);
			value = json_object_get(value, name);
		}
		if (!value)
			fail_msg("nothing is at %s", path);
		path += used;
		path += *path == '.';
	}
	return value;
}

static uint64_t number(json_t *root, const char *path)
{
	json_t *value = at(root, path);

	if (!json_is_integer(value))
		fail_msg("%s is no integer", path);
	return (uint64_t)json_integer_value(value);
}

static uint64_t sum_of(json_t *value)
{
	const char *key;
	uint64_t sum = 0;
	json_t *one;

	if (json_is_integer(value))
		return (uint64_t)json_integer_value(value);
	json_object_foreach(value, key, one) sum += sum_of(one);
	return sum;
}

static uint64_t count_in_buckets(json_t *distribution)
{
	uint64_t sum = 0;
	json_t *one;
	size_t i;

	json_array_foreach(at(distribution, "buckets"), i, one) sum += number(one, "count");
	return sum;
}

static void outcomes_sum_to_due(void **state)
{
	json_t *root;

	(void)state;
	fake_bad_run();
	root = load_report_json(&fake_result);
	assert_int_equal(number(root, "schema_version"), 1);
	assert_int_equal(number(root, "due"), 2000);
	assert_int_equal(sum_of(at(root, "outcomes")), 2000);
	assert_int_equal(number(root, "outcomes.answered.200"), 1200);
	assert_int_equal(number(root, "outcomes.answered.999"), 1);
	assert_int_equal(number(root, "outcomes.failed.closed_within_response"), 2);
	assert_int_equal(number(root, "outcomes.never_sent.no_connection_free"), 90);
	assert_int_equal(number(root, "warmup.due"), 200);
	assert_int_equal(sum_of(at(root, "warmup.outcomes")), 200);
	/* Each has one value. */
	assert_int_equal(number(root, "latency.from_due.count"), 2000);
	assert_int_equal(count_in_buckets(at(root, "latency.from_due")), 2000);
	assert_int_equal(number(root, "latency.from_send.count"), 2000 - 104);
	assert_int_equal(number(root, "latency.by_class.2xx.count"), 1200);
	assert_int_equal(number(root, "latency.by_class.other.count"), 1);
	assert_null(json_object_get(at(root, "latency.by_class"), "1xx"));
	json_decref(root);
}

static void quantiles_say_what_is_not_known(void **state)
{
	json_t *root;

	(void)state;
	fake_bad_run();
	root = load_report_json(&fake_result);
	assert_null(json_object_get(at(root, "latency.from_due.quantiles[0]"), "low_ns"));
	assert_null(json_object_get(at(root, "latency.from_due.quantiles[0]"), "at_least"));
	assert_true(json_is_true(at(root, "latency.from_due.quantiles[4].at_least")));
	assert_int_equal(number(root, "latency.from_due.quantiles[4].ns"), 10 * FAKE_S);
	assert_int_equal(number(root, "latency.from_due.quantiles[4].low_ns"), 10 * FAKE_S);
	assert_true(json_is_null(at(root, "latency.from_due.quantiles[4].high_ns")));
	assert_true(json_is_false(at(root, "lag.could_change_a_quantile")));
	json_decref(root);
	fake_late_run();
	root = load_report_json(&fake_result);
	assert_true(json_is_true(at(root, "lag.could_change_a_quantile")));
	assert_true(number(root, "latency.from_due.quantiles[4].without_lag_ns") <
		    number(root, "latency.from_due.quantiles[4].ns") - 4 * FAKE_MS);
	json_decref(root);
}

/* Nothing was due before it was sent. */
static void closed_loop_has_no_due_times(void **state)
{
	json_t *root;

	(void)state;
	fake_closed_run();
	root = load_report_json(&fake_result);
	assert_null(json_object_get(at(root, "latency"), "from_due"));
	assert_null(json_object_get(at(root, "latency"), "wait_connection"));
	assert_int_equal(number(root, "latency.from_send.count"), 40000);
	assert_true(number(root, "latency.from_send.quantiles[0].without_lag_ns") > 0);
	assert_int_equal(number(root, "plan.cpus[1]"), 1);
	assert_int_equal(number(root, "generator.cpus"), 2);
	assert_true(json_is_true(at(root, "generator.spinning")));
	assert_true(json_is_null(at(root, "window.last_due_ns")));
	json_decref(root);
}

static char *slurp(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = calloc(1, 1 << 18);

	if (!in)
		fail_msg("cannot read %s: run from the project's root", path);
	assert_true(fread(text, 1, (1 << 18) - 1, in) > 0);
	fclose(in);
	return text;
}

/* What is of this machine is of another in the file. */
static void expect_golden(const char *name)
{
	json_t *root = load_report_json(&fake_result), *machine = at(root, "machine");
	char path[64], *text, *wanted;

	json_object_set_new(machine, "kernel", json_string("6.18.0"));
	json_object_set_new(machine, "arch", json_string("x86_64"));
	json_object_set_new(machine, "cpus", json_integer(2));
	json_object_set_new(at(root, "generator"), "cpus", json_integer(2));
	json_object_set_new(at(root, "load"), "version", json_string("0"));
	text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9));
	snprintf(path, sizeof(path), "tests/golden/%s.json", name);
	wanted = slurp(path);
	if (strncmp(text, wanted, strlen(text)) || strcmp(wanted + strlen(text), "\n")) {
		puts(text);
		fail_msg("this is not what %s holds", path);
	}
	free(wanted);
	free(text);
	json_decref(root);
}

/* tests/cli/test_load_schema holds these against docs/load-schema.md. */
static void whole_runs_are_written_so(void **state)
{
	static struct sockaddr_storage sources[2];
	struct load_found found = { .objective = { 0.99, 10 * FAKE_MS }, .plan.duration_ns = FAKE_S };

	(void)state;
	fake_bad_run();
	((struct sockaddr_in *)&sources[0])->sin_family = AF_INET;
	((struct sockaddr_in *)&sources[0])->sin_addr.s_addr = htonl(0x7f000002);
	sources[1].ss_family = AF_INET6;
	((struct sockaddr_in6 *)&sources[1])->sin6_addr = in6addr_loopback;
	fake_plan.sources = sources;
	fake_plan.nr_sources = 2;
	expect_golden("load");
	fake_begin(LOAD_FIND_MAX, 1000);
	fake_plan.objective = found.objective;
	search_begin(&found.search, 1000, 1000000);
	search_take(&found.search, 1000, SEARCH_HELD);
	search_take(&found.search, 2000, SEARCH_FAILED);
	fake_result.found = &found;
	fake_plan.has_cpus = true;
	CPU_SET(1, &fake_plan.cpus);
	expect_golden("load_found");
	/* At 2,000 the server failed once: what the generator could not do decides from the second time on. */
	assert_false(load_found_is_client_bound(&found));
	search_take(&found.search, 2000, SEARCH_CLIENT_BOUND);
	search_take(&found.search, 2000, SEARCH_CLIENT_BOUND);
	assert_true(load_found_is_client_bound(&found));
}

static void agent_reads_what_was_written(void **state)
{
	static void (*const runs[])(void) = { fake_clean_run, fake_closed_run, fake_bad_run, fake_late_run };
	char path[] = "/tmp/whylate-load-XXXXXX", *text;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct report_client client;
		struct err err = {};

		runs[i]();
		assert_int_equal(load_report_json_write(&fake_result, path, &err), 0);
		text = slurp(path);
		if (client_read(text, strlen(text), path, &client, &err))
			fail_msg("%s", err.text);
		free(text);
		assert_string_equal(client.source, runs[i] == fake_closed_run ? "from_send" : "from_due");
		assert_int_equal(client.count, fake_result.books.measured.due);
		for (int j = 0; j < QUANTILES; j++) {
			struct load_quantile ours =
				load_quantile_of(load_result_latency(&fake_result), quantile_list[j]);

			assert_int_equal(hist_bucket(client.ns[j]), hist_bucket(ours.ns));
		}
	}
	unlink(path);
}

static void what_cannot_be_written_is_named(void **state)
{
	struct err err = {};

	(void)state;
	fake_begin(LOAD_RATE, 1000);
	assert_true(load_report_json_write(&fake_result, "/nowhere/load.json", &err) < 0);
	assert_string_equal(err.text, "cannot write /nowhere/load.json: No such file or directory");
	err_clear(&err);
	assert_true(load_report_json_write(&fake_result, "/dev/full", &err) < 0);
	assert_string_equal(err.text, "cannot write /dev/full: No space left on device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_sum_to_due),
		cmocka_unit_test(quantiles_say_what_is_not_known),
		cmocka_unit_test(closed_loop_has_no_due_times),
		cmocka_unit_test(whole_runs_are_written_so),
		cmocka_unit_test(agent_reads_what_was_written),
		cmocka_unit_test(what_cannot_be_written_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
