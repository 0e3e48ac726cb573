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

static char *rendered(const struct report *report, bool full)
{
	struct err err = {};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	REQUIRE(out && !render_text(report, full, out, &err), "%s", err.text);
	fclose(out);
	REQUIRE(fuzz_is_plain(text), "no text for a terminal: %s", text);
	return text;
}

static void require_same_requests(const struct report_requests *a, const struct report_requests *b)
{
	struct report_requests alike = *a;

	alike.buckets = b->buckets;
	REQUIRE(!memcmp(&alike, b, sizeof(alike)), "requests differ");
	REQUIRE(!a->nr_buckets || !memcmp(a->buckets, b->buckets, a->nr_buckets * sizeof(*a->buckets)), "buck"
													"ets "
													"diff"
													"er");
}

static void require_same(const struct report *a, const struct report *b)
{
	REQUIRE(!memcmp(&a->scheduling, &b->scheduling, sizeof(a->scheduling)), "scheduling differs");
	REQUIRE(a->nr_threads == b->nr_threads && a->nr_blame == b->nr_blame, "rows differ");
	REQUIRE(!memcmp(a->threads, b->threads, a->nr_threads * sizeof(*a->threads)), "threads differ");
	REQUIRE(!memcmp(a->blame, b->blame, a->nr_blame * sizeof(*a->blame)), "blame differs");
	REQUIRE(!memcmp(a->losses, b->losses, sizeof(a->losses)), "losses differ");
	require_same_requests(&a->requests, &b->requests);
	REQUIRE(!memcmp(&a->exemplars, &b->exemplars, sizeof(a->exemplars)), "exemplars differ");
	REQUIRE(!memcmp(&a->window, &b->window, sizeof(a->window)), "window differs");
	REQUIRE(!memcmp(&a->machine, &b->machine, sizeof(a->machine)), "machine differs");
	REQUIRE(a->target.nr_pids == b->target.nr_pids &&
			!memcmp(a->target.pids, b->target.pids, a->target.nr_pids * sizeof(uint32_t)),
		"pids differ");
	REQUIRE(a->agent.nr_hooks == b->agent.nr_hooks &&
			!memcmp(a->agent.hooks, b->agent.hooks, sizeof(a->agent.hooks)),
		"hooks differ");
}

/*
 * Write REPORT, read it, write it again: the same words, and the same model where EXACT (a model that was
 * measured may hold names that are no text).  Both render alike.
 */
static void round_trip(const struct report *report, bool exact)
{
	char *first = written(report, false), *line = written(report, true), *second, *shown, *shown_again;
	double ratio = report->scheduling.utilisation_ratio;
	struct report again, as_written = *report;

	read_back(line, &again);
	/* Nine digits of it are written. */
	as_written.scheduling.utilisation_ratio = again.scheduling.utilisation_ratio;
	REQUIRE(ratio <= again.scheduling.utilisation_ratio * (1 + 1e-8) &&
			ratio >= again.scheduling.utilisation_ratio * (1 - 1e-8),
		"a ratio of %.17g is read as %.17g", ratio, again.scheduling.utilisation_ratio);
	second = written(&again, false);
	REQUIRE(!strcmp(first, second), "written: %s\nwritten again: %s", first, second);
	if (exact)
		require_same(&as_written, &again);
	for (int full = 0; full < 2; full++) {
		shown = rendered(&as_written, full);
		shown_again = rendered(&again, full);
		REQUIRE(!exact || !strcmp(shown, shown_again), "shown: %s\nshown again: %s", shown,
			shown_again);
		free(shown_again);
		free(shown);
	}
	report_fini(&again);
	free(second);
	free(line);
	free(first);
}

#endif /* WHYLATE_TESTS_ROUND_TRIP_H */
