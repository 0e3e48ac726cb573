/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The error buffer: one sentence, written once by the lowest function that knows the object.
 *
 * A function that can fail for a reason worth telling takes `struct err *` as its last argument, and
 * returns 0 or a negative errno.  Middle layers pass both on untouched; only user/cmd_*.c print.
 */
#ifndef WHYLATE_BASE_ERR_H
#define WHYLATE_BASE_ERR_H

#include <stdbool.h>

struct err {
	int code; /* positive errno; 0: nothing failed */
	char text[480];
};

/*
 * Write the sentence "cannot X: why; try Y" (no newline, no program name) and return -CODE.
 * The first error stands: a second call on a set buffer keeps the text and returns the first code.
 * CODE must be positive.
 */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Forget what was set, for a caller that recovered. */
void err_clear(struct err *err);

/* "ENOENT" for 2 or -2; "errno N" for one without a name.  Static storage or per-thread. */
const char *err_name(int code);

#endif /* WHYLATE_BASE_ERR_H */
