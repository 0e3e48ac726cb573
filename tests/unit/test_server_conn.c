// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The life of a connection of the reference servers: deadlines, the order of answers, draining, its ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/server_talk.h"

#define REQUEST "GET /process HTTP/1.1\r\nHost: a\r\n\r\n"

static const struct conn_answer done = { 200, "text/plain", "done\n", 5 };

static void input(struct talk *t, const char *text, uint64_t now_ns)
{
	conn_input(&t->conn, text, strlen(text), now_ns);
}

/* Sends what there is at NOW_NS; returns its status. */
static uint16_t send_all(struct talk *t, uint64_t now_ns)
{
	uint16_t status = t->conn.status;
	size_t nr;

	assert_int_equal(conn_need(&t->conn), CONN_SEND);
	conn_output(&t->conn, &nr);
	conn_sent(&t->conn, nr, now_ns);
	return status;
}

static void test_read_deadline_is_of_the_whole_request(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	assert_int_equal(conn_deadline_ns(&t.conn), 5000);
	input(&t, "G", 1000);
	assert_int_equal(conn_deadline_ns(&t.conn), 6000);
	input(&t, "E", 5999);
	assert_int_equal(conn_deadline_ns(&t.conn), 6000);
	assert_false(conn_expire(&t.conn, 5999));
	assert_true(conn_expire(&t.conn, 6000));
	assert_int_equal(conn_deadline_ns(&t.conn), 16000);
	assert_int_equal(send_all(&t, 6001), 408);
	assert_int_equal(conn_need(&t.conn), CONN_SHUT);
	talk_end(&t);
}

static void test_a_slow_body_is_cut_off_too(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	input(&t, "POST /process HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", 0);
	input(&t, "abc", 4000);
	assert_true(conn_expire(&t.conn, 5000));
	assert_int_equal(send_all(&t, 5000), 408);
	talk_end(&t);
}

static void test_idle_ends_without_an_answer(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	input(&t, REQUEST, 10);
	assert_int_equal(conn_need(&t.conn), CONN_WORK);
	assert_int_equal(conn_deadline_ns(&t.conn), CONN_NEVER);
	conn_answer(&t.conn, &done, 50);
	assert_int_equal(conn_deadline_ns(&t.conn), 10050);
	assert_int_equal(send_all(&t, 100), 200);
	assert_true(conn_is_idle(&t.conn));
	assert_int_equal(conn_deadline_ns(&t.conn), 15100);
	input(&t, "\r\n", 200); /* is no request */
	assert_true(conn_is_idle(&t.conn));
	assert_int_equal(conn_deadline_ns(&t.conn), 15200);
	assert_true(conn_expire(&t.conn, 15200));
	assert_int_equal(conn_need(&t.conn), CONN_CLOSE);
	talk_end(&t);
}

static void test_a_slow_reader_is_cut_off(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	input(&t, REQUEST, 0);
	conn_answer(&t.conn, &done, 100);
	conn_sent(&t.conn, 3, 5000);
	assert_int_equal(conn_deadline_ns(&t.conn), 10100);
	assert_true(conn_expire(&t.conn, 10100));
	assert_int_equal(conn_need(&t.conn), CONN_CLOSE);
	talk_end(&t);
}

static void test_no_limit_is_never(void **state)
{
	static const struct conn_config unlimited = {};
	struct conn conn;

	(void)state;
	conn_init(&conn, &unlimited, 7);
	assert_int_equal(conn_deadline_ns(&conn), CONN_NEVER);
	conn_input(&conn, "G", 1, 8);
	assert_int_equal(conn_deadline_ns(&conn), CONN_NEVER);
	assert_false(conn_expire(&conn, CONN_NEVER - 1));
	conn_fini(&conn);
}

/* One after another: the second is not worked for until the first is sent. */
static void test_pipelined_are_answered_in_order(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	input(&t,
	      "GET /process?sha=1 HTTP/1.1\r\nHost: a\r\n\r\nGET /gone HTTP/1.1\r\nHost: a\r\n\r\nHEAD "
	      "/process?sha=3 HTTP",
	      0);
	assert_int_equal(t.conn.plan.steps[0].amount, 1);
	conn_answer(&t.conn, &done, 0);
	assert_int_equal(send_all(&t, 0), 200);
	assert_int_equal(send_all(&t, 10), 404);
	assert_int_equal(conn_need(&t.conn), CONN_RECEIVE);
	assert_false(conn_is_idle(&t.conn));
	assert_int_equal(conn_deadline_ns(&t.conn), 5010);
	input(&t, "/1.1\r\nHost: a\r\n\r\n", 20);
	assert_int_equal(conn_need(&t.conn), CONN_WORK);
	assert_int_equal(t.conn.plan.steps[0].amount, 3);
	talk_end(&t);
}

static void test_idle_holds_no_memory(void **state)
{
	static const char bytes[] = "POST /process HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
	struct talk t;

	(void)state;
	talk_begin(&t);
	talk_feed(&t, bytes, strlen(bytes), 5);
	assert_non_null(t.text);
	assert_true(conn_is_idle(&t.conn));
	assert_null(t.conn.in);
	assert_null(t.conn.out);
	assert_null(t.conn.content);
	talk_end(&t);
}

/* Whatever was read is answered, and only the last of it says that the connection ends. */
static void test_draining_answers_all_that_was_read(void **state)
{
	static const char *const inputs[] = { REQUEST REQUEST, REQUEST REQUEST "GET /pro",
					      "GET /gone HTTP/1.1\r\nHost: a\r\n\r\n" REQUEST };

	(void)state;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		struct talk t;
		const char *close;

		talk_begin(&t);
		conn_drain(&t.conn);
		input(&t, inputs[i], 0);
		talk_go_on(&t, 0);
		if (i == 1) {
			assert_false(t.shut);
			assert_null(strstr(t.text, "Connection: close"));
			input(&t, "cess HTTP/1.1\r\nHost: a\r\n\r\n", 0);
			talk_go_on(&t, 0);
		}
		close = strstr(t.text, "Connection: close");
		assert_non_null(close);
		assert_null(strstr(close, "HTTP/1.1"));
		assert_true(t.shut);
		talk_end(&t);
	}
}

static void test_draining_begins_while_working(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	input(&t, REQUEST, 0);
	conn_drain(&t.conn);
	talk_go_on(&t, 0);
	assert_non_null(strstr(t.text, "Connection: close"));
	assert_true(t.shut);
	talk_end(&t);
}

static void test_what_comes_during_work_has_its_turn(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	input(&t, REQUEST, 0);
	input(&t, REQUEST "GET /proc", 1);
	assert_int_equal(conn_need(&t.conn), CONN_WORK);
	assert_int_equal(t.conn.in_bytes, strlen(REQUEST "GET /proc"));
	conn_answer(&t.conn, &done, 2);
	input(&t, "ess HTTP/1.1\r\nHost: a\r\n", 3);
	assert_int_equal(send_all(&t, 4), 200);
	assert_int_equal(conn_need(&t.conn), CONN_WORK);
	conn_drain(&t.conn); /* a byte of the third was read, so it is answered too */
	conn_answer(&t.conn, &done, 5);
	assert_int_equal(send_all(&t, 6), 200);
	assert_int_equal(conn_need(&t.conn), CONN_RECEIVE);
	input(&t, "\r\n", 7);
	conn_answer(&t.conn, &done, 8);
	input(&t, REQUEST, 9); /* behind the last one */
	assert_int_equal(send_all(&t, 10), 200);
	assert_int_equal(conn_need(&t.conn), CONN_SHUT);
	talk_end(&t);
}

static void test_a_request_is_whole_at_its_last_byte(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	input(&t, "POST /process HTTP/1.1\r\nHost: a\r\n", 1);
	input(&t, "Content-Length: 2\r\n\r\na", 2);
	input(&t, "b" REQUEST, 3);
	assert_int_equal(t.conn.whole_at_ns, 3);
	conn_answer(&t.conn, &done, 4);
	assert_int_equal(send_all(&t, 5), 200);
	assert_int_equal(t.conn.whole_at_ns, 5); /* the next one's turn */
	talk_end(&t);
}

static void test_long_limits_end_together(void **state)
{
	const uint64_t read_ns = 5 * CONN_LONG_NS;
	const struct conn_config config = { .read_ns = read_ns };
	uint64_t ends[2] = {};

	(void)state;
	for (uint64_t now_ns = 1; now_ns < 4 * CONN_GRAIN_NS; now_ns += 99991) {
		struct conn conn;
		uint64_t end_ns;

		conn_init(&conn, &config, now_ns);
		end_ns = conn_deadline_ns(&conn);
		assert_in_range(end_ns, now_ns + read_ns, now_ns + read_ns + CONN_GRAIN_NS - 1);
		assert_false(conn_expire(&conn, end_ns - 1));
		conn_fini(&conn);
		ends[0] += end_ns != ends[1];
		ends[1] = end_ns;
	}
	assert_in_range(ends[0], 4, 5); /* of 336 connections */
}

static void test_idle_is_ended_by_a_linger(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	conn_drain(&t.conn);
	assert_true(conn_is_idle(&t.conn));
	conn_end(&t.conn, 5);
	talk_go_on(&t, 0);
	assert_true(t.shut);
	assert_int_equal(conn_need(&t.conn), CONN_DISCARD);
	assert_int_equal(conn_deadline_ns(&t.conn), CONN_LINGER_NS);
	input(&t, REQUEST, 6); /* too late */
	assert_int_equal(conn_need(&t.conn), CONN_DISCARD);
	conn_input(&t.conn, "", 0, 7);
	assert_int_equal(conn_need(&t.conn), CONN_CLOSE);
	talk_end(&t);
}

static void test_lingering_is_bounded(void **state)
{
	static const char junk[16384];
	struct talk t;
	size_t sent = 0;

	(void)state;
	talk_begin(&t);
	input(&t, "\n", 0);
	talk_go_on(&t, 0);
	while (conn_need(&t.conn) == CONN_DISCARD && sent <= CONN_LINGER_BYTES) {
		conn_input(&t.conn, junk, sizeof(junk), 0);
		sent += sizeof(junk);
	}
	assert_int_equal(conn_need(&t.conn), CONN_CLOSE);
	talk_end(&t);

	talk_begin(&t);
	input(&t, "\n", 0);
	talk_go_on(&t, 0);
	assert_true(conn_expire(&t.conn, CONN_LINGER_NS));
	assert_int_equal(conn_need(&t.conn), CONN_CLOSE);
	talk_end(&t);
}

static void test_one_too_many_is_told_so(void **state)
{
	const char *output;
	struct conn conn;
	size_t nr;

	(void)state;
	conn_init_refused(&conn, &talk_config, 0);
	assert_int_equal(conn.status, 503);
	output = conn_output(&conn, &nr);
	assert_non_null(memmem(output, nr, "Connection: close", strlen("Connection: close")));
	conn_sent(&conn, nr, 0);
	assert_int_equal(conn_need(&conn), CONN_SHUT);
	conn_fini(&conn);
}

static void test_the_other_side_ends(void **state)
{
	static const char *const begun[] = { "", "GET /pro",
					     "POST /process HTTP/1.1\r\nHost: a\r\nContent-Length: "
					     "9\r\n\r\nab" };

	(void)state;
	for (size_t i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
		struct talk t;

		talk_begin(&t);
		if (*begun[i])
			input(&t, begun[i], 0);
		conn_input(&t.conn, "", 0, 0);
		assert_int_equal(conn_need(&t.conn), CONN_CLOSE);
		talk_end(&t);
	}
}

static void test_continue_is_asked_for_once(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	input(&t, "POST /process HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
	      0);
	assert_false(conn_ends_answer(&t.conn));
	assert_int_equal(send_all(&t, 100), 0);
	assert_int_equal(conn_deadline_ns(&t.conn), 5100);
	input(&t, "a", 200);
	assert_int_equal(conn_need(&t.conn), CONN_RECEIVE);
	input(&t, "b", 300);
	assert_int_equal(conn_need(&t.conn), CONN_WORK);
	conn_answer(&t.conn, &done, 400);
	assert_true(conn_ends_answer(&t.conn));
	assert_int_equal(send_all(&t, 500), 200);
	assert_true(conn_is_idle(&t.conn));
	talk_end(&t);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_read_deadline_is_of_the_whole_request),
	cmocka_unit_test(test_a_slow_body_is_cut_off_too),
	cmocka_unit_test(test_idle_ends_without_an_answer),
	cmocka_unit_test(test_a_slow_reader_is_cut_off),
	cmocka_unit_test(test_no_limit_is_never),
	cmocka_unit_test(test_pipelined_are_answered_in_order),
	cmocka_unit_test(test_idle_holds_no_memory),
	cmocka_unit_test(test_draining_answers_all_that_was_read),
	cmocka_unit_test(test_draining_begins_while_working),
	cmocka_unit_test(test_what_comes_during_work_has_its_turn),
	cmocka_unit_test(test_a_request_is_whole_at_its_last_byte),
	cmocka_unit_test(test_long_limits_end_together),
	cmocka_unit_test(test_idle_is_ended_by_a_linger),
	cmocka_unit_test(test_lingering_is_bounded),
	cmocka_unit_test(test_one_too_many_is_told_so),
	cmocka_unit_test(test_the_other_side_ends),
	cmocka_unit_test(test_continue_is_asked_for_once),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
