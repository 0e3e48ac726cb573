// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scripted.h"

#define STALLS	   64
#define LINE_BYTES (SCRIPTED_PATH_BYTES + 128)

struct memory memory;

static struct stall {
	uint64_t from_ns, to_ns;
} stalls[STALLS];
static size_t nr_stalls;

static struct entry {
	uint64_t read_ns, before_ns, after_ns;
	uint32_t connection;
	char path[SCRIPTED_PATH_BYTES];
} * entries;
static size_t nr_entries, room;
static uint64_t lost;

void memory_keep(size_t nr)
{
	entries = calloc(nr, sizeof(*entries));
	if (!entries && nr)
		die("the log");
	if (nr)
		memset(entries, 1, nr * sizeof(*entries)); /* no page fault is to be in the times */
	room = nr;
}

void memory_answered(const struct connection *c, uint64_t before_ns, uint64_t after_ns)
{
	struct entry *entry;

	if (nr_entries == room) {
		lost++;
		return;
	}
	entry = &entries[nr_entries++];
	*entry = (struct entry){ c->read_ns, before_ns, after_ns, c->number, "" };
	strcpy(entry->path, c->request.path);
}

void memory_stalled(uint64_t from_ns, uint64_t to_ns)
{
	if (nr_stalls < STALLS)
		stalls[nr_stalls++] = (struct stall){ from_ns, to_ns };
}

static void print_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++)
		fprintf(out, *text >= ' ' && *text < 127 && *text != '"' && *text != '\\' ? "%c" : "\\u%04x",
			(unsigned char)*text);
	fputc('"', out);
}

char *memory_stats(void)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		die("open_memstream");
	fprintf(out,
		"{\"connections\": {\"accepted\": %lu, \"open\": %lu}, \"requests\": {\"count\": %lu, "
		"\"body_bytes\": %lu, \"ignored\": %lu, \"by_kind\": {",
		memory.accepted, memory.open, memory.requests, memory.body_bytes, memory.ignored);
	for (int i = 0; answer_kind_name(i); i++)
		fprintf(out, "%s\"%s\": %lu", i ? ", " : "", answer_kind_name(i), memory.by_kind[i]);
	fprintf(out, "}}, \"last_head\": ");
	print_string(out, memory.last_head);
	fprintf(out, ", \"log\": {\"count\": %zu, \"lost\": %lu}, \"stalls\": [", nr_entries, lost);
	for (size_t i = 0; i < nr_stalls; i++)
		fprintf(out, "%s{\"from_ns\": %lu, \"to_ns\": %lu}", i ? ", " : "", stalls[i].from_ns,
			stalls[i].to_ns);
	fprintf(out, "]}\n");
	if (fclose(out))
		die("the statistics");
	return text;
}

char *memory_log(void)
{
	char *text = malloc(nr_entries * LINE_BYTES + 1), *at = text;

	if (!text)
		die("the log");
	*at = '\0';
	for (size_t i = 0; i < nr_entries; i++)
		at += sprintf(at, "%lu %lu %lu %u %s\n", entries[i].read_ns, entries[i].before_ns,
			      entries[i].after_ns, entries[i].connection, entries[i].path);
	return text;
}
