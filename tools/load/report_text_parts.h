/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the text share. */
#ifndef WHYLATE_LOAD_REPORT_TEXT_PARTS_H
#define WHYLATE_LOAD_REPORT_TEXT_PARTS_H

#include <stdio.h>

#include "tools/load/result.h"
#include "user/base/units.h"

static inline const char *ns_text(char buf[UNITS_TEXT_BYTES], uint64_t ns)
{
	return units_format_ns(buf, UNITS_TEXT_BYTES, ns);
}

static inline const char *count_text(char buf[UNITS_TEXT_BYTES], uint64_t count)
{
	return units_format_count(buf, UNITS_TEXT_BYTES, count);
}

/* COUNT in WINDOW_NS, a second; 0 of no time. */
double load_rate_of(uint64_t count, uint64_t window_ns);
/* Of a second: "12,345", "3.21". */
const char *load_rate_text(char buf[UNITS_TEXT_BYTES], double rate);
/* "p99.9", "longest". */
const char *load_quantile_name(char buf[UNITS_TEXT_BYTES], double q);
/* "1.23 ms", "> 10.0 s". */
const char *load_quantile_text(char buf[UNITS_TEXT_BYTES], const struct load_quantile *quantile);
/* "(1.20 ms..1.31 ms)", "(1.20 ms..)" without an upper end; empty where it needs none. */
#define INTERVAL_TEXT_BYTES (2 * UNITS_TEXT_BYTES + 6)
const char *load_interval_text(char buf[INTERVAL_TEXT_BYTES], const struct load_quantile *quantile);

/* "p99 4.56 ms (4.10 ms..4.90 ms)". */
void load_text_quantile(FILE *out, const struct load_quantile *quantile);
/* "p50 1.23 ms, p99 4.56 ms (4.10 ms..4.90 ms), longest 8.90 ms" of all values of HDR, on the rest of a line.
 */
void load_text_quantiles(FILE *out, const struct hdr *hdr);

/* The latencies side by side, and those of each class of answers where there is more than one. */
void load_text_latency(FILE *out, const struct load_result *result,
		       const struct load_quantile quantiles[LOAD_QUANTILES]);

/* What became of the requests, which sums to all of them. */
void load_text_outcomes(FILE *out, const struct load_result *result);

#endif /* WHYLATE_LOAD_REPORT_TEXT_PARTS_H */
