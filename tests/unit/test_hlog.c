// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Histogram logs: one that another program wrote (tests/golden/client.hlog, by the Python package
 * hdrhistogram 0.10: two intervals of 500 values), and lines of our own that break one rule each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/make_hlog.h"
#include "user/analysis/quantile.h"
#include "user/report/hlog.h"

static struct report_dist dist;
static struct err err;

static int read_text(const char *text, size_t size)
{
	memset(&dist, 0, sizeof(dist));
	memset(&err, 0, sizeof(err));
	return hlog_read(text, size, "FILE", &dist, &err);
}

static void refuses(const char *text, const char *words)
{
	if (!read_text(text, strlen(text)))
		fail_msg("%s is taken", text);
	if (!strstr(err.text, words))
		fail_msg("%s does not say %s", err.text, words);
	assert_null(strchr(err.text, '\n'));
}

static size_t slurp(char *text, size_t size)
{
	FILE *in = fopen("tests/golden/client.hlog", "re");
	size_t got;

	assert_non_null(in);
	got = fread(text, 1, size, in);
	fclose(in);
	return got;
}

/* The values that were recorded, sorted: 500th, 900th, 990th, 999th of 1,000. */
static void another_programs_log_is_read(void **state)
{
	static const uint64_t recorded_ns[QUANTILES] = { 991259, 3847330, 359264767, 856737098 };
	char text[4096];
	size_t size = slurp(text, sizeof(text));

	(void)state;
	if (read_text(text, size))
		fail_msg("%s", err.text);
	assert_int_equal(dist.count, 1000);
	for (int i = 0; i < QUANTILES; i++)
		assert_int_equal(quantile_ns(dist.buckets, dist.count, quantile_list[i]),
				 quantile_of_bucket_ns(recorded_ns[i]));
	/* Lines may end as on Windows, and the last one not at all. */
	assert_int_equal(text[size - 1], '\n');
	text[size - 1] = '\r';
	assert_int_equal(read_text(text, size), 0);
	assert_int_equal(dist.count, 1000);
	assert_int_equal(read_text(text, size - 1), 0);
	assert_int_equal(dist.count, 1000);
	/* Cut anywhere else the last histogram is not whole. */
	for (size_t off = 2; off < 300; off++)
		assert_int_not_equal(read_text(text, size - off), 0);
}

/* Two digits: 256 counts by 1, then 128 an octave.  By hand: the 300th is that of 2 * (128 + 44) = 344. */
static void counts_stand_for_their_values(void **state)
{
	static const int64_t counts[] = { 0, 3, -18, 5, 0, -278, 7 };
	static const int64_t huge[] = { INT64_MAX - 1 };
	struct hlog_histogram h = hlog_of(counts, 7);
	char line[1024];

	(void)state;
	make_hlog_line(line, &h);
	assert_int_equal(read_text(line, strlen(line)), 0);
	assert_int_equal(dist.count, 15);
	assert_int_equal(dist.buckets[1], 3);
	assert_int_equal(dist.buckets[20], 5);
	assert_int_equal(dist.buckets[hist_bucket(2 * (128 + 44))], 7);
	/* In units of 1024: 0 is the middle of [0, 1024). */
	h.lowest = 1500;
	make_hlog_line(line, &h);
	assert_int_equal(read_text(line, strlen(line)), 0);
	assert_int_equal(dist.buckets[hist_bucket(1024 + 512)], 3);
	assert_int_equal(dist.buckets[hist_bucket(20 * 1024 + 512)], 5);
	assert_int_equal(dist.buckets[hist_bucket(1024 * 344 + 1024)], 7);
	/* A count of 9 bytes. */
	h = hlog_of(huge, 1);
	make_hlog_line(line, &h);
	assert_int_equal(read_text(line, strlen(line)), 0);
	assert_int_equal(dist.count, INT64_MAX - 1);
}

static void broken_lines_are_named(void **state)
{
	static const int64_t counts[] = { -5, 300 }, none[] = { 0 }, beyond[] = { INT32_MIN, 1 },
			     wide[] = { INT64_MIN }, many[] = { INT64_MAX, 1 };
	static const struct {
		struct hlog_histogram change;
		const char *words;
	} cases[] = {
		{ { .cookie = 0x1c849301 }, "line 1: it is none in V2 compressed form" },
		{ { .plain_cookie = 0x1c849301 }, "its content is not in V2 form" },
		{ { .shifted = 1 }, "it is shifted" },
		{ { .digits = 6 }, "whole numbers with up to 5 digits" },
		{ { .ratio = 0x4000000000000000 }, "whole numbers with up to 5 digits" },
		{ { .lowest = 1ull << 60 }, "whole numbers with up to 5 digits" },
		{ { .length_off = 1 }, "it is cut off" },
		{ { .compressed_off = 1 }, "it is cut off" },
		{ { .compressed_off = -1u }, "it cannot be uncompressed" },
		{ { .cut_bytes = 1 }, "it ends within a count" },
		{ { .counts = none, .nr_counts = 1 }, "it holds no latency" },
		{ { .counts = beyond, .nr_counts = 2 }, "it counts values beyond" },
		{ { .counts = wide, .nr_counts = 1 }, "it skips more values" },
		{ { .counts = many, .nr_counts = 2 }, "it counts more than 2^63" },
	};
	char line[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct hlog_histogram *change = &cases[i].change;
		struct hlog_histogram h = hlog_of(counts, 2);

		h.cookie = change->cookie ? change->cookie : h.cookie;
		h.plain_cookie = change->plain_cookie ? change->plain_cookie : h.plain_cookie;
		h.digits = change->digits ? change->digits : h.digits;
		h.ratio = change->ratio ? change->ratio : h.ratio;
		h.lowest = change->lowest ? change->lowest : h.lowest;
		h.counts = change->counts ? change->counts : h.counts;
		h.nr_counts = change->counts ? change->nr_counts : h.nr_counts;
		h.shifted = change->shifted;
		h.length_off = change->length_off;
		h.compressed_off = change->compressed_off;
		h.cut_bytes = change->cut_bytes;
		make_hlog_line(line, &h);
		refuses(line, cases[i].words);
	}
}

static void what_is_no_log_is_refused(void **state)
{
	static const int64_t counts[] = { 1 };
	const struct hlog_histogram h = hlog_of(counts, 1);
	char line[1024], text[2048];

	(void)state;
	refuses("", "it holds no latency");
	refuses("# a comment\n\"StartTimestamp\",...\n\n", "it holds no latency");
	refuses("#\nhello\n", "line 2 is none of a histogram log");
	refuses("1,2,3\n", "line 1 is none of a histogram log");
	refuses("1,2,3,4,5\n", "line 1 is none of a histogram log");
	refuses("1,2,3,*\n", "line 1: it is no base64");
	refuses("1,2,3,HISTF\n", "line 1: it is no base64");
	refuses("1,2,3,\n", "line 1: it is none in V2 compressed form");
	/* A tag is another series; without others it is said how to read it. */
	make_hlog_line(line, &h);
	snprintf(text, sizeof(text), "Tag=A,%s", line);
	refuses(text, "all its lines have a tag");
	strcat(text, line);
	assert_int_equal(read_text(text, strlen(text)), 0);
	assert_int_equal(dist.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_programs_log_is_read),
		cmocka_unit_test(counts_stand_for_their_values),
		cmocka_unit_test(broken_lines_are_named),
		cmocka_unit_test(what_is_no_log_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
