/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Parts of the model as JSON, and back: what the files of report_json.h share.  The reader holds what a file
 * says of derived figures against what would be written.
 */
#ifndef WHYLATE_REPORT_REPORT_JSON_PARTS_H
#define WHYLATE_REPORT_REPORT_JSON_PARTS_H

#include <jansson.h>

#include "user/report/json_reader.h"
#include "user/report/report.h"

/* New references, made with json_writer.h: writer_lacks() tells whether they are whole. */
json_t *report_json_scheduling(const struct report_scheduling *scheduling);
json_t *report_json_thread(const struct report_thread *row, bool has_irq);
/* null: not watched. */
json_t *report_json_requests(const struct report *report);
json_t *report_json_exemplars(const struct report_exemplars *exemplars);

/* As json_reader.h's looks: a distribution, and the bucket whose edges OBJECT has; always below HIST_BUCKETS.
 */
void report_json_read_dist(struct reader *reader, json_t *parent, const char *key, struct report_dist *dist);
uint32_t report_json_read_edges(struct reader *reader, json_t *object);

/* ROOT's requests, whose owner is REQUESTS even where they are refused. */
void report_json_read_requests(struct reader *reader, json_t *root, struct report_requests *requests);
void report_json_read_exemplars(struct reader *reader, json_t *root, struct report_exemplars *exemplars);

#endif /* WHYLATE_REPORT_REPORT_JSON_PARTS_H */
