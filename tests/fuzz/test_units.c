// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Words to quantities and back.  The first 8 bytes are a quantity, all of them a text.  A duration that is
 * accepted is the one that exact arithmetic gives; a quantity that is printed reads back as itself, within
 * half of the last digit that is shown.
 */
#include <ctype.h>
#include <errno.h>

#include "tests/fuzz/fuzz.h"
#include "user/base/units.h"

bool fuzz_reached;

static const struct {
	const char *name;
	uint64_t ns;
} times[] = { { "ns", 1 },	   { "us", 1000 },	  { "ms", 1000000 },
	      { "s", 1000000000 }, { "m", 60000000000u }, { "h", 3600000000000u } };

static uint64_t unit_ns(const char *name)
{
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (!strcmp(times[i].name, name))
			return times[i].ns;
	return 0;
}

/* Long division by ten, digit by digit, in 128 bits; false if TEXT is no duration that fits. */
static bool exact(const char *text, uint64_t *ns)
{
	size_t whole = strspn(text, "0123456789"), part = 0;
	unsigned __int128 sum = 0, scale;
	const char *unit = text + whole;

	if (whole && *unit == '.') {
		part = strspn(++unit, "0123456789");
		if (!part)
			return false;
		unit += part;
	}
	scale = unit_ns(unit);
	if (!whole || !scale)
		return false;
	for (size_t i = 0; i < whole; i++) {
		sum = sum * 10 + (unsigned)(text[i] - '0') * scale;
		if (sum > UINT64_MAX)
			return false;
	}
	for (const char *at = text + whole + 1; part--; at++) {
		if (*at != '0' && (!scale || scale % 10))
			return false; /* that digit alone is no whole nanoseconds */
		scale /= 10;
		sum += (unsigned)(*at - '0') * scale;
	}
	*ns = (uint64_t)sum;
	return sum <= UINT64_MAX;
}

static void check_parse(const char *text)
{
	uint64_t got_ns = 0, want_ns = 0;
	int ret = units_parse_duration(text, &got_ns);
	bool ok = exact(text, &want_ns);

	REQUIRE(ret == 0 || ret == -EINVAL || ret == -ERANGE, "'%s': returns %d", text, ret);
	REQUIRE(ok == !ret, "'%s': returns %d", text, ret);
	fuzz_reached |= ok;
	REQUIRE(!ok || got_ns == want_ns, "'%s': %llu ns, not %llu", text, (unsigned long long)got_ns,
		(unsigned long long)want_ns);
}

static void check_ns(uint64_t ns)
{
	char text[UNITS_TEXT_BYTES], small[8], tight[2 * UNITS_TEXT_BYTES] = {}, *space, *point;
	uint64_t back_ns = 0, half_ns;
	int decimals;

	memset(small, 'x', sizeof(small));
	units_format_ns(small, sizeof(small) - 1, ns);
	REQUIRE(memchr(small, '\0', sizeof(small) - 1) && small[7] == 'x', "a small buffer is kept within");
	units_format_ns(text, sizeof(text), ns);
	space = strchr(text, ' ');
	point = strchr(text, '.');
	REQUIRE(space && unit_ns(space + 1), "'%s' ends in a unit", text);
	REQUIRE(ns > 100000000ull * 3600000000000u || strlen(text) <= 12, "'%s' is short", text);
	decimals = point ? (int)(space - point) - 1 : 0;
	half_ns = unit_ns(space + 1);
	for (int i = 0; i < decimals; i++)
		half_ns /= 10;
	snprintf(tight, sizeof(tight), "%.*s%s", (int)(space - text), text, space + 1);
	if (units_parse_duration(tight, &back_ns))
		REQUIRE(ns > UINT64_MAX - half_ns, "'%s' of %llu is no duration", tight,
			(unsigned long long)ns);
	else /* and what a double cannot hold of it */
		REQUIRE((ns > back_ns ? ns - back_ns : back_ns - ns) <= half_ns / 2 + (ns >> 52) + 1,
			"%llu ns is printed as '%s'", (unsigned long long)ns, text);
}

static void check_utc(const char *text)
{
	uint64_t ns = 0;
	int ret = units_parse_utc(text, &ns);

	REQUIRE(!ret || ret == -EINVAL || ret == -ERANGE, "'%s' gives %d", text, ret);
	REQUIRE(ret || (ns <= INT64_MAX && text[strlen(text) - 1] == 'Z'), "'%s' is %llu ns", text,
		(unsigned long long)ns);
}

static void check_count(uint64_t count)
{
	char text[UNITS_TEXT_BYTES], digits[UNITS_TEXT_BYTES] = {};
	size_t nr = 0;

	units_format_count(text, sizeof(text), count);
	for (const char *at = text; *at; at++) {
		if (isdigit((unsigned char)*at))
			digits[nr++] = *at;
		else
			REQUIRE(*at == ',' && at != text && strspn(at + 1, "0123456789") == 3, "'%s'", text);
	}
	REQUIRE(strtoull(digits, NULL, 10) == count, "%llu is printed as '%s'", (unsigned long long)count,
		text);
	units_format_bytes(text, sizeof(text), count);
	REQUIRE(strchr(text, 'B') && !strchr(text, '-'), "'%s'", text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	uint64_t quantity = 0;

	memcpy(&quantity, data, size < sizeof(quantity) ? size : sizeof(quantity));
	check_parse(text);
	check_utc(text);
	check_ns(quantity);
	check_ns(quantity >> 20); /* most of what is measured is below an hour */
	check_count(quantity);
	free(text);
	return 0;
}
