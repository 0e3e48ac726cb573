/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Histogram logs (.hlog) of HdrHistogram's, as load generators write them: lines of
 *
 *	start (s),length (s),maximum,BASE64
 *
 * where the last is a histogram in "V2 compressed" form.  Lines that begin with # and the legend are passed
 *over, as are those with a tag: their values are another series.  There is no description of the format but
 *its implementations; this follows HistogramLogReader.java, AbstractHistogram.java and ZigZagEncoding.java of
 * github.com/HdrHistogram/HdrHistogram.  The unit of the values is not stored: they are taken for ns, which
 *is what the log's own maximum, in ms, supposes.
 */
#ifndef WHYLATE_REPORT_HLOG_H
#define WHYLATE_REPORT_HLOG_H

#include <stddef.h>

#include "user/base/err.h"
#include "user/report/dist.h"

/*
 * Add up all histograms in TEXT (of SIZE bytes; need not end with a zero) into DIST's buckets and count,
 * which must be zero; the rest of it is left alone.  NAME is for the sentence in ERR.  Returns 0, or -errno:
 * it is no such log, one line is not whole, or there is no value in it.
 */
int hlog_read(const char *text, size_t size, const char *name, struct report_dist *dist, struct err *err);

#endif /* WHYLATE_REPORT_HLOG_H */
