/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Model to bytes; one function per format. */
#ifndef WHYLATE_RENDER_RENDER_H
#define WHYLATE_RENDER_RENDER_H

#include <stdio.h>

#include "user/base/err.h"
#include "user/report/report.h"

/* One screen of plain text.  Flushes OUT; a failed write is an error. */
int render_text(const struct report *report, FILE *out, struct err *err);

#endif /* WHYLATE_RENDER_RENDER_H */
