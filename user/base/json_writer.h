/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Values into a tree of JSON.  Where memory runs out the rest goes on with what there is, so that a writer
 * tests once, at its end: writer_lacks().
 */
#ifndef WHYLATE_BASE_JSON_WRITER_H
#define WHYLATE_BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/* Begin anew: nothing lacks yet. */
void writer_begin(void);

/* Whether memory ran out since writer_begin(). */
bool writer_lacks(void);

/* Put VALUE there and take it over; NULL is one that there was no memory for. */
void writer_set(json_t *object, const char *key, json_t *value);
void writer_append(json_t *array, json_t *value);

/* Values above 2^63 - 1 cannot occur: they would be 292 years. */
void writer_u64(json_t *object, const char *key, uint64_t value);
/* null: not known. */
void writer_optional_u64(json_t *object, const char *key, bool known, uint64_t value);
/* A figure that follows from others, to the nine digits that are stored: read again it is the same. */
void writer_ratio(json_t *object, const char *key, double value);
/* null: not known. */
void writer_optional_ratio(json_t *object, const char *key, bool known, double value);
/* '?' for each byte that is no UTF-8 where some of it is none. */
void writer_text(json_t *object, const char *key, const char *text);
/* An object with an entry for each of NR values by its NAME, or for those alone that are not 0. */
void writer_map(json_t *object, const char *key, const uint64_t *values, uint32_t nr,
		const char *(*name)(uint32_t), bool all);

#endif /* WHYLATE_BASE_JSON_WRITER_H */
