// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * JSON to model.  Strict: a report that was changed by hand must be refused rather than rendered wrong.
 * The first thing that does not fit is named by its path of keys; what comes after it stays untold.
 * Keys that are not known are passed over: whoever needs more adds some.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "user/analysis/check.h"
#include "user/base/plain.h"
#include "user/base/units.h"
#include "user/report/json_reader.h"
#include "user/report/json_writer.h"
#include "user/report/report_json.h"
#include "user/report/report_json_parts.h"

uint32_t report_json_read_edges(struct reader *reader, json_t *object)
{
	uint64_t from_ns = reader_u64(reader, object, "from_ns"), to_ns = reader_u64(reader, object, "to_ns");
	uint32_t bucket = hist_bucket(from_ns);

	if (hist_bucket_from_ns(bucket) != from_ns || hist_bucket_to_ns(bucket) != to_ns)
		reader_refuse(reader, object, "from_ns", "and to_ns are no edges of a bucket");
	return bucket;
}

void report_json_read_dist(struct reader *reader, json_t *parent, const char *key, struct report_dist *dist)
{
	json_t *object = reader_object(reader, parent, key), *buckets, *one;
	size_t i;

	buckets = reader_array(reader, object, "buckets");
	dist->count = reader_u64(reader, object, "count");
	dist->total_ns = reader_u64(reader, object, "total_ns");
	dist->max_ns = reader_u64(reader, object, "max_ns");
	json_array_foreach(buckets, i, one)
	{
		uint32_t bucket = report_json_read_edges(reader, one);

		if (dist->buckets[bucket])
			reader_refuse(reader, one, "from_ns", "begins a bucket that was there before");
		dist->buckets[bucket] = reader_u64(reader, one, "count");
	}
}

/* A figure that reports of version 0.1.0 do not have: 0 there. */
static uint64_t later_u64(struct reader *reader, json_t *object, const char *key)
{
	return json_object_get(object, key) ? reader_u64(reader, object, key) : 0;
}

static void read_agent(struct reader *reader, json_t *object, struct report_agent *agent)
{
	json_t *hooks = reader_array(reader, object, "hooks"), *hook, *overhead, *command;
	size_t i;

	reader_text(reader, object, "version", agent->version, sizeof(agent->version));
	command = reader_get(reader, object, "command");
	if (command && !json_is_string(command))
		reader_refuse(reader, object, "command", "is no text");
	agent->command = strdup(json_is_string(command) ? json_string_value(command) : "");
	if (!agent->command)
		reader_out_of_memory(reader);
	if (json_array_size(hooks) > REPORT_HOOKS_MAX)
		reader_refuse(reader, object, "hooks", "has too many entries");
	json_array_foreach(hooks, i, hook)
	{
		struct report_hook *to = &agent->hooks[i];

		if (i >= REPORT_HOOKS_MAX)
			break;
		reader_text(reader, hook, "name", to->name, sizeof(to->name));
		reader_text(reader, hook, "how", to->how, sizeof(to->how));
		reader_text(reader, hook, "without", to->without, sizeof(to->without));
		agent->nr_hooks++;
	}
	overhead = reader_object(reader, object, "overhead");
	agent->overhead_agent_cpu_ns = reader_u64(reader, overhead, "agent_cpu_ns");
	agent->overhead_agent_rss_bytes = reader_u64(reader, overhead, "agent_rss_bytes");
	agent->overhead_kernel_per_cpu_bytes = reader_u64(reader, overhead, "kernel_per_cpu_bytes");
	agent->overhead_kernel_per_thread_bytes = reader_u64(reader, overhead, "kernel_per_thread_bytes");
	agent->overhead_kernel_per_worker_bytes = later_u64(reader, overhead, "kernel_per_worker_bytes");
	agent->overhead_kernel_per_connection_bytes =
		later_u64(reader, overhead, "kernel_per_connection_bytes");
	agent->overhead_kernel_bytes = reader_u64(reader, overhead, "kernel_bytes");
	agent->has_overhead_bpf =
		reader_optional_u64(reader, overhead, "bpf_run_ns", &agent->overhead_bpf_ns);
	if (reader_optional_u64(reader, overhead, "bpf_events", &agent->overhead_bpf_events) !=
	    agent->has_overhead_bpf)
		reader_refuse(reader, overhead, "bpf_events",
			      "is null where bpf_run_ns is not, or the reverse");
}

static void read_target(struct reader *reader, json_t *object, struct report_target *target)
{
	json_t *pids = reader_array(reader, object, "pids"), *pid;
	uint64_t status = 0;
	size_t i;

	target->pids = calloc(json_array_size(pids) + 1, sizeof(*target->pids));
	if (!target->pids) {
		reader_out_of_memory(reader);
		return;
	}
	json_array_foreach(pids, i, pid)
	{
		json_int_t number = json_integer_value(pid);

		if (!json_is_integer(pid) || number < 0 || number > UINT32_MAX)
			reader_refuse(reader, object, "pids", "has an entry that is no process id");
		target->pids[target->nr_pids++] = (uint32_t)number;
	}
	reader_text(reader, object, "comm", target->comm, sizeof(target->comm));
	reader_text(reader, object, "model", target->model, sizeof(target->model));
	target->threads = reader_u64(reader, object, "threads");
	target->threads_ended = reader_u64(reader, object, "threads_ended");
	target->cpus_allowed = reader_u32(reader, object, "cpus_allowed");
	target->has_exit_status = reader_optional_u64(reader, object, "exit_status", &status);
	if (status > INT32_MAX)
		reader_refuse(reader, object, "exit_status", "is too large");
	target->exit_status = (int32_t)status;
}

static void read_quota(struct reader *reader, json_t *parent, struct report_quota *quota)
{
	json_t *object;

	quota->present = !json_is_null(reader_get(reader, parent, "quota"));
	if (!quota->present)
		return;
	object = reader_object(reader, parent, "quota");
	reader_text(reader, object, "cgroup", quota->cgroup, sizeof(quota->cgroup));
	quota->quota_ns = reader_u64(reader, object, "quota_ns");
	quota->period_ns = reader_u64(reader, object, "period_ns");
	quota->has_counts = reader_optional_u64(reader, object, "periods", &quota->periods);
	if (reader_optional_u64(reader, object, "throttled_periods", &quota->throttled_periods) !=
	    quota->has_counts)
		reader_refuse(reader, object, "throttled_periods",
			      "is null where periods is not, or the reverse");
	if (reader_optional_u64(reader, object, "throttled_ns", &quota->throttled_ns) != quota->has_counts)
		reader_refuse(reader, object, "throttled_ns", "is null where periods is not, or the reverse");
}

static void read_stolen(struct reader *reader, json_t *object, struct report_scheduling *s)
{
	s->stolen_ns = reader_u64(reader, object, "total_ns");
	s->has_irq = reader_optional_u64(reader, object, "irq_ns", &s->irq_ns);
	reader_text(reader, object, "source", s->stolen_source, sizeof(s->stolen_source));
}

static void read_switches(struct reader *reader, json_t *object, struct report_scheduling *s)
{
	json_t *switches = reader_object(reader, object, "switches"),
	       *cost = reader_object(reader, object, "switch_cost");

	s->voluntary = reader_u64(reader, switches, "voluntary");
	s->involuntary = reader_u64(reader, switches, "involuntary");
	s->switches_replayed = reader_u64(reader, switches, "replayed");
	s->migrations = reader_u64(reader, object, "migrations");
	s->switch_cost.available = reader_bool(reader, cost, "available");
	reader_text(reader, cost, "method", s->switch_cost.method, sizeof(s->switch_cost.method));
	reader_text(reader, cost, "bias", s->switch_cost.bias, sizeof(s->switch_cost.bias));
	s->switch_cost.own_ns = reader_u64(reader, cost, "own_ns");
	report_json_read_dist(reader, cost, "cost", &s->switch_cost.cost);
}

static void read_scheduling(struct reader *reader, json_t *object, struct report_scheduling *s)
{
	json_t *run_queue = reader_object(reader, object, "run_queue"),
	       *blocked = reader_object(reader, object, "blocked"),
	       *reasons = reader_object(reader, object, "blocked_reason_ns"),
	       *open = reader_object(reader, object, "open_intervals"),
	       *cut = reader_object(reader, object, "cut_intervals");

	s->wall_ns = reader_u64(reader, object, "wall_ns");
	s->on_cpu_ns = reader_u64(reader, object, "on_cpu_ns");
	s->run_queue_ns = reader_u64(reader, object, "run_queue_ns");
	s->blocked_ns = reader_u64(reader, object, "blocked_ns");
	s->utilisation_ratio = reader_ratio(reader, object, "utilisation_ratio");
	read_stolen(reader, reader_object(reader, object, "stolen"), s);
	read_quota(reader, object, &s->quota);
	read_switches(reader, object, s);
	report_json_read_dist(reader, object, "on_cpu", &s->on_cpu);
	report_json_read_dist(reader, run_queue, "after_wakeup", &s->run_queue[AFTER_WAKEUP]);
	report_json_read_dist(reader, run_queue, "after_preemption", &s->run_queue[AFTER_PREEMPTION]);
	s->run_queue_cause_ns[AFTER_WAKEUP] = reader_u64(reader, run_queue, "after_wakeup_ns");
	s->run_queue_cause_ns[AFTER_PREEMPTION] = reader_u64(reader, run_queue, "after_preemption_ns");
	for (uint32_t i = 0; i < BLOCKED_REASONS; i++) {
		report_json_read_dist(reader, blocked, report_reason_name(i), &s->blocked[i]);
		s->blocked_reason_ns[i] = reader_u64(reader, reasons, report_reason_name(i));
	}
	s->open_count = reader_u64(reader, open, "count");
	s->open_ns = reader_u64(reader, open, "total_ns");
	s->open_at_start_ns = reader_u64(reader, open, "at_start_ns");
	s->cut_count = reader_u64(reader, cut, "count");
	s->cut_ns = reader_u64(reader, cut, "total_ns");
}

static void read_audit(struct reader *reader, json_t *object, struct audit_sums *audit)
{
	audit->kernel_on_cpu_ns = reader_u64(reader, object, "kernel_on_cpu_ns");
	audit->kernel_run_queue_ns = reader_u64(reader, object, "kernel_run_queue_ns");
	audit->on_cpu_ns = reader_u64(reader, object, "on_cpu_ns");
	audit->run_queue_ns = reader_u64(reader, object, "run_queue_ns");
	audit->stolen_ns = reader_u64(reader, object, "stolen_ns");
	audit->stale_on_cpu_ns = reader_signed(reader, object, "stale_on_cpu_ns");
	audit->stale_run_queue_ns = reader_signed(reader, object, "stale_run_queue_ns");
	audit->voluntary = reader_u64(reader, object, "voluntary");
	audit->involuntary = reader_u64(reader, object, "involuntary");
}

static void read_thread(struct reader *reader, json_t *object, bool has_irq, struct report_thread *row)
{
	json_t *blocked = reader_object(reader, object, "blocked"),
	       *blame = reader_object(reader, object, "blame_ns");
	struct clock_sums *sums = &row->sums;
	uint64_t irq_ns = 0;

	row->tid = reader_u32(reader, object, "tid");
	row->pid = reader_u32(reader, object, "pid");
	reader_text(reader, object, "comm", row->comm, sizeof(row->comm));
	row->threads = reader_u64(reader, object, "threads");
	row->wall_ns = reader_u64(reader, object, "wall_ns");
	sums->on_cpu_ns = reader_u64(reader, object, "on_cpu_ns");
	sums->run_queue_ns[AFTER_WAKEUP] = reader_u64(reader, object, "run_queue_after_wakeup_ns");
	sums->run_queue_ns[AFTER_PREEMPTION] = reader_u64(reader, object, "run_queue_after_preemption_ns");
	for (uint32_t i = 0; i < BLOCKED_REASONS; i++)
		sums->blocked_ns[i] = reader_u64(reader, blocked, report_reason_name(i));
	for (uint32_t i = 0; i < BLAME_KINDS; i++)
		sums->blame_ns[i] = reader_u64(reader, blame, report_blame_kind_name(i));
	sums->stolen_ns = reader_u64(reader, object, "stolen_ns");
	if (reader_optional_u64(reader, object, "irq_ns", &irq_ns) != has_irq)
		reader_refuse(reader, object, "irq_ns",
			      "is null where that of the whole is not, or the reverse");
	sums->irq_ns = irq_ns;
	row->counts.voluntary = reader_u64(reader, object, "voluntary");
	row->counts.involuntary = reader_u64(reader, object, "involuntary");
	row->counts.migrations = reader_u64(reader, object, "migrations");
	sums->on_cpu_count = reader_u64(reader, object, "on_cpu_count");
	sums->run_queue_count[AFTER_WAKEUP] = reader_u64(reader, object, "after_wakeup_count");
	sums->run_queue_count[AFTER_PREEMPTION] = reader_u64(reader, object, "after_preemption_count");
	sums->blocked_count = reader_u64(reader, object, "blocked_count");
	sums->on_cpu_max_ns = reader_u64(reader, object, "on_cpu_max_ns");
	sums->run_queue_max_ns = reader_u64(reader, object, "run_queue_max_ns");
	sums->blocked_max_ns = reader_u64(reader, object, "blocked_max_ns");
	sums->cut_count = reader_u64(reader, object, "cut_count");
	sums->cut_ns = reader_u64(reader, object, "cut_ns");
	row->has_audit = !json_is_null(reader_get(reader, object, "audit"));
	if (row->has_audit)
		read_audit(reader, reader_object(reader, object, "audit"), &row->audit);
}

static void read_arrays(struct reader *reader, json_t *root, struct report *report)
{
	json_t *threads = reader_array(reader, root, "threads"), *blame = reader_array(reader, root, "blame"),
	       *one;
	size_t i;

	report->threads = calloc(json_array_size(threads) + 1, sizeof(*report->threads));
	report->blame = calloc(json_array_size(blame) + 1, sizeof(*report->blame));
	if (!report->threads || !report->blame) {
		reader_out_of_memory(reader);
		return;
	}
	json_array_foreach(threads, i, one)
		read_thread(reader, one, report->scheduling.has_irq, &report->threads[report->nr_threads++]);
	json_array_foreach(blame, i, one)
	{
		struct report_blame *row = &report->blame[report->nr_blame++];

		row->kind = reader_name(reader, one, "kind", BLAME_KINDS, report_blame_kind_name);
		row->pid = reader_u32(reader, one, "pid");
		reader_text(reader, one, "comm", row->comm, sizeof(row->comm));
		row->ns = reader_u64(reader, one, "ns");
	}
}

/* What follows from the rest, or is null, and is in no report of an older agent. */
static bool came_later(const char *key)
{
	return !strcmp(key, "on_cpu_ratio") || !strcmp(key, "per_request") || !strcmp(key, "run_queue");
}

/*
 * All that stands in WANTED must stand in GOT, too: figures that follow from others and are stored for
 * whoever reads the JSON without us.  What GOT has beyond that is passed over.
 */
static void compare(struct reader *reader, const json_t *wanted, json_t *got, json_t *parent, const char *key)
{
	const char *name;
	json_t *child;
	size_t i;

	if (reader->err->code || json_equal(wanted, got))
		return;
	if (json_typeof(wanted) != json_typeof(got) || json_array_size(wanted) != json_array_size(got) ||
	    !(json_is_object(wanted) || json_is_array(wanted))) {
		reader_refuse(reader, parent, key, "does not follow from the rest");
		return;
	}
	json_object_foreach((json_t *)wanted, name, child) if (json_object_get(got, name))
		compare(reader, child, json_object_get(got, name), got, name);
	else if (!came_later(name)) reader_refuse(reader, got, name, "is missing");
	json_array_foreach(wanted, i, child) compare(reader, child, json_array_get(got, i), parent, key);
}

/* The same for the value of ROOT's KEY, or one of its rows; WANTED is let go. */
static void compare_part(struct reader *reader, json_t *wanted, json_t *got, json_t *root, const char *key)
{
	if (writer_lacks())
		reader_out_of_memory(reader);
	compare(reader, wanted, got, root, key);
	json_decref(wanted);
}

static void compare_derived(struct reader *reader, json_t *root, const struct report *report)
{
	json_t *threads = json_object_get(root, "threads");

	writer_begin();
	compare_part(reader, report_json_scheduling(&report->scheduling), json_object_get(root, "scheduling"),
		     root, "scheduling");
	if (report->requests.watched)
		compare_part(reader, report_json_requests(report), json_object_get(root, "requests"), root,
			     "requests");
	for (size_t i = 0; i < report->nr_threads && !reader->err->code; i++)
		compare_part(reader, report_json_thread(&report->threads[i], report->scheduling.has_irq),
			     json_array_get(threads, i), root, "threads");
}

static void check(struct reader *reader, json_t *root, const struct report *report)
{
	struct check_broken broken;

	if (!reader->err->code && !check_report(report, CHECK_ALWAYS, &broken))
		reader_refuse(reader, NULL, broken.path, broken.what);
	compare_derived(reader, root, report);
}

static void read_window(struct reader *reader, json_t *object, struct report_window *window)
{
	uint64_t began_at_ns = 0;

	reader_text(reader, object, "started_at", window->started_at, sizeof(window->started_at));
	if (units_parse_utc(window->started_at, &began_at_ns))
		reader_refuse(reader, object, "started_at", "is no time in UTC as RFC 3339 writes it");
	window->duration_ns = reader_u64(reader, object, "duration_ns");
	if (window->duration_ns > INT64_MAX - began_at_ns)
		reader_refuse(reader, object, "duration_ns", "ends after what the kernel's clocks can tell");
}

#define FIRST_LATER_LOSS LOSS_SPAN_CREATE /* reports of version 0.1.0 end before it */

static void read_root(struct reader *reader, json_t *root, struct report *report)
{
	json_t *machine = reader_object(reader, root, "machine"),
	       *losses = reader_object(reader, root, "losses");

	read_agent(reader, reader_object(reader, root, "agent"), &report->agent);
	reader_text(reader, machine, "kernel", report->machine.kernel, sizeof(report->machine.kernel));
	reader_text(reader, machine, "arch", report->machine.arch, sizeof(report->machine.arch));
	report->machine.cpus = reader_u32(reader, machine, "cpus");
	report->machine.memory_bytes = reader_u64(reader, machine, "memory_bytes");
	read_target(reader, reader_object(reader, root, "target"), &report->target);
	read_window(reader, reader_object(reader, root, "window"), &report->window);
	read_scheduling(reader, reader_object(reader, root, "scheduling"), &report->scheduling);
	read_arrays(reader, root, report);
	report_json_read_requests(reader, root, &report->requests);
	report_json_read_exemplars(reader, root, &report->exemplars);
	for (uint32_t i = 0; i < LOSS_KINDS; i++)
		report->losses[i] = i < FIRST_LATER_LOSS ? reader_u64(reader, losses, report_loss_name(i)) :
							   later_u64(reader, losses, report_loss_name(i));
	check(reader, root, report);
}

/* Two beginnings that jansson would call a mistake in the text, with words that lead nowhere. */
static int refuse_beginning(FILE *in, const char *name, struct err *err)
{
	int first = getc(in);

	if (first == EOF && !ferror(in))
		return err_set(err, EINVAL, "cannot read %s: it is empty", name);
	/* U+FEFF as UTF-8 or UTF-16; no JSON begins with any of these bytes. */
	if (first == 0xef || first == 0xfe || first == 0xff)
		return err_set(err, EINVAL,
			       "cannot read %s: it begins with a byte order mark; store it as UTF-8 without "
			       "one",
			       name);
	if (first != EOF)
		ungetc(first, in);
	return 0;
}

int report_json_read(FILE *in, const char *name, struct report *report, struct err *err)
{
	struct reader reader = { .name = name, .err = err };
	json_error_t why;
	/* A run with --interval stores several, one after another. */
	json_t *root, *version;

	memset(report, 0, sizeof(*report));
	if (refuse_beginning(in, name, err))
		return -err->code;
	errno = 0;
	root = json_loadf(in, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &why);
	if (!root && errno == ENOMEM) /* jansson tells it as a mistake in the text, or not at all */
		return err_set(err, ENOMEM, "cannot read %s: out of memory", name);
	if (ferror(in)) {
		json_decref(root);
		return err_set(err, errno ? errno : EIO, "cannot read %s: %s", name,
			       strerror(errno ? errno : EIO));
	}
	if (!root) {
		plain_text(why.text, sizeof(why.text), why.text); /* it repeats what the file holds there */
		return err_set(err, EINVAL, "cannot read %s: it is no JSON (line %d: %s)", name, why.line,
			       why.text);
	}
	reader.root = root;
	version = json_object_get(root, "schema_version");
	if (!json_is_integer(version))
		err_set(err, EINVAL, "cannot read %s: it is JSON, but no report of this agent", name);
	else if (json_integer_value(version) != REPORT_SCHEMA_VERSION)
		err_set(err, EINVAL, "cannot read %s: its schema version is %lld, this agent reads %d", name,
			(long long)json_integer_value(version), REPORT_SCHEMA_VERSION);
	else
		read_root(&reader, root, report);
	json_decref(root);
	if (err->code)
		report_fini(report);
	return -err->code;
}
