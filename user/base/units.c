// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/base/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t size;
};

static const struct unit times[] = {
	{ "ns", 1 },	     { "us", 1000 },	    { "ms", 1000000 },
	{ "s", 1000000000 }, { "m", 60000000000u }, { "h", 3600000000000u },
};

/* Digits after the point beyond the unit's precision are refused rather than rounded. */
int units_parse_duration(const char *text, uint64_t *ns)
{
	uint64_t whole = 0, scale;
	const char *at = text, *fraction = NULL, *unit;
	size_t digits = 0;

	for (; isdigit((unsigned char)*at); at++, digits++) {
		if (__builtin_mul_overflow(whole, 10u, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*at - '0'), &whole))
			return -ERANGE;
	}
	if (digits && *at == '.') {
		fraction = ++at;
		while (isdigit((unsigned char)*at))
			at++;
		if (at == fraction)
			return -EINVAL;
	}
	unit = at;
	for (size_t i = 0; digits && i < sizeof(times) / sizeof(times[0]); i++) {
		if (strcmp(unit, times[i].name))
			continue;
		if (__builtin_mul_overflow(whole, times[i].size, ns))
			return -ERANGE;
		scale = times[i].size;
		for (; fraction && fraction < unit; fraction++) {
			if (*fraction != '0' && (!scale || scale % 10))
				return -EINVAL;
			scale /= 10;
			if (__builtin_add_overflow(*ns, scale * (uint64_t)(*fraction - '0'), ns))
				return -ERANGE;
		}
		return 0;
	}
	return -EINVAL;
}

/* VALUE in UNIT with three significant digits; false if rounding reaches LIMIT units (use the next). */
static int format_three(char *buf, size_t size, uint64_t value, const struct unit *unit, double limit)
{
	double number = (double)value / (double)unit->size;
	int decimals = number < 9.995 ? 2 : number < 99.95 ? 1 : 0;

	if (unit->size == 1)
		decimals = 0;
	snprintf(buf, size, "%.*f %s", decimals, number, unit->name);
	return number < limit - (decimals == 2 ? 0.005 : decimals ? 0.05 : 0.5);
}

char *units_format_ns(char *buf, size_t size, uint64_t ns)
{
	static const double limits[] = { 1000, 1000, 1000, 120, 120, 1e18 };

	if (ns < 1000) {
		snprintf(buf, size, "%u ns", (unsigned)ns);
		return buf;
	}
	for (size_t i = 1; i < sizeof(times) / sizeof(times[0]); i++)
		if (format_three(buf, size, ns, &times[i], limits[i]))
			break;
	return buf;
}

char *units_format_count(char *buf, size_t size, uint64_t count)
{
	char digits[UNITS_TEXT_BYTES];
	size_t nr = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
	size_t at = 0;

	for (size_t i = 0; i < nr && at + 2 < size; i++) {
		if (i && (nr - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}

char *units_format_bytes(char *buf, size_t size, uint64_t bytes)
{
	static const struct unit sizes[] = { { "kB", 1000 }, { "MB", 1000000 }, { "GB", 1000000000 } };

	if (bytes < 1000) {
		snprintf(buf, size, "%u B", (unsigned)bytes);
		return buf;
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (format_three(buf, size, bytes, &sizes[i], i == 2 ? 1e18 : 1000))
			break;
	return buf;
}
