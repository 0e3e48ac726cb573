// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/progress.h"

#include <stdio.h>

#include "tools/load/report_text_parts.h"

struct counts {
	uint64_t answered, errors;
};

/* What is not 2xx or 3xx is no answer that was hoped for. */
static void add(struct counts *counts, const struct load_outcomes *outcomes)
{
	counts->answered += load_outcomes_answered(outcomes, 0, LOAD_STATUSES);
	counts->errors += load_outcomes_sum(outcomes) - load_outcomes_good(outcomes);
}

static struct counts count(const struct load_books *books)
{
	struct counts counts = {};

	add(&counts, &books->measured);
	add(&counts, &books->warmup);
	return counts;
}

static void difference(struct load_censored *out, const struct load_censored *now,
		       const struct load_censored *before)
{
	*out = *now;
	hdr_subtract(&out->known, &before->known);
	hdr_subtract(&out->at_least, &before->at_least);
}

static void put_quantile(FILE *out, const char *before, const struct load_quantile *one)
{
	char name[UNITS_TEXT_BYTES], ns[UNITS_TEXT_BYTES];

	fprintf(out, "  %s%s ", before, load_quantile_name(name, one->q));
	if (!one->has_interval)
		fputs(load_quantile_text(ns, one), out);
	else if (one->high_ns == UINT64_MAX)
		fprintf(out, "> %s", ns_text(ns, one->low_ns));
	else
		fprintf(out, "%s..%s", ns_text(name, one->low_ns), ns_text(ns, one->high_ns));
}

static void put_latency(FILE *out, const struct load_books *now, const struct load_books *before)
{
	struct load_censored latency;
	struct load_quantile one;

	difference(&latency, &now->from_due, &before->from_due);
	if (!hdr_count(&latency.known) && !hdr_count(&latency.at_least)) /* a closed loop */
		difference(&latency, &now->from_send, &before->from_send);
	one = load_quantile_of(&latency, 0.5);
	if (!hdr_count(&latency.known) && !hdr_count(&latency.at_least)) {
		fputs(now->warmup.due > before->warmup.due ? "  warming up" : "  no answers", out);
		return;
	}
	put_quantile(out, "", &one);
	one = load_quantile_of(&latency, 0.99);
	put_quantile(out, "", &one);
}

static void put_lag(FILE *out, const struct load_books *now, const struct load_books *before)
{
	struct hdr lag = now->lag_send;
	struct load_quantile one;

	hdr_subtract(&lag, &before->lag_send);
	if (!hdr_count(&lag))
		return;
	one = load_quantile_of_both(&lag, NULL, 0.99);
	put_quantile(out, "lag ", &one);
}

void load_progress_line(char *buf, size_t size, const struct load_books *now, const struct load_books *before,
			uint64_t interval_ns, uint64_t elapsed_ns, uint64_t total_ns)
{
	struct counts is = count(now), was = count(before);
	char text[UNITS_TEXT_BYTES];
	FILE *out = fmemopen(buf, size, "w");

	if (!out) {
		if (size)
			buf[0] = '\0';
		return;
	}
	fputs(ns_text(text, elapsed_ns), out);
	if (elapsed_ns <= total_ns)
		fprintf(out, " of %s", ns_text(text, total_ns));
	fprintf(out, "  %s/s", load_rate_text(text, load_rate_of(is.answered - was.answered, interval_ns)));
	put_latency(out, now, before);
	fprintf(out, "  errors %s", count_text(text, is.errors - was.errors));
	put_lag(out, now, before);
	fclose(out);
	buf[size - 1] = '\0'; /* which it puts only where there is room */
}
