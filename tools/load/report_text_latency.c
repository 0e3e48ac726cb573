// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/report_text_parts.h"

#include <string.h>

#define TABLE_COLUMNS 3
/* Of load_quantiles, by bit. */
#define ALL_ROWS 0xffu
#define FEW_ROWS 0xb1u /* p50, p99, p99.9 and the longest */

double load_rate_of(uint64_t count, uint64_t window_ns)
{
	return window_ns ? (double)count * 1e9 / (double)window_ns : 0;
}

const char *load_rate_text(char buf[UNITS_TEXT_BYTES], double rate)
{
	if (rate >= 100)
		return count_text(buf, (uint64_t)(rate + 0.5));
	snprintf(buf, UNITS_TEXT_BYTES, "%.3g", rate);
	return buf;
}

const char *load_quantile_name(char buf[UNITS_TEXT_BYTES], double q)
{
	if (q >= 1)
		return strcpy(buf, "longest");
	snprintf(buf, UNITS_TEXT_BYTES, "p%g", q * 100);
	return buf;
}

const char *load_quantile_text(char buf[UNITS_TEXT_BYTES], const struct load_quantile *quantile)
{
	char ns[UNITS_TEXT_BYTES - 2];

	units_format_ns(ns, sizeof(ns), quantile->ns);
	snprintf(buf, UNITS_TEXT_BYTES, "%s%s", quantile->at_least ? "> " : "", ns);
	return buf;
}

const char *load_interval_text(char buf[INTERVAL_TEXT_BYTES], const struct load_quantile *quantile)
{
	char low[UNITS_TEXT_BYTES], high[UNITS_TEXT_BYTES] = "";

	buf[0] = '\0';
	if (!quantile->has_interval)
		return buf;
	ns_text(low, quantile->low_ns);
	if (quantile->high_ns != UINT64_MAX)
		ns_text(high, quantile->high_ns);
	snprintf(buf, INTERVAL_TEXT_BYTES, "(%s..%s)", low, high);
	return buf;
}

void load_text_quantile(FILE *out, const struct load_quantile *quantile)
{
	char name[UNITS_TEXT_BYTES], ns[UNITS_TEXT_BYTES], interval[INTERVAL_TEXT_BYTES];

	load_interval_text(interval, quantile);
	fprintf(out, "%s %s%s%s", load_quantile_name(name, quantile->q), load_quantile_text(ns, quantile),
		*interval ? " " : "", interval);
}

void load_text_quantiles(FILE *out, const struct hdr *hdr)
{
	static const double shown[] = { 0.5, 0.99, 1 };

	if (!hdr_count(hdr)) {
		fputs("not known\n", out);
		return;
	}
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		struct load_quantile one = load_quantile_of_both(hdr, NULL, shown[i]);

		fputs(i ? ", " : "", out);
		load_text_quantile(out, &one);
	}
	fputc('\n', out);
}

struct column {
	char heading[UNITS_TEXT_BYTES];
	struct load_quantile quantiles[LOAD_QUANTILES];
	bool empty;
};

static void fill(struct column *column, const char *heading, const struct hdr *known,
		 const struct hdr *at_least)
{
	snprintf(column->heading, sizeof(column->heading), "%s", heading);
	column->empty = !hdr_count(known) && (!at_least || !hdr_count(at_least));
	for (int i = 0; i < LOAD_QUANTILES; i++)
		column->quantiles[i] = load_quantile_of_both(known, at_least, load_quantiles[i]);
}

/* ROWS of COLUMNS, of which the last is not filled up: nothing is behind it. */
static void table(FILE *out, const char *name, const struct column *columns, size_t nr, unsigned rows)
{
	char text[UNITS_TEXT_BYTES], interval[INTERVAL_TEXT_BYTES];

	fprintf(out, "\n  %-8s", name);
	for (size_t i = 0; i < nr; i++) {
		snprintf(interval, sizeof(interval), "%9s", columns[i].heading);
		fprintf(out, "%s%-*s", i ? "  " : "", i + 1 < nr ? 28 : 0, interval);
	}
	for (int row = 0; row < LOAD_QUANTILES; row++) {
		if (!(rows >> row & 1))
			continue;
		fprintf(out, "\n  %-8s", load_quantile_name(text, load_quantiles[row]));
		for (size_t i = 0; i < nr; i++) {
			const struct load_quantile *one = &columns[i].quantiles[row];
			int width = i + 1 < nr ? 18 : 0;

			load_interval_text(interval, one);
			fprintf(out, "%s%9s%s%-*s", i ? "  " : "",
				columns[i].empty ? "-" : load_quantile_text(text, one),
				width || *interval ? " " : "", width, interval);
		}
	}
	fputc('\n', out);
}

static void classes(FILE *out, const struct load_result *result)
{
	struct column columns[TABLE_COLUMNS];
	size_t nr = 0, nr_classes = 0;

	for (uint32_t i = 0; i < LOAD_CLASSES; i++)
		nr_classes += hdr_count(&result->books.by_class[i]) > 0;
	if (nr_classes < 2)
		return;
	for (uint32_t i = 0; i < LOAD_CLASSES; i++) {
		uint32_t class = (i + 2) % LOAD_CLASSES; /* what was hoped for first, "other" late */
		char heading[UNITS_TEXT_BYTES];

		if (!hdr_count(&result->books.by_class[class]))
			continue;
		snprintf(heading, sizeof(heading), "answered %s", load_class_name(class));
		fill(&columns[nr++], heading, &result->books.by_class[class], NULL);
		if (--nr_classes && nr < TABLE_COLUMNS)
			continue;
		table(out, "", columns, nr, FEW_ROWS);
		nr = 0;
	}
}

void load_text_latency(FILE *out, const struct load_result *result,
		       const struct load_quantile quantiles[LOAD_QUANTILES])
{
	const struct load_books *books = &result->books;
	struct column columns[TABLE_COLUMNS];
	size_t nr = 0;

	if (result->plan->mode != LOAD_CLOSED)
		fill(&columns[nr++], "from due", &books->from_due.known, &books->from_due.at_least);
	fill(&columns[nr++], "from send", &books->from_send.known, &books->from_send.at_least);
	if (result->plan->mode != LOAD_CLOSED)
		fill(&columns[nr++], "until a connection was free", &books->wait_connection, NULL);
	memcpy(columns[0].quantiles, quantiles, sizeof(columns[0].quantiles));
	table(out, "latency", columns, nr, ALL_ROWS);
	classes(out, result);
}
