// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Stored reports whose slowest requests cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/stored_report.h"

static json_t *some_report(void)
{
	struct report report;

	fake_report(&report, 1);
	return stored(&report);
}

static void exemplars_that_cannot_be_are_named(void **state)
{
	static const struct {
		size_t at;
		const char *list, *key, *text;
		json_int_t value;
		const char *sentence;
	} cases[] = {
		{ 1, NULL, "latency_ns", NULL, 7, "'exemplars[1].components_ns' do not sum to latency_ns" },
		{ 1, NULL, "status", "200", 0, "'exemplars[1].status' is none that is known" },
		{ 1, NULL, "trace_id", "0123456789ABCDEF", 0, "'exemplars[1].trace_id' is no trace id" },
		{ 1, "segments", "component", "idle", 0, "'exemplars[1].segments[0].component' is none" },
		{ 1, "segments", "from_ns", NULL, 1, "'exemplars[1].segments' do not cover the latency" },
		{ 1, "segments", "to_ns", NULL, 0, "'exemplars[1].segments' do not cover the latency" },
	};
	json_t *root, *one, *array;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		root = some_report();
		one = json_array_get(json_object_get(root, "exemplars"), cases[i].at);
		if (cases[i].list)
			one = json_array_get(json_object_get(one, cases[i].list), 0);
		json_object_set_new(one, cases[i].key,
				    cases[i].text ? json_string(cases[i].text) :
						    json_integer(cases[i].value));
		expect_refusal(root, cases[i].sentence);
		json_decref(root);
	}
	root = some_report();
	array = json_object_get(json_array_get(json_object_get(root, "exemplars"), 0), "segments");
	/* In two, whatever was made up: one goes, and one is left to be repeated. */
	json_array_insert_new(array, 0, json_deep_copy(json_array_get(array, 0)));
	json_object_set_new(json_array_get(array, 0), "to_ns", json_integer(1));
	json_object_set_new(json_array_get(array, 1), "from_ns", json_integer(1));
	json_array_remove(array, json_array_size(array) - 1);
	expect_refusal(root, "'exemplars[0].segments' do not cover the latency");
	while (json_array_size(array) <= REPORT_SEGMENTS)
		json_array_append(array, json_array_get(array, 0));
	expect_refusal(root, "'exemplars[0].segments' has too many entries");
	json_decref(root);
	root = some_report();
	array = json_object_get(root, "exemplars");
	while (json_array_size(array) <= REPORT_EXEMPLARS)
		json_array_append(array, json_array_get(array, 0));
	expect_refusal(root, "'exemplars' has too many entries");
	while (json_array_size(array) > REPORT_EXEMPLARS)
		json_array_remove(array, 0);
	expect_refusal(root, "].latency_ns' is more than that of the one before");
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exemplars_that_cannot_be_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
