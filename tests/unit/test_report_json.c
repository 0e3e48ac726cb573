// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The stored form: what is written is read, and what is not as it was written is refused by its path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/stored_report.h"
#include "user/analysis/check.h"

enum { REPORTS = 300 };

static void what_is_written_is_read(void **state)
{
	struct report report, back;
	struct check_broken broken;
	struct err err;

	(void)state;
	for (unsigned seed = 1; seed <= REPORTS; seed++) {
		char *text, *again;

		fake_report(&report, seed);
		fake_exemplars(&report.exemplars);
		if (!check_report(&report, CHECK_ALWAYS, &broken))
			fail_msg("seed %u: %s %s", seed, broken.path, broken.what);
		text = written(&report, seed % 2);
		if (read_back(text, &back, &err))
			fail_msg("seed %u: %s", seed, err.text);
		again = written(&back, seed % 2);
		if (strcmp(text, again))
			fail_msg("seed %u: what was read is not what was written", seed);
		assert_int_equal(report.scheduling.wall_ns, back.scheduling.wall_ns);
		assert_int_equal(report.nr_threads, back.nr_threads);
		assert_int_equal(report.requests.nr_buckets, back.requests.nr_buckets);
		assert_int_equal(report.requests.count, back.requests.count);
		assert_true(!memcmp(report.losses, back.losses, sizeof(back.losses)));
		assert_int_equal(report.exemplars.nr, back.exemplars.nr);
		free(text);
		free(again);
		report_fini(&report);
		report_fini(&back);
	}
}

static void one_line_is_one_line(void **state)
{
	struct report report;
	char *text;

	(void)state;
	fake_report(&report, 5);
	text = written(&report, true);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	free(text);
	report_fini(&report);
}

/* Where the walk is. */
static char at_path[200];

/* Whether an entry without which there is nothing to miss: what is not listed there is none. */
static bool lists_what_is_there(void)
{
	static const char *const maps[] = { ".components_ns.", ".by_status.", ".blame_ns." };

	if (!strncmp(at_path, "requests.by_protocol.", 21))
		return !strchr(at_path + 21, '.');
	if (strncmp(at_path, "requests.buckets[", 17) && strncmp(at_path, "exemplars[", 10))
		return false;
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (strstr(at_path, maps[i]))
			return true;
	return false;
}

/* What to do to each key; returns false to leave one alone. */
typedef bool (*change)(json_t *parent, const char *key, json_t *value);

/* What older reports do not have: losses that they could not count, and much of requests or all of it. */
static bool came_later(const char *key)
{
	if (!strcmp(key, "requests") || !strcmp(key, "exemplars") ||
	    !strcmp(key, "kernel_per_worker_bytes") || !strcmp(key, "kernel_per_connection_bytes") ||
	    !strcmp(key, "on_cpu_ratio") || !strcmp(key, "per_request") ||
	    (!strcmp(key, "run_queue") && strstr(at_path, ".without_ns.")))
		return true;
	for (uint32_t i = LOSS_SPAN_CREATE; i < LOSS_KINDS; i++)
		if (!strcmp(key, report_loss_name(i)))
			return true;
	return false;
}

static bool take_away(json_t *parent, const char *key, json_t *value)
{
	(void)value;
	if (came_later(key))
		return false;
	if (lists_what_is_there())
		return false; /* an identity may see it, or none */
	json_object_del(parent, key);
	return true;
}

static bool give_other_type(json_t *parent, const char *key, json_t *value)
{
	json_object_set_new(parent, key, json_is_array(value) ? json_object() : json_array());
	return true;
}

static bool has_sign(const char *key)
{
	return !strncmp(key, "stale_", 6) || !strcmp(key, "begun_ns") ||
	       (!strncmp(at_path, "requests.indirect_switch_cost.", 30) && strcmp(key, "count")) ||
	       !strcmp(key, "difference_ns");
}

static bool make_negative(json_t *parent, const char *key, json_t *value)
{
	if (!json_is_integer(value) || !strcmp(key, "schema_version") || has_sign(key))
		return false;
	json_object_set_new(parent, key, json_integer(-1));
	return true;
}

static bool make_too_large(json_t *parent, const char *key, json_t *value)
{
	static const char *const narrow[] = { "cpus", "cpus_allowed", "exit_status", "tid",
					      "pid",  "who_pid",      "cpu" };

	for (size_t i = 0; i < sizeof(narrow) / sizeof(narrow[0]); i++) {
		if (strcmp(key, narrow[i]) || !json_is_integer(value))
			continue;
		json_object_set_new(parent, key, json_integer((json_int_t)UINT32_MAX + 1));
		return true;
	}
	return false;
}

static bool make_too_long(json_t *parent, const char *key, json_t *value)
{
	char text[400];

	if (!json_is_string(value) || !strcmp(key, "command")) /* that may have any length */
		return false;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	json_object_set_new(parent, key, json_string(text));
	return true;
}

static struct {
	json_t *root;
	change change;
	unsigned changed;
} walk;

static void expect_path(const char *path)
{
	char quoted[202];

	walk.changed++;
	snprintf(quoted, sizeof(quoted), "'%s'", path);
	expect_refusal(walk.root, strcmp(path, "schema_version") ? quoted : "no report of this agent");
}

static void walk_object(json_t *object, const char *path);

static void walk_value(json_t *value, const char *path)
{
	char below[200];
	json_t *child;
	size_t i;

	if (json_is_object(value))
		walk_object(value, path);
	json_array_foreach(value, i, child)
	{
		snprintf(below, sizeof(below), "%s[%zu]", path, i);
		walk_value(child, below);
	}
}

static void walk_object(json_t *object, const char *path)
{
	json_t *all = json_copy(object), *value;
	const char *key;
	char below[200];

	json_object_foreach(all, key, value)
	{
		snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", key);
		snprintf(at_path, sizeof(at_path), "%s", below);
		if (walk.change(object, key, value))
			expect_path(below);
		json_object_set(object, key, value);
		walk_value(value, below);
	}
	json_decref(all);
}

static void refuses(change what, unsigned at_least)
{
	walk.root = full_report();
	walk.change = what;
	walk.changed = 0;
	walk_object(walk.root, "");
	json_decref(walk.root);
	assert_true(walk.changed >= at_least);
}

static void missing_key_is_named(void **state)
{
	(void)state;
	refuses(take_away, 300);
}

static void other_type_is_named(void **state)
{
	(void)state;
	refuses(give_other_type, 300);
}

static void negative_value_is_named(void **state)
{
	(void)state;
	refuses(make_negative, 200);
}

static void too_large_value_is_named(void **state)
{
	(void)state;
	refuses(make_too_large, 6);
}

static void too_long_text_is_named(void **state)
{
	(void)state;
	refuses(make_too_long, 8);
}

/* Integers that fit one by one, and do not together. */
static void broken_identity_is_named(void **state)
{
	static const struct {
		const char *object, *key, *sentence;
	} cases[] = {
		{ "scheduling", "wall_ns", "'scheduling.wall_ns' is not the sum of on-CPU" },
		{ "scheduling", "migrations", "'scheduling.migrations' is not the sum over the threads" },
		{ "target", "threads", "'target.threads' is not the number of living threads" },
		{ "requests", "count", "'requests.count' is not the sum of its buckets" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *root = full_report(), *object = json_object_get(root, cases[i].object);
		json_int_t value = json_integer_value(json_object_get(object, cases[i].key));

		json_object_set_new(object, cases[i].key, json_integer(value + 1));
		expect_refusal(root, cases[i].sentence);
		json_decref(root);
	}
}

/* Figures that follow from the buckets, and others that do not. */
static void requests_that_cannot_be_are_named(void **state)
{
	static const struct {
		const char *list, *map, *key;
		json_int_t value;
		const char *sentence;
	} cases[] = {
		{ "quantiles", NULL, "latency_ns", 7, "'requests.quantiles[0].latency_ns' does not follow" },
		{ "quantiles", NULL, "tail_count", 7, "'requests.quantiles[0].tail_count' does not follow" },
		{ "quantiles", "components_ns", "on_cpu", 7, "[0].components_ns.on_cpu' does not follow" },
		{ "quantiles", "blame_ns", "idle", 7, "[0].blame_ns.idle' does not follow" },
		{ "quantiles", "without_ns", "on_cpu", INT64_MAX, "have a without_ns that cannot be" },
		{ "quantiles", "without_ns", "run_queue", INT64_MAX, "have a without_ns that cannot be" },
		{ "quantiles", "per_request", "voluntary", 7, "[0].per_request.voluntary' does not follow" },
		{ "buckets", "by_status", "2xx", INT64_MAX, "'requests.buckets[0].by_status' does not sum" },
		{ "buckets", NULL, "from_ns", 33, "'requests.buckets[0].from_ns' and to_ns are no edges" },
	};
	json_t *root, *one, *requests;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		root = full_report();
		requests = json_object_get(root, "requests");
		one = json_array_get(json_object_get(requests, cases[i].list), 0);
		if (cases[i].map)
			one = json_object_get(one, cases[i].map);
		json_object_set_new(one, cases[i].key, json_integer(cases[i].value));
		expect_refusal(root, cases[i].sentence);
		json_decref(root);
	}
	root = full_report();
	one = json_object_get(json_object_get(root, "requests"), "client");
	one = json_array_get(json_object_get(one, "quantiles"), 0);
	json_object_set_new(one, "difference_ns", json_integer(7));
	expect_refusal(root, "'requests.client.quantiles[0].difference_ns' does not follow");
	json_decref(root);
	root = full_report();
	one = json_object_get(json_object_get(root, "requests"), "client");
	json_array_clear(json_object_get(one, "quantiles"));
	expect_refusal(root, "'requests.client.quantiles' does not follow");
	json_decref(root);
	root = full_report();
	one = json_object_get(json_object_get(root, "requests"), "indirect_switch_cost");
	json_object_set_new(one, "status", json_string("6xx"));
	expect_refusal(root, "'requests.indirect_switch_cost.status' is none that is known");
	json_decref(root);
	root = full_report();
	requests = json_object_get(root, "requests");
	json_array_set_new(json_object_get(requests, "components"), 3, json_string("socket"));
	expect_refusal(root, "'requests.components' does not follow");
	json_decref(root);
	root = full_report();
	requests = json_object_get(root, "requests");
	one = json_array_get(json_object_get(requests, "buckets"), 0);
	json_array_append(json_object_get(requests, "buckets"), one);
	expect_refusal(root, "'requests.count' is not the sum of its buckets");
	json_decref(root);
}

static void share_that_cannot_be_is_named(void **state)
{
	json_t *root = full_report(), *scheduling = json_object_get(root, "scheduling");

	(void)state;
	json_object_set_new(json_object_get(scheduling, "switch_cost"), "on_cpu_ratio", json_real(7));
	expect_refusal(root, "'scheduling.switch_cost.on_cpu_ratio' does not follow");
	json_decref(root);
}

/* Not known there is null; what follows from the rest is told of them too. */
static void older_reports_lack_some_figures(void **state)
{
	json_t *root = full_report(), *requests = json_object_get(root, "requests"), *one;
	json_t *cost = json_object_get(json_object_get(root, "scheduling"), "switch_cost");
	json_t *ratio = json_deep_copy(json_object_get(cost, "on_cpu_ratio"));
	json_t *each = json_deep_copy(json_object_get(requests, "per_request"));
	struct report report;
	struct err err;
	char *text;
	size_t i;

	(void)state;
	json_object_del(cost, "on_cpu_ratio");
	json_object_del(requests, "per_request");
	json_array_foreach(json_object_get(requests, "quantiles"), i, one)
	{
		json_object_del(one, "per_request");
		json_object_del(json_object_get(one, "without_ns"), "run_queue");
	}
	text = json_dumps(root, 0);
	json_decref(root);
	assert_int_equal(read_back(text, &report, &err), 0);
	assert_false(report.requests.has_without_run_queue);
	free(text);
	text = written(&report, true);
	report_fini(&report);
	root = json_loads(text, 0, NULL);
	requests = json_object_get(root, "requests");
	one = json_array_get(json_object_get(requests, "quantiles"), 0);
	assert_true(json_is_null(json_object_get(json_object_get(one, "without_ns"), "run_queue")));
	assert_true(json_equal(json_object_get(requests, "per_request"), each));
	cost = json_object_get(json_object_get(root, "scheduling"), "switch_cost");
	assert_true(json_is_real(ratio) && json_equal(json_object_get(cost, "on_cpu_ratio"), ratio));
	/* And such a one is read again. */
	assert_int_equal(read_back(text, &report, &err), 0);
	report_fini(&report);
	/* One quantile alone cannot know it. */
	json_object_set_new(json_object_get(one, "without_ns"), "run_queue", json_integer(0));
	expect_refusal(root, "[0].without_ns.run_queue' does not follow");
	json_decref(root);
	json_decref(ratio);
	json_decref(each);
	free(text);
}

static void window_that_cannot_be_is_named(void **state)
{
	static const struct {
		const char *started_at;
		json_int_t duration_ns;
		const char *sentence;
	} cases[] = {
		{ "yesterday", 1, "'window.started_at' is no time in UTC" },
		{ "2026-11-24T06:56:56", 1, "'window.started_at' is no time in UTC" },
		{ "2026-11-24T06:56:56+01:00", 1, "'window.started_at' is no time in UTC" },
		{ "2026-02-29T06:56:56Z", 1, "'window.started_at' is no time in UTC" },
		{ "2026-11-24T06:56:56Z", INT64_MAX, "'window.duration_ns' ends after" },
		{ "2026-11-24T06:56:56Z", 0, "'window.duration_ns' is 0" },
		{ "2026-11-24T06:56:56Z", 1, "'scheduling.utilisation_ratio' is not" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *root = full_report(), *window = json_object_get(root, "window");

		json_object_set_new(window, "started_at", json_string(cases[i].started_at));
		json_object_set_new(window, "duration_ns", json_integer(cases[i].duration_ns));
		expect_refusal(root, cases[i].sentence);
		json_decref(root);
	}
}

/* Whoever needs more adds keys. */
static void unknown_keys_are_passed_over(void **state)
{
	json_t *root = full_report();
	struct report report;
	struct err err;
	char *text;

	(void)state;
	json_object_set_new(root, "more", json_array());
	json_object_set_new(json_object_get(root, "scheduling"), "more", json_integer(1));
	json_object_set_new(json_array_get(json_object_get(root, "threads"), 0), "more", json_null());
	text = json_dumps(root, 0);
	assert_int_equal(read_back(text, &report, &err), 0);
	report_fini(&report);
	free(text);
	json_decref(root);
}

static void failed_write_is_an_error(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct report report;
	struct err err = {};

	(void)state;
	fake_report(&report, 3);
	assert_int_equal(report_json_write(&report, full, false, &err), -28 /* ENOSPC */);
	assert_non_null(strstr(err.text, "No space left"));
	fclose(full);
	report_fini(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(one_line_is_one_line),
		cmocka_unit_test(missing_key_is_named),
		cmocka_unit_test(other_type_is_named),
		cmocka_unit_test(negative_value_is_named),
		cmocka_unit_test(too_large_value_is_named),
		cmocka_unit_test(too_long_text_is_named),
		cmocka_unit_test(broken_identity_is_named),
		cmocka_unit_test(requests_that_cannot_be_are_named),
		cmocka_unit_test(share_that_cannot_be_is_named),
		cmocka_unit_test(older_reports_lack_some_figures),
		cmocka_unit_test(window_that_cannot_be_is_named),
		cmocka_unit_test(unknown_keys_are_passed_over),
		cmocka_unit_test(failed_write_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
