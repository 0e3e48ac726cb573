// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What requests cost the CPUs: a switch more. */
#include "user/render/text_requests.h"

#include <string.h>

#include "user/render/text_flow.h"
#include "user/render/text_parts.h"

/* "-1.20 us". */
static const char *signed_text(char buf[UNITS_TEXT_BYTES + 1], int64_t ns)
{
	buf[0] = '-';
	ns_text(buf + 1, ns < 0 ? -(uint64_t)ns : (uint64_t)ns);
	return ns < 0 ? buf : buf + 1;
}

/* Where the interval holds 0, or all of it is below, the figure in its middle says nothing. */
static void switch_cost(const struct report_slope *slope, FILE *out)
{
	char ns[UNITS_TEXT_BYTES + 1], low[UNITS_TEXT_BYTES + 1], high[UNITS_TEXT_BYTES + 1], text[128];
	struct text_list list = { .out = out, .label = "  a switch   ", .separator = ", " };

	if (slope->known && slope->low_ns > 0)
		snprintf(text, sizeof(text), "costs a request %s of CPU", signed_text(ns, slope->ns));
	else
		strcpy(text, "costs a request: cannot tell");
	text_list_add(&list, text);
	if (slope->known)
		snprintf(text, sizeof(text), "95 %% sure: %s to %s", signed_text(low, slope->low_ns),
			 signed_text(high, slope->high_ns));
	else
		strcpy(text, "too few differ in switches");
	text_list_add(&list, text);
	text_list_end(&list);
}

void text_costs(const struct report *report, unsigned most, FILE *out)
{
	if (most)
		switch_cost(&report->requests.slope, out);
}
