/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What others named - processes, files, arguments - may be anything, a terminal's commands too. */
#ifndef WHYLATE_BASE_PLAIN_H
#define WHYLATE_BASE_PLAIN_H

#include <stddef.h>

/* Copy TEXT, cut at SIZE - 1 bytes, with '?' for every byte that is no printable ASCII.  OUT may be TEXT. */
void plain_text(char *out, size_t size, const char *text);

#endif /* WHYLATE_BASE_PLAIN_H */
