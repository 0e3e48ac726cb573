// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The load generator's histogram log, read by the agent's reader.  With a path as its argument: write one
 * there, for tests/cli/test_load_hlog, which has HdrHistogram's own tool read it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fake_load.h"
#include "tools/load/hlog.h"
#include "user/report/hlog.h"

#define TEXT_BYTES (1u << 20)

static struct hdr hdr;
static char path[] = "/tmp/whylate-hlog-XXXXXX";
static struct err err;

static int make_path(void **state)
{
	int fd;

	(void)state;
	strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	return fd < 0 || close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static struct load_hlog *begin(void)
{
	struct load_hlog *hlog;

	memset(&err, 0, sizeof(err));
	memset(&hdr, 0, sizeof(hdr));
	hlog = load_hlog_open(path, 1795000000123456789, &err);
	if (!hlog)
		fail_msg("%s", err.text);
	return hlog;
}

/* Read it back into DIST; the text is the caller's. */
static char *read_back(struct report_dist *dist)
{
	char *text = calloc(1, TEXT_BYTES);
	FILE *in = fopen(path, "re");
	size_t size;

	assert_non_null(in);
	size = fread(text, 1, TEXT_BYTES - 1, in);
	fclose(in);
	memset(dist, 0, sizeof(*dist));
	if (hlog_read(text, size, path, dist, &err) && dist->count)
		fail_msg("%s", err.text);
	return text;
}

/* Every value is in the bucket of the report's that holds it. */
static void expect_all(const struct report_dist *dist, uint64_t times)
{
	struct report_dist wanted = {};

	for (uint32_t i = 0; i < HDR_BUCKETS; i++)
		wanted.buckets[hist_bucket(hdr_bucket_from_ns(i))] += times * hdr.buckets[i];
	assert_int_equal(dist->count, times * hdr_count(&hdr));
	assert_memory_equal(dist->buckets, wanted.buckets, sizeof(wanted.buckets));
}

static void head_and_lines_are_those_of_the_format(void **state)
{
	struct load_hlog *hlog = begin();
	struct report_dist dist;
	char *text;

	(void)state;
	hdr_record(&hdr, 2500000);
	load_hlog_interval(hlog, 0, FAKE_S, &hdr);
	load_hlog_interval(hlog, FAKE_S, 5 * FAKE_S / 2, &hdr);
	assert_int_equal(load_hlog_close(hlog, &err), 0);
	text = read_back(&dist);
	expect_all(&dist, 2);
	assert_non_null(strstr(text, "#[Histogram log format version 1.3]\n"
				     "#[StartTime: 1795000000.123 (seconds since epoch), "
				     "Wed Nov 18 11:06:40 UTC 2026]\n"
				     "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
				     "\"Interval_Compressed_Histogram\"\n"
				     "0.000,1.000,2.500,HISTFAAAA"));
	assert_non_null(strstr(text, "\n1.000,1.500,2.500,HISTFAAAA"));
	free(text);
}

static void every_value_comes_back(void **state)
{
	struct load_hlog *hlog = begin();
	struct report_dist dist;

	(void)state;
	srand(6);
	for (int i = 0; i < 20000; i++)
		hdr_record(&hdr, ((uint64_t)rand() << 11 | (uint64_t)rand() % 2048) >> rand() % 42);
	hdr_record(&hdr, 0);
	hdr_record(&hdr, UINT64_MAX);
	load_hlog_interval(hlog, 0, FAKE_S, &hdr);
	assert_int_equal(load_hlog_close(hlog, &err), 0);
	free(read_back(&dist));
	expect_all(&dist, 1);
}

/* The most that there can be: no zero is skipped, and a count takes nine bytes. */
static void fullest_histogram_fits(void **state)
{
	struct load_hlog *hlog = begin();
	struct report_dist dist;

	(void)state;
	for (uint32_t i = 0; i <= hdr_bucket(HDR_LIMIT_NS); i++)
		hdr.buckets[i] = i % 3 ? (uint64_t)rand() : 1ull << 46;
	hdr.max_ns = HDR_LIMIT_NS;
	load_hlog_interval(hlog, 0, FAKE_S, &hdr);
	assert_int_equal(load_hlog_close(hlog, &err), 0);
	free(read_back(&dist));
	expect_all(&dist, 1);
	hlog = begin();
	hdr.buckets[7] = 1ull << 62;
	hdr.buckets[8] = 1;
	hdr.max_ns = 8;
	load_hlog_interval(hlog, 0, FAKE_S, &hdr);
	assert_int_equal(load_hlog_close(hlog, &err), 0);
	free(read_back(&dist));
	expect_all(&dist, 1);
}

static void interval_of_nothing_is_a_line(void **state)
{
	struct load_hlog *hlog = begin();
	struct report_dist dist;
	char *text;

	(void)state;
	load_hlog_interval(hlog, 0, FAKE_S, &hdr);
	assert_int_equal(load_hlog_close(hlog, &err), 0);
	text = read_back(&dist);
	assert_non_null(strstr(err.text, "it holds no latency"));
	assert_non_null(strstr(text, "\n0.000,1.000,0.000,HISTFAAAA"));
	free(text);
}

static void what_cannot_be_written_is_named(void **state)
{
	struct load_hlog *hlog;

	(void)state;
	memset(&err, 0, sizeof(err));
	assert_null(load_hlog_open("/nowhere/load.hlog", 0, &err));
	assert_string_equal(err.text, "cannot write /nowhere/load.hlog: No such file or directory");
	err_clear(&err);
	hlog = load_hlog_open("/dev/full", 0, &err);
	assert_non_null(hlog);
	assert_true(load_hlog_close(hlog, &err) < 0);
	assert_string_equal(err.text, "cannot write /dev/full: No space left on device");
}

/* Two intervals of the clean run, whose quantiles test_load_text.c prints. */
static int write_for_others(const char *to)
{
	struct load_hlog *hlog = load_hlog_open(to, 1795000000123456789, &err);

	if (!hlog)
		return 1;
	fake_clean_run();
	load_hlog_interval(hlog, 0, FAKE_S, &fake_result.books.from_due.known);
	load_hlog_interval(hlog, FAKE_S, 2 * FAKE_S, &fake_result.books.from_due.known);
	for (int i = 0; i < LOAD_QUANTILES; i++) {
		double q = load_quantiles[i];

		printf("%g %lu\n", q, load_quantile_of(&fake_result.books.from_due, q).ns);
	}
	return load_hlog_close(hlog, &err) != 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_and_lines_are_those_of_the_format),
		cmocka_unit_test(every_value_comes_back),
		cmocka_unit_test(fullest_histogram_fits),
		cmocka_unit_test(interval_of_nothing_is_a_line),
		cmocka_unit_test(what_cannot_be_written_is_named),
	};

	if (argc > 1)
		return write_for_others(argv[1]);
	return cmocka_run_group_tests(tests, make_path, remove_path);
}
