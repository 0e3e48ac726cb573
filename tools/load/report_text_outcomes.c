// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/report_text_parts.h"

#include <string.h>

/* With more statuses than this they are told by class: a server may answer with all there are. */
#define MOST_STATUSES 8u

struct rows {
	FILE *out;
	bool has_warmup;
};

static void cell(FILE *out, uint64_t count)
{
	char text[UNITS_TEXT_BYTES];

	fprintf(out, " %14s", count ? count_text(text, count) : "-");
}

/* Nothing where it did not occur.  Keys of the JSON become words by their spaces. */
static void row(const struct rows *rows, const char *before, const char *name, uint64_t measured,
		uint64_t warmup)
{
	char text[48];

	if (!measured && !warmup)
		return;
	snprintf(text, sizeof(text), "%s%s", before, name);
	for (char *at = text; *at; at++)
		if (*at == '_')
			*at = ' ';
	fprintf(rows->out, "  %-36s", text);
	cell(rows->out, measured);
	if (rows->has_warmup)
		cell(rows->out, warmup);
	fputc('\n', rows->out);
}

static void statuses(const struct rows *rows, const struct load_outcomes *measured,
		     const struct load_outcomes *warmup)
{
	uint64_t classes[2][LOAD_CLASSES] = {};
	char name[12];
	uint32_t nr = 0;

	for (uint32_t i = 0; i < LOAD_STATUSES; i++) {
		uint32_t class = i / 100 < LOAD_CLASSES ? i / 100 : 0;

		nr += measured->answered[i] || warmup->answered[i];
		classes[0][class] += measured->answered[i];
		classes[1][class] += warmup->answered[i];
	}
	for (uint32_t i = 0; i < LOAD_STATUSES && nr <= MOST_STATUSES; i++) {
		snprintf(name, sizeof(name), "%u", i);
		row(rows, "answered ", name, measured->answered[i], warmup->answered[i]);
	}
	for (uint32_t i = 0; i < LOAD_CLASSES && nr > MOST_STATUSES; i++)
		row(rows, "answered ", load_class_name(i), classes[0][i], classes[1][i]);
}

static void sum(FILE *out, const struct load_outcomes *outcomes, const char *due)
{
	uint64_t all = load_outcomes_sum(outcomes);
	char one[UNITS_TEXT_BYTES], other[UNITS_TEXT_BYTES];

	if (all == outcomes->due)
		fprintf(out, "sum %s = %s %s", count_text(one, all), due, count_text(other, outcomes->due));
	else
		fprintf(out, "the books do not close: sum %s, but %s %s", count_text(one, all), due,
			count_text(other, outcomes->due));
}

void load_text_outcomes(FILE *out, const struct load_result *result)
{
	const struct load_outcomes *measured = &result->books.measured, *warmup = &result->books.warmup;
	const char *due = result->plan->mode == LOAD_CLOSED ? "sent" : "due";
	struct rows rows = { out, warmup->due || load_outcomes_sum(warmup) };

	fprintf(out, "\n  %-36s %14s%s\n", "requests", "measured", rows.has_warmup ? "        warm-up" : "");
	statuses(&rows, measured, warmup);
	for (uint32_t i = 0; i < LOAD_FAILURES; i++)
		row(&rows, "failed: ", load_failure_name(i), measured->failed[i], warmup->failed[i]);
	row(&rows, "", "timed out", measured->timed_out, warmup->timed_out);
	row(&rows, "", "unanswered at the end", measured->unanswered, warmup->unanswered);
	for (uint32_t i = 0; i < LOAD_UNSENT; i++)
		row(&rows, "never sent: ", load_unsent_name(i), measured->never_sent[i],
		    warmup->never_sent[i]);
	fputs("  ", out);
	sum(out, measured, due);
	if (rows.has_warmup) {
		fputs("; warm-up: ", out);
		sum(out, warmup, due);
	}
	fputc('\n', out);
}
