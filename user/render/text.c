// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The report as a tired person reads it: the answer first, then where the time went, how long the waits
 * for a CPU were, who was in the way, and last what the figures lack.
 */
#include "user/render/render.h"

#include <errno.h>
#include <string.h>

#include "user/analysis/quantile.h"
#include "user/base/units.h"

#define BAR_COLUMNS  40
#define BLAME_ROWS   6
#define THREAD_ROWS  5
#define LEAST_THREADS_FOR_LIST 2

static const char *ns_text(char buf[UNITS_TEXT_BYTES], uint64_t ns)
{
	return units_format_ns(buf, UNITS_TEXT_BYTES, ns);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

static void both_causes(const struct report_scheduling *s, struct report_dist *out)
{
	*out = s->run_queue[AFTER_WAKEUP];
	out->count += s->run_queue[AFTER_PREEMPTION].count;
	out->total_ns += s->run_queue[AFTER_PREEMPTION].total_ns;
	if (s->run_queue[AFTER_PREEMPTION].max_ns > out->max_ns)
		out->max_ns = s->run_queue[AFTER_PREEMPTION].max_ns;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		out->buckets[i] += s->run_queue[AFTER_PREEMPTION].buckets[i];
}

static void kind_text(char *buf, size_t size, const struct report_blame *row)
{
	static const char *const words[BLAME_KINDS] = {
		[BLAME_SELF] = "itself (more threads than CPUs)",
		[BLAME_PROCESS] = "other processes",
		[BLAME_KERNEL] = "kernel threads",
		[BLAME_IDLE] = "nobody (the wakeup's own way)",
		[BLAME_QUOTA] = "its CPU quota (cgroup)",
		[BLAME_OTHER] = "not known",
	};

	if (row->pid && row->kind == BLAME_PROCESS)
		snprintf(buf, size, "%s (process %u)", row->comm, row->pid);
	else if (row->pid)
		snprintf(buf, size, "%s (kernel thread %u)", row->comm, row->pid);
	else
		snprintf(buf, size, "%s", words[row->kind < BLAME_KINDS ? row->kind : BLAME_OTHER]);
}

static void headline(const struct report *report, const struct report_dist *waits, FILE *out)
{
	const struct report_scheduling *s = &report->scheduling;
	char window[UNITS_TEXT_BYTES], most[UNITS_TEXT_BYTES], who[96];
	uint64_t threads = report->target.threads + report->target.threads_ended;

	fprintf(out, "%s: %llu thread%s over %s: %.1f %% on a CPU, %.1f %% waiting for one, %.1f %% blocked.\n",
		report->target.comm, (unsigned long long)threads, threads == 1 ? "" : "s",
		ns_text(window, report->window.duration_ns), percent(s->on_cpu_ns, s->wall_ns),
		percent(s->run_queue_ns, s->wall_ns), percent(s->blocked_ns, s->wall_ns));
	if (!waits->count || !report->nr_blame) {
		fputs("It never waited for a CPU.\n", out);
		return;
	}
	kind_text(who, sizeof(who), &report->blame[0]);
	fprintf(out, "The longest wait for a CPU was %s; %.0f %% of all waiting was behind %s.\n",
		ns_text(most, waits->max_ns), percent(report->blame[0].ns, s->run_queue_ns), who);
}

static void row(FILE *out, const char *name, uint64_t sum_ns, uint64_t wall_ns,
		const struct report_dist *dist)
{
	char sum[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES], max[UNITS_TEXT_BYTES];

	fprintf(out, "  %-19s %9s %6.1f %11s", name, ns_text(sum, sum_ns), percent(sum_ns, wall_ns),
		units_format_count(count, sizeof(count), dist->count));
	for (int i = 0; i < QUANTILES; i++) {
		char text[UNITS_TEXT_BYTES];
		uint64_t ns = quantile_ns(dist->buckets, dist->count, quantile_list[i]);

		if (i == 1) /* p90 stays in the JSON: a line has 80 columns */
			continue;
		/* A bucket's midpoint can lie above the one value in it. */
		fprintf(out, " %8s",
			dist->count ? ns_text(text, ns > dist->max_ns ? dist->max_ns : ns) : "-");
	}
	fprintf(out, " %8s\n", dist->count ? ns_text(max, dist->max_ns) : "-");
}

static void table(const struct report *report, const struct report_dist *waits, FILE *out)
{
	const struct report_scheduling *s = &report->scheduling;
	char name[32];

	fprintf(out, "\n  %-19s %9s %6s %11s %8s %8s %8s %8s\n", "where the time went", "sum", "%", "count",
		"p50", "p99", "p99.9", "max");
	row(out, "on a CPU", s->on_cpu_ns, s->wall_ns, &s->on_cpu);
	row(out, "run queue", s->run_queue_ns, s->wall_ns, waits);
	row(out, "  after wakeup", s->run_queue_cause_ns[AFTER_WAKEUP], s->wall_ns,
	    &s->run_queue[AFTER_WAKEUP]);
	row(out, "  after preemption", s->run_queue_cause_ns[AFTER_PREEMPTION], s->wall_ns,
	    &s->run_queue[AFTER_PREEMPTION]);
	for (uint32_t i = 0; i < BLOCKED_REASONS; i++) {
		if (!s->blocked_reason_ns[i] && !s->blocked[i].count)
			continue;
		snprintf(name, sizeof(name), "blocked: %s", report_reason_name(i));
		row(out, name, s->blocked_reason_ns[i], s->wall_ns, &s->blocked[i]);
	}
}

/* One bar per octave, from the first that is not empty to the last. */
static void bars(const struct report_dist *waits, FILE *out)
{
	uint64_t octaves[HIST_OCTAVES + 1] = {}, most = 0;
	uint32_t first = HIST_OCTAVES, last = 0;

	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		octaves[i / HIST_SUB_BUCKETS] += waits->buckets[i];
	for (uint32_t i = 0; i <= HIST_OCTAVES; i++) {
		if (!octaves[i])
			continue;
		first = i < first ? i : first;
		last = i;
		most = octaves[i] > most ? octaves[i] : most;
	}
	if (!most)
		return;
	fputs("\n  waiting for a CPU\n", out);
	for (uint32_t i = first; i <= last; i++) {
		char from[UNITS_TEXT_BYTES], to[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
		int length = (int)((double)octaves[i] * BAR_COLUMNS / (double)most + 0.5);
		char bar[BAR_COLUMNS + 1];

		if (!length && octaves[i])
			length = 1;
		memset(bar, '#', sizeof(bar));
		bar[length] = '\0';
		fprintf(out, "  %8s - %-8s %11s |%s\n",
			ns_text(from, hist_bucket_from_ns(i * HIST_SUB_BUCKETS)),
			ns_text(to, hist_bucket_from_ns((i + 1) * HIST_SUB_BUCKETS)),
			units_format_count(count, sizeof(count), octaves[i]), bar);
	}
}

static void blame(const struct report *report, FILE *out)
{
	uint64_t shown_ns = 0, whole_ns = report->scheduling.run_queue_ns;
	char who[96], ns[UNITS_TEXT_BYTES];
	size_t i;

	if (!report->nr_blame)
		return;
	fputs("\n  who had the CPU meanwhile\n", out);
	for (i = 0; i < report->nr_blame && i < BLAME_ROWS; i++) {
		kind_text(who, sizeof(who), &report->blame[i]);
		fprintf(out, "  %5.1f %% %9s  %s\n", percent(report->blame[i].ns, whole_ns),
			ns_text(ns, report->blame[i].ns), who);
		shown_ns += report->blame[i].ns;
	}
	if (i < report->nr_blame)
		fprintf(out, "  %5.1f %% %9s  %zu more\n", percent(whole_ns - shown_ns, whole_ns),
			ns_text(ns, whole_ns - shown_ns), report->nr_blame - i);
}

static void switches(const struct report *report, FILE *out)
{
	const struct report_scheduling *s = &report->scheduling;
	const struct report_dist *cost = &s->switch_cost.cost;
	char voluntary[UNITS_TEXT_BYTES], involuntary[UNITS_TEXT_BYTES], migrations[UNITS_TEXT_BYTES],
		p50[UNITS_TEXT_BYTES], p99[UNITS_TEXT_BYTES], stolen[UNITS_TEXT_BYTES];

	fprintf(out, "\n  switches   %s voluntary, %s involuntary, %s migrations\n",
		units_format_count(voluntary, sizeof(voluntary), s->voluntary),
		units_format_count(involuntary, sizeof(involuntary), s->involuntary),
		units_format_count(migrations, sizeof(migrations), s->migrations));
	if (s->switches_replayed)
		fprintf(out, "             %llu not announced by the kernel, timed from its own record\n",
			(unsigned long long)s->switches_replayed);
	if (cost->count)
		fprintf(out, "  one costs  p50 %s, p99 %s (%s; our own %llu ns taken off)\n",
			ns_text(p50, quantile_ns(cost->buckets, cost->count, 0.5)),
			ns_text(p99, quantile_ns(cost->buckets, cost->count, 0.99)), s->switch_cost.method,
			(unsigned long long)s->switch_cost.own_ns);
	else if (!s->switch_cost.available)
		fputs("  one costs  not known: this kernel has no hook for it\n", out);
	fprintf(out, "  CPUs       %.1f %% of the %u that it may use; %s of its time on them was stolen\n",
		100.0 * s->utilisation_ratio, report->target.cpus_allowed, ns_text(stolen, s->stolen_ns));
	if (s->quota.present) {
		char quota[UNITS_TEXT_BYTES], period[UNITS_TEXT_BYTES], throttled[UNITS_TEXT_BYTES];

		fprintf(out, "  quota      %s in every %s (%s): throttled in %llu of %llu periods, %s\n",
			ns_text(quota, s->quota.quota_ns), ns_text(period, s->quota.period_ns),
			s->quota.cgroup, (unsigned long long)s->quota.throttled_periods,
			(unsigned long long)s->quota.periods, ns_text(throttled, s->quota.throttled_ns));
	}
}

static void threads(const struct report *report, FILE *out)
{
	char on[UNITS_TEXT_BYTES], queue[UNITS_TEXT_BYTES], max[UNITS_TEXT_BYTES];

	if (report->nr_threads < LEAST_THREADS_FOR_LIST)
		return;
	fprintf(out, "\n  %8s %-16s %9s %9s %9s   (most waiting first)\n", "thread", "", "on a CPU",
		"waiting", "longest");
	for (size_t i = 0; i < report->nr_threads && i < THREAD_ROWS; i++) {
		const struct report_thread *t = &report->threads[i];
		uint64_t queue_ns =
			t->sums.run_queue_ns[AFTER_WAKEUP] + t->sums.run_queue_ns[AFTER_PREEMPTION];

		fprintf(out, "  %8u %-16s %9s %9s %9s\n", t->tid, t->comm, ns_text(on, t->sums.on_cpu_ns),
			ns_text(queue, queue_ns), ns_text(max, t->sums.run_queue_max_ns));
	}
	if (report->nr_threads > THREAD_ROWS)
		fprintf(out, "  and %zu more\n", report->nr_threads - THREAD_ROWS);
}

static void losses(const struct report *report, FILE *out)
{
	static const char *const words[LOSS_KINDS] = {
		[LOSS_CLOCK_CREATE] = "threads have no clock (no memory in the kernel): in no figure",
		[LOSS_CLOCK_GAP] = "scheduler events missed: time went to the state before them",
		[LOSS_BLAME_NAMES] = "neighbours have no name (table full): their time is in their kind",
		[LOSS_SNAPSHOT_TORN] = "threads could not be read (changed at every try)",
		[LOSS_RECURSION] = "events skipped by the kernel (program already running on that CPU)",
	};

	for (int i = 0; i < LOSS_KINDS; i++)
		if (report->losses[i])
			fprintf(out, "  LOST       %llu %s\n", (unsigned long long)report->losses[i], words[i]);
	if (!report_has_losses(report))
		fputs("  losses     none\n", out);
}

static void hooks(const struct report *report, FILE *out)
{
	const char *between = "\n  hooks      ";

	for (size_t i = 0; i < report->agent.nr_hooks; i++) {
		const struct report_hook *hook = &report->agent.hooks[i];

		if (!strcmp(hook->how, "absent"))
			continue;
		fprintf(out, "%s%s", between, hook->name);
		between = i == 3 ? ",\n             " : ", ";
	}
	fputc('\n', out);
	for (size_t i = 0; i < report->agent.nr_hooks; i++)
		if (!strcmp(report->agent.hooks[i].how, "absent"))
			fprintf(out, "  absent     %s: %s is not measured\n", report->agent.hooks[i].name,
				report->agent.hooks[i].without);
	losses(report, out);
}

int render_text(const struct report *report, FILE *out, struct err *err)
{
	struct report_dist waits;

	both_causes(&report->scheduling, &waits);
	headline(report, &waits, out);
	table(report, &waits, out);
	bars(&waits, out);
	blame(report, out);
	switches(report, out);
	threads(report, out);
	hooks(report, out);
	if (fflush(out) || ferror(out))
		return err_set(err, errno ? errno : EIO, "cannot write the report: %s",
			       strerror(errno ? errno : EIO));
	return 0;
}
