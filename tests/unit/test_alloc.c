// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Memory that runs out at any place: each operation is run with its first allocation failing, then its
 * second, and so on until it needs no more.  Each time it must say so, or have done without what it
 * did not get; and give back all that it took.  Linked with --wrap, so that only the agent's own calls
 * and jansson's fail, not those of libc and cmocka.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <jansson.h>

#include "tests/unit/make_hlog.h"
#include "user/analysis/requests.h"
#include "user/analysis/scheduling.h"
#include "user/report/client.h"
#include "user/report/report_json.h"
#include "user/trace/target.h"
#include "user/trace/watch.h"

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t nr, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
char *__real_strdup(const char *text);
void __real_free(void *old);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t nr, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
char *__wrap_strdup(const char *text);
void __wrap_free(void *old);

static struct {
	bool armed, failed;
	size_t left; /* allocations until the one that fails */
	long live;   /* taken less given back */
} memory;

static void *taken(void *got)
{
	memory.live += memory.armed && got;
	return got;
}

static bool fails(void)
{
	if (!memory.armed || memory.failed || --memory.left)
		return false;
	memory.failed = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t bytes)
{
	return fails() ? NULL : taken(__real_malloc(bytes));
}

void *__wrap_calloc(size_t nr, size_t bytes)
{
	return fails() ? NULL : taken(__real_calloc(nr, bytes));
}

void *__wrap_realloc(void *old, size_t bytes)
{
	if (old)
		return fails() ? NULL : __real_realloc(old, bytes);
	return fails() ? NULL : taken(__real_realloc(old, bytes));
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : taken(__real_strdup(text));
}

void __wrap_free(void *old)
{
	memory.live -= memory.armed && old;
	__real_free(old);
}

/* jansson's parser takes no failure (it ends the program, or crashes: seen with 2.14). */
static bool spare_jansson;

static void *jansson_malloc(size_t bytes)
{
	return spare_jansson ? taken(__real_malloc(bytes)) : __wrap_malloc(bytes);
}

/*
 * OPERATION is told when to begin and to stop failing (arm, disarm).  It returns 0 and its result as a text
 * to be freed, or what it returns for its error.
 */
static size_t fail_at;

static void arm(void)
{
	memory.left = fail_at;
	memory.failed = false;
	memory.live = 0;
	memory.armed = fail_at > 0;
}

static void disarm(void)
{
	memory.armed = false;
}

static void torture(int (*operation)(char **result, struct err *err), size_t least)
{
	char *want = NULL, *result = NULL;
	struct err err = {};

	fail_at = 0;
	assert_int_equal(operation(&want, &err), 0);
	for (fail_at = 1;; fail_at++) {
		int ret = operation(&result, &err);

		if (memory.live)
			fail_msg("allocation %zu: %ld are not given back", fail_at, memory.live);
		if (ret && (ret != -ENOMEM || !strstr(err.text, "out of memory")))
			fail_msg("allocation %zu: returns %d, '%s'", fail_at, ret, err.text);
		if (!ret && strcmp(result, want))
			fail_msg("allocation %zu: not told, but it gives %s", fail_at, result);
		if (!ret)
			free(result);
		err_clear(&err);
		if (!memory.failed)
			break;
	}
	free(want);
	/* It had something to fail. */
	assert_in_range(fail_at, least + 1, 1000000);
}

/* A report with something in each of its lists, as the analysis makes it. */
static int analyse(struct report *report, struct err *err)
{
	static struct thread_record living[2] = {
		{ .tid = 1, .pid = 1, .comm = "caf\xe9" },
		{ .tid = 2,
		  .pid = 1,
		  .comm = "caf\xc3\xa9",
		  .wall_ns = 22,
		  .sums.on_cpu_ns = 15,
		  .sums.run_queue_ns = { 7 },
		  .sums.blame_ns = { 7 } },
	};
	static struct snapshot_hist hists[HIST_IDS] = { { .total_ns = 15, .max_ns = 5 } };
	static struct snapshot_requests requests;
	static struct snapshot to = {
		.threads = living, .nr_threads = 2, .ended.threads = 1, .requests = &requests
	};
	int ret;

	hists[0].buckets[5] = 3;
	memcpy(to.hists, hists, sizeof(hists));
	strcpy(report->window.started_at, "2026-11-24T06:56:56.652435Z");
	report->window.duration_ns = 1000;
	report->target.cpus_allowed = 2;
	requests.buckets[9] = (struct request_bucket){
		.count = 1, .latency_ns = 9, .components_ns[COMPONENT_ON_CPU] = 9, .statuses[STATUS_2XX] = 1
	};
	requests.turns[TURN_TLS].buckets[7] = 1;
	ret = scheduling_between(NULL, &to, report->window.duration_ns, report, err);
	return ret ? ret : requests_between(NULL, &to, report, err);
}

static struct report *sample(void)
{
	static struct report report;
	struct err err = {};

	if (!report.threads) {
		assert_int_equal(analyse(&report, &err), 0);
		report.agent.command = strdup("agent attach 7");
		report.agent.nr_hooks = 1;
		report.target.pids = calloc(1, sizeof(*report.target.pids));
		report.target.nr_pids = 1;
		report.target.has_exit_status = true;
		report.scheduling.quota.present = true;
		report.requests.slope.known = report.requests.client.present = true;
		report.requests.loads = (struct report_loads){ true, { 1, 1000, 9 }, { 2, 1000, 9 } };
	}
	return &report;
}

static char *text_of(const struct report *report)
{
	struct err err = {};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(report_json_write(report, out, true, &err), 0);
	fclose(out);
	return text;
}

static int write_report(char **result, struct err *err)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int ret;

	arm();
	ret = report_json_write(sample(), out, true, err);
	disarm();
	fclose(out);
	if (ret)
		free(text);
	else
		*result = text;
	return ret;
}

static int read_report(char **result, struct err *err)
{
	char *text = text_of(sample());
	FILE *in = fmemopen(text, strlen(text), "r");
	struct report report;
	int ret;

	arm();
	ret = report_json_read(in, "FILE", &report, err);
	disarm();
	fclose(in);
	free(text);
	if (!ret)
		*result = text_of(&report);
	memory.armed = fail_at > 0; /* what it holds counts as taken until here */
	report_fini(&report);
	disarm();
	return ret;
}

static int between_snapshots(char **result, struct err *err)
{
	struct report report = {};
	int ret;

	arm();
	ret = analyse(&report, err);
	disarm();
	if (!ret)
		*result = text_of(&report);
	memory.armed = fail_at > 0;
	report_fini(&report);
	disarm();
	return ret;
}

static int read_client_log(char **result, struct err *err)
{
	static const int64_t counts[] = { -9, 7 };
	const struct hlog_histogram h = hlog_of(counts, 2);
	struct report_client client;
	char line[1024];
	int ret;

	make_hlog_line(line, &h);
	arm();
	ret = client_read(line, strlen(line), "FILE", &client, err);
	disarm();
	if (!ret && asprintf(result, "%s %lu %lu", client.source, client.count, client.ns[0]) < 0)
		abort();
	return ret;
}

static void reading_what_a_client_stored(void **state)
{
	(void)state;
	torture(read_client_log, 2);
}

static int find_target(char **result, struct err *err)
{
	struct target_set set = {};
	char parent[16];
	int ret;

	snprintf(parent, sizeof(parent), "%d", getppid());
	arm();
	ret = target_by_pid(&set, parent, err);
	disarm();
	if (!ret && asprintf(result, "%zu: %u", set.nr_pids, set.pids[0]) < 0)
		abort();
	memory.armed = fail_at > 0;
	target_set_fini(&set);
	disarm();
	return ret;
}

static int watch(char **result, struct err *err)
{
	struct watch *opened = NULL;
	int ret;

	arm();
	ret = watch_open(&opened, err);
	watch_close(opened);
	disarm();
	*result = ret ? NULL : strdup("");
	return ret;
}

static void writing_a_report(void **state)
{
	(void)state;
	torture(write_report, 1000);
}

static void reading_a_report(void **state)
{
	(void)state;
	spare_jansson = true;
	torture(read_report, 4);
	spare_jansson = false;
}

static void reading_a_report_without_memory_for_its_text(void **state)
{
	struct err err = {};
	char *result;

	(void)state;
	fail_at = 1;
	assert_int_equal(read_report(&result, &err), -ENOMEM);
	assert_non_null(strstr(err.text, "out of memory"));
	assert_int_equal(memory.live, 0);
}

static void analysis_of_snapshots(void **state)
{
	(void)state;
	torture(between_snapshots, 4);
}

static void finding_the_target(void **state)
{
	(void)state;
	torture(find_target, 1);
}

static void opening_a_watch(void **state)
{
	(void)state;
	torture(watch, 1);
}

static int free_sample(void **state)
{
	(void)state;
	report_fini(sample());
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writing_a_report),
		cmocka_unit_test(reading_a_report),
		cmocka_unit_test(reading_a_report_without_memory_for_its_text),
		cmocka_unit_test(analysis_of_snapshots),
		cmocka_unit_test(reading_what_a_client_stored),
		cmocka_unit_test(finding_the_target),
		cmocka_unit_test(opening_a_watch),
	};

	json_set_alloc_funcs(jansson_malloc, __wrap_free);
	return cmocka_run_group_tests(tests, NULL, free_sample);
}
