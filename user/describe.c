// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/describe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "user/base/units.h"
#include "user/trace/machine.h"
#include "version.h"

static int describe_agent(const struct describe *about, struct report_agent *agent, struct err *err)
{
	struct tracer_hook hooks[REPORT_HOOKS_MAX];
	struct tracer_cost cost;

	snprintf(agent->version, sizeof(agent->version), "%s", WHYLATE_VERSION);
	agent->command = strdup(about->command);
	if (!agent->command)
		return err_set(err, ENOMEM, "cannot report: out of memory");
	agent->nr_hooks = tracer_hooks(about->tracer, hooks, REPORT_HOOKS_MAX);
	for (size_t i = 0; i < agent->nr_hooks; i++) {
		snprintf(agent->hooks[i].name, sizeof(agent->hooks[i].name), "%s", hooks[i].name);
		snprintf(agent->hooks[i].how, sizeof(agent->hooks[i].how), "%s", hooks[i].how);
		snprintf(agent->hooks[i].without, sizeof(agent->hooks[i].without), "%s", hooks[i].without);
	}
	machine_own_cost(&agent->overhead_agent_cpu_ns, &agent->overhead_agent_rss_bytes);
	tracer_cost(about->tracer, &cost);
	agent->overhead_kernel_per_cpu_bytes = cost.per_cpu_bytes;
	agent->overhead_kernel_per_thread_bytes = cost.per_thread_bytes;
	agent->overhead_kernel_per_worker_bytes = cost.per_worker_bytes;
	agent->overhead_kernel_per_connection_bytes = cost.per_connection_bytes;
	agent->has_overhead_bpf = cost.run_count > 0;
	agent->overhead_bpf_ns = cost.run_ns;
	agent->overhead_bpf_events = cost.run_count;
	agent->overhead_kernel_bytes = cost.fixed_bytes;
	return 0;
}

static int describe_target(const struct describe *about, struct report_target *target, struct err *err)
{
	const struct target_set *targets = about->targets;
	int status;

	target->pids = malloc(targets->nr_pids * sizeof(*target->pids));
	if (!target->pids)
		return err_set(err, ENOMEM, "cannot report: out of memory");
	memcpy(target->pids, targets->pids, targets->nr_pids * sizeof(*target->pids));
	target->nr_pids = targets->nr_pids;
	memcpy(target->comm, about->comm, sizeof(target->comm));
	snprintf(target->model, sizeof(target->model), "%s", about->model);
	target->cpus_allowed = about->cpus_allowed;
	if (targets->nr_pids != 1 || tracer_exit_status(about->tracer, targets->pids[0], &status))
		return 0;
	target->has_exit_status = true;
	target->exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}

static void describe_machine(struct report_machine *out)
{
	struct machine machine;

	machine_read(&machine);
	memcpy(out->kernel, machine.kernel, sizeof(out->kernel));
	memcpy(out->arch, machine.arch, sizeof(out->arch));
	out->cpus = machine.cpus;
	out->memory_bytes = machine.memory_bytes;
}

static void describe_methods(const struct describe *about, struct report_scheduling *s)
{
	const struct probe *probe = about->probe;
	struct tracer_switch_cost cost;

	tracer_switch_cost(about->tracer, &cost);
	s->has_irq = probe->items[PROBE_IRQ_TIME].present;
	snprintf(s->stolen_source, sizeof(s->stolen_source), "%s",
		 probe->items[PROBE_GROUP_SCHEDULING].present ? "rq->clock - rq->clock_task" : "none");
	s->switch_cost.available = cost.available;
	snprintf(s->switch_cost.method, sizeof(s->switch_cost.method), "%s",
		 about->switch_cost ? cost.method : "left out (--no-switch-cost)");
	snprintf(s->switch_cost.bias, sizeof(s->switch_cost.bias), "%s", cost.bias);
}

int describe_report(const struct describe *about, struct report *report, struct err *err)
{
	int ret = describe_agent(about, &report->agent, err);

	if (!ret)
		ret = describe_target(about, &report->target, err);
	describe_machine(&report->machine);
	describe_methods(about, &report->scheduling);
	return ret;
}

void describe_window(uint64_t realtime_ns, uint64_t duration_ns, struct report_window *window)
{
	units_format_utc(window->started_at, sizeof(window->started_at), realtime_ns);
	window->duration_ns = duration_ns;
}
