/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Latencies over time as a histogram log (.hlog) that HdrHistogram's own tools read: a line for each interval,
 *
 *	start (s),length (s),maximum (ms),BASE64
 *
 * where the last is the histogram in "V2 compressed" form with values in ns.  There is no description of the
 *format but its implementations: HistogramLogWriter.java, AbstractHistogram.java
 *(encodeIntoCompressedByteBuffer) and ZigZagEncoding.java of github.com/HdrHistogram/HdrHistogram.
 */
#ifndef WHYLATE_LOAD_HLOG_H
#define WHYLATE_LOAD_HLOG_H

#include <stdint.h>

#include "tools/load/hdr.h"
#include "user/base/err.h"

struct load_hlog;

/*
 * Begin a log in PATH ("-": stdout) of a run that started at STARTED_AT_NS (since 1970).  All memory that it
 * takes is allocated here.  NULL with the sentence in ERR.
 */
struct load_hlog *load_hlog_open(const char *path, uint64_t started_at_ns, struct err *err);

/*
 * A line for what came in [FROM_NS, TO_NS) after the start; also for nothing.  What cannot be written is told
 * by load_hlog_close().
 */
void load_hlog_interval(struct load_hlog *hlog, uint64_t from_ns, uint64_t to_ns, const struct hdr *hdr);

/* End and free it, also NULL.  Returns 0, or -errno with the sentence in ERR: not all of it was written. */
int load_hlog_close(struct load_hlog *hlog, struct err *err);

#endif /* WHYLATE_LOAD_HLOG_H */
