/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Typed looks into a tree of JSON that names what does not fit by its whole path of keys.  The first
 * mistake stands in ERR; looks go on, so that a reader tests once, at its end, before it believes a value.
 */
#ifndef WHYLATE_REPORT_JSON_READER_H
#define WHYLATE_REPORT_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "user/base/err.h"

struct reader {
	const char *name;   /* of the file */
	const char *advice; /* what ends a refusal; NULL: a question whether it is a report */
	const json_t *root;
	struct err *err;
};

/* OBJECT's KEY (OBJECT NULL: KEY is the path) is WHAT: the sentence of the refusal, if it is the first. */
void reader_refuse(struct reader *reader, const json_t *object, const char *key, const char *what);

/* The same for lack of memory. */
void reader_out_of_memory(struct reader *reader);

/* KEY of OBJECT, of that type; refused if it is missing or of another. */
json_t *reader_get(struct reader *reader, json_t *object, const char *key);
uint64_t reader_u64(struct reader *reader, json_t *object, const char *key);
int64_t reader_signed(struct reader *reader, json_t *object, const char *key);
uint32_t reader_u32(struct reader *reader, json_t *object, const char *key);
void reader_text(struct reader *reader, json_t *object, const char *key, char *out, size_t size);
/* A quantity that may not be known: null then, and false is returned. */
bool reader_optional_u64(struct reader *reader, json_t *object, const char *key, uint64_t *out);
bool reader_bool(struct reader *reader, json_t *object, const char *key);
double reader_ratio(struct reader *reader, json_t *object, const char *key);
json_t *reader_object(struct reader *reader, json_t *object, const char *key);
json_t *reader_array(struct reader *reader, json_t *object, const char *key);
/* An object with an entry for each of NR values by its NAME; those that are 0 may lack one unless ALL. */
void reader_map(struct reader *reader, json_t *object, const char *key, uint64_t *values, uint32_t nr,
		const char *(*name)(uint32_t), bool all);
/* Which of NR names it is; refused, and 0, if none. */
uint32_t reader_name(struct reader *reader, json_t *object, const char *key, uint32_t nr,
		     const char *(*name)(uint32_t));

#endif /* WHYLATE_REPORT_JSON_READER_H */
