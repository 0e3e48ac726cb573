// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* W3C Trace Context, 3.2: which values of traceparent are valid, and what is taken of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "servers/traceparent.h"
#include "tests/unit/server_talk.h"

#define ID     "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static const uint8_t id[TRACE_ID_BYTES] = { 0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd,
					    0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c };

/* From memory that ends where the value does, for sanitizers. */
static struct traceparent parse(const char *value)
{
	size_t nr = strlen(value);
	char *copy = malloc(nr + !nr);
	struct traceparent trace;

	memcpy(copy, value, nr);
	trace = traceparent_parse(copy, nr);
	free(copy);
	return trace;
}

static void valid_ones_are_taken(void **state)
{
	static const char *const valid[] = { "00-" ID "-" PARENT "-01", "01-" ID "-" PARENT "-01",
					     "cc-" ID "-" PARENT "-01-what-the-future-brings" };

	(void)state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
		struct traceparent trace = parse(valid[i]);

		assert_true(trace.is_known);
		assert_int_equal(trace.flags, 1);
		assert_memory_equal(trace.trace_id, id, sizeof(id));
	}
}

static void all_others_are_passed_over(void **state)
{
	static const char *const others[] = {
		"",
		"00",
		"ff-" ID "-" PARENT "-01",
		"0-" ID "-" PARENT "-001",
		"00-" ID "-" PARENT "-01-x",
		"cc-" ID "-" PARENT "-01x",
		"00-" ID "-" PARENT "-0",
		"00-" ID "-" PARENT "-0g",
		"00-" ID "-" PARENT "_01",
		"00-" ID "_" PARENT "-01",
		"00_" ID "-" PARENT "-01",
		"00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01",
		"00-00000000000000000000000000000000-" PARENT "-01",
		"00-" ID "-0000000000000000-01",
		"00-" ID "-b7ad6b716920333-001",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (parse(others[i]).is_known)
			fail_msg("taken: '%s'", others[i]);
}

/* However it is cut, and of this request alone. */
static void a_connection_knows_the_trace_of_its_request(void **state)
{
	static const char with[] = "GET /process HTTP/1.1\r\nHost: a\r\nTraceParent:  00-" ID "-" PARENT
				   "-01 \r\n\r\n";
	static const char without[] = "GET /process HTTP/1.1\r\nHost: a\r\n\r\n";
	static const struct conn_answer done = { 200, "text/plain", "done\n", 5 };

	(void)state;
	for (size_t cut = 1; cut < sizeof(with) - 1; cut++) {
		struct talk t;
		size_t nr;

		talk_begin(&t);
		conn_input(&t.conn, with, cut, 0);
		conn_input(&t.conn, with + cut, sizeof(with) - 1 - cut, 0);
		assert_int_equal(conn_need(&t.conn), CONN_WORK);
		assert_true(t.conn.trace.is_known);
		assert_memory_equal(t.conn.trace.trace_id, id, sizeof(id));
		conn_answer(&t.conn, &done, 0);
		conn_output(&t.conn, &nr);
		conn_sent(&t.conn, nr, 0);
		conn_input(&t.conn, without, sizeof(without) - 1, 0);
		assert_int_equal(conn_need(&t.conn), CONN_WORK);
		assert_false(t.conn.trace.is_known);
		talk_end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_ones_are_taken),
		cmocka_unit_test(all_others_are_passed_over),
		cmocka_unit_test(a_connection_knows_the_trace_of_its_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
