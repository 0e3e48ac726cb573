/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A result as a person reads it. */
#ifndef WHYLATE_LOAD_REPORT_TEXT_H
#define WHYLATE_LOAD_REPORT_TEXT_H

#include <stdio.h>

#include "tools/load/result.h"

#define LOAD_TEXT_COLUMNS 100

/*
 * In at most LOAD_TEXT_COLUMNS columns.  The first line is the answer, or says that the generator was late if
 * that could have changed it.  A failure to write is left to OUT's error flag.
 */
void load_report_text(FILE *out, const struct load_result *result);

#endif /* WHYLATE_LOAD_REPORT_TEXT_H */
