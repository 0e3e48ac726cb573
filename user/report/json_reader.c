// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/report/json_reader.h"

#include <errno.h>
#include <string.h>

/* Append to the sentence's path what leads from NODE to WANTED; whether it does. */
static bool find_path(const json_t *node, const json_t *wanted, char *path, size_t size)
{
	size_t length = strlen(path), i;
	const char *key;
	json_t *child;

	if (node == wanted)
		return true;
	json_object_foreach((json_t *)node, key, child)
	{
		snprintf(path + length, size - length, "%s%s", length ? "." : "", key);
		if (find_path(child, wanted, path, size))
			return true;
	}
	json_array_foreach(node, i, child)
	{
		snprintf(path + length, size - length, "[%zu]", i);
		if (find_path(child, wanted, path, size))
			return true;
	}
	path[length] = '\0';
	return false;
}

/* The path is looked for only now, so that reading what is right costs nothing for it. */
void reader_refuse(struct reader *reader, const json_t *object, const char *key, const char *what)
{
	char path[128] = "";

	if (reader->err->code)
		return;
	if (object)
		find_path(reader->root, object, path, sizeof(path));
	err_set(reader->err, EINVAL, "cannot read %s: '%s%s%s' %s; %s", reader->name, path, *path ? "." : "",
		key, what, reader->advice ? reader->advice : "is it a report of this version?");
}

void reader_out_of_memory(struct reader *reader)
{
	err_set(reader->err, ENOMEM, "cannot read %s: out of memory", reader->name);
}

json_t *reader_get(struct reader *reader, json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	if (!value)
		reader_refuse(reader, object, key, "is missing");
	return value;
}

/* KEY of OBJECT, which is refused as WHAT if it is not of TYPE. */
static json_t *get_typed(struct reader *reader, json_t *object, const char *key, json_type type,
			 const char *what)
{
	json_t *value = reader_get(reader, object, key);

	if (value && json_typeof(value) != type)
		reader_refuse(reader, object, key, what);
	return value;
}

int64_t reader_signed(struct reader *reader, json_t *object, const char *key)
{
	return json_integer_value(get_typed(reader, object, key, JSON_INTEGER, "is no whole number"));
}

uint64_t reader_u64(struct reader *reader, json_t *object, const char *key)
{
	int64_t value = reader_signed(reader, object, key);

	if (value < 0)
		reader_refuse(reader, object, key, "is no whole number");
	return (uint64_t)value;
}

uint32_t reader_u32(struct reader *reader, json_t *object, const char *key)
{
	uint64_t value = reader_u64(reader, object, key);

	if (value > UINT32_MAX)
		reader_refuse(reader, object, key, "is too large");
	return (uint32_t)value;
}

void reader_text(struct reader *reader, json_t *object, const char *key, char *out, size_t size)
{
	json_t *value = get_typed(reader, object, key, JSON_STRING, "is no text");

	if (value && json_string_length(value) >= size)
		reader_refuse(reader, object, key, "is too long");
	snprintf(out, size, "%s", json_is_string(value) ? json_string_value(value) : "");
}

/* A quantity that this kernel may not tell: null then, and false is returned. */
bool reader_optional_u64(struct reader *reader, json_t *object, const char *key, uint64_t *out)
{
	if (json_is_null(reader_get(reader, object, key)))
		return false;
	*out = reader_u64(reader, object, key);
	return true;
}

bool reader_bool(struct reader *reader, json_t *object, const char *key)
{
	json_t *value = reader_get(reader, object, key);

	if (value && !json_is_boolean(value))
		reader_refuse(reader, object, key, "is neither true nor false");
	return json_is_true(value);
}

double reader_ratio(struct reader *reader, json_t *object, const char *key)
{
	json_t *value = reader_get(reader, object, key);

	if (value && (!json_is_number(value) || json_number_value(value) < 0))
		reader_refuse(reader, object, key, "is no ratio");
	return json_number_value(value);
}

json_t *reader_object(struct reader *reader, json_t *object, const char *key)
{
	return get_typed(reader, object, key, JSON_OBJECT, "is no object");
}

json_t *reader_array(struct reader *reader, json_t *object, const char *key)
{
	return get_typed(reader, object, key, JSON_ARRAY, "is no array");
}

void reader_map(struct reader *reader, json_t *object, const char *key, uint64_t *values, uint32_t nr,
		const char *(*name)(uint32_t), bool all)
{
	json_t *map = reader_object(reader, object, key);

	for (uint32_t i = 0; i < nr; i++)
		if (all || json_object_get(map, name(i)))
			values[i] = reader_u64(reader, map, name(i));
}

uint32_t reader_name(struct reader *reader, json_t *object, const char *key, uint32_t nr,
		     const char *(*name)(uint32_t))
{
	char text[48];

	reader_text(reader, object, key, text, sizeof(text));
	for (uint32_t i = 0; i < nr; i++)
		if (!strcmp(text, name(i)))
			return i;
	reader_refuse(reader, object, key, "is none that is known");
	return 0;
}
