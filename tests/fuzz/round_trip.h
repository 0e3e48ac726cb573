/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A report must survive its stored form: what is read back is what was written. */
#ifndef WHYLATE_TESTS_ROUND_TRIP_H
#define WHYLATE_TESTS_ROUND_TRIP_H

#include "tests/fuzz/fuzz.h"
#include "user/render/render.h"
#include "user/report/report_json.h"

static char *written(const struct report *report, bool one_line)
{
	struct err err = {};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	REQUIRE(out && !report_json_write(report, out, one_line, &err), "%s", err.text);
	fclose(out);
	REQUIRE(strlen(text) == size && text[size - 1] == '\n', "a report is one text with its newline");
	REQUIRE(!one_line || strchr(text, '\n') == text + size - 1, "a report on one line: %s", text);
	return text;
}

static void read_back(char *text, struct report *report)
{
	struct err err = {};
	FILE *in = fmemopen(text, strlen(text), "r");

	REQUIRE(in && !report_json_read(in, "what was written", report, &err), "%s: %s", err.text, text);
	REQUIRE(getc(in) == '\n' && getc(in) == EOF, "nothing is left unread");
	fclose(in);
}

static char *rendered(const struct report *report)
{
	struct err err = {};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	REQUIRE(out && !render_text(report, out, &err), "%s", err.text);
	fclose(out);
	REQUIRE(fuzz_is_plain(text), "no text for a terminal: %s", text);
	return text;
}

static void require_same(const struct report *a, const struct report *b)
{
	struct report_scheduling left = a->scheduling, right = b->scheduling;

	left.utilisation_ratio = right.utilisation_ratio; /* nine digits are written: the texts tell */
	REQUIRE(!memcmp(&left, &right, sizeof(left)), "scheduling differs");
	REQUIRE(a->nr_threads == b->nr_threads && a->nr_blame == b->nr_blame, "rows differ");
	REQUIRE(!memcmp(a->threads, b->threads, a->nr_threads * sizeof(*a->threads)), "threads differ");
	REQUIRE(!memcmp(a->blame, b->blame, a->nr_blame * sizeof(*a->blame)), "blame differs");
	REQUIRE(!memcmp(a->losses, b->losses, sizeof(a->losses)), "losses differ");
	REQUIRE(!memcmp(&a->window, &b->window, sizeof(a->window)), "window differs");
	REQUIRE(!memcmp(&a->machine, &b->machine, sizeof(a->machine)), "machine differs");
	REQUIRE(a->target.nr_pids == b->target.nr_pids &&
			!memcmp(a->target.pids, b->target.pids, a->target.nr_pids * sizeof(uint32_t)),
		"pids differ");
	REQUIRE(a->agent.nr_hooks == b->agent.nr_hooks &&
			!memcmp(a->agent.hooks, b->agent.hooks, sizeof(a->agent.hooks)), "hooks differ");
}

/*
 * Write REPORT, read it, write it again: the same words, and the same model where EXACT (a model that was
 * measured may hold names that are no text).  Both render alike.
 */
static void round_trip(const struct report *report, bool exact)
{
	char *first = written(report, false), *line = written(report, true), *second, *shown, *shown_again;
	struct report again;

	read_back(line, &again);
	second = written(&again, false);
	REQUIRE(!strcmp(first, second), "written: %s\nwritten again: %s", first, second);
	if (exact)
		require_same(report, &again);
	shown = rendered(report);
	shown_again = rendered(&again);
	REQUIRE(!exact || !strcmp(shown, shown_again), "shown: %s\nshown again: %s", shown, shown_again);
	report_fini(&again);
	free(shown_again);
	free(shown);
	free(second);
	free(line);
	free(first);
}

#endif /* WHYLATE_TESTS_ROUND_TRIP_H */
