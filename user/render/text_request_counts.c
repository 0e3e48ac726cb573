// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How many requests there were, and what was seen beside them. */
#include "user/render/text_requests.h"

#include "user/render/text_flow.h"
#include "user/render/text_parts.h"

static void not_counted_text(char *buf, size_t size, const struct report_requests *requests, uint32_t reason)
{
	static const char *const words[NOT_COUNTED_KINDS] = {
		[NOT_BEFORE_ATTACH] = "begun before attach",
		[NOT_CLOSED] = "whose connection closed",
		[NOT_FOREIGN] = "answered by others",
		[NOT_UPGRADED] = "upgraded",
		[NOT_UNSEEN] = "unseen",
		[NOT_UNANSWERED] = "unanswered",
	};
	char count[UNITS_TEXT_BYTES];

	snprintf(buf, size, "%s %s", count_text(count, requests->not_counted[reason]), words[reason]);
}

static void turns_text(char *buf, size_t size, const struct report_requests *requests, uint32_t protocol)
{
	const struct report_dist *turns = &requests->turns[protocol];
	char count[UNITS_TEXT_BYTES], ns[UNITS_TEXT_BYTES];
	uint64_t p99_ns = quantile_ns(turns->buckets, turns->count, quantile_list[TAIL_QUANTILE]);

	snprintf(buf, size, "%s %s turn%s (p99 %s)", count_text(count, turns->count),
		 report_turn_name(protocol), turns->count == 1 ? "" : "s",
		 ns_text(ns, at_most(p99_ns, turns->max_ns)));
}

void text_rate(char *buf, size_t size, double per_second)
{
	char text[UNITS_TEXT_BYTES];

	if (per_second < 100)
		snprintf(buf, size, "%.1f", per_second);
	else
		snprintf(buf, size, "%s",
			 count_text(text, per_second < 1e19 ? (uint64_t)per_second : UINT64_MAX));
}

void text_request_counts(const struct report *report, FILE *out)
{
	const struct report_requests *r = &report->requests;
	struct text_list requests = { .out = out, .label = "  requests   ", .separator = ", " };
	struct text_list turns = { .out = out, .label = "  others     ", .separator = ", " };
	struct text_list not_counted = { .out = out, .label = "  left out   ", .separator = ", " };
	char count[UNITS_TEXT_BYTES], rate[UNITS_TEXT_BYTES], text[96];

	fputc('\n', out);
	text_list_add(&requests, count_text(count, r->count));
	if (report->window.duration_ns) {
		text_rate(rate, sizeof(rate), (double)r->count * 1e9 / (double)report->window.duration_ns);
		snprintf(text, sizeof(text), "%s a second", rate);
		text_list_add(&requests, text);
	}
	requests.separator = "; ";
	for (uint32_t i = 0; i < STATUSES; i++) {
		/* The class that is not known comes last. */
		uint32_t status = i < STATUSES - 1 ? i + 1 : STATUS_UNKNOWN;

		if (!r->statuses[status])
			continue;
		snprintf(text, sizeof(text), "%s %s%s", count_text(count, r->statuses[status]),
			 report_status_name(status), status == STATUS_UNKNOWN ? " status" : "");
		text_list_add(&requests, text);
		requests.separator = ", ";
	}
	text_list_end(&requests);
	if (r->still_sending)
		fprintf(out, "             %s answers still being sent when the window ended\n",
			count_text(count, r->still_sending));
	for (uint32_t i = 0; i < TURN_PROTOCOLS; i++) {
		if (!r->turns[i].count)
			continue;
		turns_text(text, sizeof(text), r, i);
		text_list_add(&turns, text);
	}
	text_list_end(&turns);
	for (uint32_t i = 0; i < NOT_COUNTED_KINDS; i++) {
		if (!r->not_counted[i])
			continue;
		not_counted_text(text, sizeof(text), r, i);
		text_list_add(&not_counted, text);
	}
	text_list_end(&not_counted);
}

void text_no_requests(const struct report_requests *requests, FILE *out)
{
	struct text_paragraph p = {};
	const char *before = "No request was answered: ";
	char text[96];

	for (uint32_t i = 0; i < NOT_COUNTED_KINDS; i++) {
		if (!requests->not_counted[i])
			continue;
		not_counted_text(text, sizeof(text), requests, i);
		text_say(&p, "%s%s", before, text);
		before = ", ";
	}
	for (uint32_t i = 0; i < TURN_PROTOCOLS; i++) {
		if (!requests->turns[i].count)
			continue;
		turns_text(text, sizeof(text), requests, i);
		text_say(&p, "%s%s", before, text);
		before = ", ";
	}
	if (p.length)
		text_say(&p, ".");
	else if (requests->listens)
		text_say(&p, "It listens, and no request was seen: nobody asked, another process answers, or "
			     "it is "
			     "read without a copy.");
	text_paragraph(&p, out);
}
