// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each byte, held against the lists of RFC 9110 (5.6.2) and RFC 3986 (3.2); a chunk's frame, strict and not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "user/base/http_syntax.h"

static bool is_among(int byte, const char *list)
{
	return byte && byte < 0x80 && (isalnum(byte) || strchr(list, byte));
}

static void every_byte_has_its_places(void **state)
{
	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		if (http_is_token((unsigned char)byte) != is_among(byte, "!#$%&'*+-.^_`|~"))
			fail_msg("0x%02x in a token", byte);
		/* unreserved, pct-encoded, sub-delims, and what an IP literal and a port have more */
		if (http_is_host((unsigned char)byte) != is_among(byte, "-._~%!$&'()*+,;=:[]"))
			fail_msg("0x%02x in Host", byte);
		if (http_is_control((unsigned char)byte) != (byte == 0x7f || (byte < 0x20 && byte != 0x09)))
			fail_msg("0x%02x in a value", byte);
	}
}

/* The state after BYTES, in which data is passed over; -1: refused. */
static int take(const char *bytes, bool strict, struct http_chunk *chunk)
{
	*chunk = (struct http_chunk){};
	for (; *bytes; bytes++) {
		if (chunk->state == HTTP_CHUNK_DATA) {
			http_chunk_pass(chunk, 1);
		} else if (http_chunk_take(chunk, *bytes, strict)) {
			return -1;
		}
	}
	return (int)chunk->state;
}

static void only_who_is_strict_refuses(void **state)
{
	static const struct {
		const char *bytes;
		int strict, lenient;
	} cases[] = {
		{ "5\r\n", HTTP_CHUNK_DATA, HTTP_CHUNK_DATA },
		{ "5\n", -1, HTTP_CHUNK_DATA },
		{ "5 \r\n", -1, HTTP_CHUNK_DATA },
		{ "5 ;\x01\r\n", -1, HTTP_CHUNK_DATA },
		{ "5;x\n", -1, HTTP_CHUNK_DATA },
		{ "1\r\na\r\n", HTTP_CHUNK_SIZE, HTTP_CHUNK_SIZE },
		{ "1\r\na\n", -1, HTTP_CHUNK_SIZE },
		{ "1\r\na\r\n0\r\n", HTTP_CHUNK_LAST, HTTP_CHUNK_LAST },
		{ "1\r\na\r\n\r\n", -1, -1 },
		{ "1\r\nab", -1, -1 },
		{ "\n", -1, -1 },
		{ "5\r\r\n", -1, -1 },
		{ "7fffffffffffffff\r\n", HTTP_CHUNK_DATA, HTTP_CHUNK_DATA },
		{ "8000000000000000", -1, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_chunk chunk;
		int strict = take(cases[i].bytes, true, &chunk);
		int lenient = take(cases[i].bytes, false, &chunk);

		if (strict != cases[i].strict || lenient != cases[i].lenient)
			fail_msg("%d and %d for '%s'", strict, lenient, cases[i].bytes);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_byte_has_its_places),
	cmocka_unit_test(only_who_is_strict_refuses),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
