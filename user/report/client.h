/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the client of the requests measured: the latencies that a load generator stored. */
#ifndef WHYLATE_REPORT_CLIENT_H
#define WHYLATE_REPORT_CLIENT_H

#include <stddef.h>

#include "user/base/err.h"
#include "user/report/requests.h"

/*
 * Fill OUT from TEXT (of SIZE bytes): the load generator's JSON, which has `latency` with `from_due`,
 * `from_send` or both as distributions of the report's own form; or a histogram log (hlog.h).  NAME, its
 * file, is kept, and stands in the sentence in ERR.  Returns 0, or -errno with OUT all zeroes.
 */
int client_read(const char *text, size_t size, const char *name, struct report_client *out, struct err *err);

#endif /* WHYLATE_REPORT_CLIENT_H */
