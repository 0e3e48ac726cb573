// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The report as a tired person reads it: the answer first, the requests if there were any (text_requests.h),
 * then where all the time went, how long the waits for a CPU were, who was in the way, and last what the
 * figures lack.
 */
#include "user/render/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/clock.h"
#include "user/analysis/quantile.h"
#include "user/base/plain.h"
#include "user/render/shares.h"
#include "user/render/text_parts.h"
#include "user/render/text_requests.h"

/* One screen: at most 45 lines, of TEXT_COLUMNS. */
#define SCREEN_LINES	       45
#define BLAME_ROWS	       4
#define LEAST_THREADS_FOR_LIST 2

/* The sections that give way where a screen is too short for all. */
enum section {
	COMPONENT_ROWS, /* of the requests, as the next five */
	LATENCY_BARS,
	TAIL_BLAME,
	CLIENT,
	COSTS,
	SLOWEST,
	LONGEST, /* of the headline */
	TIMES,
	BARS,
	BLAMED,
	SWITCHES,
	THREADS,
	HOOKS,
	ABSENT,
	SECTIONS,
};

/* How many lines each may have; a section without a line goes with its heading. */
struct layout {
	unsigned most[SECTIONS];
};

/* What has no number of lines of its own is there (1) or not. */
static const struct layout whole_layout = { {
	[COMPONENT_ROWS] = COMPONENTS,
	[LATENCY_BARS] = 10,
	[TAIL_BLAME] = BLAME_KINDS,
	[CLIENT] = QUANTILES,
	[COSTS] = 5,
	[SLOWEST] = 3,
	[LONGEST] = 1,
	[TIMES] = 1,
	[BARS] = 12,
	[BLAMED] = BLAME_ROWS,
	[SWITCHES] = 1,
	[THREADS] = 3,
	[HOOKS] = 1,
	[ABSENT] = REPORT_HOOKS_MAX,
} };

/* What whoever wants all of it gets more of. */
#define FULL_THREADS 20
#define FULL_SLOWEST REPORT_EXEMPLARS

/* A section that gives way until it has LEAST. */
struct step {
	enum section section;
	unsigned least;
};

/* In this order.  What is in neither stays, as do losses. */
static const struct step giving_way[] = {
	{ BARS, 5 }, { THREADS, 2 }, { BLAMED, 2 }, { THREADS, 1 },
	{ BARS, 0 }, { THREADS, 0 }, { BLAMED, 0 }, { ABSENT, 0 },
};

/* Where there are requests they come first, and the scheduling of the whole is only beside them. */
static const struct step giving_way_to_requests[] = {
	{ SLOWEST, 1 },	       { BARS, 0 },	    { HOOKS, 0 },	   { THREADS, 0 },
	{ LONGEST, 0 },	       { SWITCHES, 0 },	    { BLAMED, 2 },	   { TIMES, 0 },
	{ COSTS, 4 },	       { LATENCY_BARS, 7 }, { BLAMED, 0 },	   { TAIL_BLAME, 3 },
	{ COMPONENT_ROWS, 8 }, { LATENCY_BARS, 5 }, { ABSENT, 1 },	   { LATENCY_BARS, 3 },
	{ COSTS, 2 },	       { COSTS, 1 },	    { SLOWEST, 0 },	   { CLIENT, 2 },
	{ COMPONENT_ROWS, 4 }, { TAIL_BLAME, 1 },   { LATENCY_BARS, 0 },   { ABSENT, 0 },
	{ COSTS, 0 },	       { TAIL_BLAME, 0 },   { COMPONENT_ROWS, 0 }, { CLIENT, 0 },
};

static bool has_requests(const struct report *report)
{
	return report->requests.watched && report->requests.count;
}

/* The parts that a wall clock is cut into, where no part holds another. */
enum part {
	PART_ON_CPU,
	PART_RUN_QUEUE,					  /* + enum run_queue_cause */
	PART_BLOCKED = PART_RUN_QUEUE + RUN_QUEUE_CAUSES, /* + enum blocked_reason */
	PARTS = PART_BLOCKED + BLOCKED_REASONS,
};

_Static_assert(PARTS <= SHARES_MOST && BLAME_ROWS + 2 <= SHARES_MOST, "shares_of() takes them all");

/* In tenths of a percent. */
struct shares {
	unsigned run_queue, blocked; /* of all causes, of all reasons */
	unsigned parts[PARTS];
};

static void find_time_shares(const struct report_scheduling *s, struct shares *out)
{
	uint64_t parts_ns[PARTS] = { s->on_cpu_ns };

	memcpy(&parts_ns[PART_RUN_QUEUE], s->run_queue_cause_ns, sizeof(s->run_queue_cause_ns));
	memcpy(&parts_ns[PART_BLOCKED], s->blocked_reason_ns, sizeof(s->blocked_reason_ns));
	shares_of(parts_ns, PARTS, out->parts);
	for (int i = 0; i < RUN_QUEUE_CAUSES; i++)
		out->run_queue += out->parts[PART_RUN_QUEUE + i];
	for (int i = 0; i < BLOCKED_REASONS; i++)
		out->blocked += out->parts[PART_BLOCKED + i];
}

static void headline(const struct report *report, const struct report_dist *waits,
		     const struct shares *shares, const struct layout *layout, FILE *out)
{
	const struct report_scheduling *s = &report->scheduling;
	char text[UNITS_TEXT_BYTES], comm[COMM_BYTES], since[20];
	uint64_t threads = threads_in(report);
	unsigned on_cpu = shares->parts[PART_ON_CPU];

	plain_text(comm, sizeof(comm), report->target.comm);
	fprintf(out, "%s: %s thread%s over ", comm, count_text(text, threads), threads == 1 ? "" : "s");
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
	if (waits->count && layout->most[LONGEST])
		fprintf(out, "The longest finished wait for a CPU took %s.\n", ns_text(text, waits->max_ns));
	else if (!waits->count) /* starved, or begun before attach: in no distribution */
		fprintf(out, "No wait for a CPU was seen from its beginning to its end; they sum to %s.\n",
			ns_text(text, s->run_queue_ns));
	text_foremost(report, layout->most[BLAMED], out);
}

static void row(FILE *out, const char *name, uint64_t sum_ns, unsigned share, const struct report_dist *dist)
{
	char sum[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES], max[UNITS_TEXT_BYTES];

	fprintf(out, "  %-17s %8s %3u.%u %9s", name, ns_text(sum, sum_ns), share / 10, share % 10,
		count_text(count, dist->count));
	for (int i = 0; i < QUANTILES; i++) {
		char text[UNITS_TEXT_BYTES];
		uint64_t ns = quantile_ns(dist->buckets, dist->count, quantile_list[i]);

		if (i == 1) /* p90 stays in the JSON: a line has 80 columns */
			continue;
		fprintf(out, " %8s", dist->count ? ns_text(text, at_most(ns, dist->max_ns)) : "-");
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
	char method[sizeof(s->switch_cost.method)];
	double ratio;

	fprintf(out, "  switches   %s voluntary, %s involuntary, %s migrations\n",
		count_text(one, s->voluntary), count_text(other, s->involuntary),
		count_text(third, s->migrations));
	if (s->switches_replayed)
		fprintf(out, "             %s not announced by the kernel, timed from its own record\n",
			count_text(one, s->switches_replayed));
	if (cost->count) {
		fprintf(out, "  one costs  p50 %s, p99 %s without %s of ours",
			ns_text(one, quantile_ns(cost->buckets, cost->count, 0.5)),
			ns_text(other, quantile_ns(cost->buckets, cost->count, 0.99)),
			ns_text(third, s->switch_cost.own_ns));
		if (report_switch_cost_ratio(s, &ratio))
			fprintf(out, "; %s of CPU time", text_share(one, ratio));
		fputc('\n', out);
	} else if (!s->switch_cost.available) {
		plain_text(method, sizeof(method), s->switch_cost.method);
		fprintf(out, "  one costs  not known: %s\n",
			strncmp(method, "left out", 8) ? "this kernel has no hook for it" : method);
	}
}

static void cpus(const struct report *report, FILE *out)
{
	const struct report_scheduling *s = &report->scheduling;
	char one[UNITS_TEXT_BYTES];

	fprintf(out, "  CPUs       %.1f %% used of the %u that it may use; ", 100.0 * s->utilisation_ratio,
		report->target.cpus_allowed);
	if (strcmp(s->stolen_source, "none"))
		fprintf(out, "%s of that stolen\n", ns_text(one, s->stolen_ns));
	else
		fputs("stolen time not known\n", out);
	if (s->quota.present)
		quota(&s->quota, out);
}

static void threads(const struct report *report, unsigned most, FILE *out)
{
	char on[UNITS_TEXT_BYTES], queue[UNITS_TEXT_BYTES], max[UNITS_TEXT_BYTES], blocked[UNITS_TEXT_BYTES],
		count[UNITS_TEXT_BYTES];
	size_t shown = rows_shown(report->nr_threads, most);

	if (report->nr_threads < LEAST_THREADS_FOR_LIST || !most)
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
			snprintf(who, sizeof(who), "%8s %s that ended", "", count_text(count, t->threads));
		fprintf(out, "  %-28s %10s %10s %10s %10s\n", who, ns_text(on, t->sums.on_cpu_ns),
			ns_text(blocked, t->wall_ns - t->sums.on_cpu_ns - queue_ns), ns_text(queue, queue_ns),
			/* Of a wait that is not over, or began in another window, it is not known. */
			queue_ns && !t->sums.run_queue_max_ns ? "-" : ns_text(max, t->sums.run_queue_max_ns));
	}
	if (report->nr_threads > shown)
		fprintf(out, "  and %zu more\n", report->nr_threads - shown);
}

static void sections(const struct report *report, const struct layout *layout, FILE *out)
{
	const unsigned *most = layout->most;
	const struct request_room room = { most[COMPONENT_ROWS], most[LATENCY_BARS], most[TAIL_BLAME],
					   most[CLIENT], most[COSTS] };
	struct report_dist waits;
	struct shares shares = {};

	report_run_queue(&report->scheduling, &waits);
	find_time_shares(&report->scheduling, &shares);
	if (has_requests(report)) {
		text_requests(report, &room, out);
		text_slowest(report, most[SLOWEST], out);
		fputc('\n', out);
	}
	headline(report, &waits, &shares, layout, out);
	if (report->requests.watched && !report->requests.count)
		text_no_requests(&report->requests, out);
	if (most[TIMES])
		table(report, &waits, &shares, out);
	text_bars("run-queue latency, and how many waits were that long", &waits, most[BARS], out);
	text_blame(report, most[BLAMED], out);
	fputc('\n', out);
	if (most[SWITCHES])
		switches(report, out);
	cpus(report, out);
	threads(report, most[THREADS], out);
	if (most[HOOKS])
		text_hooks(report, out);
	text_absent(report, most[ABSENT], out);
	text_losses(report, out);
}

/* The report by LAYOUT; NULL if memory runs out.  Free it. */
static char *screen(const struct report *report, const struct layout *layout)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool failed;

	if (!out)
		return NULL;
	sections(report, layout, out);
	failed = ferror(out);
	if (!fclose(out) && !failed)
		return text;
	free(text);
	return NULL;
}

static bool fits(const char *text)
{
	size_t lines = 0;

	for (; (text = strchr(text, '\n')); text++)
		lines++;
	return lines <= SCREEN_LINES;
}

/* The text with as much of STEPS[AT]'s section as fits, which now has the least of it.  TEXT or another. */
static char *take_back(const struct report *report, const struct step *steps, size_t at,
		       struct layout *layout, char *text)
{
	unsigned *most = &layout->most[steps[at].section], before = whole_layout.most[steps[at].section];

	for (size_t i = 0; i < at; i++)
		if (steps[i].section == steps[at].section)
			before = steps[i].least;
	while (*most < before) {
		char *longer;

		++*most;
		longer = screen(report, layout);
		if (!longer || !fits(longer)) {
			free(longer);
			--*most;
			break;
		}
		free(text);
		text = longer;
	}
	return text;
}

/*
 * As much of the report as fits a screen; NULL if memory runs out.  Free it.  A section that went as a whole
 * may have left more room than was wanted: what gave way last has of it first.
 */
static char *whole_screen(const struct report *report)
{
	const struct step *steps = has_requests(report) ? giving_way_to_requests : giving_way;
	size_t nr = has_requests(report) ? sizeof(giving_way_to_requests) / sizeof(*steps) :
					   sizeof(giving_way) / sizeof(*steps);
	struct layout layout = whole_layout;
	char *text = screen(report, &layout);
	size_t taken = 0;

	for (; text && !fits(text) && taken < nr; taken++) {
		free(text);
		layout.most[steps[taken].section] = steps[taken].least;
		text = screen(report, &layout);
	}
	while (text && taken--)
		text = take_back(report, steps, taken, &layout, text);
	return text;
}

static char *full_text(const struct report *report)
{
	struct layout layout = whole_layout;

	layout.most[THREADS] = FULL_THREADS;
	layout.most[SLOWEST] = FULL_SLOWEST;
	return screen(report, &layout);
}

int render_text(const struct report *report, bool full, FILE *out, struct err *err)
{
	char *text = full ? full_text(report) : whole_screen(report);

	if (!text)
		return err_set(err, ENOMEM, "cannot write the report: out of memory");
	errno = 0;
	fputs(text, out);
	free(text);
	if (fflush(out) || ferror(out))
		return err_set(err, errno ? errno : EIO, "cannot write the report: %s",
			       strerror(errno ? errno : EIO));
	return 0;
}
