/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What tests of the text share: the report as it is printed, and what holds of any.  Behind cmocka.h. */
#ifndef WHYLATE_TESTS_TEXT_SCREEN_H
#define WHYLATE_TESTS_TEXT_SCREEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/render/render.h"

#define SCREEN_LINES   45
#define SCREEN_COLUMNS 80

static inline char *slurp(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = calloc(1, 65536);

	if (!in)
		fail_msg("cannot read %s: run from the project's root", path);
	assert_true(fread(text, 1, 65535, in) > 0);
	fclose(in);
	return text;
}

/* Free it.  (Inlined, it makes gcc 12 see dangling pointers in its callers.) */
static __attribute__((noinline, unused)) char *rendered_as(const struct report *report, bool full)
{
	struct err err = {};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(render_text(report, full, out, &err), 0);
	fclose(out);
	return text;
}

static inline char *rendered(const struct report *report)
{
	return rendered_as(report, false);
}

static inline void expect_plain_lines(const char *text, size_t most_columns, size_t most_lines)
{
	size_t columns = 0, lines = 0;

	for (const char *at = text; *at; at++) {
		if (*at == '\n') {
			lines++;
			columns = 0;
			continue;
		}
		if (*at < ' ' || *at > '~')
			fail_msg("byte 0x%02x in line %zu", (unsigned char)*at, lines + 1);
		if (++columns > most_columns)
			fail_msg("line %zu is longer than %zu columns", lines + 1, most_columns);
	}
	if (lines > most_lines)
		fail_msg("%zu lines are more than a screen: %s", lines, text);
}

static inline void expect_plain(const char *text, size_t most_columns)
{
	expect_plain_lines(text, most_columns, SCREEN_LINES);
}

static inline size_t lines_with(const char *text, const char *words)
{
	size_t lines = 0;

	for (; (text = strstr(text, words)); text++)
		lines++;
	return lines;
}

#endif /* WHYLATE_TESTS_TEXT_SCREEN_H */
