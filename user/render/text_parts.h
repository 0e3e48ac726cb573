/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the text share. */
#ifndef WHYLATE_RENDER_TEXT_PARTS_H
#define WHYLATE_RENDER_TEXT_PARTS_H

#include <stdio.h>

#include "user/base/units.h"
#include "user/report/report.h"

#define TEXT_COLUMNS 80

static inline const char *ns_text(char buf[UNITS_TEXT_BYTES], uint64_t ns)
{
	return units_format_ns(buf, UNITS_TEXT_BYTES, ns);
}

/* "-1.20 us". */
#define SIGNED_TEXT_BYTES (UNITS_TEXT_BYTES + 1)
static inline const char *signed_ns_text(char buf[SIGNED_TEXT_BYTES], int64_t ns)
{
	buf[0] = '-';
	ns_text(buf + 1, ns < 0 ? -(uint64_t)ns : (uint64_t)ns);
	return ns < 0 ? buf : buf + 1;
}

static inline const char *count_text(char buf[UNITS_TEXT_BYTES], uint64_t count)
{
	return units_format_count(buf, UNITS_TEXT_BYTES, count);
}

/* "4.6 %", and "123 %" where that would be wider. */
static inline const char *text_share(char buf[UNITS_TEXT_BYTES], double ratio)
{
	snprintf(buf, UNITS_TEXT_BYTES, "%.*f %%", ratio < 0.9995 ? 1 : 0, 100 * ratio);
	return buf;
}

/* "p99.9", of quantile_list. */
static inline void text_quantile(char buf[UNITS_TEXT_BYTES], int i)
{
	snprintf(buf, UNITS_TEXT_BYTES, "p%g", quantile_list[i] * 100);
}

/* A bucket's midpoint can lie above the longest value in it. */
static inline uint64_t at_most(uint64_t ns, uint64_t max_ns)
{
	return ns < max_ns ? ns : max_ns;
}

/* How many of NR rows to show: a line that says "1 more" would take the room of that one. */
static inline size_t rows_shown(size_t nr, unsigned most)
{
	return nr <= most + 1u ? nr : most;
}

/* Living and ended. */
static inline uint64_t threads_in(const struct report *report)
{
	return report->target.threads + report->target.threads_ended;
}

/*
 * DIST under HEADING: one bar per octave, or as many octaves as it takes for ROOM lines to hold all, from
 * the first value to the last.  Nothing without values or room.
 */
void text_bars(const char *heading, const struct report_dist *dist, unsigned room, FILE *out);

/* A line of who had the CPU for NS; TENTHS of a percent. */
void text_blame_row(unsigned tenths, uint64_t ns, const char *who, FILE *out);
/* "nginx (process 12)", "itself (its own threads)": who ROW is. */
void text_who(char *buf, size_t size, const struct report *report, const struct report_blame *row);
/* Who was in the way most, as a sentence; nothing if nobody was.  MOST as in text_blame(). */
void text_foremost(const struct report *report, unsigned most, FILE *out);
/* The whole window's blame in at most MOST lines and one, of which the foremost may be MOST. */
void text_blame(const struct report *report, unsigned most, FILE *out);

/* Where the agent listened. */
void text_hooks(const struct report *report, FILE *out);
/* In at most MOST lines and one: where it could not, and what the report lacks for it. */
void text_absent(const struct report *report, unsigned most, FILE *out);
/* Of how many kinds losses are said, the last line standing for all that are left. */
#define TEXT_LOSSES 10

/* All losses, or that there are none. */
void text_losses(const struct report *report, FILE *out);

#endif /* WHYLATE_RENDER_TEXT_PARTS_H */
