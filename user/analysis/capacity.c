// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/analysis/capacity.h"

#include <math.h>

typedef unsigned __int128 wide;

static double cpus_of(const struct report *report)
{
	const struct report_quota *quota = &report->scheduling.quota;
	double cpus = report->target.cpus_allowed;

	if (quota->present && quota->quota_ns && quota->period_ns)
		cpus = fmin(cpus, (double)quota->quota_ns / (double)quota->period_ns);
	return cpus;
}

bool capacity_of(const struct report *report, struct capacity *out)
{
	const struct report_requests *requests = &report->requests;
	double cpus = cpus_of(report), on_cpu_ns = (double)report->scheduling.on_cpu_ns;
	double window_ns = (double)report->window.duration_ns, each_ns;
	wide turns = 0;

	for (int i = 0; i < TURN_PROTOCOLS; i++)
		turns += requests->turns[i].count;
	if (!requests->watched || !requests->count || turns > requests->count / 10 || on_cpu_ns < 1 ||
	    cpus <= 0 || window_ns < 1)
		return false;
	each_ns = on_cpu_ns / (double)requests->count;
	out->cpus = cpus;
	out->requests_per_second = cpus * 1e9 / each_ns;
	out->used_ratio = on_cpu_ns / (window_ns * cpus);
	out->on_cpu_ns_per_request = (uint64_t)(each_ns + 0.5);
	return true;
}

/* Requests a second. */
static bool is_busier(const struct report_load *a, const struct report_load *b)
{
	return (wide)a->count * b->duration_ns > (wide)b->count * a->duration_ns;
}

void loads_note(struct report_loads *loads, const struct report *interval)
{
	const struct report_load load = { .count = interval->requests.count,
					  .duration_ns = interval->window.duration_ns,
					  .on_cpu_ns = interval->scheduling.on_cpu_ns };

	if (load.count < LOAD_LEAST_REQUESTS || load.duration_ns < LOAD_LEAST_NS)
		return;
	if (!loads->lightest.count || is_busier(&loads->lightest, &load))
		loads->lightest = load;
	if (!loads->busiest.count || is_busier(&load, &loads->busiest))
		loads->busiest = load;
	loads->known = is_busier(&loads->busiest, &loads->lightest);
}

bool loads_fall(const struct report_loads *loads)
{
	const struct report_load *light = &loads->lightest, *busy = &loads->busiest;
	double light_ns, busy_ns;

	if (!loads->known || !light->count || !busy->count)
		return false;
	light_ns = (double)light->on_cpu_ns / (double)light->count;
	busy_ns = (double)busy->on_cpu_ns / (double)busy->count;
	return 3 * busy_ns < 2 * light_ns;
}
