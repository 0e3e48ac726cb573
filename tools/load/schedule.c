// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/plain.h"
#include "user/base/units.h"

#define MOST_RATE 1e9 /* a request each ns */

static int refuse(const char *what, const char *text, struct err *err)
{
	char plain[80];

	plain_text(plain, sizeof(plain), text);
	return err_set(err, EINVAL, "--rate %s, not '%s'", what, plain);
}

/* Digits, with or without some behind a point; moves *AT behind them. */
static int parse_rate(const char **at, double *rate)
{
	static const char digits[] = "0123456789";
	size_t length = strspn(*at, digits);

	/* `1000..5000` has a point too, but no digit behind it. */
	if (length && (*at)[length] == '.' && strspn(*at + length + 1, digits))
		length += 1 + strspn(*at + length + 1, digits);
	if (!length)
		return -EINVAL;
	*rate = strtod(*at, NULL);
	*at += length;
	/* The timetable counts in 1e-9 requests a second. */
	return *rate >= 1e-9 && *rate <= MOST_RATE ? 0 : -ERANGE;
}

/* WORD is one segment; its duration becomes 0 if it has none. */
static int parse_segment(struct load_segment *segment, const char *word, struct err *err)
{
	const char *at = word;
	int ret = parse_rate(&at, &segment->from_rate);

	segment->to_rate = segment->from_rate;
	if (!ret && !strncmp(at, "..", 2)) {
		at += 2;
		ret = parse_rate(&at, &segment->to_rate);
	}
	if (ret == -ERANGE)
		return refuse("takes requests a second, more than 0 and at most 1,000,000,000", word, err);
	segment->duration_ns = 0;
	if (ret || (*at && *at != ':'))
		return refuse("takes requests a second, or segments, as in 1000:10s,1000..5000:30s", word,
			      err);
	if (!*at)
		return 0;
	if (units_parse_duration(at + 1, &segment->duration_ns) || !segment->duration_ns)
		return refuse("takes times with their unit, more than 0, as in 1000:10s", word, err);
	return 0;
}

/* TEXT is cut into its words. */
static int parse_segments(struct load_plan *plan, char *text, struct err *err)
{
	char *next = text, *word;
	uint64_t sum_ns = 0;
	uint32_t nr_timed = 0, begin = plan->nr_segments;

	while ((word = strsep(&next, ","))) {
		struct load_segment *segment = &plan->segments[plan->nr_segments++];

		if (parse_segment(segment, word, err))
			return -err->code;
		nr_timed += segment->duration_ns != 0;
		if (segment->duration_ns > LOAD_LONGEST_NS - sum_ns)
			return refuse("takes times of 73 years at most, together", word, err);
		sum_ns += segment->duration_ns;
	}
	if (nr_timed && nr_timed != plan->nr_segments - begin)
		return err_set(err, EINVAL, "--rate: all segments have a time, or the only one has none");
	if (!nr_timed && plan->nr_segments - begin > 1)
		return err_set(err, EINVAL,
			       "--rate: several segments need their times, as in 1000:10s,2000:10s");
	if (nr_timed && plan->duration_ns)
		return err_set(err, EINVAL, "--rate has times of its own: leave out --duration");
	if (nr_timed)
		plan->duration_ns = sum_ns;
	else if (!plan->duration_ns)
		plan->duration_ns = LOAD_DURATION_NS;
	if (!nr_timed)
		plan->segments[begin].duration_ns = plan->duration_ns;
	return 0;
}

int load_schedule_parse(struct load_plan *plan, const char *text, struct err *err)
{
	char *copy = strdup(text);
	size_t nr = 2; /* the warm-up, and the one behind all commas */
	int ret;

	for (const char *at = text; *at; at++)
		nr += *at == ',';
	plan->segments = calloc(nr, sizeof(*plan->segments));
	plan->nr_segments = plan->warmup_ns != 0;
	ret = copy && plan->segments ? parse_segments(plan, copy, err) :
				       err_set(err, ENOMEM, "out of memory");
	free(copy);
	if (!ret && plan->warmup_ns)
		plan->segments[0] = (struct load_segment){ plan->segments[1].from_rate,
							   plan->segments[1].from_rate, plan->warmup_ns };
	return ret;
}
