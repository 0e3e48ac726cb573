// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where the time of the requests went, quantile by quantile, and what stands beside it. */
#include "user/render/text_requests.h"

#include <string.h>

#include "user/render/request_groups.h"
#include "user/render/shares.h"
#include "user/render/text_flow.h"
#include "user/render/text_parts.h"

#define SPLIT_COLUMNS 50

/* One bar for each quantile: of all the time of the requests that took that long or longer. */
static void split(const struct report_requests *r, FILE *out)
{
	fprintf(out, "\n  %-5s %8s %11s  %s\n", "from", "latency", "requests", "where their time went");
	for (int i = 0; i < QUANTILES; i++) {
		const struct report_request_quantile *q = &r->quantiles[i];
		char name[UNITS_TEXT_BYTES], ns[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
		char text[SPLIT_COLUMNS + 1], *at = text;
		uint64_t sums_ns[REQUEST_GROUPS];
		unsigned columns[REQUEST_GROUPS];

		request_group_sums(q->components_ns, sums_ns);
		shares_among(SPLIT_COLUMNS, sums_ns, REQUEST_GROUPS, columns);
		for (enum request_group group = 0; group < REQUEST_GROUPS; group++) {
			memset(at, request_group_letter(group), columns[group]);
			at += columns[group];
		}
		*at = '\0';
		text_quantile(name, i);
		fprintf(out, "  %-5s %8s %11s |%s\n", name,
			ns_text(ns, at_most(q->latency_ns, r->latency.max_ns)),
			count_text(count, q->tail_count), text);
	}
}

static bool has_component(const struct report_requests *r, uint32_t component)
{
	for (int i = 0; i < QUANTILES; i++)
		if (r->quantiles[i].components_ns[component])
			return true;
	return false;
}

static void legend(const struct report_requests *r, FILE *out)
{
	struct text_list list = { .out = out, .label = "  ", .separator = "   " };
	bool there[REQUEST_GROUPS] = {};
	char text[40];

	for (uint32_t i = 0; i < COMPONENTS; i++)
		there[request_group_of(i)] |= has_component(r, i);
	for (enum request_group group = 0; group < REQUEST_GROUPS; group++) {
		if (!there[group])
			continue;
		snprintf(text, sizeof(text), "%c %s", request_group_letter(group), request_group_name(group));
		text_list_add(&list, text);
	}
	text_list_end(&list);
}

/* A line of the table: NS of each quantile, nothing where it is 0; WITHOUT may be empty. */
static void component_row(char letter, const char *name, const uint64_t ns[QUANTILES], const char *without,
			  FILE *out)
{
	char text[UNITS_TEXT_BYTES];

	fprintf(out, "  %c %-19s", letter, name);
	for (int i = 0; i < QUANTILES; i++)
		fprintf(out, " %8s", ns[i] ? ns_text(text, ns[i]) : "-");
	if (*without)
		fprintf(out, " %15s", without);
	fputc('\n', out);
}

/* Which components have a row: the MOST of the tail, of those that are not zero.  Their number, or all. */
static size_t choose_rows(const struct report_requests *r, unsigned most, bool chosen[COMPONENTS])
{
	const uint64_t *tail_ns = r->quantiles[TAIL_QUANTILE].components_ns;
	size_t nr = 0, left;

	for (uint32_t i = 0; i < COMPONENTS; i++)
		nr += chosen[i] = has_component(r, i);
	for (left = nr; left > rows_shown(nr, most); left--) {
		uint32_t least = COMPONENTS;

		for (uint32_t i = 0; i < COMPONENTS; i++)
			if (chosen[i] && (least == COMPONENTS || tail_ns[i] < tail_ns[least]))
				least = i;
		chosen[least] = false;
	}
	return nr - left;
}

static void table(const struct report_requests *r, unsigned most, FILE *out)
{
	const struct report_request_quantile *tail = &r->quantiles[TAIL_QUANTILE];
	uint64_t rest_ns[QUANTILES] = {}, whole_ns[QUANTILES] = {}, row_ns[QUANTILES];
	char text[UNITS_TEXT_BYTES];
	bool chosen[COMPONENTS];
	size_t cut = choose_rows(r, most, chosen);

	if (!most)
		return;
	fprintf(out, "\n  %-21s", "mean of those from");
	for (int i = 0; i < QUANTILES; i++) {
		text_quantile(text, i);
		fprintf(out, " %8s", text);
		whole_ns[i] = r->quantiles[i].tail_latency_ns;
	}
	fprintf(out, " %15s\n", "p99 without it");
	for (uint32_t i = 0; i < COMPONENTS; i++) {
		for (int j = 0; j < QUANTILES; j++) {
			row_ns[j] = r->quantiles[j].components_ns[i];
			if (!chosen[i])
				rest_ns[j] = request_add_ns(rest_ns[j], row_ns[j]);
		}
		if (!chosen[i])
			continue;
		/* Only where it makes a difference. */
		*text = '\0';
		if (tail->without_ns[i] < tail->latency_ns)
			ns_text(text, at_most(tail->without_ns[i], r->latency.max_ns));
		component_row(request_group_letter(request_group_of(i)), report_component_name(i), row_ns,
			      text, out);
	}
	if (cut) {
		snprintf(text, sizeof(text), "%zu more", cut);
		component_row(' ', text, rest_ns, "", out);
	}
	component_row(' ', "together", whole_ns, "", out);
}

/*
 * Who was in the way of the tail, where that was 1 % of its time.  Kinds only: the names of neighbours are
 * known of the whole window.
 */
static void blame(const struct report *report, unsigned most, FILE *out)
{
	const struct report_request_quantile *tail = &report->requests.quantiles[TAIL_QUANTILE];
	uint64_t left_ns[BLAME_KINDS], sums_ns[REQUEST_GROUPS], whole_ns = 0;
	unsigned tenths[BLAME_KINDS], left_tenths = 0;
	size_t nr = 0, shown;
	char who[96];

	request_group_sums(tail->components_ns, sums_ns);
	for (uint32_t i = 0; i < REQUEST_GROUPS; i++)
		whole_ns = request_add_ns(whole_ns, sums_ns[i]);
	shares_of(tail->blame_ns, BLAME_KINDS, tenths);
	for (uint32_t i = 0; i < BLAME_KINDS; i++) {
		left_ns[i] = tail->blame_ns[i];
		left_tenths += tenths[i];
		nr += left_ns[i] != 0;
	}
	if (!most || !nr || sums_ns[GROUP_RUN_QUEUE] < whole_ns / 100)
		return;
	fputs("\n  who had the CPU while those from p99 on waited for it\n", out);
	shown = rows_shown(nr, most);
	for (size_t i = 0; i < shown; i++) {
		struct report_blame row = { .kind = request_largest(left_ns, BLAME_KINDS) };

		text_who(who, sizeof(who), report, &row);
		text_blame_row(tenths[row.kind], left_ns[row.kind], who, out);
		left_tenths -= tenths[row.kind];
		left_ns[row.kind] = 0;
	}
	if (shown == nr)
		return;
	for (uint32_t i = 1; i < BLAME_KINDS; i++)
		left_ns[0] = request_add_ns(left_ns[0], left_ns[i]);
	snprintf(who, sizeof(who), "%zu more", nr - shown);
	text_blame_row(left_tenths, left_ns[0], who, out);
}

void text_requests(const struct report *report, const struct request_room *room, FILE *out)
{
	text_answer(report, out);
	split(&report->requests, out);
	legend(&report->requests, out);
	table(&report->requests, room->components, out);
	text_bars("latency, and how many requests took that long", &report->requests.latency, room->bars,
		  out);
	blame(report, room->blame, out);
	text_client(&report->requests, room->client, out);
	text_request_counts(report, out);
	text_costs(report, room->costs, out);
}
