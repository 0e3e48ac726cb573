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
#include "user/report/report_json.h"
#include "user/report/report_json_parts.h"

struct reader {
	const char *name; /* of the file */
	const json_t *root;
	struct err *err;
};

/* Append to the sentence's path what leads from NODE to WANTED; whether it does. */
static bool find_path(const json_t *node, const json_t *wanted, char *path, size_t size)
{
	size_t length = strlen(path), i;
	const char *key;
	json_t *child;

	if (node == wanted)
		return true;
	json_object_foreach((json_t *)node, key, child) {
		snprintf(path + length, size - length, "%s%s", length ? "." : "", key);
		if (find_path(child, wanted, path, size))
			return true;
	}
	json_array_foreach(node, i, child) {
		snprintf(path + length, size - length, "[%zu]", i);
		if (find_path(child, wanted, path, size))
			return true;
	}
	path[length] = '\0';
	return false;
}

/* The path is looked for only now, so that reading what is right costs nothing for it. */
static void refuse(struct reader *reader, const json_t *object, const char *key, const char *what)
{
	char path[128] = "";

	if (reader->err->code)
		return;
	if (object)
		find_path(reader->root, object, path, sizeof(path));
	err_set(reader->err, EINVAL, "cannot read %s: '%s%s%s' %s; is it a report of this version?",
		reader->name, path, *path ? "." : "", key, what);
}

static void out_of_memory(struct reader *reader)
{
	err_set(reader->err, ENOMEM, "cannot read %s: out of memory", reader->name);
}

static json_t *get(struct reader *reader, json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	if (!value)
		refuse(reader, object, key, "is missing");
	return value;
}

static uint64_t get_u64(struct reader *reader, json_t *object, const char *key)
{
	json_t *value = get(reader, object, key);

	if (value && (!json_is_integer(value) || json_integer_value(value) < 0))
		refuse(reader, object, key, "is no whole number");
	return (uint64_t)json_integer_value(value);
}

static int64_t get_signed(struct reader *reader, json_t *object, const char *key)
{
	json_t *value = get(reader, object, key);

	if (value && !json_is_integer(value))
		refuse(reader, object, key, "is no whole number");
	return json_integer_value(value);
}

static uint32_t get_u32(struct reader *reader, json_t *object, const char *key)
{
	uint64_t value = get_u64(reader, object, key);

	if (value > UINT32_MAX)
		refuse(reader, object, key, "is too large");
	return (uint32_t)value;
}

static void get_text(struct reader *reader, json_t *object, const char *key, char *out, size_t size)
{
	json_t *value = get(reader, object, key);

	if (value && !json_is_string(value))
		refuse(reader, object, key, "is no text");
	if (value && json_string_length(value) >= size)
		refuse(reader, object, key, "is too long");
	snprintf(out, size, "%s", json_is_string(value) ? json_string_value(value) : "");
}

/* A quantity that this kernel may not tell: null then, and false is returned. */
static bool get_optional_u64(struct reader *reader, json_t *object, const char *key, uint64_t *out)
{
	if (json_is_null(get(reader, object, key)))
		return false;
	*out = get_u64(reader, object, key);
	return true;
}

static bool get_bool(struct reader *reader, json_t *object, const char *key)
{
	json_t *value = get(reader, object, key);

	if (value && !json_is_boolean(value))
		refuse(reader, object, key, "is neither true nor false");
	return json_is_true(value);
}

static double get_ratio(struct reader *reader, json_t *object, const char *key)
{
	json_t *value = get(reader, object, key);

	if (value && (!json_is_number(value) || json_number_value(value) < 0))
		refuse(reader, object, key, "is no ratio");
	return json_number_value(value);
}

static json_t *get_object(struct reader *reader, json_t *object, const char *key)
{
	json_t *value = get(reader, object, key);

	if (value && !json_is_object(value))
		refuse(reader, object, key, "is no object");
	return value;
}

static json_t *get_array(struct reader *reader, json_t *object, const char *key)
{
	json_t *value = get(reader, object, key);

	if (value && !json_is_array(value))
		refuse(reader, object, key, "is no array");
	return value;
}

static void read_dist(struct reader *reader, json_t *parent, const char *key, struct report_dist *dist)
{
	json_t *object = get_object(reader, parent, key), *buckets, *one;
	size_t i;

	buckets = get_array(reader, object, "buckets");
	dist->count = get_u64(reader, object, "count");
	dist->total_ns = get_u64(reader, object, "total_ns");
	dist->max_ns = get_u64(reader, object, "max_ns");
	json_array_foreach(buckets, i, one) {
		uint64_t from_ns = get_u64(reader, one, "from_ns"), to_ns = get_u64(reader, one, "to_ns");
		uint32_t bucket = hist_bucket(from_ns);

		if (hist_bucket_from_ns(bucket) != from_ns || hist_bucket_to_ns(bucket) != to_ns)
			refuse(reader, one, "from_ns", "and to_ns are no edges of a bucket");
		if (dist->buckets[bucket])
			refuse(reader, one, "from_ns", "begins a bucket that was there before");
		dist->buckets[bucket] = get_u64(reader, one, "count");
	}
}

static void read_agent(struct reader *reader, json_t *object, struct report_agent *agent)
{
	json_t *hooks = get_array(reader, object, "hooks"), *hook, *overhead, *command;
	size_t i;

	get_text(reader, object, "version", agent->version, sizeof(agent->version));
	command = get(reader, object, "command");
	if (command && !json_is_string(command))
		refuse(reader, object, "command", "is no text");
	agent->command = strdup(json_is_string(command) ? json_string_value(command) : "");
	if (!agent->command)
		out_of_memory(reader);
	if (json_array_size(hooks) > REPORT_HOOKS_MAX)
		refuse(reader, object, "hooks", "has too many entries");
	json_array_foreach(hooks, i, hook) {
		struct report_hook *to = &agent->hooks[i];

		if (i >= REPORT_HOOKS_MAX)
			break;
		get_text(reader, hook, "name", to->name, sizeof(to->name));
		get_text(reader, hook, "how", to->how, sizeof(to->how));
		get_text(reader, hook, "without", to->without, sizeof(to->without));
		agent->nr_hooks++;
	}
	overhead = get_object(reader, object, "overhead");
	agent->overhead_agent_cpu_ns = get_u64(reader, overhead, "agent_cpu_ns");
	agent->overhead_agent_rss_bytes = get_u64(reader, overhead, "agent_rss_bytes");
	agent->overhead_kernel_per_cpu_bytes = get_u64(reader, overhead, "kernel_per_cpu_bytes");
	agent->overhead_kernel_per_thread_bytes = get_u64(reader, overhead, "kernel_per_thread_bytes");
	agent->overhead_kernel_bytes = get_u64(reader, overhead, "kernel_bytes");
	agent->has_overhead_bpf =
		get_optional_u64(reader, overhead, "bpf_run_ns", &agent->overhead_bpf_ns);
	if (get_optional_u64(reader, overhead, "bpf_events", &agent->overhead_bpf_events) !=
	    agent->has_overhead_bpf)
		refuse(reader, overhead, "bpf_events", "is null where bpf_run_ns is not, or the reverse");
}

static void read_target(struct reader *reader, json_t *object, struct report_target *target)
{
	json_t *pids = get_array(reader, object, "pids"), *pid;
	uint64_t status = 0;
	size_t i;

	target->pids = calloc(json_array_size(pids) + 1, sizeof(*target->pids));
	if (!target->pids) {
		out_of_memory(reader);
		return;
	}
	json_array_foreach(pids, i, pid) {
		json_int_t number = json_integer_value(pid);

		if (!json_is_integer(pid) || number < 0 || number > UINT32_MAX)
			refuse(reader, object, "pids", "has an entry that is no process id");
		target->pids[target->nr_pids++] = (uint32_t)number;
	}
	get_text(reader, object, "comm", target->comm, sizeof(target->comm));
	get_text(reader, object, "model", target->model, sizeof(target->model));
	target->threads = get_u64(reader, object, "threads");
	target->threads_ended = get_u64(reader, object, "threads_ended");
	target->cpus_allowed = get_u32(reader, object, "cpus_allowed");
	target->has_exit_status = get_optional_u64(reader, object, "exit_status", &status);
	if (status > INT32_MAX)
		refuse(reader, object, "exit_status", "is too large");
	target->exit_status = (int32_t)status;
}

static void read_quota(struct reader *reader, json_t *parent, struct report_quota *quota)
{
	json_t *object;

	quota->present = !json_is_null(get(reader, parent, "quota"));
	if (!quota->present)
		return;
	object = get_object(reader, parent, "quota");
	get_text(reader, object, "cgroup", quota->cgroup, sizeof(quota->cgroup));
	quota->quota_ns = get_u64(reader, object, "quota_ns");
	quota->period_ns = get_u64(reader, object, "period_ns");
	quota->has_counts = get_optional_u64(reader, object, "periods", &quota->periods);
	if (get_optional_u64(reader, object, "throttled_periods", &quota->throttled_periods) !=
	    quota->has_counts)
		refuse(reader, object, "throttled_periods", "is null where periods is not, or the reverse");
	if (get_optional_u64(reader, object, "throttled_ns", &quota->throttled_ns) != quota->has_counts)
		refuse(reader, object, "throttled_ns", "is null where periods is not, or the reverse");
}

static void read_stolen(struct reader *reader, json_t *object, struct report_scheduling *s)
{
	s->stolen_ns = get_u64(reader, object, "total_ns");
	s->has_irq = get_optional_u64(reader, object, "irq_ns", &s->irq_ns);
	get_text(reader, object, "source", s->stolen_source, sizeof(s->stolen_source));
}

static void read_switches(struct reader *reader, json_t *object, struct report_scheduling *s)
{
	json_t *switches = get_object(reader, object, "switches"),
	       *cost = get_object(reader, object, "switch_cost");

	s->voluntary = get_u64(reader, switches, "voluntary");
	s->involuntary = get_u64(reader, switches, "involuntary");
	s->switches_replayed = get_u64(reader, switches, "replayed");
	s->migrations = get_u64(reader, object, "migrations");
	s->switch_cost.available = get_bool(reader, cost, "available");
	get_text(reader, cost, "method", s->switch_cost.method, sizeof(s->switch_cost.method));
	get_text(reader, cost, "bias", s->switch_cost.bias, sizeof(s->switch_cost.bias));
	s->switch_cost.own_ns = get_u64(reader, cost, "own_ns");
	read_dist(reader, cost, "cost", &s->switch_cost.cost);
}

static void read_scheduling(struct reader *reader, json_t *object, struct report_scheduling *s)
{
	json_t *run_queue = get_object(reader, object, "run_queue"),
	       *blocked = get_object(reader, object, "blocked"),
	       *reasons = get_object(reader, object, "blocked_reason_ns"),
	       *open = get_object(reader, object, "open_intervals"),
	       *cut = get_object(reader, object, "cut_intervals");

	s->wall_ns = get_u64(reader, object, "wall_ns");
	s->on_cpu_ns = get_u64(reader, object, "on_cpu_ns");
	s->run_queue_ns = get_u64(reader, object, "run_queue_ns");
	s->blocked_ns = get_u64(reader, object, "blocked_ns");
	s->utilisation_ratio = get_ratio(reader, object, "utilisation_ratio");
	read_stolen(reader, get_object(reader, object, "stolen"), s);
	read_quota(reader, object, &s->quota);
	read_switches(reader, object, s);
	read_dist(reader, object, "on_cpu", &s->on_cpu);
	read_dist(reader, run_queue, "after_wakeup", &s->run_queue[AFTER_WAKEUP]);
	read_dist(reader, run_queue, "after_preemption", &s->run_queue[AFTER_PREEMPTION]);
	s->run_queue_cause_ns[AFTER_WAKEUP] = get_u64(reader, run_queue, "after_wakeup_ns");
	s->run_queue_cause_ns[AFTER_PREEMPTION] = get_u64(reader, run_queue, "after_preemption_ns");
	for (uint32_t i = 0; i < BLOCKED_REASONS; i++) {
		read_dist(reader, blocked, report_reason_name(i), &s->blocked[i]);
		s->blocked_reason_ns[i] = get_u64(reader, reasons, report_reason_name(i));
	}
	s->open_count = get_u64(reader, open, "count");
	s->open_ns = get_u64(reader, open, "total_ns");
	s->open_at_start_ns = get_u64(reader, open, "at_start_ns");
	s->cut_count = get_u64(reader, cut, "count");
	s->cut_ns = get_u64(reader, cut, "total_ns");
}

static void read_audit(struct reader *reader, json_t *object, struct audit_sums *audit)
{
	audit->kernel_on_cpu_ns = get_u64(reader, object, "kernel_on_cpu_ns");
	audit->kernel_run_queue_ns = get_u64(reader, object, "kernel_run_queue_ns");
	audit->on_cpu_ns = get_u64(reader, object, "on_cpu_ns");
	audit->run_queue_ns = get_u64(reader, object, "run_queue_ns");
	audit->stolen_ns = get_u64(reader, object, "stolen_ns");
	audit->stale_on_cpu_ns = get_signed(reader, object, "stale_on_cpu_ns");
	audit->stale_run_queue_ns = get_signed(reader, object, "stale_run_queue_ns");
	audit->voluntary = get_u64(reader, object, "voluntary");
	audit->involuntary = get_u64(reader, object, "involuntary");
}

static void read_thread(struct reader *reader, json_t *object, bool has_irq,
			struct report_thread *row)
{
	json_t *blocked = get_object(reader, object, "blocked"),
	       *blame = get_object(reader, object, "blame_ns");
	struct clock_sums *sums = &row->sums;
	uint64_t irq_ns = 0;

	row->tid = get_u32(reader, object, "tid");
	row->pid = get_u32(reader, object, "pid");
	get_text(reader, object, "comm", row->comm, sizeof(row->comm));
	row->threads = get_u64(reader, object, "threads");
	row->wall_ns = get_u64(reader, object, "wall_ns");
	sums->on_cpu_ns = get_u64(reader, object, "on_cpu_ns");
	sums->run_queue_ns[AFTER_WAKEUP] = get_u64(reader, object, "run_queue_after_wakeup_ns");
	sums->run_queue_ns[AFTER_PREEMPTION] = get_u64(reader, object, "run_queue_after_preemption_ns");
	for (uint32_t i = 0; i < BLOCKED_REASONS; i++)
		sums->blocked_ns[i] = get_u64(reader, blocked, report_reason_name(i));
	for (uint32_t i = 0; i < BLAME_KINDS; i++)
		sums->blame_ns[i] = get_u64(reader, blame, report_blame_kind_name(i));
	sums->stolen_ns = get_u64(reader, object, "stolen_ns");
	if (get_optional_u64(reader, object, "irq_ns", &irq_ns) != has_irq)
		refuse(reader, object, "irq_ns", "is null where that of the whole is not, or the reverse");
	sums->irq_ns = irq_ns;
	row->counts.voluntary = get_u64(reader, object, "voluntary");
	row->counts.involuntary = get_u64(reader, object, "involuntary");
	row->counts.migrations = get_u64(reader, object, "migrations");
	sums->on_cpu_count = get_u64(reader, object, "on_cpu_count");
	sums->run_queue_count[AFTER_WAKEUP] = get_u64(reader, object, "after_wakeup_count");
	sums->run_queue_count[AFTER_PREEMPTION] = get_u64(reader, object, "after_preemption_count");
	sums->blocked_count = get_u64(reader, object, "blocked_count");
	sums->on_cpu_max_ns = get_u64(reader, object, "on_cpu_max_ns");
	sums->run_queue_max_ns = get_u64(reader, object, "run_queue_max_ns");
	sums->blocked_max_ns = get_u64(reader, object, "blocked_max_ns");
	sums->cut_count = get_u64(reader, object, "cut_count");
	sums->cut_ns = get_u64(reader, object, "cut_ns");
	row->has_audit = !json_is_null(get(reader, object, "audit"));
	if (row->has_audit)
		read_audit(reader, get_object(reader, object, "audit"), &row->audit);
}

static void read_arrays(struct reader *reader, json_t *root, struct report *report)
{
	json_t *threads = get_array(reader, root, "threads"), *blame = get_array(reader, root, "blame"),
	       *one;
	char kind[16];
	size_t i;

	report->threads = calloc(json_array_size(threads) + 1, sizeof(*report->threads));
	report->blame = calloc(json_array_size(blame) + 1, sizeof(*report->blame));
	if (!report->threads || !report->blame) {
		out_of_memory(reader);
		return;
	}
	json_array_foreach(threads, i, one)
		read_thread(reader, one, report->scheduling.has_irq,
			    &report->threads[report->nr_threads++]);
	json_array_foreach(blame, i, one) {
		struct report_blame *row = &report->blame[report->nr_blame++];

		get_text(reader, one, "kind", kind, sizeof(kind));
		while (row->kind < BLAME_KINDS && strcmp(kind, report_blame_kind_name(row->kind)))
			row->kind++;
		if (row->kind == BLAME_KINDS)
			refuse(reader, one, "kind", "is none that is known");
		row->pid = get_u32(reader, one, "pid");
		get_text(reader, one, "comm", row->comm, sizeof(row->comm));
		row->ns = get_u64(reader, one, "ns");
	}
}

/*
 * All that stands in WANTED must stand in GOT, too: figures that follow from others and are stored for
 * whoever reads the JSON without us.  What GOT has beyond that is passed over.
 */
static void compare(struct reader *reader, const json_t *wanted, json_t *got, json_t *parent,
		    const char *key)
{
	const char *name;
	json_t *child;
	size_t i;

	if (!wanted)
		out_of_memory(reader);
	if (reader->err->code || json_equal(wanted, got))
		return;
	if (json_typeof(wanted) != json_typeof(got) ||
	    json_array_size(wanted) != json_array_size(got) ||
	    !(json_is_object(wanted) || json_is_array(wanted))) {
		refuse(reader, parent, key, "does not follow from the rest");
		return;
	}
	json_object_foreach((json_t *)wanted, name, child)
		if (json_object_get(got, name))
			compare(reader, child, json_object_get(got, name), got, name);
		else
			refuse(reader, got, name, "is missing");
	json_array_foreach(wanted, i, child)
		compare(reader, child, json_array_get(got, i), parent, key);
}

static void compare_derived(struct reader *reader, json_t *root, const struct report *report)
{
	json_t *threads = json_object_get(root, "threads"), *wanted;

	wanted = report_json_scheduling(&report->scheduling);
	compare(reader, wanted, json_object_get(root, "scheduling"), root, "scheduling");
	json_decref(wanted);
	for (size_t i = 0; i < report->nr_threads && !reader->err->code; i++) {
		wanted = report_json_thread(&report->threads[i], report->scheduling.has_irq);
		compare(reader, wanted, json_array_get(threads, i), root, "threads");
		json_decref(wanted);
	}
}

static void check(struct reader *reader, json_t *root, const struct report *report)
{
	struct check_broken broken;

	if (!reader->err->code && !check_report(report, CHECK_ALWAYS, &broken))
		refuse(reader, NULL, broken.path, broken.what);
	compare_derived(reader, root, report);
}

static void read_root(struct reader *reader, json_t *root, struct report *report)
{
	json_t *machine = get_object(reader, root, "machine"), *window = get_object(reader, root, "window"),
	       *losses = get_object(reader, root, "losses");

	read_agent(reader, get_object(reader, root, "agent"), &report->agent);
	get_text(reader, machine, "kernel", report->machine.kernel, sizeof(report->machine.kernel));
	get_text(reader, machine, "arch", report->machine.arch, sizeof(report->machine.arch));
	report->machine.cpus = get_u32(reader, machine, "cpus");
	report->machine.memory_bytes = get_u64(reader, machine, "memory_bytes");
	read_target(reader, get_object(reader, root, "target"), &report->target);
	get_text(reader, window, "started_at", report->window.started_at,
		 sizeof(report->window.started_at));
	report->window.duration_ns = get_u64(reader, window, "duration_ns");
	read_scheduling(reader, get_object(reader, root, "scheduling"), &report->scheduling);
	read_arrays(reader, root, report);
	for (uint32_t i = 0; i < LOSS_KINDS; i++)
		report->losses[i] = get_u64(reader, losses, report_loss_name(i));
	check(reader, root, report);
}

int report_json_read(FILE *in, const char *name, struct report *report, struct err *err)
{
	struct reader reader = { .name = name, .err = err };
	json_error_t why;
	/* A run with --interval stores several, one after another. */
	json_t *root, *version;

	memset(report, 0, sizeof(*report));
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
		/* It repeats what the file holds there, which may be a terminal's commands. */
		for (char *at = why.text; *at; at++)
			if (*at < ' ' || *at > '~')
				*at = '?';
		return err_set(err, EINVAL, "cannot read %s: it is no JSON (line %d: %s)", name, why.line,
			       why.text);
	}
	reader.root = root;
	version = json_object_get(root, "schema_version");
	if (!json_is_integer(version))
		err_set(err, EINVAL, "cannot read %s: it is JSON, but no report of this agent", name);
	else if (json_integer_value(version) != REPORT_SCHEMA_VERSION)
		err_set(err, EINVAL, "cannot read %s: its schema version is %lld, this agent reads %d",
			name, (long long)json_integer_value(version), REPORT_SCHEMA_VERSION);
	else
		read_root(&reader, root, report);
	json_decref(root);
	if (err->code)
		report_fini(report);
	return -err->code;
}
