// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/analysis/check.h"

#include <stdio.h>

#include "user/analysis/check_parts.h"
#include "user/analysis/quantile.h"

static wide thread_queue_ns(const struct report_thread *row)
{
	return (wide)row->sums.run_queue_ns[AFTER_WAKEUP] + row->sums.run_queue_ns[AFTER_PREEMPTION];
}

static wide thread_blocked_ns(const struct report_thread *row)
{
	return SUM(i, BLOCKED_REASONS, row->sums.blocked_ns[i]);
}

/* Of the whole. */

static bool wall_is_sum(const struct report *r)
{
	const struct report_scheduling *s = &r->scheduling;

	return (wide)s->on_cpu_ns + s->run_queue_ns + s->blocked_ns == s->wall_ns;
}

static bool causes_sum(const struct report *r)
{
	const struct report_scheduling *s = &r->scheduling;

	return SUM(i, RUN_QUEUE_CAUSES, s->run_queue_cause_ns[i]) == s->run_queue_ns;
}

static bool reasons_sum(const struct report *r)
{
	const struct report_scheduling *s = &r->scheduling;

	return SUM(i, BLOCKED_REASONS, s->blocked_reason_ns[i]) == s->blocked_ns;
}

static bool stolen_is_part(const struct report *r)
{
	return r->scheduling.stolen_ns <= r->scheduling.on_cpu_ns;
}

static bool irq_is_part(const struct report *r)
{
	return r->scheduling.irq_ns <= r->scheduling.stolen_ns;
}

/* What row I of T has, and the same of the whole. */
#define SUMS_OVER_THREADS(name, value, total)                    \
	static bool name(const struct report *r)                 \
	{                                                        \
		const struct report_thread *t = r->threads;      \
                                                                 \
		return SUM(i, r->nr_threads, value) == r->total; \
	}

SUMS_OVER_THREADS(threads_sum_wall, t[i].wall_ns, scheduling.wall_ns)
SUMS_OVER_THREADS(threads_sum_on_cpu, t[i].sums.on_cpu_ns, scheduling.on_cpu_ns)
SUMS_OVER_THREADS(threads_sum_wakeup, t[i].sums.run_queue_ns[AFTER_WAKEUP],
		  scheduling.run_queue_cause_ns[AFTER_WAKEUP])
SUMS_OVER_THREADS(threads_sum_preemption, t[i].sums.run_queue_ns[AFTER_PREEMPTION],
		  scheduling.run_queue_cause_ns[AFTER_PREEMPTION])
SUMS_OVER_THREADS(threads_sum_blocked, thread_blocked_ns(&t[i]), scheduling.blocked_ns)
SUMS_OVER_THREADS(threads_sum_stolen, t[i].sums.stolen_ns, scheduling.stolen_ns)
SUMS_OVER_THREADS(threads_sum_voluntary, t[i].counts.voluntary, scheduling.voluntary)
SUMS_OVER_THREADS(threads_sum_involuntary, t[i].counts.involuntary, scheduling.involuntary)
SUMS_OVER_THREADS(threads_sum_migrations, t[i].counts.migrations, scheduling.migrations)
SUMS_OVER_THREADS(threads_are_counted, t[i].tid ? 1 : 0, target.threads)
SUMS_OVER_THREADS(ended_are_counted, t[i].tid ? 0 : t[i].threads, target.threads_ended)

/* Each kind of the target's blame is the sum of that kind over the threads; so the whole sums, too. */
static bool blame_is_that_of_threads(const struct report *r)
{
	for (uint32_t kind = 0; kind < BLAME_KINDS; kind++)
		if (SUM(i, r->nr_blame, r->blame[i].kind == kind ? r->blame[i].ns : 0) !=
		    SUM(i, r->nr_threads, r->threads[i].sums.blame_ns[kind]))
			return false;
	return true;
}

static bool window_has_length(const struct report *r)
{
	return r->window.duration_ns > 0;
}

static bool cpus_are_allowed(const struct report *r)
{
	return r->target.cpus_allowed || !r->scheduling.on_cpu_ns;
}

/* To the nine digits that are stored. */
static bool utilisation_follows(const struct report *r)
{
	double capacity_ns = (double)r->window.duration_ns * r->target.cpus_allowed;
	double ratio = capacity_ns > 0 ? (double)r->scheduling.on_cpu_ns / capacity_ns : 0;
	double off = r->scheduling.utilisation_ratio - ratio;

	return -1e-8 * ratio <= off && off <= 1e-8 * ratio;
}

static bool on_cpu_fits(const struct report *r)
{
	return r->scheduling.on_cpu_ns <= (wide)r->window.duration_ns * r->machine.cpus;
}

static bool intervals_sum_to_wall(const struct report *r)
{
	const struct report_scheduling *s = &r->scheduling;
	wide closed = s->on_cpu.total_ns + SUM(i, RUN_QUEUE_CAUSES, s->run_queue[i].total_ns) +
		      SUM(i, BLOCKED_REASONS, s->blocked[i].total_ns);

	return closed + s->open_ns + s->cut_ns == (wide)s->wall_ns + s->open_at_start_ns;
}

static const struct whole_identity {
	const char *path, *what;
	bool (*holds)(const struct report *report);
	enum check_when when;
} whole_identities[] = {
	{ "scheduling.wall_ns", "is not the sum of on-CPU, run-queue and blocked time", wall_is_sum,
	  CHECK_ALWAYS },
	{ "scheduling.run_queue_ns", "is not the sum of its causes", causes_sum, CHECK_ALWAYS },
	{ "scheduling.blocked_ns", "is not the sum of its reasons", reasons_sum, CHECK_ALWAYS },
	{ "scheduling.stolen.total_ns", "is more than all on-CPU time", stolen_is_part, CHECK_ALWAYS },
	{ "scheduling.stolen.irq_ns", "is more than all that was stolen", irq_is_part, CHECK_ALWAYS },
	{ "scheduling.wall_ns", "is not the sum over the threads", threads_sum_wall, CHECK_ALWAYS },
	{ "scheduling.on_cpu_ns", "is not the sum over the threads", threads_sum_on_cpu, CHECK_ALWAYS },
	{ "scheduling.run_queue.after_wakeup_ns", "is not the sum over the threads", threads_sum_wakeup,
	  CHECK_ALWAYS },
	{ "scheduling.run_queue.after_preemption_ns", "is not the sum over the threads",
	  threads_sum_preemption, CHECK_ALWAYS },
	{ "scheduling.blocked_ns", "is not the sum over the threads", threads_sum_blocked, CHECK_ALWAYS },
	{ "scheduling.stolen.total_ns", "is not the sum over the threads", threads_sum_stolen, CHECK_ALWAYS },
	{ "scheduling.switches.voluntary", "is not the sum over the threads", threads_sum_voluntary,
	  CHECK_ALWAYS },
	{ "scheduling.switches.involuntary", "is not the sum over the threads", threads_sum_involuntary,
	  CHECK_ALWAYS },
	{ "scheduling.migrations", "is not the sum over the threads", threads_sum_migrations, CHECK_ALWAYS },
	{ "target.threads", "is not the number of living threads", threads_are_counted, CHECK_ALWAYS },
	{ "target.threads_ended", "is not the number of ended threads", ended_are_counted, CHECK_ALWAYS },
	{ "blame", "is not the sum of the threads' blame", blame_is_that_of_threads, CHECK_ALWAYS },
	{ "window.duration_ns", "is 0", window_has_length, CHECK_ALWAYS },
	{ "target.cpus_allowed", "is 0, but its threads ran", cpus_are_allowed, CHECK_ALWAYS },
	{ "scheduling.utilisation_ratio", "is not on_cpu_ns over duration_ns x cpus_allowed",
	  utilisation_follows, CHECK_ALWAYS },
	{ "scheduling.on_cpu_ns", "is more than the window's CPUs have", on_cpu_fits, CHECK_AT_REST },
	{ "scheduling.wall_ns", "is not the sum of the distributions and of what is open or cut",
	  intervals_sum_to_wall, CHECK_AT_REST },
};

/* Of each thread. */

static bool thread_wall_is_sum(const struct report_thread *t)
{
	return t->sums.on_cpu_ns + thread_queue_ns(t) + thread_blocked_ns(t) == t->wall_ns;
}

static bool thread_blame_sums(const struct report_thread *t)
{
	return SUM(i, BLAME_KINDS, t->sums.blame_ns[i]) == thread_queue_ns(t);
}

static bool thread_stolen_is_part(const struct report_thread *t)
{
	return t->sums.irq_ns <= t->sums.stolen_ns && t->sums.stolen_ns <= t->sums.on_cpu_ns;
}

static const struct thread_identity {
	const char *key, *what;
	bool (*holds)(const struct report_thread *row);
} thread_identities[] = {
	{ "wall_ns", "is not the sum of on-CPU, run-queue and blocked time", thread_wall_is_sum },
	{ "blame_ns", "does not sum to the thread's run-queue time", thread_blame_sums },
	{ "stolen_ns", "is no part of on-CPU time, or less than irq_ns", thread_stolen_is_part },
};

/* Of each distribution. */

static int top_bucket(const struct report_dist *dist)
{
	for (int i = HIST_BUCKETS - 1; i >= 0; i--)
		if (dist->buckets[i])
			return i;
	return -1;
}

static bool dist_is_counted(const struct report_dist *dist)
{
	return SUM(i, HIST_BUCKETS, dist->buckets[i]) == dist->count;
}

static bool dist_max_is_in_top(const struct report_dist *dist)
{
	int top = top_bucket(dist);

	return top < 0 ? !dist->max_ns : hist_bucket(dist->max_ns) == (uint32_t)top;
}

static bool dist_quantiles_rise(const struct report_dist *dist)
{
	uint64_t last_ns = 0;

	for (int i = 0; i < QUANTILES; i++) {
		uint64_t ns = quantile_ns(dist->buckets, dist->count, quantile_list[i]);

		if (ns < last_ns)
			return false;
		last_ns = ns;
	}
	return !dist->count || hist_bucket(last_ns) <= (uint32_t)top_bucket(dist);
}

static bool dist_total_is_in_edges(const struct report_dist *dist)
{
	wide least = 0, most = 0;

	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		/* The last bucket has no upper edge but the longest. */
		uint64_t last_ns = i == HIST_BUCKETS - 1 ? dist->max_ns : hist_bucket_to_ns(i) - 1;

		least += (wide)dist->buckets[i] * hist_bucket_from_ns(i);
		most += (wide)dist->buckets[i] * last_ns;
	}
	return least <= dist->total_ns && dist->total_ns <= most;
}

static const struct dist_identity {
	const char *key, *what;
	bool (*holds)(const struct report_dist *dist);
	enum check_when when;
} dist_identities[] = {
	{ "count", "is not the sum of its buckets", dist_is_counted, CHECK_ALWAYS },
	{ "max_ns", "is not in the highest bucket", dist_max_is_in_top, CHECK_ALWAYS },
	{ "quantiles", "do not rise", dist_quantiles_rise, CHECK_ALWAYS },
	{ "total_ns", "cannot be, by its buckets", dist_total_is_in_edges, CHECK_AT_REST },
};

bool check_dist(const struct report_dist *dist, const char *path, enum check_when when,
		struct check_broken *broken)
{
	for (size_t i = 0; i < NR_OF(dist_identities); i++) {
		const struct dist_identity *one = &dist_identities[i];

		if (one->when > when || one->holds(dist))
			continue;
		snprintf(broken->path, sizeof(broken->path), "%s.%s", path, one->key);
		broken->what = one->what;
		return false;
	}
	return true;
}

static bool check_dists(const struct report *report, enum check_when when, struct check_broken *broken)
{
	const struct report_scheduling *s = &report->scheduling;
	bool ok =
		check_dist(&s->on_cpu, "scheduling.on_cpu", when, broken) &&
		check_dist(&s->run_queue[AFTER_WAKEUP], "scheduling.run_queue.after_wakeup", when, broken) &&
		check_dist(&s->run_queue[AFTER_PREEMPTION], "scheduling.run_queue.after_preemption", when,
			   broken) &&
		check_dist(&s->switch_cost.cost, "scheduling.switch_cost.cost", when, broken);
	char path[48];

	for (uint32_t i = 0; i < BLOCKED_REASONS && ok; i++) {
		snprintf(path, sizeof(path), "scheduling.blocked.%s", report_reason_name(i));
		ok = check_dist(&s->blocked[i], path, when, broken);
	}
	return ok;
}

static bool check_threads(const struct report *report, struct check_broken *broken)
{
	for (size_t row = 0; row < report->nr_threads; row++) {
		for (size_t i = 0; i < NR_OF(thread_identities); i++) {
			if (thread_identities[i].holds(&report->threads[row]))
				continue;
			snprintf(broken->path, sizeof(broken->path), "threads[%zu].%s", row,
				 thread_identities[i].key);
			broken->what = thread_identities[i].what;
			return false;
		}
	}
	return true;
}

bool check_report(const struct report *report, enum check_when when, struct check_broken *broken)
{
	if (!check_dists(report, when, broken) || !check_threads(report, broken) ||
	    !check_requests(&report->requests, when, broken) || !check_exemplars(&report->exemplars, broken))
		return false;
	for (size_t i = 0; i < NR_OF(whole_identities); i++) {
		const struct whole_identity *one = &whole_identities[i];

		if (one->when > when || one->holds(report))
			continue;
		snprintf(broken->path, sizeof(broken->path), "%s", one->path);
		broken->what = one->what;
		return false;
	}
	return true;
}
