/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the text share. */
#ifndef WHYLATE_RENDER_TEXT_PARTS_H
#define WHYLATE_RENDER_TEXT_PARTS_H

#include <stddef.h>
#include <stdio.h>

#include "user/report/report.h"

#define TEXT_COLUMNS 80

/* What came from a process, a cgroup or a file may be anything, a terminal's commands too: TEXT without. */
void text_plain(char *out, size_t size, const char *text);

/* Where the agent listened and, in at most MOST lines and one, where it could not; then all losses. */
void text_hooks(const struct report *report, unsigned most, FILE *out);

#endif /* WHYLATE_RENDER_TEXT_PARTS_H */
