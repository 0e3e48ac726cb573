// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/hlog.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zlib.h>

#include "user/base/base64.h"

#define COOKIE_PLAIN	  0x1c849313u /* V2, which has no words: their size is given as 1 */
#define COOKIE_COMPRESSED 0x1c849314u
#define COMPRESSED_HEAD	  8u
#define PLAIN_HEAD	  40u
#define COUNT_BYTES	  9u
#define RATIO_1		  0x3ff0000000000000ull /* 1.0: values are ns as they are */
#define PLAIN_BYTES	  (PLAIN_HEAD + COUNT_BYTES * HDR_BUCKETS)

struct load_hlog {
	FILE *out;
	bool to_stdout;
	int failed;   /* errno of the first that did */
	z_stream zip; /* kept, so that no interval needs memory */
	size_t packed_room;
	uint8_t *packed;
	char *base64;
	char name[256]; /* for the sentence */
	uint8_t plain[PLAIN_BYTES];
};

/* The NR lowest bytes of VALUE, the highest of them first. */
static uint8_t *put(uint8_t *at, uint64_t value, unsigned nr)
{
	while (nr--)
		*at++ = (uint8_t)(value >> 8 * nr);
	return at;
}

/* In LEB128 with the sign in the lowest bit (ZigZag), of which the ninth byte has 8 bits. */
static uint8_t *put_count(uint8_t *at, int64_t count)
{
	uint64_t value = (uint64_t)count << 1 ^ (uint64_t)(count >> 63);

	for (unsigned i = 0; i < COUNT_BYTES - 1 && value >> 7; i++, value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	return at;
}

/* Up to the last that is not 0; zeroes are one count below 0. */
static uint8_t *put_counts(uint8_t *at, const struct hdr *hdr)
{
	uint32_t end = hdr_end(hdr);
	int64_t zeroes = 0;

	for (uint32_t i = 0; i < end; i++) {
		if (!hdr->buckets[i]) {
			zeroes++;
			continue;
		}
		if (zeroes)
			at = put_count(at, -zeroes);
		zeroes = 0;
		at = put_count(at, (int64_t)hdr->buckets[i]);
	}
	return at;
}

/* HDR in V2 form; returns its size. */
static size_t encode(uint8_t *plain, const struct hdr *hdr)
{
	uint8_t *end = put_counts(plain + PLAIN_HEAD, hdr), *at;

	at = put(plain, COOKIE_PLAIN, 4);
	at = put(at, (uint64_t)(end - plain) - PLAIN_HEAD, 4);
	at = put(at, 0, 4); /* by how much the counts are shifted */
	at = put(at, HDR_DIGITS, 4);
	at = put(at, 1, 8); /* the lowest value that is told from 0 */
	at = put(at, HDR_LIMIT_NS, 8);
	put(at, RATIO_1, 8);
	return (size_t)(end - plain);
}

static void note_failure(struct load_hlog *hlog, int code)
{
	if (!hlog->failed)
		hlog->failed = code ? code : EIO;
}

static void begin(struct load_hlog *hlog, uint64_t started_at_ns)
{
	time_t seconds = (time_t)(started_at_ns / 1000000000u);
	char text[64] = "";
	struct tm utc;

	if (gmtime_r(&seconds, &utc))
		strftime(text, sizeof(text), "%a %b %d %H:%M:%S UTC %Y", &utc);
	errno = 0;
	if (fprintf(hlog->out,
		    "#[Histogram log format version 1.3]\n#[StartTime: %.3f (seconds since epoch), %s]\n"
		    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_"
		    "Histogram\"\n",
		    (double)started_at_ns / 1e9, text) < 0)
		note_failure(hlog, errno);
}

struct load_hlog *load_hlog_open(const char *path, uint64_t started_at_ns, struct err *err)
{
	struct load_hlog *hlog = calloc(1, sizeof(*hlog));
	int code = ENOMEM;

	if (!hlog)
		goto refuse;
	hlog->to_stdout = !strcmp(path, "-");
	snprintf(hlog->name, sizeof(hlog->name), "%s",
		 hlog->to_stdout ? "the histogram log to stdout" : path);
	if (deflateInit(&hlog->zip, Z_DEFAULT_COMPRESSION) != Z_OK)
		goto refuse;
	hlog->packed_room = COMPRESSED_HEAD + deflateBound(&hlog->zip, PLAIN_BYTES);
	hlog->packed = malloc(hlog->packed_room);
	hlog->base64 = malloc((hlog->packed_room + 2) / 3 * 4 + 1);
	if (!hlog->packed || !hlog->base64)
		goto refuse;
	errno = 0;
	hlog->out = hlog->to_stdout ? stdout : fopen(path, "we");
	code = errno ? errno : EIO;
	if (!hlog->out)
		goto refuse;
	begin(hlog, started_at_ns);
	return hlog;
refuse:
	err_set(err, code, "cannot write %s: %s", path, strerror(code));
	load_hlog_close(hlog, err);
	return NULL;
}

/* Its size; 0 if that failed. */
static size_t compress_all(struct load_hlog *hlog, uint8_t *out, size_t plain_bytes)
{
	z_stream *zip = &hlog->zip;

	zip->next_in = hlog->plain;
	zip->avail_in = (uInt)plain_bytes;
	zip->next_out = out;
	zip->avail_out = (uInt)(hlog->packed_room - COMPRESSED_HEAD);
	return deflateReset(zip) == Z_OK && deflate(zip, Z_FINISH) == Z_STREAM_END ? zip->total_out : 0;
}

void load_hlog_interval(struct load_hlog *hlog, uint64_t from_ns, uint64_t to_ns, const struct hdr *hdr)
{
	size_t size = compress_all(hlog, hlog->packed + COMPRESSED_HEAD, encode(hlog->plain, hdr));

	if (!size) {
		note_failure(hlog, EIO);
		return;
	}
	put(put(hlog->packed, COOKIE_COMPRESSED, 4), size, 4);
	base64_encode(hlog->base64, hlog->packed, COMPRESSED_HEAD + size);
	errno = 0;
	if (fprintf(hlog->out, "%.3f,%.3f,%.3f,%s\n", (double)from_ns / 1e9, (double)(to_ns - from_ns) / 1e9,
		    (double)hdr->max_ns / 1e6, hlog->base64) < 0)
		note_failure(hlog, errno);
}

int load_hlog_close(struct load_hlog *hlog, struct err *err)
{
	int ret = 0;

	if (!hlog)
		return 0;
	errno = 0;
	if (hlog->out && (fflush(hlog->out) || ferror(hlog->out)))
		note_failure(hlog, errno);
	errno = 0;
	if (hlog->out && !hlog->to_stdout && fclose(hlog->out))
		note_failure(hlog, errno);
	if (hlog->failed)
		ret = err_set(err, hlog->failed, "cannot write %s: %s", hlog->name, strerror(hlog->failed));
	deflateEnd(&hlog->zip);
	free(hlog->packed);
	free(hlog->base64);
	free(hlog);
	return ret;
}
