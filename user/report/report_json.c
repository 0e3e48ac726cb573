// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Model to JSON.  Keys are those of the design's contract; each quantity has its unit in its key. */
#include "user/report/report_json.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "bpf/clock.h"
#include "user/report/json_writer.h"
#include "user/report/report_json_parts.h"

static json_t *agent_json(const struct report_agent *agent)
{
	json_t *object = json_object(), *hooks = json_array(), *overhead = json_object();

	writer_text(object, "version", agent->version);
	writer_text(object, "command", agent->command ? agent->command : "");
	for (size_t i = 0; i < agent->nr_hooks; i++) {
		json_t *hook = json_object();

		writer_text(hook, "name", agent->hooks[i].name);
		writer_text(hook, "how", agent->hooks[i].how);
		writer_text(hook, "without", agent->hooks[i].without);
		writer_append(hooks, hook);
	}
	writer_set(object, "hooks", hooks);
	writer_u64(overhead, "agent_cpu_ns", agent->overhead_agent_cpu_ns);
	writer_u64(overhead, "agent_rss_bytes", agent->overhead_agent_rss_bytes);
	writer_u64(overhead, "kernel_per_cpu_bytes", agent->overhead_kernel_per_cpu_bytes);
	writer_u64(overhead, "kernel_per_thread_bytes", agent->overhead_kernel_per_thread_bytes);
	writer_u64(overhead, "kernel_per_worker_bytes", agent->overhead_kernel_per_worker_bytes);
	writer_u64(overhead, "kernel_per_connection_bytes", agent->overhead_kernel_per_connection_bytes);
	writer_u64(overhead, "kernel_bytes", agent->overhead_kernel_bytes);
	writer_optional_u64(overhead, "bpf_run_ns", agent->has_overhead_bpf, agent->overhead_bpf_ns);
	writer_optional_u64(overhead, "bpf_events", agent->has_overhead_bpf, agent->overhead_bpf_events);
	writer_set(object, "overhead", overhead);
	return object;
}

static json_t *machine_json(const struct report_machine *machine)
{
	json_t *object = json_object();

	writer_text(object, "kernel", machine->kernel);
	writer_text(object, "arch", machine->arch);
	writer_u64(object, "cpus", machine->cpus);
	writer_u64(object, "memory_bytes", machine->memory_bytes);
	return object;
}

static json_t *target_json(const struct report_target *target)
{
	json_t *object = json_object(), *pids = json_array();

	for (size_t i = 0; i < target->nr_pids; i++)
		writer_append(pids, json_integer(target->pids[i]));
	writer_set(object, "pids", pids);
	writer_text(object, "comm", target->comm);
	writer_text(object, "model", target->model);
	writer_u64(object, "threads", target->threads);
	writer_u64(object, "threads_ended", target->threads_ended);
	writer_u64(object, "cpus_allowed", target->cpus_allowed);
	writer_set(object, "exit_status",
		   target->has_exit_status ? json_integer(target->exit_status) : json_null());
	return object;
}

static json_t *quota_json(const struct report_quota *quota)
{
	json_t *object;

	if (!quota->present)
		return json_null();
	object = json_object();
	writer_text(object, "cgroup", quota->cgroup);
	writer_u64(object, "quota_ns", quota->quota_ns);
	writer_u64(object, "period_ns", quota->period_ns);
	writer_optional_u64(object, "periods", quota->has_counts, quota->periods);
	writer_optional_u64(object, "throttled_periods", quota->has_counts, quota->throttled_periods);
	writer_optional_u64(object, "throttled_ns", quota->has_counts, quota->throttled_ns);
	return object;
}

static json_t *switch_cost_json(const struct report_scheduling *s)
{
	const struct report_switch_cost *cost = &s->switch_cost;
	json_t *object = json_object();
	double ratio = 0;
	bool known = report_switch_cost_ratio(s, &ratio);

	writer_set(object, "available", json_boolean(cost->available));
	writer_text(object, "method", cost->method);
	writer_text(object, "bias", cost->bias);
	writer_u64(object, "own_ns", cost->own_ns);
	writer_optional_ratio(object, "on_cpu_ratio", known, ratio);
	writer_distribution(object, "cost", &cost->cost);
	return object;
}

static json_t *pair_json(uint64_t count, uint64_t total_ns)
{
	json_t *object = json_object();

	writer_u64(object, "count", count);
	writer_u64(object, "total_ns", total_ns);
	return object;
}

static void set_run_queue(json_t *parent, const struct report_scheduling *s)
{
	struct report_dist both;
	json_t *object;

	report_run_queue(s, &both);
	writer_distribution(parent, "run_queue", &both);
	object = json_object_get(parent, "run_queue");
	writer_distribution(object, "after_wakeup", &s->run_queue[AFTER_WAKEUP]);
	writer_distribution(object, "after_preemption", &s->run_queue[AFTER_PREEMPTION]);
	writer_u64(object, "after_wakeup_ns", s->run_queue_cause_ns[AFTER_WAKEUP]);
	writer_u64(object, "after_preemption_ns", s->run_queue_cause_ns[AFTER_PREEMPTION]);
}

static json_t *stolen_json(const struct report_scheduling *s)
{
	json_t *object = json_object();

	writer_u64(object, "total_ns", s->stolen_ns);
	writer_u64(object, "steal_ns", s->stolen_ns - s->irq_ns);
	writer_optional_u64(object, "irq_ns", s->has_irq, s->irq_ns);
	writer_text(object, "source", s->stolen_source);
	return object;
}

json_t *report_json_scheduling(const struct report_scheduling *s)
{
	json_t *object = json_object(), *switches = json_object(), *blocked = json_object(),
	       *reasons = json_object(), *open;

	writer_u64(object, "wall_ns", s->wall_ns);
	writer_u64(object, "on_cpu_ns", s->on_cpu_ns);
	writer_u64(object, "run_queue_ns", s->run_queue_ns);
	writer_u64(object, "blocked_ns", s->blocked_ns);
	writer_set(object, "stolen", stolen_json(s));
	writer_set(object, "utilisation_ratio", json_real(s->utilisation_ratio));
	writer_set(object, "quota", quota_json(&s->quota));
	writer_u64(switches, "voluntary", s->voluntary);
	writer_u64(switches, "involuntary", s->involuntary);
	writer_u64(switches, "replayed", s->switches_replayed);
	writer_set(object, "switches", switches);
	writer_u64(object, "migrations", s->migrations);
	writer_distribution(object, "on_cpu", &s->on_cpu);
	set_run_queue(object, s);
	for (uint32_t i = 0; i < BLOCKED_REASONS; i++) {
		writer_distribution(blocked, report_reason_name(i), &s->blocked[i]);
		writer_u64(reasons, report_reason_name(i), s->blocked_reason_ns[i]);
	}
	writer_set(object, "blocked", blocked);
	writer_set(object, "blocked_reason_ns", reasons);
	writer_set(object, "switch_cost", switch_cost_json(s));
	open = pair_json(s->open_count, s->open_ns);
	writer_u64(open, "at_start_ns", s->open_at_start_ns);
	writer_set(object, "open_intervals", open);
	writer_set(object, "cut_intervals", pair_json(s->cut_count, s->cut_ns));
	return object;
}

static json_t *audit_json(const struct audit_sums *audit)
{
	json_t *object = json_object();

	writer_u64(object, "kernel_on_cpu_ns", audit->kernel_on_cpu_ns);
	writer_u64(object, "kernel_run_queue_ns", audit->kernel_run_queue_ns);
	writer_u64(object, "on_cpu_ns", audit->on_cpu_ns);
	writer_u64(object, "run_queue_ns", audit->run_queue_ns);
	writer_u64(object, "stolen_ns", audit->stolen_ns);
	writer_u64(object, "stale_on_cpu_ns", (uint64_t)audit->stale_on_cpu_ns);
	writer_u64(object, "stale_run_queue_ns", (uint64_t)audit->stale_run_queue_ns);
	writer_u64(object, "voluntary", audit->voluntary);
	writer_u64(object, "involuntary", audit->involuntary);
	return object;
}

json_t *report_json_thread(const struct report_thread *row, bool has_irq)
{
	json_t *object = json_object(), *blocked = json_object(), *blame = json_object();
	const struct clock_sums *sums = &row->sums;
	uint64_t blocked_ns = 0;

	writer_u64(object, "tid", row->tid);
	writer_u64(object, "pid", row->pid);
	writer_text(object, "comm", row->comm);
	writer_u64(object, "threads", row->threads);
	writer_u64(object, "wall_ns", row->wall_ns);
	writer_u64(object, "on_cpu_ns", sums->on_cpu_ns);
	writer_u64(object, "run_queue_ns", clock_run_queue_ns(sums));
	writer_u64(object, "run_queue_after_wakeup_ns", sums->run_queue_ns[AFTER_WAKEUP]);
	writer_u64(object, "run_queue_after_preemption_ns", sums->run_queue_ns[AFTER_PREEMPTION]);
	for (uint32_t i = 0; i < BLOCKED_REASONS; i++) {
		writer_u64(blocked, report_reason_name(i), sums->blocked_ns[i]);
		blocked_ns += sums->blocked_ns[i];
	}
	writer_u64(object, "blocked_ns", blocked_ns);
	writer_set(object, "blocked", blocked);
	writer_u64(object, "stolen_ns", sums->stolen_ns);
	writer_optional_u64(object, "irq_ns", has_irq, sums->irq_ns);
	writer_u64(object, "voluntary", row->counts.voluntary);
	writer_u64(object, "involuntary", row->counts.involuntary);
	writer_u64(object, "migrations", row->counts.migrations);
	writer_u64(object, "on_cpu_count", sums->on_cpu_count);
	writer_u64(object, "after_wakeup_count", sums->run_queue_count[AFTER_WAKEUP]);
	writer_u64(object, "after_preemption_count", sums->run_queue_count[AFTER_PREEMPTION]);
	writer_u64(object, "blocked_count", sums->blocked_count);
	writer_u64(object, "on_cpu_max_ns", sums->on_cpu_max_ns);
	writer_u64(object, "run_queue_max_ns", sums->run_queue_max_ns);
	writer_u64(object, "blocked_max_ns", sums->blocked_max_ns);
	writer_u64(object, "cut_count", sums->cut_count);
	writer_u64(object, "cut_ns", sums->cut_ns);
	for (uint32_t i = 0; i < BLAME_KINDS; i++)
		writer_u64(blame, report_blame_kind_name(i), sums->blame_ns[i]);
	writer_set(object, "blame_ns", blame);
	writer_set(object, "audit", row->has_audit ? audit_json(&row->audit) : json_null());
	return object;
}

static json_t *blame_json(const struct report_blame *row)
{
	json_t *object = json_object();

	writer_text(object, "kind", report_blame_kind_name(row->kind));
	writer_u64(object, "pid", row->pid);
	writer_text(object, "comm", row->comm);
	writer_u64(object, "ns", row->ns);
	return object;
}

/* Dump VALUE under KEY and let it go; BEFORE is what separates it from its neighbour. */
static int put(FILE *out, const char *before, const char *key, json_t *value, bool one_line)
{
	int ret = fputs(before, out) < 0;

	if (key && !ret)
		ret = fprintf(out, "\"%s\": ", key) < 0;
	if (!ret)
		ret = writer_lacks() || !value ||
		      json_dumpf(value, out,
				 JSON_ENCODE_ANY | JSON_REAL_PRECISION(9) |
					 (one_line ? JSON_COMPACT : JSON_INDENT(1)));
	json_decref(value);
	return ret;
}

/* The threads go out one by one: 20,000 of them must not be in memory a second time. */
static int put_arrays(const struct report *report, FILE *out, const char *next, bool one_line)
{
	const char *line = one_line ? "" : "\n";
	int ret = fprintf(out, "%s\"threads\": [", next) < 0;

	for (size_t i = 0; i < report->nr_threads && !ret; i++)
		ret = put(out, i ? (one_line ? "," : ",\n") : line, NULL,
			  report_json_thread(&report->threads[i], report->scheduling.has_irq), true);
	if (!ret)
		ret = fprintf(out, "]%s\"blame\": [", next) < 0;
	for (size_t i = 0; i < report->nr_blame && !ret; i++)
		ret = put(out, i ? (one_line ? "," : ",\n") : line, NULL, blame_json(&report->blame[i]),
			  true);
	return ret ? ret : fputs("]", out) < 0;
}

int report_json_write(const struct report *report, FILE *out, bool one_line, struct err *err)
{
	const char *next = one_line ? ", " : ",\n";
	json_t *losses = json_object();
	int ret;

	writer_begin();
	errno = 0;
	for (uint32_t i = 0; i < LOSS_KINDS; i++)
		writer_u64(losses, report_loss_name(i), report->losses[i]);
	ret = put(out, "{", "schema_version", json_integer(REPORT_SCHEMA_VERSION), one_line) ||
	      put(out, next, "agent", agent_json(&report->agent), one_line) ||
	      put(out, next, "machine", machine_json(&report->machine), one_line) ||
	      put(out, next, "target", target_json(&report->target), one_line);
	if (!ret) {
		json_t *window = json_object();

		writer_text(window, "started_at", report->window.started_at);
		writer_u64(window, "duration_ns", report->window.duration_ns);
		ret = put(out, next, "window", window, one_line);
	}
	ret = ret || put(out, next, "scheduling", report_json_scheduling(&report->scheduling), one_line) ||
	      put_arrays(report, out, next, one_line) ||
	      put(out, next, "requests", report_json_requests(report), one_line) ||
	      put(out, next, "exemplars", report_json_exemplars(&report->exemplars), one_line);
	ret = put(out, next, "losses", losses, one_line) || ret;
	if (writer_lacks() || (ret && errno == ENOMEM))
		return err_set(err, ENOMEM, "cannot write the JSON report: out of memory");
	if (ret || fputs("}\n", out) < 0 || fflush(out))
		return err_set(err, errno ? errno : EIO, "cannot write the JSON report: %s",
			       strerror(errno ? errno : EIO));
	return 0;
}
