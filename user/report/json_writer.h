/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the report alone puts into JSON, beside user/base/json_writer.h; the counterpart of json_reader.h. */
#ifndef WHYLATE_REPORT_JSON_WRITER_H
#define WHYLATE_REPORT_JSON_WRITER_H

#include "user/base/json_writer.h"
#include "user/report/dist.h"

/* The edges of BUCKET of a histogram. */
void writer_edges(json_t *object, uint32_t bucket);
void writer_distribution(json_t *object, const char *key, const struct report_dist *dist);

#endif /* WHYLATE_REPORT_JSON_WRITER_H */
