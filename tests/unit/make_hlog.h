/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lines of a histogram log, made by the format's rules, or against one of them. */
#ifndef WHYLATE_TESTS_MAKE_HLOG_H
#define WHYLATE_TESTS_MAKE_HLOG_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <zlib.h>

#include "user/base/base64.h"

struct hlog_histogram {
	uint32_t cookie, plain_cookie, shifted, digits;
	uint64_t lowest, ratio;
	const int64_t *counts; /* below 0: that many zeroes */
	size_t nr_counts;
	uint32_t length_off;	 /* how much more the uncompressed length says than there is */
	uint32_t compressed_off; /* the same of the compressed */
	size_t cut_bytes;	 /* of the counts, at the end */
};

static inline uint8_t *put_number(uint8_t *at, uint64_t value, unsigned bytes)
{
	while (bytes--)
		*at++ = (uint8_t)(value >> 8 * bytes);
	return at;
}

static inline uint8_t *put_count(uint8_t *at, int64_t count)
{
	uint64_t value = (uint64_t)count << 1 ^ (uint64_t)(count >> 63);

	for (int i = 0; i < 8 && value >> 7; i++, value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	return at;
}

static inline struct hlog_histogram hlog_of(const int64_t *counts, size_t nr_counts)
{
	return (struct hlog_histogram){ .cookie = 0x1c849314,
					.plain_cookie = 0x1c849313,
					.digits = 2,
					.lowest = 1,
					.ratio = 0x3ff0000000000000ull,
					.counts = counts,
					.nr_counts = nr_counts };
}

/* Into OUT, of 1024 bytes: a line with its newline. */
static inline void make_hlog_line(char *out, const struct hlog_histogram *h)
{
	uint8_t plain[512], packed[600], *at = plain + 40;
	uLongf size = sizeof(packed) - 8;

	for (size_t i = 0; i < h->nr_counts; i++)
		at = put_count(at, h->counts[i]);
	at -= h->cut_bytes;
	put_number(plain, h->plain_cookie, 4);
	put_number(plain + 4, (uint64_t)(at - plain) - 40 + h->length_off, 4);
	put_number(plain + 8, h->shifted, 4);
	put_number(plain + 12, h->digits, 4);
	put_number(plain + 16, h->lowest, 8);
	put_number(plain + 24, 3600000000000ull, 8);
	put_number(plain + 32, h->ratio, 8);
	compress(packed + 8, &size, plain, (uLong)(at - plain));
	put_number(packed, h->cookie, 4);
	put_number(packed + 4, size + h->compressed_off, 4);
	out += sprintf(out, "0.1,1.0,0.5,");
	base64_encode(out, packed, size + 8);
	strcat(out, "\n");
}

#endif /* WHYLATE_TESTS_MAKE_HLOG_H */
