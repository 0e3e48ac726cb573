// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/base/units.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void durations_are_read_exactly(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {
		{ "0s", 0 },
		{ "7ns", 7 },
		{ "100us", 100000 },
		{ "500ms", 500000000 },
		{ "10s", 10000000000 },
		{ "1.5m", 90000000000 },
		{ "2h", 7200000000000 },
		{ "0.000000001s", 1 },
		{ "1.000ns", 1 },
		{ "0.1s", 100000000 },
		{ "18446744073709551615ns", UINT64_MAX },
		{ "18446744073.709551615s", UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		uint64_t ns = 1;

		assert_int_equal(units_parse_duration(cases[i].text, &ns), 0);
		assert_int_equal(ns, cases[i].ns);
	}
}

static void what_is_no_duration_is_refused(void **state)
{
	static const char *const cases[] = {
		"",    "s",    "10",   "-1s",	"+1s",	  " 1s",    "1 s",
		"1s ", "1.s",  ".5s",  "1..5s", "1.5.5s", "1e3s",   "0x10s",
		"1S",  "1min", "1sms", "ten s", "1.5ns",  "1.05ns", "1.00000000005m",
		"nan", "infs",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		uint64_t ns;

		if (units_parse_duration(cases[i], &ns) != -EINVAL)
			fail_msg("'%s' was taken", cases[i]);
	}
}

static void what_does_not_fit_is_refused(void **state)
{
	static const char *const cases[] = {
		"18446744073709551616ns",      "18446744073.709551616s", "18446744074s", "5124096h",
		"99999999999999999999999999s",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		uint64_t ns;

		if (units_parse_duration(cases[i], &ns) != -ERANGE)
			fail_msg("'%s' was taken", cases[i]);
	}
}

static void times_have_three_digits_and_round_into_the_next_unit(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0 ns" },
		{ 999, "999 ns" },
		{ 1000, "1.00 us" },
		{ 1234, "1.23 us" },
		{ 9994, "9.99 us" },
		{ 9995, "10.0 us" },
		{ 99949, "99.9 us" },
		{ 99950, "100 us" },
		{ 999499, "999 us" },
		{ 999500, "1.00 ms" },
		{ 999950, "1.00 ms" },
		{ 12100000, "12.1 ms" },
		{ 999499999, "999 ms" },
		{ 999500000, "1.00 s" },
		{ 60000000000, "60.0 s" },
		{ 119499999999, "119 s" },
		{ 119500000000, "1.99 m" },
		{ 120000000000, "2.00 m" },
		{ 7200000000000, "2.00 h" },
	};
	char buf[UNITS_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_string_equal(units_format_ns(buf, sizeof(buf), cases[i].ns), cases[i].text);
}

/* Whatever is printed, read back, lies within half a unit of its third digit. */
static void times_printed_are_times_meant(void **state)
{
	uint64_t ns = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char buf[UNITS_TEXT_BYTES], *space;
		uint64_t back_ns, off_ns;

		ns = ns * 6364136223846793005u + 1442695040888963407u;
		uint64_t value_ns = ns >> (8 + ns % 55);

		units_format_ns(buf, sizeof(buf), value_ns);
		space = strchr(buf, ' ');
		assert_non_null(space);
		memmove(space, space + 1, strlen(space));
		assert_int_equal(units_parse_duration(buf, &back_ns), 0);
		off_ns = back_ns > value_ns ? back_ns - value_ns : value_ns - back_ns;
		if (off_ns > value_ns / 199)
			fail_msg("%lu ns is printed as %s", value_ns, buf);
	}
}

static void instants_are_read_exactly(void **state)
{
	static const struct {
		const char *text;
		int ret;
		uint64_t ns;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0, 0 },
		{ "2026-11-24T06:56:56.652435Z", 0, 1795503416652435000 },
		{ "2000-02-29T23:59:59.9999999999Z", 0, 951868799999999999 },
		{ "2000-03-01T00:00:00Z", 0, 951868800000000000 },
		{ "2262-04-11T23:47:16.854775807Z", 0, INT64_MAX },
		{ "2262-04-11T23:47:16.854775808Z", -ERANGE, 0 },
		{ "9999-12-31T23:59:59Z", -ERANGE, 0 },
		{ "1969-12-31T23:59:59Z", -ERANGE, 0 },
		{ "0000-01-01T00:00:00Z", -ERANGE, 0 },
		{ "2100-02-29T00:00:00Z", -EINVAL, 0 },
		{ "2026-00-01T00:00:00Z", -EINVAL, 0 },
		{ "2026-13-01T00:00:00Z", -EINVAL, 0 },
		{ "2026-04-31T00:00:00Z", -EINVAL, 0 },
		{ "2026-04-00T00:00:00Z", -EINVAL, 0 },
		{ "2026-04-01T24:00:00Z", -EINVAL, 0 },
		{ "2026-04-01T00:60:00Z", -EINVAL, 0 },
		{ "2026-04-01T00:00:60Z", -EINVAL, 0 },
		{ "2026-04-01T00:00:00", -EINVAL, 0 },
		{ "2026-04-01T00:00:00.Z", -EINVAL, 0 },
		{ "2026-04-01T00:00:00Z ", -EINVAL, 0 },
		{ "2026-04-01T00:00:00+00:00", -EINVAL, 0 },
		{ "2026-04-01 00:00:00Z", -EINVAL, 0 },
		{ "2026-4-01T00:00:000Z", -EINVAL, 0 },
		{ "2026-04-01T+1:00:00Z", -EINVAL, 0 },
		{ "yesterday", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ns = 0;
		int ret = units_parse_utc(cases[i].text, &ns);

		if (ret != cases[i].ret || (!ret && ns != cases[i].ns))
			fail_msg("'%s' gives %d, %lu ns", cases[i].text, ret, ns);
	}
}

static void utc_is_written_as_it_is_read(void **state)
{
	static const char *const texts[] = { "1970-01-01T00:00:00.000000Z", "2024-02-29T23:59:59.999999Z",
					     "2262-04-11T23:47:16.854775Z" };
	char buf[UNITS_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint64_t ns;

		assert_int_equal(units_parse_utc(texts[i], &ns), 0);
		assert_string_equal(units_format_utc(buf, sizeof(buf), ns), texts[i]);
		assert_string_equal(units_format_utc(buf, sizeof(buf), ns + 999), texts[i]);
	}
}

static void counts_and_bytes(void **state)
{
	char buf[UNITS_TEXT_BYTES];

	(void)state;
	assert_string_equal(units_format_count(buf, sizeof(buf), 0), "0");
	assert_string_equal(units_format_count(buf, sizeof(buf), 999), "999");
	assert_string_equal(units_format_count(buf, sizeof(buf), 1000), "1,000");
	assert_string_equal(units_format_count(buf, sizeof(buf), 1234567), "1,234,567");
	assert_string_equal(units_format_count(buf, sizeof(buf), UINT64_MAX), "18,446,744,073,709,551,615");
	assert_string_equal(units_format_bytes(buf, sizeof(buf), 999), "999 B");
	assert_string_equal(units_format_bytes(buf, sizeof(buf), 108552), "109 kB");
	assert_string_equal(units_format_bytes(buf, sizeof(buf), 999999), "1.00 MB");
	assert_string_equal(units_format_bytes(buf, sizeof(buf), 25276063744), "25.3 GB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read_exactly),
		cmocka_unit_test(what_is_no_duration_is_refused),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(times_have_three_digits_and_round_into_the_next_unit),
		cmocka_unit_test(times_printed_are_times_meant),
		cmocka_unit_test(instants_are_read_exactly),
		cmocka_unit_test(utc_is_written_as_it_is_read),
		cmocka_unit_test(counts_and_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
