// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/report_text.h"

#include "tools/load/report_text_parts.h"

/* A line of how many did not get what they asked for; nothing if all did. */
static void shares(FILE *out, const struct load_outcomes *outcomes)
{
	const struct {
		uint64_t count;
		const char *what;
	} parts[] = { { outcomes->due - load_outcomes_answered(outcomes, 0, LOAD_STATUSES), "not answered" },
		      { load_outcomes_answered(outcomes, 400, 500), "answered 4xx" },
		      { load_outcomes_answered(outcomes, 500, 600), "answered 5xx" } };
	const char *before = "";

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!parts[i].count)
			continue;
		fprintf(out, "%s%.3g %% %s", before, 100 * (double)parts[i].count / (double)outcomes->due,
			parts[i].what);
		before = ", ";
	}
	fputs(*before ? "\n" : "", out);
}

/* The first line, of the quantile that lag has changed most for its size. */
static void lateness(FILE *out, const struct load_result *result,
		     const struct load_quantile quantiles[LOAD_QUANTILES])
{
	char name[UNITS_TEXT_BYTES], ns[UNITS_TEXT_BYTES], without[UNITS_TEXT_BYTES];
	const struct load_quantile *worst = NULL;
	double least_ratio = 1;

	for (int i = 0; i < LOAD_QUANTILES; i++) {
		double ratio = (double)quantiles[i].without_lag_ns / (double)quantiles[i].ns;

		if (!quantiles[i].lag_matters || ratio >= least_ratio)
			continue;
		worst = &quantiles[i];
		least_ratio = ratio;
	}
	if (!worst && load_result_is_saturated(result))
		fprintf(out,
			"The generator was busy %.0f %% of the time while requests waited: it may be that, "
			"and not the server.\n"
			"It needs more threads (-t), CPUs of its own (--cpus), or less to do.\n",
			result->busy_ratio * 100);
	if (!worst)
		return;
	fprintf(out,
		"The generator was late: without its own lag %s would be %s, not %s.\n"
		"It needs more threads (-t), CPUs of its own (--cpus), or less to do.\n",
		load_quantile_name(name, worst->q), ns_text(without, worst->without_lag_ns),
		load_quantile_text(ns, worst));
}

/* Of the three that are asked for most, those that enough values tell; the median and p99 anyway. */
static void answer(FILE *out, const struct load_result *result,
		   const struct load_quantile quantiles[LOAD_QUANTILES])
{
	static const int shown[] = { 0, 4, 5 };
	const struct load_outcomes *outcomes = &result->books.measured;
	char rate[UNITS_TEXT_BYTES];

	if (!outcomes->due) {
		fputs("Nothing was measured: the run ended before a request was due.\n", out);
		return;
	}
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		const struct load_quantile *one = &quantiles[shown[i]];

		if (i == 2 && one->has_interval)
			break;
		fputs(i ? ", " : "", out);
		load_text_quantile(out, one);
	}
	fprintf(out, " from %s, %s a second\n", result->plan->mode == LOAD_CLOSED ? "send" : "due",
		load_rate_text(rate, load_rate_of(outcomes->due, result->window_ns)));
	shares(out, outcomes);
}

static void connections(FILE *out, const struct load_result *result)
{
	const struct load_books *books = &result->books;
	char text[UNITS_TEXT_BYTES];

	fprintf(out, "  connections   %s of ", count_text(text, books->connections_open));
	fprintf(out, "%s open, ", count_text(text, result->plan->connections));
	fprintf(out, "%s opened, ", count_text(text, books->connections_opened));
	fprintf(out, "%s failed, ", count_text(text, books->connections_failed));
	fprintf(out, "%s reconnects\n", count_text(text, books->reconnects));
	if (result->opening_ns)
		fprintf(out, "  all open      after %s\n", ns_text(text, result->opening_ns));
	else
		fputs("  all open      not when each had been tried once\n", out);
}

static void generator(FILE *out, const struct load_result *result)
{
	const struct load_plan *plan = result->plan;
	char text[UNITS_TEXT_BYTES];

	fprintf(out, "  generator     %s thread%s, ", count_text(text, plan->threads),
		plan->threads == 1 ? "" : "s");
	if (plan->has_cpus)
		fprintf(out, "pinned to %d CPU%s, ", CPU_COUNT(&plan->cpus),
			CPU_COUNT(&plan->cpus) == 1 ? "" : "s");
	fprintf(out, "%s, %.2f CPUs used, busy %.0f %% of the time\n  memory        ",
		result->spinning ? "spinning" : "sleeping",
		result->cpu_window_ns ? (double)result->cpu_ns / (double)result->cpu_window_ns : 0,
		result->busy_ratio * 100);
	fprintf(out, "%s", units_format_bytes(text, sizeof(text), result->user_bytes));
	fprintf(out, ", %s a connection\n",
		units_format_bytes(text, sizeof(text),
				   plan->connections ? result->user_bytes / plan->connections : 0));
}

static void lag(FILE *out, const struct load_result *result,
		const struct load_quantile quantiles[LOAD_QUANTILES])
{
	const char *before = "  without lag   ";

	fputs("  lag of send   ", out);
	load_text_quantiles(out, &result->books.lag_send);
	fputs("  of receive    ", out);
	load_text_quantiles(out, &result->books.lag_receive);
	for (int i = 0; i < LOAD_QUANTILES; i++) {
		char name[UNITS_TEXT_BYTES], ns[UNITS_TEXT_BYTES];

		if (!quantiles[i].lag_matters)
			continue;
		fprintf(out, "%s%s %s", before, load_quantile_name(name, quantiles[i].q),
			ns_text(ns, quantiles[i].without_lag_ns));
		before = ", ";
	}
	fputs(*before == ',' ? "\n" : "", out);
}

static void loss(FILE *out, uint64_t count, const char *what)
{
	char text[UNITS_TEXT_BYTES];

	if (count)
		fprintf(out, "  %s: %s\n", what, count_text(text, count));
}

static void losses(FILE *out, const struct load_result *result)
{
	const struct load_books *books = &result->books;

	loss(out, books->no_arrival_time, "reads without the kernel's time of arrival");
	loss(out, books->unreadable_arrival_time, "times of arrival made useless by a step of the clock");
	loss(out, result->clock_steps, "steps of the wall clock");
	loss(out, books->unasked, "connections closed since the server sent without being asked");
	if (result->interrupted && result->window_ns < result->plan->duration_ns)
		fputs("  Interrupted: the run is shorter than was planned.\n", out);
}

/* The window; where it took notably longer until the last outcome was known, all of that.  Not 0. */
static uint64_t answering_ns(const struct load_result *result)
{
	uint64_t warmup_ns = result->plan->warmup_ns, window_ns = result->window_ns;

	if (result->settled_ns > warmup_ns && result->settled_ns - warmup_ns > window_ns + window_ns / 100)
		window_ns = result->settled_ns - warmup_ns;
	return window_ns ? window_ns : 1;
}

void load_report_text(FILE *out, const struct load_result *result)
{
	struct load_quantile quantiles[LOAD_QUANTILES];
	char rate[UNITS_TEXT_BYTES], bytes[UNITS_TEXT_BYTES], window[UNITS_TEXT_BYTES];
	uint64_t window_ns = answering_ns(result);

	load_result_quantiles(result, quantiles);
	lateness(out, result, quantiles);
	answer(out, result, quantiles);
	load_text_outcomes(out, result);
	load_text_latency(out, result, quantiles);
	fprintf(out, "\n  throughput    %s answers a second in %s, %s a second received\n",
		load_rate_text(rate,
			       load_rate_of(load_outcomes_answered(&result->books.measured, 0, LOAD_STATUSES),
					    window_ns)),
		ns_text(window, window_ns),
		units_format_bytes(bytes, sizeof(bytes),
				   (uint64_t)load_rate_of(result->books.received_bytes, window_ns)));
	connections(out, result);
	lag(out, result, quantiles);
	generator(out, result);
	losses(out, result);
}
