// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/report_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/load/find_max.h"
#include "user/base/json_writer.h"
#include "user/base/units.h"
#include "version.h"

static json_t *load_json(const struct load_plan *plan)
{
	json_t *object = json_object();

	writer_text(object, "version", WHYLATE_VERSION);
	writer_text(object, "command", plan->command ? plan->command : "");
	return object;
}

static json_t *machine_json(void)
{
	json_t *object = json_object();
	struct utsname name = {};

	uname(&name);
	writer_text(object, "kernel", name.release);
	writer_text(object, "arch", name.machine);
	writer_u64(object, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	return object;
}

static json_t *window_json(const struct load_result *result)
{
	json_t *object = json_object();
	char text[UNITS_TEXT_BYTES];

	writer_text(object, "started_at", units_format_utc(text, sizeof(text), result->started_at_ns));
	writer_u64(object, "duration_ns", result->window_ns);
	writer_u64(object, "settled_ns", result->settled_ns);
	writer_optional_u64(object, "last_due_ns", result->last_due_ns, result->last_due_ns);
	writer_set(object, "interrupted", json_boolean(result->interrupted));
	return object;
}

static void set_outcomes(json_t *parent, const struct load_outcomes *outcomes)
{
	json_t *object = json_object(), *answered = json_object();
	char status[12];

	for (uint32_t i = 0; i < LOAD_STATUSES; i++) {
		if (!outcomes->answered[i])
			continue;
		snprintf(status, sizeof(status), "%u", i);
		writer_u64(answered, status, outcomes->answered[i]);
	}
	writer_set(object, "answered", answered);
	writer_map(object, "failed", outcomes->failed, LOAD_FAILURES, load_failure_name, true);
	writer_u64(object, "timed_out", outcomes->timed_out);
	writer_u64(object, "unanswered", outcomes->unanswered);
	writer_map(object, "never_sent", outcomes->never_sent, LOAD_UNSENT, load_unsent_name, true);
	writer_u64(parent, "due", outcomes->due);
	writer_set(parent, "outcomes", object);
}

static json_t *by_class_json(const struct load_books *books)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < LOAD_CLASSES; i++)
		if (hdr_count(&books->by_class[i]))
			load_json_distribution(object, load_class_name(i), &books->by_class[i], NULL, NULL);
	return object;
}

static json_t *latency_json(const struct load_result *result,
			    const struct load_quantile quantiles[LOAD_QUANTILES])
{
	const struct load_books *books = &result->books;
	bool closed = result->plan->mode == LOAD_CLOSED;
	json_t *object = json_object();

	if (!closed)
		load_json_distribution(object, "from_due", &books->from_due.known, &books->from_due.at_least,
				       quantiles);
	load_json_distribution(object, "from_send", &books->from_send.known, &books->from_send.at_least,
			       closed ? quantiles : NULL);
	if (!closed)
		load_json_distribution(object, "wait_connection", &books->wait_connection, NULL, NULL);
	writer_set(object, "by_class", by_class_json(books));
	return object;
}

static json_t *lag_json(const struct load_result *result, bool matters)
{
	const struct load_books *books = &result->books;
	json_t *object = json_object();

	load_json_distribution(object, "send", &books->lag_send, NULL, NULL);
	load_json_distribution(object, "receive", &books->lag_receive, NULL, NULL);
	writer_set(object, "could_change_a_quantile", json_boolean(matters));
	writer_u64(object, "no_arrival_time", books->no_arrival_time);
	writer_u64(object, "unreadable_arrival_time", books->unreadable_arrival_time);
	writer_u64(object, "clock_steps", result->clock_steps);
	return object;
}

static json_t *connections_json(const struct load_result *result)
{
	const struct load_books *books = &result->books;
	json_t *object = json_object();

	writer_u64(object, "wanted", result->plan->connections);
	writer_u64(object, "open", books->connections_open);
	writer_u64(object, "opened", books->connections_opened);
	writer_u64(object, "failed", books->connections_failed);
	writer_u64(object, "reconnects", books->reconnects);
	writer_u64(object, "unasked", books->unasked);
	writer_optional_u64(object, "opening_ns", result->opening_ns, result->opening_ns);
	return object;
}

/* What it cost to ask, in CPU time and in memory. */
static void set_own_cost(json_t *root, const struct load_result *result)
{
	const struct load_plan *plan = result->plan;
	json_t *generator = json_object(), *memory = json_object();
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	writer_u64(generator, "cpu_ns", result->cpu_ns);
	writer_u64(generator, "cpu_window_ns", result->cpu_window_ns);
	writer_u64(generator, "cpus", (uint64_t)(plan->has_cpus ? CPU_COUNT(&plan->cpus) : online));
	writer_ratio(generator, "busy_ratio", result->busy_ratio);
	writer_set(generator, "spinning", json_boolean(result->spinning));
	writer_set(root, "generator", generator);
	writer_u64(memory, "user_bytes", result->user_bytes);
	writer_u64(memory, "bytes_per_connection",
		   plan->connections ? result->user_bytes / plan->connections : 0);
	writer_set(root, "memory", memory);
}

json_t *load_report_json(const struct load_result *result)
{
	struct load_quantile quantiles[LOAD_QUANTILES];
	json_t *root = json_object(), *warmup = json_object();

	load_result_quantiles(result, quantiles);
	writer_begin();
	writer_u64(root, "schema_version", LOAD_SCHEMA_VERSION);
	writer_set(root, "load", load_json(result->plan));
	writer_set(root, "machine", machine_json());
	writer_set(root, "plan", load_json_plan(result->plan));
	writer_set(root, "window", window_json(result));
	set_outcomes(root, &result->books.measured);
	set_outcomes(warmup, &result->books.warmup);
	writer_set(root, "warmup", warmup);
	writer_u64(root, "received_bytes", result->books.received_bytes);
	writer_set(root, "latency", latency_json(result, quantiles));
	writer_set(root, "lag", lag_json(result, load_result_is_late(result, quantiles)));
	writer_set(root, "connections", connections_json(result));
	set_own_cost(root, result);
	if (result->found)
		writer_set(root, "find_max", load_found_json(result->found));
	if (writer_lacks()) {
		json_decref(root);
		return NULL;
	}
	return root;
}

static int refuse(const char *path, int code, struct err *err)
{
	return err_set(err, code ? code : EIO, "cannot write %s: %s", path, strerror(code ? code : EIO));
}

int load_report_json_write(const struct load_result *result, const char *path, struct err *err)
{
	bool to_stdout = !strcmp(path, "-");
	const char *name = to_stdout ? "the JSON to stdout" : path;
	json_t *root = load_report_json(result);
	FILE *out;
	int ret;

	if (!root)
		return refuse(name, ENOMEM, err);
	errno = 0;
	out = to_stdout ? stdout : fopen(path, "we");
	if (!out) {
		json_decref(root);
		return refuse(name, errno, err);
	}
	ret = json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) || fputc('\n', out) == EOF ||
	      fflush(out) || ferror(out);
	ret = ret ? refuse(name, errno, err) : 0;
	if (!to_stdout && fclose(out) && !ret)
		ret = refuse(name, errno, err);
	json_decref(root);
	return ret;
}
