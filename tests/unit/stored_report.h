/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What tests of the stored form share: a report as JSON, and that it is refused.  Behind cmocka.h. */
#ifndef WHYLATE_TESTS_STORED_REPORT_H
#define WHYLATE_TESTS_STORED_REPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tests/unit/fake_exemplars.h"
#include "user/analysis/capacity.h"
#include "user/report/report_json.h"

static inline char *written(const struct report *report, bool one_line)
{
	struct err err = {};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(report_json_write(report, out, one_line, &err), 0);
	fclose(out);
	return text;
}

static inline int read_back(const char *text, struct report *report, struct err *err)
{
	FILE *in = fmemopen((void *)text, strlen(text), "r");
	int ret;

	assert_non_null(in);
	memset(err, 0, sizeof(*err));
	ret = report_json_read(in, "FILE", report, err);
	fclose(in);
	return ret;
}

/* ROOT is refused in one line that has SENTENCE in it. */
static inline void expect_refusal(const json_t *root, const char *sentence)
{
	char *text = json_dumps(root, 0);
	struct report report;
	struct err err;

	if (!read_back(text, &report, &err))
		fail_msg("what should be refused with \"%s\" is read", sentence);
	if (!strstr(err.text, sentence))
		fail_msg("no \"%s\" in: %s", sentence, err.text);
	assert_null(strchr(err.text, '\n'));
	free(text);
}

/* REPORT as JSON, with some slow requests, the slowest of which is so alone; REPORT is let go. */
static inline json_t *stored(struct report *report)
{
	struct report_exemplars *exemplars = &report->exemplars;
	json_t *root;
	char *text;

	do {
		memset(exemplars, 0, sizeof(*exemplars));
		fake_exemplars(exemplars);
	} while (exemplars->nr < 2 || exemplars->of[1].nr_segments < 2 ||
		 exemplars->of[0].latency_ns == exemplars->of[exemplars->nr - 1].latency_ns);
	text = written(report, true);
	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	free(text);
	report_fini(report);
	return root;
}

/* A report in which nothing optional is null and no list is empty. */
static inline json_t *full_report(void)
{
	static unsigned seed = 1; /* it is a long way to the first */
	struct capacity capacity;
	struct report report;

	for (;; seed++) {
		fake_report(&report, seed);
		if (report.agent.has_overhead_bpf && report.scheduling.quota.has_counts &&
		    report.scheduling.has_irq && report.target.has_exit_status && report.nr_threads &&
		    report.threads[0].has_audit && report.agent.nr_hooks && report.scheduling.on_cpu.count &&
		    report.requests.nr_buckets && report.requests.turns[TURN_TLS].count &&
		    report.requests.has_without_run_queue && report.scheduling.switch_cost.available &&
		    report.scheduling.on_cpu_ns && report.window.duration_ns > 1 &&
		    report.requests.slope.known && report.requests.loads.known &&
		    report.requests.client.present && report.requests.client.has_sent &&
		    capacity_of(&report, &capacity))
			break;
		report_fini(&report);
	}
	return stored(&report);
}

#endif /* WHYLATE_TESTS_STORED_REPORT_H */
