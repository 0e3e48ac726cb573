// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a connection of the reference servers answers to which bytes, however they are cut: RFC 9110, RFC
 * 9112. An expectation is the statuses in order; "!" is the end of the connection by our side, "~" without an
 * answer,
 * "?" that more is awaited of a request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/server_talk.h"

#define HOST	"Host: a\r\n"
#define GET	"GET /process HTTP/1.1\r\n"
#define POST	"POST /process HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define OK	"GET /healthz HTTP/1.1\r\n" HOST "\r\n" /* whether the framing is still known */

/* The statuses of what was answered, and how it stands. */
static void judge(const struct talk *t, char *out)
{
	const char *at = t->text;

	*out = '\0';
	while (at && (at = strstr(at, "HTTP/1.1 "))) {
		at += strlen("HTTP/1.1 ");
		out += sprintf(out, "%s%.3s", *out || at != t->text + 9 ? " " : "", at);
	}
	if (t->shut)
		strcpy(out, "!");
	else if (conn_need(&t->conn) == CONN_CLOSE)
		strcpy(out, "~");
	else if (!conn_is_idle(&t->conn))
		strcpy(out, "?");
}

static void expect_cut(const char *bytes, size_t size, size_t piece, const char *expected)
{
	struct talk t;
	char got[2048];

	talk_begin(&t);
	talk_feed(&t, bytes, size, piece);
	judge(&t, got);
	talk_end(&t);
	if (strcmp(got, expected))
		fail_msg("in pieces of %zu: '%s', not '%s', for:\n%.*s", piece, got, expected, (int)size,
			 bytes);
}

/* Cut in two at each place. */
static void expect_halves(const char *bytes, size_t size, const char *expected)
{
	for (size_t at = 1; at < size; at++) {
		struct talk t;
		char got[2048];

		talk_begin(&t);
		talk_feed(&t, bytes, at, 0);
		if (conn_need(&t.conn) != CONN_CLOSE)
			talk_feed(&t, bytes + at, size - at, 0);
		judge(&t, got);
		talk_end(&t);
		if (strcmp(got, expected))
			fail_msg("cut after %zu: '%s', not '%s', for:\n%.*s", at, got, expected, (int)size,
				 bytes);
	}
}

struct expectation {
	const char *bytes, *answers;
};

static void expect_all(const struct expectation *table, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const char *bytes = table[i].bytes;
		size_t size = strlen(bytes);

		expect_cut(bytes, size, 0, table[i].answers);
		expect_cut(bytes, size, 1, table[i].answers);
		expect_cut(bytes, size, 7, table[i].answers);
		/* A body that begins with the head's last bytes is not asked for by a 100. */
		if (!strstr(table[i].answers, "100"))
			expect_halves(bytes, size, table[i].answers);
	}
}

#define EXPECT_ALL(table) expect_all(table, sizeof(table) / sizeof(table[0]))

static void test_request_line(void **state)
{
	static const struct expectation table[] = {
		{ GET HOST "\r\n", "200" },
		{ "HEAD /process HTTP/1.1\r\n" HOST "\r\n" OK, "200 200" },
		{ "\r\n" OK, "200" },
		{ OK "\r\n" OK, "200 200" },
		{ OK "\r\n", "200" },
		{ OK "\r\n\r\n", "200 400!" },
		{ "GET http://a/process HTTP/1.1\r\n" HOST "\r\n", "200" },
		{ "GET HTTP://a:80/process?cpu_us=1 HTTP/1.1\r\n" HOST "\r\n", "200" },
		{ "GET http://a HTTP/1.1\r\n" HOST "\r\n" OK, "404 200" },
		{ "GET /process HTTP/1.2\r\n" HOST "\r\n", "200" },
		{ "GET /process HTTP/1.0\r\n\r\n", "200!" },
		{ "GET /process HTTP/2.0\r\n" HOST "\r\n", "505!" },
		{ "GET /process HTTP/0.9\r\n\r\n", "505!" },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505!" },
		{ "GET /process http/1.1\r\n" HOST "\r\n", "400!" },
		{ "GET /process HTTP/1.10\r\n" HOST "\r\n", "400!" },
		{ "GET /process HTTP/11\r\n" HOST "\r\n", "400!" },
		{ "GET /process\r\n", "400!" },
		{ "GET  /process HTTP/1.1\r\n", "400!" },
		{ "GET /process  HTTP/1.1\r\n", "400!" },
		{ "GET /pro cess HTTP/1.1\r\n", "400!" },
		{ "GET /process HTTP/1.1 \r\n", "400!" },
		{ " GET /process HTTP/1.1\r\n", "400!" },
		{ "GET\t/process HTTP/1.1\r\n", "400!" },
		{ "G(T /process HTTP/1.1\r\n", "400!" },
		{ "GET process HTTP/1.1\r\n", "400!" },
		{ "GET * HTTP/1.1\r\n", "400!" },
		{ "GET /process HTTP/1.1\n", "400!" },
		{ "GET /process HTTP/1.1\r\r\n", "400!" },
		{ "GET /pro\rcess HTTP/1.1\r\n", "400!" },
		{ "\n", "400!" },
		{ "\x16\x03\x01\x02\n", "400!" },
		{ "GET /proc", "?" },
		{ "GET /process HTTP/1.1\r\n" HOST, "?" },
	};

	(void)state;
	EXPECT_ALL(table);
}

static void test_routes(void **state)
{
	static const struct expectation table[] = {
		{ "GET / HTTP/1.1\r\n" HOST "\r\n" OK, "404 200" },
		{ "GET /processes HTTP/1.1\r\n" HOST "\r\n" OK, "404 200" },
		{ "DELETE /process HTTP/1.1\r\n" HOST "\r\n" OK, "405 200" },
		{ "get /process HTTP/1.1\r\n" HOST "\r\n" OK, "405 200" },
		{ "POST /healthz HTTP/1.1\r\n" HOST "\r\n" OK, "405 200" },
		{ "POST /stats HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab" OK, "405 200" },
		{ "DELETE /gone HTTP/1.1\r\n" HOST "\r\n" OK, "404 200" },
		{ "OPTIONS * HTTP/1.1\r\n" HOST "\r\n" OK, "404 200" },
		{ "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n" OK, "404!" },
		{ "CONNECT /process HTTP/1.1\r\n" HOST "\r\n", "400!" },
		{ "GET /process?cpu_us=5&sleep_us=7&cpu_us=1 HTTP/1.1\r\n" HOST "\r\n" OK, "200 200" },
		{ "GET /process? HTTP/1.1\r\n" HOST "\r\n" OK, "200 200" },
		{ "GET /process?cpu_us HTTP/1.1\r\n" HOST "\r\n" OK, "400 200" },
		{ "GET /process?cpu_us= HTTP/1.1\r\n" HOST "\r\n" OK, "400 200" },
		{ "GET /process?cpu_us=-1 HTTP/1.1\r\n" HOST "\r\n" OK, "400 200" },
		{ "GET /process?cpu_us=99999999999999999999999 HTTP/1.1\r\n" HOST "\r\n" OK, "400 200" },
		{ "GET /process?cpu=1 HTTP/1.1\r\n" HOST "\r\n" OK, "400 200" },
		{ "GET /process?cpu_us=1&&sha=1 HTTP/1.1\r\n" HOST "\r\n" OK, "400 200" },
		{ "GET /process?sha=1&sha=1&sha=1&sha=1&sha=1&sha=1&sha=1&sha=1&sha=1&sha=1 HTTP/1.1\r\n" HOST
		  "\r\n" OK,
		  "400 200" },
	};

	(void)state;
	EXPECT_ALL(table);
}

static void test_fields(void **state)
{
	static const struct expectation table[] = {
		{ GET "\r\n", "400!" },
		{ GET HOST HOST "\r\n", "400!" },
		{ "GET /process HTTP/1.0\r\n" HOST HOST "\r\n", "400!" },
		{ GET "Host:\r\n\r\n", "200" },
		{ GET "hOsT:\t[::1]:80 \r\n\r\n", "200" },
		{ GET "Host: a b\r\n\r\n", "400!" },
		{ GET "Host: a/b\r\n\r\n", "400!" },
		{ GET "Host: u@a\r\n\r\n", "400!" },
		{ GET "Host : a\r\n\r\n", "400!" },
		{ GET HOST "X: a\r\n b\r\n\r\n", "400!" },
		{ GET " Host: a\r\n\r\n", "400!" },
		{ GET HOST ": a\r\n\r\n", "400!" },
		{ GET HOST "X\r\n\r\n", "400!" },
		{ GET HOST "X(: a\r\n\r\n", "400!" },
		{ GET HOST "X: a\x01\r\n\r\n", "400!" },
		{ GET HOST "X: a\rb\r\n\r\n", "400!" },
		{ GET HOST "X: a\n\r\n", "400!" },
		{ GET HOST "X: \x80\xff a\tb\r\n\r\n", "200" },
		{ GET HOST "X:\r\n\r\n", "200" },
		{ GET HOST "\n", "400!" },
		{ GET HOST "Connection: close\r\n\r\n" OK, "200!" },
		{ GET HOST "Connection: x , CLOSE\r\n\r\n" OK, "200!" },
		{ GET HOST "Connection: keep-alive\r\nConnection: close\r\n\r\n" OK, "200!" },
		{ GET HOST "Connection: closed\r\n\r\n" OK, "200 200" },
		{ "GET /process HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" OK, "200 200" },
		{ "GET /process HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n" OK, "200!" },
		{ GET HOST "Expect: something\r\n\r\n", "417!" },
	};

	(void)state;
	EXPECT_ALL(table);
}

static void test_framing(void **state)
{
	static const struct expectation table[] = {
		{ POST "Content-Length: 5\r\n\r\nhello" OK, "200 200" },
		{ POST "Content-Length: 0\r\n\r\n" OK, "200 200" },
		{ POST "Content-Length: 0005\r\n\r\nhello" OK, "200 200" },
		{ POST "Content-Length: 5\r\n\r\nhell", "?" },
		{ GET HOST "Content-Length: 5\r\n\r\nhello" OK, "200 200" },
		{ POST "Content-Length:\r\n\r\n", "400!" },
		{ POST "Content-Length: +5\r\n\r\nhello", "400!" },
		{ POST "Content-Length: 5 5\r\n\r\nhello", "400!" },
		{ POST "Content-Length: 5, 5\r\n\r\nhello", "400!" },
		{ POST "Content-Length: 0x5\r\n\r\nhello", "400!" },
		{ POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "400!" },
		{ POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400!" },
		{ POST "Content-Length: 1025\r\n\r\n", "413!" },
		{ POST "Content-Length: 18446744073709551617\r\n\r\na", "413!" },
		{ POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400!" },
		{ POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "400!" },
		{ "DELETE /process HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		  "400!" },
		{ "DELETE /process HTTP/1.1\r\n\r\n", "400!" },
		{ POST "Transfer-Encoding: gzip, chunked\r\n\r\n", "501!" },
		{ POST "Transfer-Encoding: gzip\r\n\r\n", "400!" },
		{ POST "Transfer-Encoding: chunked, gzip\r\n\r\n", "400!" },
		{ POST "Transfer-Encoding: chunked, chunked\r\n\r\n", "400!" },
		{ POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "400!" },
		{ POST "Transfer-Encoding: \"chunked\"\r\n\r\n", "400!" },
		{ POST "Transfer-Encoding: xchunked\r\n\r\n", "400!" },
		{ POST "Transfer-Encoding:\r\n\r\n", "400!" },
		{ POST "Transfer-Encoding: , CHUNKED,\r\n\r\n0\r\n\r\n" OK, "200 200" },
		{ "POST /process HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400!" },
		{ POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", "100?" },
		{ POST "Expect: 100-Continue\r\nContent-Length: 1025\r\n\r\n", "413!" },
		{ POST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n" OK, "200 200" },
		{ "POST /nowhere HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
		  "404!" },
		{ "POST /healthz HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
		  "405!" },
		{ "POST /process HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", "200"
												      "!" },
	};

	(void)state;
	EXPECT_ALL(table);
}

static void test_chunks(void **state)
{
	static const struct expectation table[] = {
		{ CHUNKED "5\r\nhello\r\n0\r\n\r\n" OK, "200 200" },
		{ CHUNKED "1\r\nh\r\n004\r\nello\r\n00\r\n\r\n" OK, "200 200" },
		{ CHUNKED "A\r\n0123456789\r\na;x=\"y\"\r\n0123456789\r\n0\r\n\r\n" OK, "200 200" },
		{ CHUNKED "5 ;x\r\nhello\r\n0\t;\r\n\r\n" OK, "200 200" },
		{ CHUNKED "0\r\nX: y\r\nZ:\r\n\r\n" OK, "200 200" },
		{ CHUNKED "0\r\n", "?" },
		{ CHUNKED "\r\n", "400!" },
		{ CHUNKED ";x\r\n", "400!" },
		{ CHUNKED "g\r\n", "400!" },
		{ CHUNKED "-1\r\n", "400!" },
		{ CHUNKED "0x5\r\n", "400!" },
		{ CHUNKED " 5\r\n", "400!" },
		{ CHUNKED "5 \r\nhello\r\n", "400!" },
		{ CHUNKED "5 5\r\nhello\r\n", "400!" },
		{ CHUNKED "5\nhello\r\n", "400!" },
		{ CHUNKED "5;x\nhello\r\n", "400!" },
		{ CHUNKED "5;\x01\r\n", "400!" },
		{ CHUNKED "5\rxhello\r\n", "400!" },
		{ CHUNKED "5\r\nhello0\r\n\r\n", "400!" },
		{ CHUNKED "5\r\nhello\n0\r\n\r\n", "400!" },
		{ CHUNKED "400\r\n", "?" },
		{ CHUNKED "401\r\n", "413!" },
		{ CHUNKED "ffffffffffffffff1\r\n", "413!" },
		{ CHUNKED "1\r\na\r\n400\r\n", "413!" },
		{ CHUNKED "0\r\n X: y\r\n\r\n", "400!" },
		{ CHUNKED "0\r\nX : y\r\n\r\n", "400!" },
		{ CHUNKED "0\r\nX: y\n\r\n", "400!" },
		{ CHUNKED "0\r\nX: y\r\n\rx", "400!" },
		{ CHUNKED "0\r\n\n", "400!" },
	};

	(void)state;
	EXPECT_ALL(table);
}

/* BEGIN, then NR times BYTE, then END. */
static void expect_long(const char *begin, size_t nr, char byte, const char *end, const char *expected)
{
	size_t begin_bytes = strlen(begin), end_bytes = strlen(end);
	char *bytes = malloc(begin_bytes + nr + end_bytes);

	memcpy(bytes, begin, begin_bytes);
	memset(bytes + begin_bytes, byte, nr);
	memcpy(bytes + begin_bytes + nr, end, end_bytes);
	expect_cut(bytes, begin_bytes + nr + end_bytes, 0, expected);
	expect_cut(bytes, begin_bytes + nr + end_bytes, 1, expected);
	expect_cut(bytes, begin_bytes + nr + end_bytes, 1000, expected);
	free(bytes);
}

static void test_limits(void **state)
{
	const size_t rest = strlen(GET HOST "X: \r\n\r\n");

	(void)state;
	expect_long(GET HOST "X: ", HTTP_HEAD_BYTES - rest, 'x', "\r\n\r\n" OK, "200 200");
	expect_long(GET HOST "X: ", HTTP_HEAD_BYTES - rest + 1, 'x', "\r\n\r\n", "431!");
	expect_long(GET HOST "X: ", 100000, 'x', "\r\n\r\n", "431!");
	expect_long("GET /", HTTP_HEAD_BYTES, 'x', " HTTP/1.1\r\n", "414!");
	expect_long(POST "Content-Length: 1024\r\n\r\n", 1024, 'x', OK, "200 200");
	expect_long(CHUNKED "400\r\n", 1024, 'x', "\r\n0\r\n\r\n" OK, "200 200");
	expect_long(CHUNKED "0\r\nX: ", HTTP_TRAILER_BYTES, 'x', "\r\n\r\n", "431!");
	expect_long(CHUNKED "1;", HTTP_CHUNK_LINE_BYTES, 'x', "\r\na\r\n0\r\n\r\n", "400!");
	expect_long(CHUNKED "", HTTP_CHUNK_LINE_BYTES, '0', "\r\n\r\n", "400!");
	/* A byte that no text can hold. */
	expect_long(GET HOST "X: ", 1, '\0', "\r\n\r\n", "400!");
	expect_long("GET /", 1, '\0', " HTTP/1.1\r\n", "400!");
	expect_long("G", 1, '\0', "T / HTTP/1.1\r\n", "400!");
}

/* Heads as they are sent: the fields, and a body only where one belongs. */
static void test_answers(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t);
	talk_feed(&t, "HEAD /process HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		  strlen("HEAD /process HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), 0);
	assert_non_null(strstr(t.text, "\r\nDate: "));
	assert_non_null(strstr(t.text, " GMT\r\n"));
	assert_non_null(strstr(t.text, "\r\nContent-Length: 5\r\n"));
	assert_non_null(strstr(t.text, "\r\nConnection: keep-alive\r\n\r\n"));
	assert_string_equal(t.text + t.bytes - 4, "\r\n\r\n");
	talk_end(&t);

	talk_begin(&t);
	talk_feed(&t, "PUT /process HTTP/1.1\r\n" HOST "\r\n",
		  strlen("PUT /process HTTP/1.1\r\n" HOST "\r\n"), 0);
	assert_non_null(strstr(t.text, "\r\nAllow: GET, HEAD, POST\r\n"));
	assert_null(strstr(t.text, "Connection:"));
	talk_feed(&t, GET "\r\n", strlen(GET "\r\n"), 0);
	assert_non_null(strstr(t.text, "\r\nConnection: close\r\n"));
	talk_end(&t);
}

/* The body that came in chunks is what work is given. */
static void test_content(void **state)
{
	static const char bytes[] = CHUNKED "2\r\nhe\r\n3;x\r\nllo\r\n0\r\nX: y\r\n\r\n";
	struct talk t;

	(void)state;
	talk_begin(&t);
	for (size_t i = 0; i < strlen(bytes); i++) {
		assert_int_equal(conn_need(&t.conn), CONN_RECEIVE);
		conn_input(&t.conn, bytes + i, 1, 0);
	}
	assert_int_equal(conn_need(&t.conn), CONN_WORK);
	assert_int_equal(t.conn.body.bytes, 5);
	assert_memory_equal(t.conn.content, "hello", 5);
	talk_end(&t);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_request_line), cmocka_unit_test(test_routes),  cmocka_unit_test(test_fields),
	cmocka_unit_test(test_framing),	     cmocka_unit_test(test_chunks),  cmocka_unit_test(test_limits),
	cmocka_unit_test(test_answers),	     cmocka_unit_test(test_content),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
