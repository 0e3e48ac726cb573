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

/* One screen: about 45 lines of 80 columns.  The bars take what the rest leaves of it. */
#define SCREEN_LINES	       45
#define COLUMNS		       80
#define OTHER_LINES	       32 /* all but the bars and the rows of blocked reasons, at their usual number */
#define BAR_COLUMNS	       40
#define BARS_LEAST	       5
#define BARS_MOST	       12
#define BLAME_ROWS	       4
#define THREAD_ROWS	       3
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
	PART_RUN_QUEUE,					  /* + enum run_queue_cause */
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

/* What came from a process, a cgroup or a file may be anything, a terminal's commands too. */
static void plain_text(char *out, size_t size, const char *text)
{
	size_t i;

	for (i = 0; i < size - 1 && text[i]; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
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

	plain_text(comm, sizeof(comm), row->comm);
	if (row->pid && row->kind == BLAME_PROCESS)
		snprintf(buf, size, "%s (process %u)", comm, row->pid);
	else if (row->pid)
		snprintf(buf, size, "%s (kernel thread %u)", comm, row->pid);
	else if (*comm && row->kind <= BLAME_KERNEL)
		snprintf(buf, size, "%s (%s)", comm, words[row->kind]);
	else
		snprintf(buf, size, "%s", words[row->kind < BLAME_KINDS ? row->kind : BLAME_OTHER]);
}

/* In tenths of a percent, as what stands in the table. */
static unsigned tenths(uint64_t part, uint64_t whole)
{
	return (unsigned)(percent(part, whole) * 10 + 0.5);
}

static void headline(const struct report *report, const struct report_dist *waits,
		     const struct shares *shares, FILE *out)
{
	const struct report_scheduling *s = &report->scheduling;
	char text[UNITS_TEXT_BYTES], comm[COMM_BYTES], who[96], since[20];
	uint64_t threads = report->target.threads + report->target.threads_ended;
	unsigned on_cpu = shares->parts[PART_ON_CPU];

	plain_text(comm, sizeof(comm), report->target.comm);
	fprintf(out, "%s: %s thread%s over ", comm, units_format_count(text, sizeof(text), threads),
		threads == 1 ? "" : "s");
	/* To the second: what follows is the same in every report. */
	plain_text(since, sizeof(since), report->window.started_at);
	fprintf(out, "%s from %sZ.\n", ns_text(text, report->window.duration_ns), since);
	if (report->target.has_exit_status)
		fprintf(out, "It ended with exit status %d.\n", report->target.exit_status);
	fprintf(out, "%u.%u %% of their time on a CPU, %u.%u %% waiting for one, %u.%u %% blocked.\n",
		on_cpu / 10, on_cpu % 10, shares->run_queue / 10, shares->run_queue % 10,
		shares->blocked / 10, shares->blocked % 10);
	if (!s->run_queue_ns && !waits->count) {
		fputs("None ever waited for a CPU.\n", out);
		return;
	}
	if (waits->count)
		fprintf(out, "The longest wait for a CPU was %s.\n", ns_text(text, waits->max_ns));
	else /* starved: in no distribution until it ends */
		fprintf(out, "No wait for a CPU ended; those that are open sum to %s.\n",
			ns_text(text, s->run_queue_ns));
	if (report->nr_blame) {
		unsigned share = tenths(report->blame[0].ns, s->run_queue_ns);

		kind_text(who, sizeof(who), &report->blame[0]);
		fprintf(out, "Of all waiting, %u.%u %% was behind %s.\n", share / 10, share % 10, who);
	}
}

static void row(FILE *out, const char *name, uint64_t sum_ns, unsigned share, const struct report_dist *dist)
{
	char sum[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES], max[UNITS_TEXT_BYTES];

	fprintf(out, "  %-17s %8s %3u.%u %9s", name, ns_text(sum, sum_ns), share / 10, share % 10,
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

static bool has_blocked_row(const struct report_scheduling *s, int reason)
{
	return s->blocked_reason_ns[reason] || s->blocked[reason].count;
}

static void table(const struct report *report, const struct report_dist *waits, const struct shares *shares,
		  FILE *out)
{
	const struct report_scheduling *s = &report->scheduling;
	char name[32];

	fprintf(out, "\n  %-19s %6s %5s %9s %8s %8s %8s %8s\n", "where the time went", "sum", "%", "count",
		"p50", "p99", "p99.9", "max");
	row(out, "on a CPU", s->on_cpu_ns, shares->parts[PART_ON_CPU], &s->on_cpu);
	row(out, "run queue", s->run_queue_ns, shares->run_queue, waits);
	row(out, " after wakeup", s->run_queue_cause_ns[AFTER_WAKEUP],
	    shares->parts[PART_RUN_QUEUE + AFTER_WAKEUP], &s->run_queue[AFTER_WAKEUP]);
	row(out, " after preemption", s->run_queue_cause_ns[AFTER_PREEMPTION],
	    shares->parts[PART_RUN_QUEUE + AFTER_PREEMPTION], &s->run_queue[AFTER_PREEMPTION]);
	for (int i = 0; i < BLOCKED_REASONS; i++) {
		if (!has_blocked_row(s, i))
			continue;
		snprintf(name, sizeof(name), "blocked: %s", report_reason_name((uint32_t)i));
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
	fprintf(out, "  %8s - %-8s %11s |%s\n", ns_text(from, hist_bucket_from_ns(first * HIST_SUB_BUCKETS)),
		last == HIST_OCTAVES ? "" : ns_text(to, hist_bucket_from_ns((last + 1) * HIST_SUB_BUCKETS)),
		units_format_count(number, sizeof(number), count), text);
}

/* How many bars there is room for. */
static uint32_t bars_room(const struct report_scheduling *s)
{
	int room = SCREEN_LINES - OTHER_LINES;

	for (int i = 0; i < BLOCKED_REASONS; i++)
		room -= has_blocked_row(s, i);
	return room < BARS_LEAST ? BARS_LEAST : room > BARS_MOST ? BARS_MOST : (uint32_t)room;
}

/* One bar per octave, or as many octaves as it takes for all to fit, from the first wait to the last. */
static void bars(const struct report_dist *waits, uint32_t room, FILE *out)
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
	step = (last - first) / room + 1;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		uint64_t *sum;

		if (!waits->buckets[i])
			continue;
		sum = &sums[(i / HIST_SUB_BUCKETS - first) / step];
		*sum += waits->buckets[i];
		most = *sum > most ? *sum : most;
	}
	fputs("\n  run-queue latency, and how many waits were that long\n", out);
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
	fputs("\n  who had the CPU during the waits\n", out);
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

static void quota(const struct report_quota *q, FILE *out)
{
	char text[UNITS_TEXT_BYTES], period[UNITS_TEXT_BYTES], cgroup[41];
	size_t length = strlen(q->cgroup), cut = length < sizeof(cgroup) ? 0 : length - sizeof(cgroup) + 1;

	/* Of a long path the end tells more than the beginning. */
	plain_text(cgroup, sizeof(cgroup), q->cgroup + cut);
	if (cut)
		memcpy(cgroup, "...", 3);
	fprintf(out, "  quota      %s every %s by %s\n", ns_text(text, q->quota_ns),
		ns_text(period, q->period_ns), cgroup);
	if (q->has_counts)
		fprintf(out, "             throttled in %llu of %llu periods, %s\n",
			(unsigned long long)q->throttled_periods, (unsigned long long)q->periods,
			ns_text(text, q->throttled_ns));
	else
		fputs("             throttling not known: it came under this quota meanwhile\n", out);
}

static void switches(const struct report *report, FILE *out)
{
	const struct report_scheduling *s = &report->scheduling;
	const struct report_dist *cost = &s->switch_cost.cost;
	char one[UNITS_TEXT_BYTES], other[UNITS_TEXT_BYTES], third[UNITS_TEXT_BYTES];

	fprintf(out, "\n  switches   %s voluntary, %s involuntary, %s migrations\n",
		units_format_count(one, sizeof(one), s->voluntary),
		units_format_count(other, sizeof(other), s->involuntary),
		units_format_count(third, sizeof(third), s->migrations));
	if (s->switches_replayed)
		fprintf(out, "             %s not announced by the kernel, timed from its own record\n",
			units_format_count(one, sizeof(one), s->switches_replayed));
	if (cost->count)
		fprintf(out, "  one costs  p50 %s, p99 %s; %s of our own taken off\n",
			ns_text(one, quantile_ns(cost->buckets, cost->count, 0.5)),
			ns_text(other, quantile_ns(cost->buckets, cost->count, 0.99)),
			ns_text(third, s->switch_cost.own_ns));
	else if (!s->switch_cost.available)
		fprintf(out, "  one costs  not known: %s\n",
			strncmp(s->switch_cost.method, "left out", 8) ? "this kernel has no hook for it" :
									s->switch_cost.method);
	fprintf(out, "  CPUs       %.1f %% used of the %u that it may use; ", 100.0 * s->utilisation_ratio,
		report->target.cpus_allowed);
	if (strcmp(s->stolen_source, "none"))
		fprintf(out, "%s of that stolen\n", ns_text(one, s->stolen_ns));
	else
		fputs("stolen time not known\n", out);
	if (s->quota.present)
		quota(&s->quota, out);
}

static void threads(const struct report *report, FILE *out)
{
	char on[UNITS_TEXT_BYTES], queue[UNITS_TEXT_BYTES], max[UNITS_TEXT_BYTES], blocked[UNITS_TEXT_BYTES],
		count[UNITS_TEXT_BYTES];
	size_t shown = report->nr_threads < THREAD_ROWS ? report->nr_threads : THREAD_ROWS;

	if (report->nr_threads < LEAST_THREADS_FOR_LIST)
		return;
	fprintf(out, "\n  thread, most waiting first   %10s %10s %10s %10s\n", "on a CPU", "blocked",
		"waiting", "longest");
	for (size_t i = 0; i < shown; i++) {
		const struct report_thread *t = &report->threads[i];
		uint64_t queue_ns = clock_run_queue_ns(&t->sums);
		char comm[COMM_BYTES], who[48];

		plain_text(comm, sizeof(comm), t->comm);
		if (t->tid)
			snprintf(who, sizeof(who), "%8u %s", t->tid, comm);
		else
			snprintf(who, sizeof(who), "%8s %s that ended", "",
				 units_format_count(count, sizeof(count), t->threads));
		fprintf(out, "  %-28s %10s %10s %10s %10s\n", who, ns_text(on, t->sums.on_cpu_ns),
			ns_text(blocked, t->wall_ns - t->sums.on_cpu_ns - queue_ns), ns_text(queue, queue_ns),
			ns_text(max, t->sums.run_queue_max_ns));
	}
	if (report->nr_threads > shown)
		fprintf(out, "  and %zu more\n", report->nr_threads - shown);
}

static void losses(const struct report *report, FILE *out)
{
	static const char *const words[LOSS_KINDS] = {
		[LOSS_CLOCK_CREATE] = "threads ended before they got a clock: in no figure",
		[LOSS_CLOCK_GAP] = "events missed: their time went to the state before",
		[LOSS_BLAME_NAMES] = "neighbours without a name (table full)",
		[LOSS_THREADS_UNREAD] = "threads not read: their time is missing or late",
		[LOSS_RECURSION] = "events that the kernel skipped (recursion)",
	};

	char count[UNITS_TEXT_BYTES];

	for (int i = 0; i < LOSS_KINDS; i++)
		if (report->losses[i])
			fprintf(out, "  LOST       %s %s\n",
				units_format_count(count, sizeof(count), report->losses[i]), words[i]);
	if (!report_has_losses(report))
		fputs("  losses     none\n", out);
}

static void hooks(const struct report *report, FILE *out)
{
	const size_t indent = strlen("  hooks      ");
	const char *before = "\n  hooks      ";
	char name[24], without[48];
	size_t column = indent;

	for (size_t i = 0; i < report->agent.nr_hooks; i++) {
		const struct report_hook *hook = &report->agent.hooks[i];

		if (!strcmp(hook->how, "absent"))
			continue;
		plain_text(name, sizeof(name), hook->name);
		if (column > indent && column + strlen(", ,") + strlen(name) > COLUMNS) {
			before = ",\n             ";
			column = indent;
		}
		column += (column > indent ? strlen(", ") : 0) + strlen(name);
		fprintf(out, "%s%s", before, name);
		before = ", ";
	}
	fputc('\n', out);
	for (size_t i = 0; i < report->agent.nr_hooks; i++) {
		if (strcmp(report->agent.hooks[i].how, "absent"))
			continue;
		plain_text(name, sizeof(name), report->agent.hooks[i].name);
		plain_text(without, sizeof(without), report->agent.hooks[i].without);
		fprintf(out, "  absent     %s: no %s\n", name, without);
	}
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
	bars(&waits, bars_room(&report->scheduling), out);
	blame(report, out);
	switches(report, out);
	threads(report, out);
	hooks(report, out);
	if (fflush(out) || ferror(out))
		return err_set(err, errno ? errno : EIO, "cannot write the report: %s",
			       strerror(errno ? errno : EIO));
	return 0;
}
