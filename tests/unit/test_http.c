// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the first bytes of a message are taken for, at every length of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/http.h"

#define NEVER (HTTP_LOOK_BYTES + 1)

typedef uint32_t look_fn(const uint8_t bytes[HTTP_LOOK_BYTES], uint32_t length);

static uint32_t request(const uint8_t bytes[HTTP_LOOK_BYTES], uint32_t length)
{
	return http_look_request(bytes, length);
}

static uint32_t response(const uint8_t bytes[HTTP_LOOK_BYTES], uint32_t length)
{
	uint32_t status;

	return http_look_response(bytes, length, &status);
}

/* LENGTH bytes of TEXT, and behind them whatever would tell most. */
static uint32_t look(look_fn *fn, const char *text, uint32_t length)
{
	static const char *const behind[] = { "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", " / HTTP/1.1 200 ",
					      "0000000000000000",
					      "\xff\xff\xff\xff\xff\xff\xff\xff"
					      "\xff\xff\xff\xff\xff\xff\xff\xff" };
	uint32_t judged = 0;

	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
		_Alignas(8) uint8_t bytes[HTTP_LOOK_BYTES];
		uint32_t again;

		memcpy(bytes, behind[i], sizeof(bytes));
		memcpy(bytes, text, length);
		again = fn(bytes, length);
		if (i && again != judged)
			fail_msg("%.*s: %u, but %u with others behind it", (int)length, text, judged, again);
		judged = again;
	}
	return judged;
}

/* The first SIZE bytes of TEXT are judged as JUDGED from AT bytes on, and not before. */
static void expect_bytes(look_fn *fn, const char *text, size_t size, uint32_t judged, uint32_t at)
{
	for (uint32_t length = 0; length <= size && length <= HTTP_LOOK_BYTES; length++) {
		uint32_t got = look(fn, text, length), want = length < at ? HTTP_UNDECIDED : judged;

		if (got != want)
			fail_msg("%u bytes of '%s': %u, not %u", length, text, got, want);
	}
	assert_true(at == NEVER || at <= size);
}

static void expect(look_fn *fn, const char *text, uint32_t judged, uint32_t at)
{
	expect_bytes(fn, text, strlen(text), judged, at);
}

static const char *const known_methods[] = { "GET",	"HEAD",	   "POST",  "PUT",  "DELETE",
					     "OPTIONS", "CONNECT", "PATCH", "TRACE" };

static void known_methods_need_but_a_space(void **state)
{
	static const char *const targets[] = {
		"/index.html", "*", "host:443", "http://host/", "ftp://x", "?"
	};
	static const char *const empty[] = { "", "\r\n", "\n", "\r\n\r\n", "\n\n" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(known_methods) / sizeof(known_methods[0]); i++) {
		const char *method = known_methods[i];
		uint32_t judged = strcmp(method, "CONNECT") ? HTTP_REQUEST : HTTP_CONNECT;

		for (size_t j = 0; j < sizeof(targets) / sizeof(targets[0]); j++) {
			for (size_t k = 0; k < sizeof(empty) / sizeof(empty[0]); k++) {
				snprintf(text, sizeof(text), "%s%s %s HTTP/1.1\r\n", empty[k], method,
					 targets[j]);
				expect(request, text, judged,
				       (uint32_t)(strlen(empty[k]) + strlen(method) + 1));
			}
		}
	}
}

/* Every registered method that 14 bytes hold; "-" and "_" and digits stand in some of them. */
static void other_methods_need_a_target(void **state)
{
	static const char *const methods[] = { "ACL",	    "BIND",	 "CHECKIN",	  "COPY",
					       "LOCK",	    "M-SEARCH",	 "MKCOL",	  "PROPFIND",
					       "REPORT",    "SEARCH",	 "MKCALENDAR",	  "BREW_2",
					       "SUBSCRIBE", "PROPPATCH", "MKREDIRECTREF", "ABCDEFGHIJKLMN",
					       "PRI",	    "GETS",	 "GETPOSTPUTHEAD" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		uint32_t length = (uint32_t)strlen(methods[i]), url = length + 5;

		snprintf(text, sizeof(text), "%s /path HTTP/1.1\r\n", methods[i]);
		expect(request, text, HTTP_REQUEST, length + 2);
		snprintf(text, sizeof(text), "%s http://host HTTP/1.1\r\n", methods[i]);
		expect(request, text, HTTP_REQUEST, url < HTTP_LOOK_BYTES ? url : HTTP_LOOK_BYTES);
		snprintf(text, sizeof(text), "%s host HTTP/1.1\r\n", methods[i]);
		if (length + 3 <= HTTP_LOOK_BYTES)
			expect(request, text, HTTP_NOT, length + 3);
		snprintf(text, sizeof(text), "%s key\r\n", methods[i]);
		expect(request, text, HTTP_NOT, length + 2);
		snprintf(text, sizeof(text), "%s\r\n", methods[i]);
		expect(request, text, HTTP_NOT, length + 1);
	}
	expect(request, "MKCOL * HTTP/1.1\r\n", HTTP_REQUEST, 7);
	expect(request, "\r\nPROPFIND /x HTTP", HTTP_REQUEST, 12);
	expect(request, "\r\n\r\nPROPFIND /x HT", HTTP_REQUEST, 14);
	expect(request, "ABCDEFGHIJKLMNO /", HTTP_NOT, 16);
	expect(request, "VERSION-CONTROL /", HTTP_NOT, 16);
	expect(request, "BASELINE-CONTROL /", HTTP_NOT, 16);
	expect(request, "\r\n\r\nMKREDIRECTREF /", HTTP_NOT, 16);
}

/* In the middle of a method, any other byte ends it, and what is known of it. */
static void one_wrong_byte_is_enough(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(known_methods) / sizeof(known_methods[0]); i++) {
		for (uint32_t at = 0; at <= strlen(known_methods[i]); at++) {
			for (int byte = 0; byte < 256; byte++) {
				char text[64];

				snprintf(text, sizeof(text), "%s ?x HTTP/1.1\r\n", known_methods[i]);
				if (text[at] == (char)byte || (!at && (byte == '\r' || byte == '\n')) ||
				    (byte && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", byte)))
					continue;
				text[at] = (char)byte;
				if (!at && byte >= 0x14 && byte <= 0x17)
					expect_bytes(request, text, HTTP_LOOK_BYTES, HTTP_NOT, 2);
				else if (byte == ' ' && at > 2)
					expect_bytes(request, text, HTTP_LOOK_BYTES, HTTP_NOT, at + 2);
				else
					expect_bytes(request, text, HTTP_LOOK_BYTES, HTTP_NOT, at + 1);
			}
		}
	}
}

static void every_byte_of_a_method_is_one_of_its_own(void **state)
{
	(void)state;
	for (uint32_t at = 0; at < 14; at++) {
		for (int byte = 1; byte < 256; byte++) {
			char text[] = "ABCDEFGHIJKLMN /";
			int own = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", byte) != NULL;

			if (byte == ' ' || (!at && (byte == '\r' || byte == '\n')))
				continue;
			text[at] = (char)byte;
			assert_int_equal(look(request, text, 16), own ? HTTP_REQUEST : HTTP_NOT);
		}
	}
}

static void other_protocols_are_none(void **state)
{
	(void)state;
	expect(request, "*1\r\n$4\r\nPING\r\n", HTTP_NOT, 1);
	expect(request, "PING\r\n", HTTP_NOT, 5);
	expect(request, "get x\r\n", HTTP_NOT, 1);
	expect(request, "EHLO host.example\r\n", HTTP_NOT, 7);
	expect(request, "HELO h\r\n", HTTP_NOT, 7);
	expect(request, "MAIL FROM:<x>\r\n", HTTP_NOT, 6);
	expect(request, "USER anonymous\r\n", HTTP_NOT, 6);
	expect(request, "SSH-2.0-OpenSSH_9", HTTP_NOT, 6);
	expect(request, "HTTP/1.1 200 OK\r\n", HTTP_NOT, 5);
	expect(request, "A /", HTTP_NOT, 2);
	expect(request, "AB /", HTTP_NOT, 3);
	expect(request, "Get / HTTP/1.1", HTTP_NOT, 2);
	expect(request, " GET / HTTP/1.1", HTTP_NOT, 1);
	expect(request, "GET\t/ HTTP/1.1", HTTP_NOT, 4);
	expect(request, "\r\n GET /", HTTP_NOT, 3);
	expect(request, "\r\n\r\n\r\nGET /", HTTP_NOT, 5);
	expect_bytes(request, "\0\0\0\x54\0\x03\0\0user", 12, HTTP_NOT, 1); /* PostgreSQL */
	expect_bytes(request, "\x80\0\0\x01", 4, HTTP_NOT, 1);
}

static void empty_lines_alone_tell_nothing(void **state)
{
	(void)state;
	expect(request, "", 0, NEVER);
	expect(request, "\r\n", 0, NEVER);
	expect(request, "\r\n\r\n", 0, NEVER);
	expect(request, "\n", 0, NEVER);
	expect(request, "\r\nOPTIO", 0, NEVER);
}

static void tls_is_a_record_of_a_known_type(void **state)
{
	(void)state;
	for (int type = 0; type < 256; type++) {
		for (int major = 0; major < 256; major++) {
			char record[] = { (char)type, (char)major, 1, 2, 0, 1 };

			if (type < 0x14 || type > 0x17)
				continue; /* the other tests' */
			if (major == 3)
				expect_bytes(request, record, sizeof(record), HTTP_TLS, 3);
			else
				expect_bytes(request, record, sizeof(record), HTTP_NOT, 2);
		}
	}
	for (int minor = 0; minor < 256; minor++) {
		char record[] = { 0x16, 3, (char)minor, 2, 0, 1 };

		expect_bytes(request, record, sizeof(record), minor <= 4 ? HTTP_TLS : HTTP_NOT, 3);
	}
	expect(request, "\x13\x03\x01", HTTP_NOT, 1);
	expect(request, "\x18\x03\x01", HTTP_NOT, 1);
	expect(request, "\r\n\x16\x03\x01", HTTP_NOT, 3);
}

static void a_proxy_header_is_of_either_version(void **state)
{
	static const char version2[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c";

	(void)state;
	expect(request, "PROXY TCP4 192.0.2.1 ", HTTP_PROXY, 7);
	expect(request, "PROXY TCP6 ::1 ::1 ", HTTP_PROXY, 7);
	expect(request, "PROXY UNKNOWN\r\n", HTTP_PROXY, 7);
	expect(request, "PROXY /a HTTP/1.1", HTTP_REQUEST, 7); /* by such a method */
	expect(request, "PROXY http://a/", HTTP_REQUEST, 10);
	expect(request, "PROXY VCP4", HTTP_NOT, 7);
	expect(request, "PROXX TCP4", HTTP_NOT, 7);
	expect(request, "\r\nPROXY TCP4 1", HTTP_NOT, 9);
	expect_bytes(request, version2, 16, HTTP_PROXY, 12);
	for (size_t at = 4; at < 12; at++) {
		char other[16];

		memcpy(other, version2, sizeof(other));
		other[at] ^= 0x40;
		expect_bytes(request, other, sizeof(other), HTTP_NOT, (uint32_t)at + 1);
	}
}

static void an_alert_of_tls_is_the_whole_message(void **state)
{
	_Alignas(8) uint8_t bytes[HTTP_LOOK_BYTES] = { 0x15, 3, 3, 0, 26 };

	(void)state;
	for (uint32_t size = 0; size <= HTTP_TLS_ALERT_BYTES_MAX; size++)
		assert_int_equal(http_is_tls_alert(bytes, HTTP_LOOK_BYTES, size), size == 31);
	for (uint32_t length = 0; length <= HTTP_LOOK_BYTES; length++)
		assert_int_equal(http_is_tls_alert(bytes, length, 31), length >= 5);
	bytes[3] = 1;
	assert_false(http_is_tls_alert(bytes, HTTP_LOOK_BYTES, 31));
	bytes[3] = 0;
	for (int major = 0; major < 256; major++) {
		bytes[1] = (uint8_t)major;
		assert_int_equal(http_is_tls_alert(bytes, HTTP_LOOK_BYTES, 31), major == 3);
	}
	bytes[1] = 3;
	for (int type = 0; type < 256; type++) {
		bytes[0] = (uint8_t)type;
		for (uint8_t inside = 1; inside <= 32; inside++) {
			bytes[4] = inside;
			assert_int_equal(http_is_tls_alert(bytes, HTTP_LOOK_BYTES, 5u + inside),
					 type == 0x15 || (type == 0x17 && inside == 19));
		}
	}
}

static void http_2_is_its_whole_preface(void **state)
{
	char text[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

	(void)state;
	expect(request, text, HTTP_2_PREFACE, 14);
	for (uint32_t at = 7; at < 14; at++) {
		char old = text[at];

		text[at] = 'x';
		expect(request, text, HTTP_REQUEST, at + 1); /* a method of HTTP/1.x, if an odd one */
		text[at] = old;
	}
	expect(request, "\r\nPRI * HTTP/2.0", HTTP_REQUEST, 7); /* RFC 9113 3.4: it comes first */
	expect(request, "PRI /", HTTP_REQUEST, 5);
}

static void responses_have_a_status(void **state)
{
	(void)state;
	for (uint32_t number = 0; number < 1000; number++) {
		for (int minor = 0; minor < 10; minor++) {
			_Alignas(8) char text[32];
			uint32_t status = 7, got;
			int ok = minor < 2 && number >= 100 && number < 600;

			snprintf(text, sizeof(text), "HTTP/1.%d %03u OK", minor, number);
			got = http_look_response((const uint8_t *)text, HTTP_LOOK_BYTES, &status);
			assert_int_equal(got, ok ? HTTP_RESPONSE : HTTP_NOT);
			assert_int_equal(status, ok ? number : 0);
			if (ok)
				expect(response, text, HTTP_RESPONSE, 12);
			else
				expect(response, text, HTTP_NOT, minor < 2 ? 10 : 8);
		}
	}
}

static void one_wrong_byte_of_a_response_is_enough(void **state)
{
	static const char right[] = "HTTP/1.1 404 Not";

	(void)state;
	for (uint32_t at = 0; at < 12; at++) {
		for (int byte = 0; byte < 256; byte++) {
			char text[sizeof(right)];
			int ok;

			memcpy(text, right, sizeof(text));
			text[at] = (char)byte;
			ok = (at == 7 && byte <= '1' && byte >= '0') ||
			     (at == 9 && byte >= '1' && byte <= '5') ||
			     (at > 9 && byte >= '0' && byte <= '9') || text[at] == right[at];
			expect_bytes(response, text, HTTP_LOOK_BYTES, ok ? HTTP_RESPONSE : HTTP_NOT,
				     ok ? 12 : at + 1);
		}
	}
	expect(response, "HTTP/1.1\r\n", HTTP_NOT, 9);
	expect(response, "<html>", HTTP_NOT, 1);
	expect(response, "\r\nHTTP/1.1 200", HTTP_NOT, 1);
	expect(response, "", 0, NEVER);
	expect(response, "HTTP/1.1 20", 0, NEVER);
}

static void the_class_is_the_first_digit(void **state)
{
	(void)state;
	assert_int_equal(http_status_class(0), STATUS_UNKNOWN);
	assert_int_equal(http_status_class(99), STATUS_UNKNOWN);
	assert_int_equal(http_status_class(101), STATUS_1XX);
	assert_int_equal(http_status_class(200), STATUS_2XX);
	assert_int_equal(http_status_class(299), STATUS_2XX);
	assert_int_equal(http_status_class(304), STATUS_3XX);
	assert_int_equal(http_status_class(499), STATUS_4XX);
	assert_int_equal(http_status_class(500), STATUS_5XX);
	assert_int_equal(http_status_class(599), STATUS_5XX);
	assert_int_equal(http_status_class(600), STATUS_UNKNOWN);
	assert_int_equal(http_status_class(UINT32_MAX), STATUS_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_methods_need_but_a_space),
		cmocka_unit_test(other_methods_need_a_target),
		cmocka_unit_test(one_wrong_byte_is_enough),
		cmocka_unit_test(every_byte_of_a_method_is_one_of_its_own),
		cmocka_unit_test(other_protocols_are_none),
		cmocka_unit_test(empty_lines_alone_tell_nothing),
		cmocka_unit_test(tls_is_a_record_of_a_known_type),
		cmocka_unit_test(a_proxy_header_is_of_either_version),
		cmocka_unit_test(an_alert_of_tls_is_the_whole_message),
		cmocka_unit_test(http_2_is_its_whole_preface),
		cmocka_unit_test(responses_have_a_status),
		cmocka_unit_test(one_wrong_byte_of_a_response_is_enough),
		cmocka_unit_test(the_class_is_the_first_digit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
