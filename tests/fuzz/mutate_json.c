// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * libFuzzer's changes to a stored report, made on its tree: flipped bytes seldom get past the parser, and
 * a changed figure never past the sums.  Most changes are followed by a repair of the sums that the reader
 * holds them to, so that what lies behind is reached as well.
 */
#include <jansson.h>

#include "tests/fuzz/fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static unsigned random_state;

static unsigned random_below(unsigned limit)
{
	random_state = random_state * 1103515245u + 12345u;
	return (random_state >> 8) % limit;
}

static json_t *other_integer(json_int_t value)
{
	static const json_int_t special[] = {
		0, 1, -1, 31, 32, 1ll << 32, 1ll << 36, 1ll << 53, INT64_MAX - 1, INT64_MAX, INT64_MIN
	};

	switch (random_below(4)) {
	case 0:
		return json_integer(special[random_below(sizeof(special) / sizeof(special[0]))]);
	case 1:
		return json_integer((json_int_t)((uint64_t)value + 1 - random_below(3)));
	case 2:
		return json_integer((json_int_t)((uint64_t)value << random_below(8)));
	default:
		return json_integer(value >> random_below(63));
	}
}

static json_t *other_value(json_t *value)
{
	static const char *const texts[] = { "",
					     "absent",
					     "\xc3\xa9",
					     "\x1b[31m",
					     "self",
					     "process",
					     "quota",
					     "a text that is longer than any name that a process may have",
					     "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f" };

	switch (random_below(8)) {
	case 0:
		return json_null();
	case 1:
		return json_boolean((int)random_below(2));
	case 2:
		return json_real((double)random_below(1000) / 7 * (random_below(2) ? 1 : 1e300));
	case 3:
		return json_string(texts[random_below(sizeof(texts) / sizeof(texts[0]))]);
	case 4:
		return random_below(2) ? json_object() : json_array();
	default:
		return json_is_string(value) ?
			       json_string(texts[random_below(sizeof(texts) / sizeof(texts[0]) - 1)]) :
			       other_integer(json_integer_value(value));
	}
}

/* Change one entry of a container that is reached by a random walk from NODE. */
static void change(json_t *node)
{
	size_t size = json_is_object(node) ? json_object_size(node) : json_array_size(node);
	unsigned pick = size ? random_below((unsigned)size) : 0;
	void *entry = json_is_object(node) ? json_object_iter(node) : NULL;
	json_t *child;

	if (!size)
		return;
	for (unsigned i = 0; entry && i < pick; i++)
		entry = json_object_iter_next(node, entry);
	child = entry ? json_object_iter_value(entry) : json_array_get(node, pick);
	if ((json_is_object(child) || json_is_array(child)) && random_below(16)) {
		change(child);
		return;
	}
	if (entry && random_below(16))
		json_object_iter_set_new(node, entry, other_value(child));
	else if (entry)
		json_object_del(node, json_object_iter_key(entry));
	else if (random_below(4) == 0)
		json_array_remove(node, pick);
	else if (random_below(2))
		json_array_insert_new(node, pick, json_deep_copy(child));
	else
		json_array_set_new(node, pick, other_value(child));
}

static json_int_t sum_of(json_t *object)
{
	uint64_t sum = 0;
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) sum += (uint64_t)json_integer_value(value);
	return (json_int_t)sum;
}

static void repair_counts(json_t *node)
{
	json_t *buckets = json_object_get(node, "buckets"), *child;
	uint64_t sum = 0;
	const char *key;
	size_t i;

	json_array_foreach(buckets, i, child)
		sum += (uint64_t)json_integer_value(json_object_get(child, "count"));
	if (buckets)
		json_object_set_new(node, "count", json_integer((json_int_t)sum));
	json_object_foreach(node, key, child) repair_counts(child);
}

static json_int_t member(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void repair_sums(json_t *s)
{
	json_t *queue = json_object_get(s, "run_queue");
	uint64_t queue_ns = (uint64_t)member(queue, "after_wakeup_ns") + (uint64_t)member(queue, "after_"
												 "preemption_"
												 "ns");
	uint64_t blocked_ns = (uint64_t)sum_of(json_object_get(s, "blocked_reason_ns"));

	if (!json_is_object(s))
		return;
	json_object_set_new(s, "run_queue_ns", json_integer((json_int_t)queue_ns));
	json_object_set_new(s, "blocked_ns", json_integer((json_int_t)blocked_ns));
	json_object_set_new(
		s, "wall_ns",
		json_integer((json_int_t)((uint64_t)member(s, "on_cpu_ns") + queue_ns + blocked_ns)));
}

static void repair_utilisation(json_t *root)
{
	json_t *s = json_object_get(root, "scheduling");
	double capacity_ns = (double)member(json_object_get(root, "window"), "duration_ns") *
			     (double)member(json_object_get(root, "target"), "cpus_allowed");

	if (json_is_object(s) && capacity_ns > 0)
		json_object_set_new(s, "utilisation_ratio",
				    json_real((double)member(s, "on_cpu_ns") / capacity_ns));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	json_t *root;
	size_t length;

	random_state = seed;
	root = random_below(8) ? json_loadb((const char *)data, size, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	if (!root)
		return LLVMFuzzerMutate(data, size, max_size);
	for (unsigned left = 1 + random_below(3); left; left--)
		change(root);
	if (random_below(8)) {
		repair_counts(root);
		repair_sums(json_object_get(root, "scheduling"));
		repair_utilisation(root);
	}
	length = json_dumpb(root, (char *)data, max_size, JSON_COMPACT);
	json_decref(root);
	return length && length <= max_size ? length : LLVMFuzzerMutate(data, size, max_size);
}
