// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What requests cost the CPUs, how many there could be by that, and what a switch more costs one. */
#include "user/render/text_requests.h"

#include <string.h>

#include "user/analysis/capacity.h"
#include "user/render/text_flow.h"
#include "user/render/text_parts.h"

/* Where the interval holds 0, or all of it is below, the figure in its middle says nothing. */
static void switch_cost(const struct report_slope *slope, FILE *out)
{
	char ns[SIGNED_TEXT_BYTES], low[SIGNED_TEXT_BYTES], high[SIGNED_TEXT_BYTES], text[128];
	struct text_list list = { .out = out, .label = "  a switch   ", .separator = ", " };

	if (slope->known && slope->low_ns > 0)
		snprintf(text, sizeof(text), "costs a request %s of CPU", signed_ns_text(ns, slope->ns));
	else
		strcpy(text, "costs a request: cannot tell");
	text_list_add(&list, text);
	if (slope->known)
		snprintf(text, sizeof(text), "95 %% sure: %s to %s", signed_ns_text(low, slope->low_ns),
			 signed_ns_text(high, slope->high_ns));
	else
		strcpy(text, "too few differ in switches");
	text_list_add(&list, text);
	text_list_end(&list);
}

static void capacity_line(const struct report *report, const struct capacity *capacity, FILE *out)
{
	struct text_list list = { .out = out, .label = "  capacity   ", .separator = ", " };
	char text[96], rate[UNITS_TEXT_BYTES], ns[UNITS_TEXT_BYTES];
	bool quota = capacity->cpus < report->target.cpus_allowed;

	text_rate(rate, sizeof(rate), capacity->requests_per_second);
	snprintf(text, sizeof(text), "%s a second at most, %.1f %% used", rate, 100 * capacity->used_ratio);
	text_list_add(&list, text);
	snprintf(text, sizeof(text), "%s of CPU each", ns_text(ns, capacity->on_cpu_ns_per_request));
	text_list_add(&list, text);
	if (quota)
		snprintf(text, sizeof(text), "a quota of %.2f CPUs", capacity->cpus);
	else
		snprintf(text, sizeof(text), "%.0f CPU%s", capacity->cpus, capacity->cpus > 1 ? "s" : "");
	text_list_add(&list, text);
	text_list_end(&list);
}

/* What a request took in the lightest interval, and in the busiest. */
static void falling_line(const struct report_loads *loads, FILE *out)
{
	const struct report_load *light = &loads->lightest, *busy = &loads->busiest;
	struct text_list list = { .out = out, .label = "             ", .separator = ", " };
	char ns[UNITS_TEXT_BYTES], rate[UNITS_TEXT_BYTES], text[96];

	text_rate(rate, sizeof(rate), (double)light->count * 1e9 / (double)light->duration_ns);
	snprintf(text, sizeof(text), "%s each at %s a second", ns_text(ns, light->on_cpu_ns / light->count),
		 rate);
	text_list_add(&list, text);
	text_rate(rate, sizeof(rate), (double)busy->count * 1e9 / (double)busy->duration_ns);
	snprintf(text, sizeof(text), "%s at %s: it may be more", ns_text(ns, busy->on_cpu_ns / busy->count),
		 rate);
	text_list_add(&list, text);
	text_list_end(&list);
}

/* Where that is only a guess: nothing was seen of what a request takes near the capacity. */
#define FAR_BELOW_RATIO 0.5

void text_costs(const struct report *report, unsigned most, FILE *out)
{
	const struct report_requests *requests = &report->requests;
	struct capacity capacity;
	bool known = capacity_of(report, &capacity), falls = known && loads_fall(&requests->loads);
	bool far = known && !falls && capacity.used_ratio < FAR_BELOW_RATIO;

	if (known && most) {
		capacity_line(report, &capacity, out);
		most--;
	}
	if (falls && most)
		falling_line(&requests->loads, out);
	else if (far && most)
		fputs("             it may be more: under load a request often takes less CPU time\n", out);
	if (most > (falls || far))
		switch_cost(&requests->slope, out);
}
