/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parts of the model as JSON: the reader holds what a file says of derived figures against them. */
#ifndef WHYLATE_REPORT_REPORT_JSON_PARTS_H
#define WHYLATE_REPORT_REPORT_JSON_PARTS_H

#include <jansson.h>

#include "user/report/report.h"

/* New references, made with json_writer.h: writer_lacks() tells whether they are whole. */
json_t *report_json_scheduling(const struct report_scheduling *scheduling);
json_t *report_json_thread(const struct report_thread *row, bool has_irq);

#endif /* WHYLATE_REPORT_REPORT_JSON_PARTS_H */
