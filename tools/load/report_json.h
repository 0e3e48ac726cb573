/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A result as JSON: docs/load-schema.md has its keys.  `agent attach --client FILE` reads the latencies. */
#ifndef WHYLATE_LOAD_REPORT_JSON_H
#define WHYLATE_LOAD_REPORT_JSON_H

#include <jansson.h>

#include "tools/load/result.h"
#include "user/base/err.h"

#define LOAD_SCHEMA_VERSION 1

/* A new reference; NULL if memory ran out.  Asks the kernel for its release and the CPUs, and nothing else. */
json_t *load_report_json(const struct load_result *result);

/* Write it to PATH, anew; "-" is stdout.  Returns 0, or -errno with the sentence in ERR. */
int load_report_json_write(const struct load_result *result, const char *path, struct err *err);

/*
 * KNOWN, and AT_LEAST (NULL: none), as a distribution in PARENT: in the buckets of bpf/hist.h, with the
 * quantiles at QUANTILES; NULL: those of the two, by load_quantile_of_both().
 */
void load_json_distribution(json_t *parent, const char *key, const struct hdr *known,
			    const struct hdr *at_least, const struct load_quantile quantiles[LOAD_QUANTILES]);

/* What the run was to do, so that it can be repeated. */
json_t *load_json_plan(const struct load_plan *plan);

#endif /* WHYLATE_LOAD_REPORT_JSON_H */
