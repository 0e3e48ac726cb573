// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/base/json_writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Memory ran out on the way: what was made lacks something.  jansson hands a value that could not be made
 * on as NULL, so it is enough to look where values are put.
 */
static __thread bool incomplete;

void writer_begin(void)
{
	incomplete = false;
}

bool writer_lacks(void)
{
	return incomplete;
}

void writer_set(json_t *object, const char *key, json_t *value)
{
	incomplete |= json_object_set_new(object, key, value) != 0;
}

void writer_append(json_t *array, json_t *value)
{
	incomplete |= json_array_append_new(array, value) != 0;
}

void writer_u64(json_t *object, const char *key, uint64_t value)
{
	writer_set(object, key, json_integer((json_int_t)value));
}

void writer_optional_u64(json_t *object, const char *key, bool known, uint64_t value)
{
	writer_set(object, key, known ? json_integer((json_int_t)value) : json_null());
}

void writer_ratio(json_t *object, const char *key, double value)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%.9g", value);
	writer_set(object, key, json_real(strtod(digits, NULL)));
}

void writer_optional_ratio(json_t *object, const char *key, bool known, double value)
{
	if (known)
		writer_ratio(object, key, value);
	else
		writer_set(object, key, json_null());
}

/* A process may name itself anything, and the kernel cuts names between bytes. */
void writer_text(json_t *object, const char *key, const char *text)
{
	json_t *value;
	char *ascii;

	errno = 0;
	value = json_string(text);
	if (!value && errno != ENOMEM && (ascii = strdup(text))) {
		for (char *at = ascii; *at; at++)
			if (*at & 0x80)
				*at = '?';
		value = json_string(ascii);
		free(ascii);
	}
	writer_set(object, key, value);
}

void writer_map(json_t *object, const char *key, const uint64_t *values, uint32_t nr,
		const char *(*name)(uint32_t), bool all)
{
	json_t *map = json_object();

	for (uint32_t i = 0; i < nr; i++)
		if (all || values[i])
			writer_u64(map, name(i), values[i]);
	writer_set(object, key, map);
}
