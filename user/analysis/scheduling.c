// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/analysis/scheduling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/clock.h"
#include "user/analysis/difference.h"

/*
 * Differences may be below 0 for a while (analysis/difference.h), and some stay so: the kernel's side
 * corrects what it said about an open interval once it knows better (the state of a seeded thread, a
 * switch that was replayed, who had the CPU), so time moves from one part to another after FROM was read.
 */

/* TO -= FROM, word by word; a maximum stays if it grew in between. */
static void subtract_sums(struct clock_sums *to, const struct clock_sums *from)
{
	struct clock_sums was = *to;

	for (size_t i = 0; i < sizeof(*to) / sizeof(__u64); i++)
		((__u64 *)to)[i] -= ((const __u64 *)from)[i];
	to->on_cpu_max_ns = was.on_cpu_max_ns > from->on_cpu_max_ns ? was.on_cpu_max_ns : 0;
	to->run_queue_max_ns = was.run_queue_max_ns > from->run_queue_max_ns ? was.run_queue_max_ns : 0;
	to->blocked_max_ns = was.blocked_max_ns > from->blocked_max_ns ? was.blocked_max_ns : 0;
}

static void subtract_row(struct report_thread *to, uint64_t wall_ns, const struct clock_sums *sums,
			 const struct kernel_counts *counts, const struct audit_sums *audit)
{
	to->wall_ns -= wall_ns;
	subtract_sums(&to->sums, sums);
	to->counts.voluntary -= counts->voluntary;
	to->counts.involuntary -= counts->involuntary;
	to->counts.migrations -= counts->migrations;
	for (size_t i = 0; i < sizeof(to->audit) / sizeof(__u64); i++)
		((__u64 *)&to->audit)[i] -= ((const __u64 *)audit)[i];
}

/* How stale a clock was may well be less than nothing. */
static void settle_audit(struct audit_sums *audit)
{
	__u64 *const sums[] = { &audit->kernel_on_cpu_ns, &audit->kernel_run_queue_ns, &audit->on_cpu_ns,
				&audit->run_queue_ns,	  &audit->stolen_ns,	       &audit->voluntary,
				&audit->involuntary };

	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		*sums[i] = at_least_0(*sums[i]);
}

/* Make the row's differences figures: the parts sum to its wall time, the blame to its run-queue time. */
static void settle_row(struct report_thread *row)
{
	enum { RUN_QUEUE = 1, BLOCKED = RUN_QUEUE + RUN_QUEUE_CAUSES, STATES = BLOCKED + BLOCKED_REASONS };
	struct clock_sums *sums = &row->sums;
	__u64 parts[STATES] = { sums->on_cpu_ns };

	for (size_t i = 0; i < sizeof(row->counts) / sizeof(__u64); i++)
		((__u64 *)&row->counts)[i] = at_least_0(((__u64 *)&row->counts)[i]);
	memcpy(&parts[RUN_QUEUE], sums->run_queue_ns, sizeof(sums->run_queue_ns));
	memcpy(&parts[BLOCKED], sums->blocked_ns, sizeof(sums->blocked_ns));
	row->wall_ns = at_least_0(row->wall_ns);
	settle_parts(parts, STATES, row->wall_ns, BLOCKED + BLOCKED_OTHER);
	sums->on_cpu_ns = parts[0];
	memcpy(sums->run_queue_ns, &parts[RUN_QUEUE], sizeof(sums->run_queue_ns));
	memcpy(sums->blocked_ns, &parts[BLOCKED], sizeof(sums->blocked_ns));
	settle_parts(sums->blame_ns, BLAME_KINDS, clock_run_queue_ns(sums), BLAME_OTHER);
	for (size_t i = 0; i < sizeof(*sums) / sizeof(__u64); i++)
		((__u64 *)sums)[i] = at_least_0(((__u64 *)sums)[i]);
	settle_audit(&row->audit);
	/* Known at the end of a slice only: its part before the window is in it. */
	if (sums->stolen_ns > sums->on_cpu_ns)
		sums->stolen_ns = sums->on_cpu_ns;
	if (sums->irq_ns > sums->stolen_ns)
		sums->irq_ns = sums->stolen_ns;
}

/* The part of an open wait that is not charged yet belongs to the thread's blame as much as the rest. */
static void with_open_blame(struct clock_sums *sums, const struct thread_record *record)
{
	*sums = record->sums;
	for (int kind = 0; kind < BLAME_KINDS; kind++)
		sums->blame_ns[kind] += record->open_blame_ns[kind];
}

static void subtract_record(struct report_thread *to, const struct thread_record *record)
{
	struct clock_sums sums;

	with_open_blame(&sums, record);
	subtract_row(to, record->wall_ns, &sums, &record->counts, &record->audit);
}

static bool has_audit(const struct audit_sums *audit)
{
	return audit->kernel_on_cpu_ns || audit->kernel_run_queue_ns || audit->on_cpu_ns;
}

static void fill_row(struct report_thread *row, const struct thread_record *record)
{
	row->tid = record->tid;
	row->pid = record->pid;
	memcpy(row->comm, record->comm, sizeof(row->comm));
	row->comm[sizeof(row->comm) - 1] = '\0';
	row->threads = 1;
	row->wall_ns = record->wall_ns;
	with_open_blame(&row->sums, record);
	row->counts = record->counts;
	row->audit = record->audit;
	row->has_audit = has_audit(&record->audit);
}

static int by_run_queue(const void *left, const void *right)
{
	const struct report_thread *a = left, *b = right;
	uint64_t a_ns = clock_run_queue_ns(&a->sums), b_ns = clock_run_queue_ns(&b->sums);

	if (a_ns != b_ns)
		return a_ns > b_ns ? -1 : 1;
	return a->tid < b->tid ? -1 : a->tid > b->tid;
}

static void fill_ended(const struct snapshot *from, const struct snapshot *to, struct report_thread *ended)
{
	strcpy(ended->comm, "ended");
	ended->threads = to->ended.threads;
	ended->wall_ns = to->ended.wall_ns;
	ended->sums = to->ended.sums;
	ended->counts = to->ended.counts;
	ended->audit = to->ended.audit;
	if (!from)
		return;
	ended->threads -= from->ended.threads;
	subtract_row(ended, from->ended.wall_ns, &from->ended.sums, &from->ended.counts, &from->ended.audit);
}

/*
 * The differences TO - FROM, not settled: a row for each thread of TO, in its order, and last the ended.
 * Both lists are sorted by clock: one walk.  A thread that is only in FROM has ended in between; what it
 * had before the window is in the `ended` sum and is taken off there.  (Or TO could not read it: then
 * `ended` lacks it, settling keeps the row from going below 0, and TO's count of the unread is a loss.)
 * Returns NULL if there is no memory; free() it.
 */
static struct report_thread *differences(const struct snapshot *from, const struct snapshot *to,
					 struct err *err)
{
	struct report_thread *rows = calloc(to->nr_threads + 1, sizeof(*rows)), *ended;
	size_t at = 0, nr_from = from ? from->nr_threads : 0;

	if (!rows) {
		err_set(err, ENOMEM, "cannot report %zu threads: out of memory", to->nr_threads);
		return NULL;
	}
	ended = &rows[to->nr_threads];
	fill_ended(from, to, ended);
	for (size_t i = 0; i < to->nr_threads; i++) {
		uint64_t id = to->threads[i].clock_id;

		fill_row(&rows[i], &to->threads[i]);
		while (at < nr_from && from->threads[at].clock_id < id)
			subtract_record(ended, &from->threads[at++]);
		if (at < nr_from && from->threads[at].clock_id == id)
			subtract_record(&rows[i], &from->threads[at++]);
	}
	while (at < nr_from)
		subtract_record(ended, &from->threads[at++]);
	ended->has_audit = has_audit(&ended->audit);
	return rows;
}

static int fill_threads(const struct snapshot *from, const struct snapshot *to, struct report *out,
			struct err *err)
{
	struct report_thread *ended;

	out->threads = differences(from, to, err);
	if (!out->threads)
		return -ENOMEM;
	for (size_t i = 0; i <= to->nr_threads; i++)
		settle_row(&out->threads[i]);
	ended = &out->threads[to->nr_threads];
	qsort(out->threads, to->nr_threads, sizeof(*out->threads), by_run_queue);
	out->nr_threads = to->nr_threads + (ended->threads > 0);
	out->target.threads = to->nr_threads;
	out->target.threads_ended = ended->threads;
	return 0;
}

/* What settling does to the differences of ROW is done to the figures that they come from. */
static void carry_row(const struct report_thread *row, __u64 *wall_ns, struct clock_sums *sums,
		      struct kernel_counts *counts)
{
	struct report_thread settled = *row;

	settle_row(&settled);
	*wall_ns += settled.wall_ns - row->wall_ns;
	for (size_t i = 0; i < sizeof(*sums) / sizeof(__u64); i++)
		((__u64 *)sums)[i] += ((const __u64 *)&settled.sums)[i] - ((const __u64 *)&row->sums)[i];
	for (size_t i = 0; i < sizeof(*counts) / sizeof(__u64); i++)
		((__u64 *)counts)[i] +=
			((const __u64 *)&settled.counts)[i] - ((const __u64 *)&row->counts)[i];
}

int scheduling_carry(const struct snapshot *from, struct snapshot *to, struct err *err)
{
	struct report_thread *rows = differences(from, to, err);

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < to->nr_threads; i++)
		carry_row(&rows[i], &to->threads[i].wall_ns, &to->threads[i].sums, &to->threads[i].counts);
	carry_row(&rows[to->nr_threads], &to->ended.wall_ns, &to->ended.sums, &to->ended.counts);
	free(rows);
	return 0;
}

static void fill_totals(struct report *out)
{
	struct report_scheduling *s = &out->scheduling;

	for (size_t i = 0; i < out->nr_threads; i++) {
		const struct report_thread *row = &out->threads[i];

		s->wall_ns += row->wall_ns;
		s->on_cpu_ns += row->sums.on_cpu_ns;
		s->stolen_ns += row->sums.stolen_ns;
		s->irq_ns += row->sums.irq_ns;
		for (int cause = 0; cause < RUN_QUEUE_CAUSES; cause++)
			s->run_queue_cause_ns[cause] += row->sums.run_queue_ns[cause];
		for (int reason = 0; reason < BLOCKED_REASONS; reason++) {
			s->blocked_reason_ns[reason] += row->sums.blocked_ns[reason];
			s->blocked_ns += row->sums.blocked_ns[reason];
		}
		s->voluntary += row->counts.voluntary;
		s->involuntary += row->counts.involuntary;
		s->migrations += row->counts.migrations;
		s->cut_count += row->sums.cut_count;
		s->cut_ns += row->sums.cut_ns;
	}
	s->run_queue_ns = s->run_queue_cause_ns[AFTER_WAKEUP] + s->run_queue_cause_ns[AFTER_PREEMPTION];
}

static void fill_dists(const struct snapshot *from, const struct snapshot *to, struct report_scheduling *s)
{
	const struct snapshot_hist *was = from ? from->hists : NULL, *is = to->hists;

	dist_between(was ? &was[HIST_ON_CPU] : NULL, &is[HIST_ON_CPU], &s->on_cpu);
	for (int i = 0; i < RUN_QUEUE_CAUSES; i++)
		dist_between(was ? &was[HIST_AFTER_WAKEUP + i] : NULL, &is[HIST_AFTER_WAKEUP + i],
			     &s->run_queue[i]);
	for (int i = 0; i < BLOCKED_REASONS; i++)
		dist_between(was ? &was[HIST_BLOCKED_FIRST + i] : NULL, &is[HIST_BLOCKED_FIRST + i],
			     &s->blocked[i]);
	dist_between(was ? &was[HIST_SWITCH_COST] : NULL, &is[HIST_SWITCH_COST], &s->switch_cost.cost);
	if (s->switch_cost.cost.count)
		s->switch_cost.own_ns = (to->switch_cost_own_ns - (from ? from->switch_cost_own_ns : 0)) /
					s->switch_cost.cost.count;
}

/*
 * The counters are those of one cgroup since it was made.  Where the target came into it inside the
 * window, or it was made anew, how much of them is the window's own is not known.
 */
static void fill_quota(const struct snapshot *from, const struct snapshot *to, struct report_quota *out)
{
	const struct snapshot_quota none = {};
	const struct snapshot_quota *was = from ? &from->quota : &none, *is = &to->quota;

	out->present = is->present;
	out->quota_ns = is->quota_ns;
	out->period_ns = is->period_ns;
	memcpy(out->cgroup, is->cgroup, sizeof(out->cgroup));
	out->has_counts = is->present && was->present && !strcmp(is->cgroup, was->cgroup) &&
			  is->periods >= was->periods && is->throttled_periods >= was->throttled_periods &&
			  is->throttled_ns >= was->throttled_ns;
	if (!out->has_counts)
		return;
	out->periods = is->periods - was->periods;
	out->throttled_periods = is->throttled_periods - was->throttled_periods;
	out->throttled_ns = is->throttled_ns - was->throttled_ns;
}

static uint64_t name_ns_before(const struct snapshot *from, uint32_t pid)
{
	for (size_t i = 0; from && i < from->nr_names; i++)
		if (from->names[i].pid == pid)
			return from->names[i].blame.ns;
	return 0;
}

static void add_blame(struct report *out, uint32_t kind, uint32_t pid, const void *comm, uint64_t ns)
{
	struct report_blame *row = &out->blame[out->nr_blame];

	if (!ns)
		return;
	out->nr_blame++;
	row->kind = kind;
	row->pid = pid;
	row->ns = ns;
	if (comm)
		memcpy(row->comm, comm, sizeof(row->comm));
	row->comm[sizeof(row->comm) - 1] = '\0';
}

static int by_ns(const void *left, const void *right)
{
	const struct report_blame *a = left, *b = right;

	if (a->ns != b->ns)
		return a->ns > b->ns ? -1 : 1;
	return a->kind != b->kind ? (a->kind < b->kind ? -1 : 1) : (a->pid < b->pid ? -1 : a->pid > b->pid);
}

/*
 * The names' times can be more than the WHOLE of their kind, NAMED: they are noted at the end of a
 * neighbour's turn, in whatever window that is, and also while a thread cannot run for want of quota, which
 * its own blame says.  Each is then made less in proportion, or who comes last would have nothing.
 */
static void fit_names(struct report *out, const uint64_t whole_ns[BLAME_KINDS],
		      const uint64_t named_ns[BLAME_KINDS])
{
	for (size_t i = 0; i < out->nr_blame; i++) {
		struct report_blame *row = &out->blame[i];

		if (named_ns[row->kind] > whole_ns[row->kind])
			row->ns = (uint64_t)((unsigned __int128)row->ns * whole_ns[row->kind] /
					     named_ns[row->kind]);
	}
}

/* What is not in a row yet of the WHOLE of each kind: the rest of what was made less, or of those without
 * name. */
static void add_rest(struct report *out, const uint64_t whole_ns[BLAME_KINDS],
		     const uint64_t named_ns[BLAME_KINDS])
{
	uint64_t left_ns[BLAME_KINDS];
	size_t nr_names = out->nr_blame;

	memcpy(left_ns, whole_ns, sizeof(left_ns));
	for (size_t i = 0; i < nr_names; i++)
		left_ns[out->blame[i].kind] -= out->blame[i].ns;
	for (size_t i = 0; i < nr_names; i++) {
		uint32_t kind = out->blame[i].kind;

		if (named_ns[kind] < whole_ns[kind])
			continue;
		out->blame[i].ns += left_ns[kind];
		left_ns[kind] = 0;
	}
	for (uint32_t kind = 0; kind < BLAME_KINDS; kind++)
		add_blame(out, kind, 0, NULL, left_ns[kind]);
}

/* The sum of the rows' blame; names take their time out of their kind, the rest of the kind has none. */
static int fill_blame(const struct snapshot *from, const struct snapshot *to, struct report *out,
		      struct err *err)
{
	uint64_t whole_ns[BLAME_KINDS] = {}, named_ns[BLAME_KINDS] = {};

	out->blame = calloc(to->nr_names + BLAME_KINDS, sizeof(*out->blame));
	if (!out->blame)
		return err_set(err, ENOMEM, "cannot report blame: out of memory");
	for (size_t i = 0; i < out->nr_threads; i++)
		for (int kind = 0; kind < BLAME_KINDS; kind++)
			whole_ns[kind] += out->threads[i].sums.blame_ns[kind];
	for (size_t i = 0; i < to->nr_names; i++) {
		const struct snapshot_blame_name *name = &to->names[i];
		uint32_t kind = name->blame.kind == BLAME_KERNEL ? BLAME_KERNEL : BLAME_PROCESS;
		uint64_t ns = at_least_0(name->blame.ns - name_ns_before(from, name->pid));

		named_ns[kind] += ns;
		add_blame(out, kind, name->pid & BLAME_NAME_SHARED ? 0 : name->pid, name->blame.comm, ns);
	}
	fit_names(out, whole_ns, named_ns);
	add_rest(out, whole_ns, named_ns);
	qsort(out->blame, out->nr_blame, sizeof(*out->blame), by_ns);
	while (out->nr_blame && !out->blame[out->nr_blame - 1].ns)
		out->nr_blame--;
	return 0;
}

int scheduling_between(const struct snapshot *from, const struct snapshot *to, uint64_t window_ns,
		       struct report *out, struct err *err)
{
	struct report_scheduling *s = &out->scheduling;
	double capacity_ns = (double)window_ns * out->target.cpus_allowed;
	int ret = fill_threads(from, to, out, err);

	if (ret)
		return ret;
	fill_totals(out);
	fill_dists(from, to, s);
	fill_quota(from, to, &s->quota);
	s->open_count = to->nr_threads;
	for (size_t i = 0; i < to->nr_threads; i++)
		s->open_ns += to->threads[i].open_ns;
	for (size_t i = 0; from && i < from->nr_threads; i++)
		s->open_at_start_ns += from->threads[i].open_ns;
	s->switches_replayed = to->switches_replayed - (from ? from->switches_replayed : 0);
	s->utilisation_ratio = capacity_ns > 0 ? (double)s->on_cpu_ns / capacity_ns : 0;
	for (int i = 0; i < LOSS_KINDS; i++)
		out->losses[i] = at_least_0(to->losses[i] - (from ? from->losses[i] : 0));
	/* Unread at the start: what the window before lacks of them is in this one. */
	out->losses[LOSS_THREADS_UNREAD] = to->nr_unread + (from ? from->nr_unread : 0);
	/* They are missing in each window. */
	out->losses[LOSS_RECORDS] += to->nr_unplaced;
	return fill_blame(from, to, out, err);
}
