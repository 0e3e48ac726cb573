// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a load generator stores, as JSON; its other form is test_hlog.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/report/client.h"

static struct report_client client;
static struct err err;

static int read_text(const char *text)
{
	memset(&client, 0xff, sizeof(client));
	memset(&err, 0, sizeof(err));
	return client_read(text, strlen(text), "runs/load.json", &client, &err);
}

static void refuses(const char *text, const char *words)
{
	static const struct report_client nothing;

	if (!read_text(text))
		fail_msg("%s is taken", text);
	if (!strstr(err.text, words))
		fail_msg("%s does not say %s", err.text, words);
	assert_memory_equal(&client, &nothing, sizeof(client));
}

#define BUCKETS(count, from, to)                                                                          \
	"{\"count\": " count ", \"total_ns\": 0, \"max_ns\": " from ", \"buckets\": [{\"from_ns\": " from \
	", \"to_ns\": " to ", \"count\": " count "}]}"
#define LOAD(latency) "{\"schema_version\": 1, \"load\": {}, \"latency\": {" latency "}}"

static void due_comes_first_and_sent_beside_it(void **state)
{
	(void)state;
	assert_int_equal(read_text(LOAD("\"from_due\": " BUCKETS("4", "64", "66") ", \"from_send\": " BUCKETS(
				 "3", "20", "21"))),
			 0);
	assert_true(client.present && client.has_sent);
	assert_string_equal(client.file, "runs/load.json");
	assert_string_equal(client.source, "from_due");
	assert_int_equal(client.count, 4);
	for (int i = 0; i < QUANTILES; i++) {
		assert_int_equal(client.ns[i], 65);
		assert_int_equal(client.sent_ns[i], 20);
	}
}

static void closed_loop_has_only_sent(void **state)
{
	(void)state;
	assert_int_equal(
		read_text(" \n" LOAD("\"from_due\": null, \"from_send\": " BUCKETS("3", "20", "21"))), 0);
	assert_string_equal(client.source, "from_send");
	assert_false(client.has_sent);
	assert_int_equal(client.count, 3);
	assert_int_equal(client.ns[2], 20);
	assert_int_equal(client.sent_ns[2], 0);
	assert_int_equal(read_text(LOAD("\"from_due\": " BUCKETS("4", "64", "66"))), 0);
	assert_string_equal(client.source, "from_due");
	assert_false(client.has_sent);
}

static void log_is_told_by_its_first_byte(void **state)
{
	(void)state;
	refuses("# a log\n", "it holds no latency");
	refuses("[]", "none of a histogram log");
}

static void what_is_none_is_named(void **state)
{
	(void)state;
	refuses("{", "it is no JSON (line 1:");
	refuses("{}", "it has no schema_version, or no latency");
	refuses("{\"schema_version\": 1, \"requests\": {}}", "it has no schema_version, or no latency");
	refuses("{\"schema_version\": 2, \"latency\": {}}", "its schema version is 2, this agent reads 1");
	refuses("{\"schema_version\": 1, \"latency\": 7}", "'latency' is no object; is it what the load");
	refuses(LOAD(""), "'latency.from_send' is missing");
	refuses(LOAD("\"from_send\": 1"), "'latency.from_send' is no object");
	refuses(LOAD("\"from_send\": {}"), "'latency.from_send.buckets' is missing");
	refuses(LOAD("\"from_send\": " BUCKETS("4", "64", "67")), "no edges of a bucket");
	refuses(LOAD("\"from_send\": {\"count\": 0, \"total_ns\": 0, \"max_ns\": 0, \"buckets\": []}"),
		"it holds no latency");
	refuses(LOAD("\"from_send\": {\"count\": 1, \"total_ns\": 0, \"max_ns\": 0, \"buckets\": []}"),
		"'latency.from_send.count' is not the sum of its buckets");
	refuses(LOAD("\"from_send\": " BUCKETS("-4", "64", "66")), "is no whole number");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(due_comes_first_and_sent_beside_it),
		cmocka_unit_test(closed_loop_has_only_sent),
		cmocka_unit_test(log_is_told_by_its_first_byte),
		cmocka_unit_test(what_is_none_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
