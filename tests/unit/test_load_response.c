// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the load generator takes for an answer, however its bytes are cut: RFC 9110, RFC 9112.  An expectation
 * is the final status; "+" whole and the connection may go on, "." whole and it may not, "?" more is wanted,
 * "!" malformed, "#" too long; the bytes of content.  What stands behind a bar is not the answer's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/load/response.h"

#define OK	"HTTP/1.1 200 OK\r\n"
#define OLD	"HTTP/1.0 200 OK\r\n"
#define FIVE	"Content-Length: 5\r\n"
#define CODED	"Transfer-Encoding: chunked\r\n"
#define CHUNKED OK CODED "\r\n"
#define LAST	"0\r\n\r\n"

struct talk {
	struct response response;
	enum response_state state;
	size_t used;
};

/* In memory of its own, so that a read past it is seen. */
static void feed(struct talk *t, const char *bytes, size_t nr)
{
	char *copy = malloc(nr);
	size_t used;

	memcpy(copy, bytes, nr);
	t->state = response_take(&t->response, copy, nr, &used);
	assert_true(t->state == RESPONSE_MORE ? used == nr : used <= nr);
	t->used += used;
	if (t->state != RESPONSE_MORE) {
		assert_int_equal(response_take(&t->response, copy, nr, &used), t->state);
		assert_int_equal(used, 0);
		assert_int_equal(response_end(&t->response), t->state);
	}
	free(copy);
}

static void judge(const struct talk *t, char *out)
{
	char sign = t->state == RESPONSE_MORE	   ? '?' :
		    t->state == RESPONSE_MALFORMED ? '!' :
		    t->state == RESPONSE_TOO_LONG  ? '#' :
		    t->response.keep_alive	   ? '+' :
						     '.';

	sprintf(out, "%u%c%llu", t->response.status, sign, (unsigned long long)t->response.content);
}

/* The first FIRST bytes at once, then pieces of PIECE; ENDS: and then the end of the connection. */
static void expect_cut(const char *bytes, size_t nr, size_t first, size_t piece, bool is_head, bool ends,
		       const char *expected, size_t used)
{
	struct talk t = { .state = RESPONSE_MORE };
	char got[64];

	response_begin(&t.response, is_head);
	for (size_t at = 0, next = first; at < nr && t.state == RESPONSE_MORE; at += next, next = piece) {
		next = next < nr - at ? next : nr - at;
		feed(&t, bytes + at, next);
	}
	assert_int_equal(t.response.begun, nr > 0);
	if (ends && t.state == RESPONSE_MORE)
		t.state = response_end(&t.response);
	judge(&t, got);
	if (strcmp(got, expected) || t.used != used)
		fail_msg("%zu, then in pieces of %zu: '%s' and %zu bytes, not '%s' and %zu, for:\n%.*s",
			 first, piece, got, t.used, expected, used, (int)nr, bytes);
}

static void expect_bytes(const char *bytes, size_t nr, bool is_head, bool ends, const char *expected,
			 size_t used)
{
	expect_cut(bytes, nr, nr, nr, is_head, ends, expected, used);
	for (size_t piece = 1; piece < 8; piece++)
		expect_cut(bytes, nr, piece, piece, is_head, ends, expected, used);
	for (size_t at = 1; at < nr; at++)
		expect_cut(bytes, nr, at, nr, is_head, ends, expected, used);
}

struct expectation {
	const char *bytes, *becomes;
};

static void expect_all(const struct expectation *table, size_t nr, bool is_head, bool ends)
{
	for (size_t i = 0; i < nr; i++) {
		const char *bytes = table[i].bytes, *bar = strchr(bytes, '|');
		size_t length = strlen(bytes), used = bar ? (size_t)(bar - bytes) : length;
		char *whole = malloc(length + 1);

		sprintf(whole, "%.*s%s", (int)used, bytes, bar ? bar + 1 : "");
		expect_bytes(whole, strlen(whole), is_head, ends, table[i].becomes, used);
		free(whole);
	}
}

#define EXPECT_ALL(table) expect_all(table, sizeof(table) / sizeof(table[0]), false, false)

static void test_status_line(void **state)
{
	static const struct expectation table[] = {
		{ OK "Content-Length: 0\r\n\r\n", "200+0" },
		{ "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404+0" },
		{ "HTTP/1.1 204\r\n\r\n", "204+0" },
		{ "HTTP/1.1 204 \r\n\r\n", "204+0" },
		{ "HTTP/1.1  204  No\r\n\r\n", "204+0" },
		{ "HTTP/1.1\t204\tNo\r\n\r\n", "204+0" },
		{ "HTTP/1.2 204 No\r\n\r\n", "204+0" },
		{ "HTTP/1.0 204 No\r\n\r\n", "204.0" },
		{ "HTTP/1.1 999 ?\r\nContent-Length: 0\r\n\r\n", "999+0" },
		{ "HTTP/1.1 200 \x80\xff\x01 a\rb\r\nContent-Length: 0\r\n\r\n", "200+0" },
		{ "HTTP/1.1 099| No\r\n\r\n", "0!0" },
		{ "HTTP/1.1 20|\r\n\r\n", "0!0" },
		{ "HTTP/1.1 200|0 OK\r\n\r\n", "0!0" },
		{ "HTTP/1.1 200|OK\r\n\r\n", "0!0" },
		{ "HTTP/1.1 2| 00 OK\r\n\r\n", "0!0" },
		{ "HTTP/1.1|200 OK\r\n\r\n", "0!0" },
		{ "HTTP/1.1 |\r\n\r\n", "0!0" },
		{ "HTTP/1.1 |-20 OK\r\n\r\n", "0!0" },
		{ "HTTP/1.|x 200 OK\r\n\r\n", "0!0" },
		{ "HTTP/1.1|0 200 OK\r\n\r\n", "0!0" },
		{ "HTTP/|2.0 200 OK\r\n\r\n", "0!0" },
		{ "HTTP|\r\n", "0!0" },
		{ "|http/1.1 200 OK\r\n\r\n", "0!0" },
		{ "| HTTP/1.1 200 OK\r\n\r\n", "0!0" },
		{ "|\r\nHTTP/1.1 200 OK\r\n\r\n", "0!0" },
		{ "|\x16\x03\x01", "0!0" },
		{ "HTTP/1.1 200", "0?0" },
		{ "HTTP/1.1 200 OK", "0?0" },
		{ OK, "200?0" },
	};

	(void)state;
	EXPECT_ALL(table);
}

static void test_lines(void **state)
{
	static const char zeros[] = "HTTP/1.1 204 \0\r\nX: \0\r\n\0: a\r\nCo\0: b\r\nConnection: "
				    "close\0\r\n\r\n";
	static const struct expectation table[] = {
		{ "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello|H", "200+5" },
		{ "HTTP/1.1 200 OK\n" FIVE "X: y\n\r\nhello", "200+5" },
		{ OK "X:\r\n" FIVE "Y: \x80\x01\x7f : , \r\n\r\nhello", "200+5" },
		{ OK "X: a\r\n b: c\r\n\t\r\n" FIVE "\r\nhello", "200+5" },
		{ OK " before all fields\r\n" FIVE "\r\nhello", "200+5" },
		{ OK "X (y) z: a\r\n" FIVE "\r\nhello", "200+5" },
		{ OK "Content-Length:\r\n 5\r\n\r\nhello", "200+5" },
		{ OK "Content-Length: 5\r\n \t\r\n\r\nhello", "200+5" },
		{ OK "Content-Length: 5\r\n 5\r\n\r\n|hello", "200!0" },
		{ OK "X: y\rContent-Length: 7\r\n" FIVE "\r\nhello", "200+5" },
		{ OK "Content-Length: 5\r\r\n\r\nhello", "200+5" },
		{ OK "X: Content-Length: 7\r\n" FIVE "\r\nhello", "200+5" },
		{ OK "X-Content-Length: 7\r\nContent-Lengths: 7\r\nContent-Lengt: 7\r\n" FIVE "\r\nhello",
		  "200+5" },
		{ OK "Content-Type: text/plain\r\nConnect: close\r\nTransfer-Encodin: chunked\r\n" FIVE "\r\n"
		     "hell"
		     "o",
		  "200+5" },
		{ OK "X\r|\n\r\n", "200!0" },
		{ OK "Content-Length\r|\n\r\n", "200!0" },
		{ OK "Connection|\n\r\n", "200!0" },
		{ OK "|: x\r\n\r\n", "200!0" },
		{ OK FIVE "\r|x", "200!0" },
		{ OK FIVE, "200?0" },
		{ OK FIVE "\r", "200?0" },
	};

	(void)state;
	EXPECT_ALL(table);
	expect_bytes(zeros, sizeof(zeros) - 1, false, false, "204+0", sizeof(zeros) - 1);
}

static void test_length(void **state)
{
	static const struct expectation table[] = {
		{ OK FIVE "\r\nhello|HTTP", "200+5" },
		{ OK FIVE "\r\nhell", "200?4" },
		{ OK "CONTENT-LENGTH:5\r\n\r\nhello|x", "200+5" },
		{ OK "content-length \t:\t 0005 \t\r\n\r\nhello|x", "200+5" },
		{ OK "Content-Length: 0\r\n\r\n|x", "200+0" },
		{ OK FIVE FIVE "\r\nhello|x", "200+5" },
		{ OK "Content-Length: 5, 5 ,05\r\n" FIVE "\r\nhello|x", "200+5" },
		{ OK "Content-Length: 9223372036854775808\r\n\r\nx", "200?1" },
		{ OK "Content-Length: 9223372036854775809\r\n\r\n|x", "200!0" },
		{ OK "Content-Length: 18446744073709551621\r\n\r\n|hello", "200!0" },
		{ OK "Content-Length: 99999999999999999999999999999\r\n\r\n|hello", "200!0" },
		{ OK FIVE "Content-Length: 6\r\n\r\n|hello", "200!0" },
		{ OK "Content-Length: 5, 6\r\n\r\n|hello", "200!0" },
		{ OK "Content-Length: 5,\r\n\r\n|hello", "200!0" },
		{ OK "Content-Length:\r\n\r\n|hello", "200!0" },
		{ OK "Content-Length: 5 5\r\n\r\n|hello", "200!0" },
		{ OK "Content-Length: +5\r\n\r\n|hello", "200!0" },
		{ OK "Content-Length: 0x5\r\n\r\n|hello", "200!0" },
		{ OK "Content-Length: 5;\r\n\r\n|hello", "200!0" },
	};

	(void)state;
	EXPECT_ALL(table);
}

static void test_connection(void **state)
{
	static const struct expectation table[] = {
		{ OK FIVE "Connection: close\r\n\r\nhello|x", "200.5" },
		{ OK FIVE "connection:x,\tCLOSE ,y\r\n\r\nhello|x", "200.5" },
		{ OK FIVE "Connection: x\r\nConnection: close\r\n\r\nhello", "200.5" },
		{ OK FIVE "Connection:\r\n close\r\n\r\nhello", "200.5" },
		{ OK FIVE "Connection: keep-alive, close\r\n\r\nhello", "200.5" },
		{ OK FIVE "Connection: keep-alive\r\n\r\nhello", "200+5" },
		{ OK FIVE "Connection:\r\n\r\nhello", "200+5" },
		{ OK FIVE "Connection: closed\r\n\r\nhello", "200+5" },
		{ OK FIVE "Connection: clo\r\n se\r\n\r\nhello", "200+5" },
		{ OK FIVE "Connection: close x\r\n\r\nhello", "200+5" },
		{ OK FIVE "Connection: x close\r\n\r\nhello", "200+5" },
		{ OK FIVE "Connection: \"close\"\r\n\r\nhello", "200+5" },
		{ OLD FIVE "\r\nhello|x", "200.5" },
		{ OLD FIVE "Connection: Keep-Alive\r\n\r\nhello|x", "200+5" },
		{ OLD FIVE "Connection: keep-alive, x\r\nConnection: y\r\n\r\nhello", "200+5" },
		{ OLD FIVE "Connection: keep\ralive\r\n\r\nhello", "200.5" },
		{ OLD FIVE "Connection: keep-alive\r\nConnection: close\r\n\r\nhello", "200.5" },
	};

	(void)state;
	EXPECT_ALL(table);
}

static void test_chunks(void **state)
{
	static const struct expectation table[] = {
		{ CHUNKED "5\r\nhello\r\n" LAST "|H", "200+5" },
		{ CHUNKED "1\r\nh\r\n004\r\nello\r\n00\r\n\r\n|x", "200+5" },
		{ CHUNKED "A\r\n0123456789\r\na;x=\"y\"\r\n0123456789\r\n" LAST, "200+20" },
		{ CHUNKED "5 ;x\r\nhello\r\n0\t;\r\n\r\n", "200+5" },
		{ CHUNKED "5 \r\nhello\r\n0 \t\r\n\r\n", "200+5" },
		{ CHUNKED "5\nhello\n0\n\n|x", "200+5" },
		{ CHUNKED "5;\x01\x80\r\nhello\r\n" LAST, "200+5" },
		{ CHUNKED "0\r\nX: y\r\n z\r\nContent-Length: 7\r\nTransfer-Encoding: x\r\n\r\n|x", "200+0" },
		{ CHUNKED "0\r\nConnection: close\r\n\r\n", "200+0" },
		{ OK CODED "Connection: close\r\n\r\n" LAST "|x", "200.0" },
		{ CHUNKED "0\r\n", "200?0" },
		{ CHUNKED "7fffffffffffffff\r\nx", "200?1" },
		{ CHUNKED "800000000000000|0\r\nx", "200!0" },
		{ CHUNKED "000000000000000000005\r\nhello\r\n" LAST, "200+5" },
		{ CHUNKED "|\r\n", "200!0" },
		{ CHUNKED "|\n", "200!0" },
		{ CHUNKED "|;x\r\n", "200!0" },
		{ CHUNKED "|g\r\n", "200!0" },
		{ CHUNKED "|-1\r\n", "200!0" },
		{ CHUNKED "0|x5\r\n", "200!0" },
		{ CHUNKED "| 5\r\n", "200!0" },
		{ CHUNKED "5 |5\r\n", "200!0" },
		{ CHUNKED "5\r|x", "200!0" },
		{ CHUNKED "5\r\nhello|0\r\n", "200!5" },
		{ CHUNKED "5\r\nhello\r|0\r\n", "200!5" },
		{ CHUNKED "0\r\nX\r|\n\r\n", "200!0" },
		{ CHUNKED "0\r\n\r|x", "200!0" },
	};

	(void)state;
	EXPECT_ALL(table);
}

static void test_codings(void **state)
{
	static const struct expectation table[] = {
		{ OK "Transfer-Encoding: gzip, CHUNKED\r\n\r\n" LAST "|x", "200+0" },
		{ OK "Transfer-Encoding: gzip\r\n" CODED "\r\n" LAST "|x", "200+0" },
		{ OK "transfer-encoding:,chunked,,\r\n\r\n" LAST "|x", "200+0" },
		{ OK "Transfer-Encoding: chunked, gzip\r\n\r\n" LAST, "200?5" },
		{ OK CODED "Transfer-Encoding: gzip\r\n\r\n" LAST, "200?5" },
		{ OK "Transfer-Encoding: xchunked\r\n\r\n" LAST, "200?5" },
		{ OK "Transfer-Encoding: chunked x\r\n\r\n" LAST, "200?5" },
		{ OK "Transfer-Encoding:\r\n" FIVE "\r\nhello|x", "200+5" },
		/* Two framings: a mistake, or an attack, at any rate not a connection to go on with. */
		{ OK FIVE CODED "\r\n" LAST "|x", "200.0" },
		{ OK CODED FIVE "\r\n" LAST "|x", "200.0" },
		{ OK CODED "Content-Length: x\r\n\r\n" LAST "|x", "200.0" },
		{ OK FIVE "Transfer-Encoding: gzip\r\n\r\nhello, all", "200?10" },
		{ OLD "Connection: keep-alive\r\n" CODED "\r\n" LAST "|x", "200.0" },
	};

	(void)state;
	EXPECT_ALL(table);
}

static void test_without_content(void **state)
{
	static const struct expectation table[] = {
		{ "HTTP/1.1 204 No\r\n" FIVE "\r\n|hello", "204+0" },
		{ "HTTP/1.1 304 No\r\n" FIVE "\r\n|hello", "304+0" },
		{ "HTTP/1.1 204 No\r\n" CODED "\r\n|0", "204+0" },
		{ "HTTP/1.1 304 No\r\n\r\n|x", "304+0" },
		{ "HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n|x", "205+0" },
	};
	static const struct expectation heads[] = {
		{ OK FIVE "\r\n|HTTP", "200+0" },
		{ OK "\r\n|x", "200+0" },
		{ OK CODED "\r\n|x", "200+0" },
		{ OLD "\r\n", "200.0" },
		{ OK "Content-Length: 5\r\nConnection: close\r\n\r\n|x", "200.0" },
		{ OK "Content-Length: x\r\n\r\n|x", "200+0" },
		{ "HTTP/1.1 100 Continue\r\n\r\n" OK FIVE "\r\n|x", "200+0" },
	};

	(void)state;
	EXPECT_ALL(table);
	expect_all(heads, sizeof(heads) / sizeof(heads[0]), true, false);
}

static void test_interim(void **state)
{
	static const struct expectation table[] = {
		{ "HTTP/1.1 100 Continue\r\n\r\n" OK FIVE "\r\nhello|x", "200+5" },
		{ "HTTP/1.1 103 Hints\r\nLink: a\r\n" FIVE "Connection: close\r\n" CODED
		  "\r\nHTTP/1.1 102 P\r\n\r\n" OK FIVE "\r\nhello",
		  "200+5" },
		{ "HTTP/1.1 199\r\n\r\nHTTP/1.1 404 No\r\n" FIVE "\r\nhello", "404+5" },
		{ "HTTP/1.1 100 Continue\r\n", "0?0" },
		{ "HTTP/1.1 100 Continue\r\n\r\n", "0?0" },
		{ "HTTP/1.1 100 Continue\r\n\r\n|garbage", "0!0" },
		{ "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n|\x81\x05", "101.0" },
	};

	(void)state;
	EXPECT_ALL(table);
}

static void test_connection_ends(void **state)
{
	static const struct expectation table[] = {
		{ OK "\r\nhello", "200.5" },
		{ OK "\r\n", "200.0" },
		{ OLD "Connection: keep-alive\r\n\r\nhello, all", "200.10" },
		{ OK "Transfer-Encoding: gzip\r\n\r\nhello", "200.5" },
		{ "", "0!0" },
		{ "HTTP/1.1 200", "0!0" },
		{ OK FIVE, "200!0" },
		{ OK FIVE "\r\nhell", "200!4" },
		{ CHUNKED "5\r\nhello\r\n", "200!5" },
		{ CHUNKED "0\r\n", "200!0" },
		{ "HTTP/1.1 100 Continue\r\n\r\n", "0!0" },
		{ OK FIVE "\r\nhello|", "200+5" },
	};

	(void)state;
	expect_all(table, sizeof(table) / sizeof(table[0]), false, true);
}

/* BEGIN, then NR times BYTE, then END. */
static void expect_long(const char *begin, size_t nr, char byte, const char *end, const char *expected,
			size_t used)
{
	size_t begin_bytes = strlen(begin), end_bytes = strlen(end), size = begin_bytes + nr + end_bytes;
	char *bytes = malloc(size);

	memcpy(bytes, begin, begin_bytes);
	memset(bytes + begin_bytes, byte, nr);
	memcpy(bytes + begin_bytes + nr, end, end_bytes);
	expect_cut(bytes, size, size, size, false, false, expected, used);
	expect_cut(bytes, size, 1, 1, false, false, expected, used);
	expect_cut(bytes, size, 1000, 1000, false, false, expected, used);
	expect_cut(bytes, size, size - 1, 1, false, false, expected, used);
	free(bytes);
}

static void test_limits(void **state)
{
	const size_t head = RESPONSE_HEAD_BYTES, at = strlen(CHUNKED), last = strlen(CHUNKED "0\r\n");
	const size_t rest = strlen(OK FIVE "X: \r\n\r\n");

	(void)state;
	expect_long(OK FIVE "X: ", head - rest, 'x', "\r\n\r\nhello", "200+5", head + 5);
	expect_long(OK FIVE "X: ", head - rest + 1, 'x', "\r\n\r\nhello", "200#0", head);
	expect_long(OK FIVE "X: ", 2 * head, 'x', "", "200#0", head);
	expect_long(OK FIVE, head, 'x', "", "200#0", head);
	expect_long("HTTP/1.1 200 ", head, 'x', "", "0#0", head);
	expect_long("HTTP/1.1 ", head, ' ', "", "0#0", head);
	expect_long(OK "Content-Length: ", head, '0', "", "200#0", head);
	expect_long(OK "Connection: ", head, ',', "", "200#0", head);
	expect_long(OK "Connection ", head, ' ', "", "200#0", head);
	expect_long(OK "Connection: ", 300, 'x', "close\r\nConnection: ,close\r\n" FIVE "\r\nhello", "200.5",
		    strlen(OK "Connection: close\r\nConnection: ,close\r\n" FIVE "\r\nhello") + 300);
	/* Each head has a limit of its own, and so have trailers and each line of a chunk. */
	expect_long("HTTP/1.1 100 C\r\nX: ", head - strlen("HTTP/1.1 100 C\r\nX: \r\n\r\n"), 'x',
		    "\r\n\r\n" OK FIVE "\r\nhello", "200+5", head + strlen(OK FIVE "\r\nhello"));
	expect_long(CHUNKED "0\r\nX: ", head - strlen("X: \r\n\r\n"), 'x', "\r\n\r\n", "200+0", last + head);
	expect_long(CHUNKED "0\r\nX: ", head, 'x', "\r\n\r\n", "200#0", last + head);
	expect_long(CHUNKED "5;", head - strlen("5;\r\n"), 'x', "\r\nhello\r\n" LAST, "200+5",
		    at + head + strlen("hello\r\n" LAST));
	expect_long(CHUNKED "5;", head, 'x', "", "200#0", at + head);
	expect_long(CHUNKED, head, '0', "", "200#0", at + head);
	expect_long(CHUNKED "20000\r\n", 0x20000, 'x', "\r\n" LAST, "200+131072",
		    at + strlen("20000\r\n\r\n" LAST) + 0x20000);
}

static void test_nothing_changes_nothing(void **state)
{
	static const char bytes[] = CHUNKED "5\r\nhello\r\n" LAST;
	struct talk t = { .state = RESPONSE_MORE };

	(void)state;
	response_begin(&t.response, false);
	feed(&t, bytes, 0);
	assert_false(t.response.begun);
	for (size_t at = 0; bytes[at]; at++) {
		assert_int_equal(t.state, RESPONSE_MORE);
		feed(&t, bytes + at, 1);
		feed(&t, bytes + at, 0);
		assert_true(t.response.begun);
	}
	assert_int_equal(t.state, RESPONSE_WHOLE);
	assert_int_equal(t.response.content, 5);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_status_line),
	cmocka_unit_test(test_lines),
	cmocka_unit_test(test_length),
	cmocka_unit_test(test_connection),
	cmocka_unit_test(test_chunks),
	cmocka_unit_test(test_codings),
	cmocka_unit_test(test_without_content),
	cmocka_unit_test(test_interim),
	cmocka_unit_test(test_connection_ends),
	cmocka_unit_test(test_limits),
	cmocka_unit_test(test_nothing_changes_nothing),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
