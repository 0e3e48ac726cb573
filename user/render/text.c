// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The report as a tired person reads it: the answer first, then where the time went, how long the waits
 * for a CPU were, who was in the way, and last what the figures lack.
 */
#include "user/render/render.h"

#include <errno.h>
#include <string.h>

#include "bpf/clock.h"
#include "user/analysis/quantile.h"
#include "user/base/units.h"

#define BAR_COLUMNS  40
#define BLAME_ROWS   6
#define THREAD_ROWS  5
#define BAR_ROWS     14 /* with all else that may stand there, about 45 lines */
#define LEAST_THREADS_FOR_LIST 2

static const char *ns_text(char buf[UNITS_TEXT_BYTES], uint64_t ns)
{
	return units_format_ns(buf, UNITS_TEXT_BYTES, ns);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

/* The parts that a wall clock is cut into, where no part holds another. */
enum part {
	PART_ON_CPU,
	PART_RUN_QUEUE, /* + enum run_queue_cause */
	PART_BLOCKED = PART_RUN_QUEUE + RUN_QUEUE_CAUSES, /* + enum blocked_reason */
	PARTS = PART_BLOCKED + BLOCKED_REASONS,
};

/* In tenths of a percent. */
struct shares {
	unsigned run_queue, blocked; /* of all causes, of all reasons */
	unsigned parts[PARTS];
};

/* Raise those with the largest remainders, until what is printed sums to 100.0. */
static void round_shares(unsigned parts[PARTS], unsigned __int128 left[PARTS])
{
	unsigned missing = 1000;

	for (int i = 0; i < PARTS; i++)
		missing -= parts[i];
	for (; missing; missing--) {
		int most = 0;

		for (int i = 1; i < PARTS; i++)
			if (left[i] > left[most])
				most = i;
		parts[most]++;
		left[most] = 0;
	}
}

/* All are 0 if there was no time. */
static void find_shares(const struct report_scheduling *s, struct shares *out)
{
	uint64_t parts_ns[PARTS] = { s->on_cpu_ns };
	unsigned __int128 whole = 0, left[PARTS];

	memset(out, 0, sizeof(*out));
	memcpy(&parts_ns[PART_RUN_QUEUE], s->run_queue_cause_ns, sizeof(s->run_queue_cause_ns));
	memcpy(&parts_ns[PART_BLOCKED], s->blocked_reason_ns, sizeof(s->blocked_reason_ns));
	for (int i = 0; i < PARTS; i++)
		whole += parts_ns[i];
	if (!whole)
		return;
	for (int i = 0; i < PARTS; i++) {
		unsigned __int128 thousandfold = (unsigned __int128)parts_ns[i] * 1000;

		out->parts[i] = (unsigned)(thousandfold / whole);
		left[i] = thousandfold % whole;
	}
	round_shares(out->parts, left);
	for (int i = 0; i < RUN_QUEUE_CAUSES; i++)
		out->run_queue += out->parts[PART_RUN_QUEUE + i];
	for (int i = 0; i < BLOCKED_REASONS; i++)
		out->blocked += out->parts[PART_BLOCKED + i];
}

/* A process may have named itself anything, a terminal's commands too. */
static void name_text(char out[COMM_BYTES], const char *comm)
{
	size_t i;

	for (i = 0; i < COMM_BYTES - 1 && comm[i]; i++)
		out[i] = comm[i] >= ' ' && comm[i] <= '~' ? comm[i] : '?';
	out[i] = '\0';
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

	char comm[COMM_BYTES];

	name_text(comm, row->comm);
	if (row->pid && row->kind == BLAME_PROCESS)
		snprintf(buf, size, "%s (process %u)", comm, row->pid);
	else if (row->pid)
		snprintf(buf, size, "%s (kernel thread %u)", comm, row->pid);
	else if (*comm && row->kind <= BLAME_KERNEL)
		snprintf(buf, size, "%s (%s)", comm, words[row->kind]);
	else
		snprintf(buf, size, "%s", words[row->kind < BLAME_KINDS ? row->kind : BLAME_OTHER]);
}

static void headline(const struct report *report, const struct report_dist *waits,
		     const struct shares *shares, FILE *out)
{
	const struct report_scheduling *s = &report->scheduling;
	char window[UNITS_TEXT_BYTES], most[UNITS_TEXT_BYTES], comm[COMM_BYTES], who[96];
	uint64_t threads = report->target.threads + report->target.threads_ended;
	unsigned on_cpu = shares->parts[PART_ON_CPU];

	name_text(comm, report->target.comm);
	fprintf(out, "%s: %llu thread%s over %s: %u.%u %% on a CPU, %u.%u %% waiting for one, %u.%u %% blocked.\n",
		comm, (unsigned long long)threads, threads == 1 ? "" : "s",
		ns_text(window, report->window.duration_ns), on_cpu / 10, on_cpu % 10, shares->run_queue / 10,
		shares->run_queue % 10, shares->blocked / 10, shares->blocked % 10);
	if (!s->run_queue_ns && !waits->count) {
		fputs("It never waited for a CPU.\n", out);
		return;
	}
	if (waits->count)
		fprintf(out, "The longest wait for a CPU was %s", ns_text(most, waits->max_ns));
	else /* starved: in no distribution until it ends */
		fprintf(out, "No wait for a CPU ended; those that are open sum to %s",
			ns_text(most, s->run_queue_ns));
	if (report->nr_blame) {
		kind_text(who, sizeof(who), &report->blame[0]);
		fprintf(out, "; %.0f %% of all waiting was behind %s",
			percent(report->blame[0].ns, s->run_queue_ns), who);
	}
	fputs(".\n", out);
}

static void row(FILE *out, const char *name, uint64_t sum_ns, unsigned share,
		const struct report_dist *dist)
{
	char sum[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES], max[UNITS_TEXT_BYTES];

	fprintf(out, "  %-19s %9s %4u.%u %11s", name, ns_text(sum, sum_ns), share / 10, share % 10,
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

static void table(const struct report *report, const struct report_dist *waits,
		  const struct shares *shares, FILE *out)
{
	const struct report_scheduling *s = &report->scheduling;
	char name[32];

	fprintf(out, "\n  %-19s %9s %6s %11s %8s %8s %8s %8s\n", "where the time went", "sum", "%", "count",
		"p50", "p99", "p99.9", "max");
	row(out, "on a CPU", s->on_cpu_ns, shares->parts[PART_ON_CPU], &s->on_cpu);
	row(out, "run queue", s->run_queue_ns, shares->run_queue, waits);
	row(out, "  after wakeup", s->run_queue_cause_ns[AFTER_WAKEUP],
	    shares->parts[PART_RUN_QUEUE + AFTER_WAKEUP], &s->run_queue[AFTER_WAKEUP]);
	row(out, "  after preemption", s->run_queue_cause_ns[AFTER_PREEMPTION],
	    shares->parts[PART_RUN_QUEUE + AFTER_PREEMPTION], &s->run_queue[AFTER_PREEMPTION]);
	for (uint32_t i = 0; i < BLOCKED_REASONS; i++) {
		if (!s->blocked_reason_ns[i] && !s->blocked[i].count)
			continue;
		snprintf(name, sizeof(name), "blocked: %s", report_reason_name(i));
		row(out, name, s->blocked_reason_ns[i], shares->parts[PART_BLOCKED + i], &s->blocked[i]);
	}
}

/* COUNT of the waits in the octaves FIRST to LAST, as long as its part of MOST. */
static void bar(FILE *out, uint32_t first, uint32_t last, uint64_t count, uint64_t most)
{
	char from[UNITS_TEXT_BYTES], to[UNITS_TEXT_BYTES], number[UNITS_TEXT_BYTES], text[BAR_COLUMNS + 1];
	int length = (int)((double)count * BAR_COLUMNS / (double)most + 0.5);

	if (!length && count)
		length = 1;
	memset(text, '#', sizeof(text));
	text[length] = '\0';
	/* The last octave holds everything that is longer, too. */
	fprintf(out, "  %8s - %-8s %11s |%s\n",
		ns_text(from, hist_bucket_from_ns(first * HIST_SUB_BUCKETS)),
		last == HIST_OCTAVES ? "" : ns_text(to, hist_bucket_from_ns((last + 1) * HIST_SUB_BUCKETS)),
		units_format_count(number, sizeof(number), count), text);
}

/* One bar per octave, or as many octaves as it takes for all to fit, from the first wait to the last. */
static void bars(const struct report_dist *waits, FILE *out)
{
	uint64_t sums[HIST_OCTAVES + 1] = {}, most = 0;
	uint32_t first = HIST_OCTAVES, last = 0, step;

	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		if (!waits->buckets[i])
			continue;
		last = i / HIST_SUB_BUCKETS;
		first = last < first ? last : first;
	}
	if (!waits->count)
		return;
	step = (last - first) / BAR_ROWS + 1;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		uint64_t *sum;

		if (!waits->buckets[i])
			continue;
		sum = &sums[(i / HIST_SUB_BUCKETS - first) / step];
		*sum += waits->buckets[i];
		most = *sum > most ? *sum : most;
	}
	fputs("\n  waiting for a CPU\n", out);
	for (uint32_t i = first; i <= last; i += step) {
		uint32_t end = i + step - 1;

		bar(out, i, end < HIST_OCTAVES ? end : HIST_OCTAVES, sums[(i - first) / step], most);
	}
}

static void blame(const struct report *report, FILE *out)
{
	uint64_t left_ns = 0, whole_ns = report->scheduling.run_queue_ns;
	char who[96], ns[UNITS_TEXT_BYTES];
	size_t i;

	if (!report->nr_blame)
		return;
	fputs("\n  who had the CPU meanwhile\n", out);
	for (i = 0; i < report->nr_blame && i < BLAME_ROWS; i++) {
		kind_text(who, sizeof(who), &report->blame[i]);
		fprintf(out, "  %5.1f %% %9s  %s\n", percent(report->blame[i].ns, whole_ns),
			ns_text(ns, report->blame[i].ns), who);
	}
	for (size_t more = i; more < report->nr_blame; more++)
		left_ns += report->blame[more].ns;
	if (i < report->nr_blame)
		fprintf(out, "  %5.1f %% %9s  %zu more\n", percent(left_ns, whole_ns), ns_text(ns, left_ns),
			report->nr_blame - i);
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
		char comm[COMM_BYTES];

		name_text(comm, t->comm);
		fprintf(out, "  %8u %-16s %9s %9s %9s\n", t->tid, comm, ns_text(on, t->sums.on_cpu_ns),
			ns_text(queue, clock_run_queue_ns(&t->sums)), ns_text(max, t->sums.run_queue_max_ns));
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
		[LOSS_THREADS_UNREAD] = "threads could not be read: their time is missing or comes later",
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
	struct shares shares;

	report_run_queue(&report->scheduling, &waits);
	find_shares(&report->scheduling, &shares);
	headline(report, &waits, &shares, out);
	table(report, &waits, &shares, out);
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
