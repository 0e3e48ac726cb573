// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/base/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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

static bool is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100) || year % 400 == 0;
}

/* Days from the year 1 to that of 1970 or later. */
static uint64_t days_before_year(unsigned year)
{
	uint64_t last = year - 1;

	return 365 * last + last / 4 - last / 100 + last / 400;
}

/* Whether TEXT begins with FORM, where a 0 stands for any digit. */
static bool has_form(const char *text, const char *form)
{
	for (; *form; text++, form++)
		if (*form == '0' ? !isdigit((unsigned char)*text) : *text != *form)
			return false;
	return true;
}

/* Nanoseconds of ".652435Z", of which the tenth digit and all behind it count for nothing; -1: it is none. */
static int64_t parse_fraction(const char *text)
{
	int64_t ns = 0, scale = 100000000;

	if (*text == '.' && !isdigit((unsigned char)*++text))
		return -1;
	for (; isdigit((unsigned char)*text); text++, scale /= 10)
		ns += scale * (*text - '0');
	return strcmp(text, "Z") ? -1 : ns;
}

int units_parse_utc(const char *text, uint64_t *since_1970_ns)
{
	static const unsigned days_in[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	static const char form[] = "0000-00-00T00:00:00";
	unsigned year, month, day, hour, minute, second;
	uint64_t days;
	int64_t ns;

	if (!has_form(text, form) ||
	    sscanf(text, "%4u-%2u-%2uT%2u:%2u:%2u", &year, &month, &day, &hour, &minute, &second) != 6)
		return -EINVAL;
	ns = parse_fraction(text + strlen(form));
	if (ns < 0 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59 || day < 1 ||
	    day > days_in[month - 1] + (month == 2 && is_leap(year)))
		return -EINVAL;
	if (year < 1970)
		return -ERANGE;
	days = days_before_year(year) - days_before_year(1970) + day - 1 + (month > 2 && is_leap(year));
	while (--month)
		days += days_in[month - 1];
	if (__builtin_mul_overflow(((days * 24 + hour) * 60 + minute) * 60 + second, 1000000000u,
				   since_1970_ns) ||
	    __builtin_add_overflow(*since_1970_ns, (uint64_t)ns, since_1970_ns) || *since_1970_ns > INT64_MAX)
		return -ERANGE;
	return 0;
}

char *units_format_utc(char *buf, size_t size, uint64_t since_1970_ns)
{
	time_t seconds = (time_t)(since_1970_ns / 1000000000u);
	char text[UNITS_TEXT_BYTES] = "";
	struct tm utc;

	if (gmtime_r(&seconds, &utc))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(buf, size, "%s.%06uZ", text, (unsigned)(since_1970_ns % 1000000000u / 1000u));
	return buf;
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
