// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/report/report.h"

#include <stdlib.h>
#include <string.h>

static const char *const reason_names[BLOCKED_REASONS] = {
	[BLOCKED_FUTEX] = "futex", [BLOCKED_POLL] = "poll",	    [BLOCKED_SOCKET] = "socket",
	[BLOCKED_PIPE] = "pipe",   [BLOCKED_DISK] = "disk",	    [BLOCKED_SLEEP] = "sleep",
	[BLOCKED_FAULT] = "fault", [BLOCKED_IO_URING] = "io_uring", [BLOCKED_OTHER] = "other",
};

static const char *const kind_names[BLAME_KINDS] = {
	[BLAME_SELF] = "self", [BLAME_PROCESS] = "process", [BLAME_KERNEL] = "kernel",
	[BLAME_IDLE] = "idle", [BLAME_QUOTA] = "quota",	    [BLAME_OTHER] = "other",
};

static const char *const loss_names[LOSS_KINDS] = {
	[LOSS_CLOCK_CREATE] = "clock_create",	[LOSS_CLOCK_GAP] = "clock_gap",
	[LOSS_BLAME_NAMES] = "blame_names",	[LOSS_THREADS_UNREAD] = "threads_unread",
	[LOSS_RECURSION] = "recursion_misses",	[LOSS_SPAN_CREATE] = "span_create",
	[LOSS_WORKER_CREATE] = "worker_create", [LOSS_WORK_TABLE] = "work_table",
	[LOSS_EXEMPLARS] = "exemplars",		[LOSS_COMPONENTS] = "components",
	[LOSS_ARRIVALS] = "arrivals",		[LOSS_RECORDS] = "records",
};

const char *report_reason_name(uint32_t reason)
{
	return reason < BLOCKED_REASONS ? reason_names[reason] : "?";
}

const char *report_blame_kind_name(uint32_t kind)
{
	return kind < BLAME_KINDS ? kind_names[kind] : "?";
}

const char *report_loss_name(uint32_t loss)
{
	return loss < LOSS_KINDS ? loss_names[loss] : "?";
}

void report_fini(struct report *report)
{
	free(report->agent.command);
	free(report->target.pids);
	free(report->threads);
	free(report->blame);
	free(report->requests.buckets);
	memset(report, 0, sizeof(*report));
}

void report_run_queue(const struct report_scheduling *scheduling, struct report_dist *out)
{
	const struct report_dist *preempted = &scheduling->run_queue[AFTER_PREEMPTION];

	*out = scheduling->run_queue[AFTER_WAKEUP];
	out->count += preempted->count;
	out->total_ns += preempted->total_ns;
	if (preempted->max_ns > out->max_ns)
		out->max_ns = preempted->max_ns;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		out->buckets[i] += preempted->buckets[i];
}

bool report_switch_cost_ratio(const struct report_scheduling *scheduling, double *ratio)
{
	if (!scheduling->switch_cost.available || !scheduling->on_cpu_ns)
		return false;
	*ratio = (double)scheduling->switch_cost.cost.total_ns / (double)scheduling->on_cpu_ns;
	return true;
}

bool report_has_losses(const struct report *report)
{
	for (int i = 0; i < LOSS_KINDS; i++)
		if (report->losses[i])
			return true;
	return false;
}
