// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/report/hlog.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define COOKIE_WORD_BITS  0xf0u /* of a cookie: the size of a word, which V2 does not have */
#define COOKIE_COMPRESSED 0x1c849304u
#define COOKIE_PLAIN	  0x1c849303u
#define COMPRESSED_HEAD	  8u
#define PLAIN_HEAD	  40u
#define PLAIN_MAX	  (16u << 20) /* bytes; the counts of five digits from 1 ns to an hour take less */
#define PLAIN_FIRST	  (64u << 10)
#define DIGITS_MAX	  5u
#define RATIO_1		  0x3ff0000000000000ull /* 1.0: values are whole numbers as they are */

struct bytes {
	const uint8_t *at, *end;
};

static size_t left(const struct bytes *bytes)
{
	return (size_t)(bytes->end - bytes->at);
}

/* The next NR bytes, the highest first, which must be there. */
static uint64_t take(struct bytes *bytes, unsigned nr)
{
	uint64_t value = 0;

	while (nr--)
		value = value << 8 | *bytes->at++;
	return value;
}

/*
 * A number in LEB128 of at most 9 bytes, where the last has 8 bits of it, with its sign in the lowest bit
 * (ZigZag).  False at the end.
 */
static bool take_number(struct bytes *bytes, int64_t *out)
{
	uint64_t value = 0;

	for (unsigned shift = 0; bytes->at < bytes->end; shift += 7) {
		uint64_t byte = *bytes->at++;

		if (shift == 56 || !(byte & 0x80)) {
			value |= byte << shift;
			*out = (int64_t)(value >> 1 ^ -(value & 1));
			return true;
		}
		value |= (byte & 0x7f) << shift;
	}
	return false;
}

/* How the values of a histogram lie behind each other. */
struct shape {
	unsigned unit_bits; /* of a value, that are not told apart */
	unsigned half_bits; /* 2^half_bits counts for each octave, but twice that for the first */
};

static unsigned log2_of(uint64_t value)
{
	return 63 - (unsigned)__builtin_clzll(value);
}

static bool take_shape(struct bytes *bytes, struct shape *out)
{
	uint64_t digits = take(bytes, 4), lowest = take(bytes, 8), values = 2;

	bytes->at += 8; /* the highest value that could have been recorded */
	if (take(bytes, 8) != RATIO_1 || digits > DIGITS_MAX || !lowest)
		return false;
	while (digits--)
		values *= 10;
	out->unit_bits = log2_of(lowest);
	out->half_bits = log2_of(values - 1); /* 2^(half_bits + 1) is the first that is not less */
	return out->unit_bits + out->half_bits < 61;
}

/* The middle of what the count at INDEX counts; false if there can be no such value. */
static bool value_at(const struct shape *shape, uint64_t index, uint64_t *out)
{
	uint64_t octave = index >> shape->half_bits;
	uint64_t sub = index & ((1ull << shape->half_bits) - 1);
	unsigned shift = shape->unit_bits;

	if (octave) {
		sub += 1ull << shape->half_bits;
		if (octave + shift + shape->half_bits > 62)
			return false;
		shift += (unsigned)octave - 1;
	}
	*out = (sub << shift) + ((1ull << shift) >> 1);
	return true;
}

/* The counts, where one below 0 stands for that many zeroes.  NULL, or what is wrong. */
static const char *add_counts(struct bytes *bytes, const struct shape *shape, struct report_dist *dist)
{
	uint64_t index = 0, value;
	int64_t count;

	while (bytes->at < bytes->end) {
		if (!take_number(bytes, &count))
			return "it ends within a count";
		if (count < 0) {
			if (count < INT32_MIN)
				return "it skips more values than there are";
			index += (uint64_t)-count;
			continue;
		}
		if (count && !value_at(shape, index, &value))
			return "it counts values beyond 2^62";
		if ((uint64_t)count > (uint64_t)INT64_MAX - dist->count)
			return "it counts more than 2^63 values";
		if (count)
			dist->buckets[hist_bucket(value)] += (uint64_t)count;
		dist->count += (uint64_t)count;
		index++;
	}
	return NULL;
}

static const char *add_plain(struct bytes *bytes, struct report_dist *dist)
{
	struct shape shape;
	uint64_t length;

	if (left(bytes) < PLAIN_HEAD || (take(bytes, 4) & ~COOKIE_WORD_BITS) != COOKIE_PLAIN)
		return "its content is not in V2 form";
	length = take(bytes, 4);
	if (take(bytes, 4))
		return "it is shifted, which this agent does not read";
	if (!take_shape(bytes, &shape))
		return "its values are no whole numbers with up to 5 digits";
	if (length > left(bytes))
		return "it is cut off";
	bytes->end = bytes->at + length;
	return add_counts(bytes, &shape, dist);
}

static int base64_value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* SIZE digits of TEXT to OUT, which has as much room; returns the end, or NULL if it is no base64. */
static uint8_t *decode_base64(const char *text, size_t size, uint8_t *out)
{
	uint32_t value = 0;

	for (int padding = 0; padding < 2 && size && text[size - 1] == '='; padding++)
		size--;
	for (size_t i = 0; i < size; i++) {
		int digit = base64_value(text[i]);

		if (digit < 0)
			return NULL;
		value = value << 6 | (uint32_t)digit;
		if (i % 4) /* the bits behind the latest whole byte: 6, 4, 2, 0 */
			*out++ = (uint8_t)(value >> (6 - 2 * (i % 4)));
	}
	return size % 4 == 1 ? NULL : out;
}

struct log {
	const char *name;
	size_t line;
	bool tagged;	/* there were lines with a tag */
	uint8_t *plain; /* owned; of the latest histogram */
	size_t room;	/* there */
	struct report_dist *dist;
	struct err *err;
};

static const char no_memory[] = "out of memory";

/* NULL, or what is wrong; CONTENT is what was compressed in the SIZE bytes at PACKED. */
static const char *uncompress_all(struct log *log, const uint8_t *packed, size_t size, struct bytes *content)
{
	uLongf bytes;
	int ret;

	for (;;) {
		size_t room = log->room ? 2 * log->room : PLAIN_FIRST;
		uint8_t *more;

		bytes = log->room;
		ret = bytes ? uncompress(log->plain, &bytes, packed, size) : Z_BUF_ERROR;
		if (ret != Z_BUF_ERROR || log->room == PLAIN_MAX)
			break;
		more = realloc(log->plain, room);
		if (!more)
			return no_memory;
		log->plain = more;
		log->room = room;
	}
	*content = (struct bytes){ log->plain, log->plain + bytes };
	if (ret == Z_MEM_ERROR)
		return no_memory;
	return ret == Z_OK ? NULL : "it cannot be uncompressed";
}

static const char *add_compressed(struct log *log, struct bytes *bytes)
{
	struct bytes content;
	const char *why;
	uint64_t length;

	if (left(bytes) < COMPRESSED_HEAD || (take(bytes, 4) & ~COOKIE_WORD_BITS) != COOKIE_COMPRESSED)
		return "it is none in V2 compressed form";
	length = take(bytes, 4);
	if (length > left(bytes))
		return "it is cut off";
	why = uncompress_all(log, bytes->at, length, &content);
	return why ? why : add_plain(&content, log->dist);
}

static int refuse_line(const struct log *log, const char *why)
{
	if (why == no_memory)
		return err_set(log->err, ENOMEM, "cannot read %s: %s", log->name, why);
	return err_set(log->err, EINVAL, "cannot read %s: the histogram of line %zu: %s", log->name,
		       log->line, why);
}

/* The fourth of the fields between START and END; NULL if there are not four. */
static const char *fourth_field(const char *start, const char *end)
{
	for (int i = 0; i < 3 && start; i++) {
		start = memchr(start, ',', (size_t)(end - start));
		start = start ? start + 1 : NULL;
	}
	return start && !memchr(start, ',', (size_t)(end - start)) ? start : NULL;
}

static int add_line(struct log *log, const char *start, const char *end)
{
	const char *field, *why;
	struct bytes bytes;
	uint8_t *decoded;

	while (end > start && (end[-1] == '\r' || end[-1] == ' '))
		end--;
	if (start == end || *start == '#' || *start == '"')
		return 0;
	if (end - start >= 4 && !memcmp(start, "Tag=", 4)) {
		log->tagged = true;
		return 0;
	}
	field = fourth_field(start, end);
	if (!field)
		return err_set(log->err, EINVAL,
			       "cannot read %s: line %zu is none of a histogram log (start,length,maximum,"
			       "histogram), and no JSON begins there",
			       log->name, log->line);
	decoded = malloc((size_t)(end - field) + 1);
	if (!decoded)
		return refuse_line(log, no_memory);
	bytes.at = decoded;
	bytes.end = decode_base64(field, (size_t)(end - field), decoded);
	why = bytes.end ? add_compressed(log, &bytes) : "it is no base64";
	free(decoded);
	return why ? refuse_line(log, why) : 0;
}

int hlog_read(const char *text, size_t size, const char *name, struct report_dist *dist, struct err *err)
{
	struct log log = { .name = name, .dist = dist, .err = err };
	const char *end = text + size;
	int ret = 0;

	while (text < end && !ret) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		log.line++;
		ret = add_line(&log, text, newline ? newline : end);
		text = newline ? newline + 1 : end;
	}
	free(log.plain);
	if (ret || dist->count)
		return ret;
	return err_set(err, EINVAL, "cannot read %s: it holds no latency%s", name,
		       log.tagged ? "; all its lines have a tag: take \"Tag=...,\" off those of one" : "");
}
