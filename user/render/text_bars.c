// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A histogram as bars. */
#include "user/render/text_parts.h"

#include <string.h>

#define BAR_COLUMNS 40

/* COUNT of the values in the octaves FIRST to LAST, as long as its part of MOST. */
static void bar(FILE *out, uint32_t first, uint32_t last, uint64_t count, uint64_t most)
{
	char from[UNITS_TEXT_BYTES], to[UNITS_TEXT_BYTES], number[UNITS_TEXT_BYTES], text[BAR_COLUMNS + 1];
	int length = (int)((double)count * BAR_COLUMNS / (double)most + 0.5);

	if (!length && count)
		length = 1;
	memset(text, '#', sizeof(text));
	text[length] = '\0';
	/* The last octave holds everything that is longer, too. */
	fprintf(out, "  %8s - %-8s %11s |%s\n", ns_text(from, hist_bucket_from_ns(first * HIST_SUB_BUCKETS)),
		last == HIST_OCTAVES ? "" : ns_text(to, hist_bucket_from_ns((last + 1) * HIST_SUB_BUCKETS)),
		count_text(number, count), text);
}

void text_bars(const char *heading, const struct report_dist *dist, unsigned room, FILE *out)
{
	uint64_t sums[HIST_OCTAVES + 1] = {}, most = 0;
	uint32_t first = HIST_OCTAVES, last = 0, step;

	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		if (!dist->buckets[i])
			continue;
		last = i / HIST_SUB_BUCKETS;
		first = last < first ? last : first;
	}
	if (!dist->count || !room)
		return;
	step = (last - first) / room + 1;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		uint64_t *sum;

		if (!dist->buckets[i])
			continue;
		sum = &sums[(i / HIST_SUB_BUCKETS - first) / step];
		*sum += dist->buckets[i];
		most = *sum > most ? *sum : most;
	}
	fprintf(out, "\n  %s\n", heading);
	for (uint32_t i = first; i <= last; i += step) {
		uint32_t end = i + step - 1;

		bar(out, i, end < HIST_OCTAVES ? end : HIST_OCTAVES, sums[(i - first) / step], most);
	}
}
