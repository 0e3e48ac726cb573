// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What requests cost the CPUs, how many there could be by that, and what a switch more costs one. */
#include "user/render/text_requests.h"

#include <string.h>

#include "user/analysis/capacity.h"
#include "user/render/text_flow.h"
#include "user/render/text_parts.h"

/* "1.02", "12.3", "2,469"; what cannot be is short, too. */
static void mean_text(char *buf, size_t size, double sum, uint64_t count)
{
	double mean = count ? sum / (double)count : 0;

	if (mean < 9.995)
		snprintf(buf, size, "%.2f", mean);
	else if (mean < 1e6)
		text_rate(buf, size, mean);
	else
		snprintf(buf, size, "%.3g", mean);
}

/* Of COUNT requests each in the mean: all switches, those of them that were preemptions, and migrations. */
static void means_text(char buf[3][UNITS_TEXT_BYTES], const struct report_request_switches *sums,
		       uint64_t count)
{
	mean_text(buf[0], UNITS_TEXT_BYTES, (double)sums->voluntary + (double)sums->involuntary, count);
	mean_text(buf[1], UNITS_TEXT_BYTES, (double)sums->involuntary, count);
	mean_text(buf[2], UNITS_TEXT_BYTES, (double)sums->migrations, count);
}

static bool is_switched(const struct report_requests *r)
{
	return r->switches.voluntary || r->switches.involuntary || r->switches.migrations;
}

/* How often a request is switched, and what all switches take of the whole: what is known of the two. */
static bool switching_line(const struct report *report, FILE *out)
{
	static const char *const what[] = { "a request", "preempted", "migrated" };
	const struct report_requests *r = &report->requests;
	struct text_list list = { .out = out, .label = "  switching  ", .separator = ", " };
	char means[3][UNITS_TEXT_BYTES], share[UNITS_TEXT_BYTES], text[3 * UNITS_TEXT_BYTES + 16];
	double ratio;

	means_text(means, &r->switches, r->count);
	for (int i = 0; i < 3 && is_switched(r); i++) {
		snprintf(text, sizeof(text), "%s %s", means[i], what[i]);
		text_list_add(&list, text);
	}
	list.separator = "; ";
	if (report->scheduling.switch_cost.cost.count &&
	    report_switch_cost_ratio(&report->scheduling, &ratio)) {
		snprintf(text, sizeof(text), "%s of CPU time", text_share(share, ratio));
		text_list_add(&list, text);
	}
	text_list_end(&list);
	return list.column;
}

/* Below it the same of the tail, and of one switch. */
static bool switching_detail(const struct report *report, FILE *out)
{
	const struct report_request_quantile *tail = &report->requests.quantiles[TAIL_QUANTILE];
	const struct report_dist *cost = &report->scheduling.switch_cost.cost;
	struct text_list list = { .out = out, .label = "             ", .separator = "; " };
	char means[3][UNITS_TEXT_BYTES], ns[UNITS_TEXT_BYTES], text[128];

	if (is_switched(&report->requests)) {
		means_text(means, &tail->switches, tail->tail_count);
		snprintf(text, sizeof(text), "from p99 on %s, %s, %s", means[0], means[1], means[2]);
		text_list_add(&list, text);
	}
	if (cost->count) {
		snprintf(text, sizeof(text), "one takes %s (p50)",
			 ns_text(ns, quantile_ns(cost->buckets, cost->count, 0.5)));
		text_list_add(&list, text);
	}
	text_list_end(&list);
	return list.column;
}

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

/* In at most MOST lines; a slope that is not known says the least. */
static void switch_lines(const struct report *report, unsigned most, FILE *out)
{
	const struct report_slope *slope = &report->requests.slope;

	if (slope->known && most) {
		switch_cost(slope, out);
		most--;
	}
	if (most && switching_line(report, out)) {
		most--;
		if (most && switching_detail(report, out))
			most--;
	}
	if (!slope->known && most)
		switch_cost(slope, out);
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
	switch_lines(report, most > (falls || far) ? most - (falls || far) : 0, out);
}
