/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The report's one stored form; docs/report-schema.md documents it. */
#ifndef WHYLATE_REPORT_REPORT_JSON_H
#define WHYLATE_REPORT_REPORT_JSON_H

#include <stdbool.h>
#include <stdio.h>

#include "user/base/err.h"
#include "user/report/report.h"

/* Write REPORT and a newline to OUT, and flush it; ONE_LINE for a stream of reports. */
int report_json_write(const struct report *report, FILE *out, bool one_line, struct err *err);

/*
 * Read one report as it was written, and nothing behind it: a run with --interval stores several.
 * NAME is for the sentences in ERR.  Refuses what is no JSON, what is not ours, another schema version,
 * and values that cannot be.  Returns 0, then free with report_fini(); or -errno.  ERR must be clear.
 */
int report_json_read(FILE *in, const char *name, struct report *report, struct err *err);

#endif /* WHYLATE_REPORT_REPORT_JSON_H */
