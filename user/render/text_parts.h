/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the text share. */
#ifndef WHYLATE_RENDER_TEXT_PARTS_H
#define WHYLATE_RENDER_TEXT_PARTS_H

#include <stdio.h>

#include "user/report/report.h"

#define TEXT_COLUMNS 80

/* Where the agent listened and, in at most MOST lines and one, where it could not; then all losses. */
void text_hooks(const struct report *report, unsigned most, FILE *out);

#endif /* WHYLATE_RENDER_TEXT_PARTS_H */
