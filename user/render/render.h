/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Model to bytes; one function per format. */
#ifndef WHYLATE_RENDER_RENDER_H
#define WHYLATE_RENDER_RENDER_H

#include <stdbool.h>
#include <stdio.h>

#include "user/base/err.h"
#include "user/report/report.h"

/* Plain text: as much of the report as fits one screen, or the FULL one.  Flushes OUT; a failed write is an
 * error. */
int render_text(const struct report *report, bool full, FILE *out, struct err *err);

#endif /* WHYLATE_RENDER_RENDER_H */
