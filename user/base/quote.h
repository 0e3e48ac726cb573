/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A command line as a shell would read it back, for reports. */
#ifndef WHYLATE_BASE_QUOTE_H
#define WHYLATE_BASE_QUOTE_H

/* PROGRAM as it is, and the NR WORDS behind it, each quoted where a shell needs that.  Free it; NULL: no
 * memory. */
char *quote_command(const char *program, int nr, char *const *words);

#endif /* WHYLATE_BASE_QUOTE_H */
