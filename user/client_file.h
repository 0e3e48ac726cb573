/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* --client FILE: what the client measured, beside what was measured here. */
#ifndef WHYLATE_CLIENT_FILE_H
#define WHYLATE_CLIENT_FILE_H

#include "user/base/err.h"
#include "user/report/report.h"

/*
 * Read PATH into REPORT's client, instead of what it had.  Returns 0, or -errno with the sentence in ERR,
 * REPORT being as it was: the file is not there or not what a client stores, or there are no requests to
 * compare.
 */
int client_file_add(struct report *report, const char *path, struct err *err);

#endif /* WHYLATE_CLIENT_FILE_H */
