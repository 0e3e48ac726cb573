// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The slowest requests one by one: what was going on when. */
#include "user/render/text_requests.h"

#include <string.h>

#include "user/base/plain.h"
#include "user/render/request_groups.h"
#include "user/render/shares.h"
#include "user/render/text_flow.h"
#include "user/render/text_parts.h"

#define BAR_COLUMNS   50
#define WORDED	      2 /* segments that are put into words: the longest */
#define SEGMENT_BYTES 96

_Static_assert(REPORT_SEGMENTS <= SHARES_MOST, "shares_among() takes them all");

/* How an activity is drawn that is no component for certain; the legend has only those that occur. */
static const struct {
	char letter;
	const char *name;
} uncertain[ACTIVITIES - COMPONENTS] = {
	[ACTIVITY_BUSY - COMPONENTS] = { 'c', "on a CPU, for it or for others" },
	[ACTIVITY_RUN_QUEUE - COMPONENTS] = { 'w', "waiting for one, for it or for others" },
	[ACTIVITY_BLOCKED - COMPONENTS] = { 'b', "blocked, for one of several reasons" },
	[ACTIVITY_UNKNOWN - COMPONENTS] = { '?', "not known" },
	[ACTIVITY_MIXED - COMPONENTS] = { '~', "short turns" },
};

static char letter_of(uint32_t activity)
{
	return activity < COMPONENTS ? request_group_letter(request_group_of(activity)) :
				       uncertain[activity - COMPONENTS].letter;
}

/* And what the letters mean that the legend of the requests does not have. */
static void heading(const struct report_exemplars *exemplars, size_t nr, FILE *out)
{
	struct text_list list = { .out = out, .label = "  the slowest   ", .separator = "   " };
	bool there[ACTIVITIES - COMPONENTS] = {};
	char text[48];

	for (size_t i = 0; i < nr; i++)
		for (size_t j = 0; j < exemplars->of[i].nr_segments; j++)
			if (exemplars->of[i].segments[j].activity >= COMPONENTS)
				there[exemplars->of[i].segments[j].activity - COMPONENTS] = true;
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		if (!there[i])
			continue;
		snprintf(text, sizeof(text), "%c %s", uncertain[i].letter, uncertain[i].name);
		text_list_add(&list, text);
	}
	if (!list.column)
		fputs("  the slowest\n", out);
	text_list_end(&list);
}

static void headline(const struct report_exemplar *e, FILE *out)
{
	char comm[COMM_BYTES], latency[UNITS_TEXT_BYTES], begun[UNITS_TEXT_BYTES];
	bool before = e->begun_ns < 0;
	uint64_t away_ns = before ? -(uint64_t)e->begun_ns : (uint64_t)e->begun_ns;

	plain_text(comm, sizeof(comm), e->comm);
	fprintf(out, "  %s: %s%s by %s (thread %u), begun %s %s\n", ns_text(latency, e->latency_ns),
		report_status_name(e->status), e->status == STATUS_UNKNOWN ? " status" : "", comm, e->tid,
		ns_text(begun, away_ns), before ? "before the window" : "into the window");
	if (*e->trace_id)
		fprintf(out, "    trace %s\n", e->trace_id);
}

static void bar(const struct report_exemplar *e, FILE *out)
{
	char text[BAR_COLUMNS + 1], *at = text;
	uint64_t lengths_ns[REPORT_SEGMENTS];
	unsigned columns[REPORT_SEGMENTS];

	for (size_t i = 0; i < e->nr_segments; i++)
		lengths_ns[i] = e->segments[i].to_ns - e->segments[i].from_ns;
	shares_among(BAR_COLUMNS, lengths_ns, e->nr_segments, columns);
	for (size_t i = 0; i < e->nr_segments; i++) {
		memset(at, letter_of(e->segments[i].activity), columns[i]);
		at += columns[i];
	}
	*at = '\0';
	fprintf(out, "    |%s|\n", text);
}

/* "CPU 3", "a CPU". */
static void cpu_text(char buf[UNITS_TEXT_BYTES], const struct report_segment *segment)
{
	if (segment->cpu == REPORT_CPU_UNKNOWN)
		snprintf(buf, UNITS_TEXT_BYTES, "a CPU");
	else
		snprintf(buf, UNITS_TEXT_BYTES, "CPU %u", segment->cpu);
}

static void wait_text(char *buf, size_t size, const struct report_exemplar *e,
		      const struct report_segment *segment)
{
	char cpu[UNITS_TEXT_BYTES], comm[COMM_BYTES];

	cpu_text(cpu, segment);
	plain_text(comm, sizeof(comm), segment->who_comm);
	if (!segment->who_pid)
		snprintf(buf, size, "waiting for %s", cpu);
	else if (segment->who_pid == e->pid)
		snprintf(buf, size, "waiting for %s behind its own threads", cpu);
	else if (*comm)
		snprintf(buf, size, "waiting for %s behind %s", cpu, comm);
	else
		snprintf(buf, size, "waiting for %s behind process %u", cpu, segment->who_pid);
}

static void activity_text(char *buf, size_t size, const struct report_exemplar *e,
			  const struct report_segment *segment)
{
	char cpu[UNITS_TEXT_BYTES];

	cpu_text(cpu, segment);
	switch (segment->activity) {
	case COMPONENT_SOCKET_BUSY:
		snprintf(buf, size, "unread, its reader busy on %s", cpu);
		break;
	case COMPONENT_SOCKET_RUN_QUEUE:
		snprintf(buf, size, "unread, ");
		wait_text(buf + strlen(buf), size - strlen(buf), e, segment);
		break;
	case COMPONENT_SOCKET_BLOCKED:
		snprintf(buf, size, "unread, its reader blocked");
		break;
	case COMPONENT_ON_CPU:
		snprintf(buf, size, "on %s for it", cpu);
		break;
	case COMPONENT_BUSY_WITH_OTHERS:
		snprintf(buf, size, "busy with others on %s", cpu);
		break;
	case COMPONENT_RUN_QUEUE_WAKEUP:
	case COMPONENT_RUN_QUEUE_PREEMPTED:
	case ACTIVITY_RUN_QUEUE:
		wait_text(buf, size, e, segment);
		break;
	case COMPONENT_BLOCKED_UPSTREAM:
		snprintf(buf, size, "waiting for an upstream");
		break;
	case ACTIVITY_BUSY:
		snprintf(buf, size, "on %s", cpu);
		break;
	default:
		if (segment->activity >= COMPONENT_BLOCKED_FIRST &&
		    segment->activity < COMPONENT_BLOCKED_UPSTREAM)
			snprintf(buf, size, "blocked: %s",
				 report_reason_name(segment->activity - COMPONENT_BLOCKED_FIRST));
		else if (segment->activity < COMPONENTS)
			snprintf(buf, size, "%s", request_group_name(request_group_of(segment->activity)));
		else
			snprintf(buf, size, "%s", uncertain[segment->activity - COMPONENTS].name);
	}
}

/* The longest segment that is not SAID, one that tells something if there is any; their number: none is left.
 */
static size_t longest(const struct report_exemplar *e, const bool *said)
{
	size_t most = e->nr_segments;
	uint64_t most_ns = 0;

	for (size_t i = 0; i < e->nr_segments; i++) {
		const struct report_segment *segment = &e->segments[i];
		uint64_t length_ns = segment->activity == ACTIVITY_MIXED ? 0 :
									   segment->to_ns - segment->from_ns;

		if (said[i] || (most < e->nr_segments && length_ns <= most_ns))
			continue;
		most = i;
		most_ns = length_ns;
	}
	return most;
}

static void words(const struct report_exemplar *e, FILE *out)
{
	struct text_list list = { .out = out, .label = "    ", .separator = "; " };
	char ns[UNITS_TEXT_BYTES], what[SEGMENT_BYTES], text[SEGMENT_BYTES + UNITS_TEXT_BYTES];
	bool said[REPORT_SEGMENTS] = {};
	size_t at;

	for (int i = 0; i < WORDED && (at = longest(e, said)) < e->nr_segments; i++) {
		said[at] = true;
		activity_text(what, sizeof(what), e, &e->segments[at]);
		snprintf(text, sizeof(text), "%s %s",
			 ns_text(ns, e->segments[at].to_ns - e->segments[at].from_ns), what);
		text_list_add(&list, text);
	}
	text_list_end(&list);
}

void text_slowest(const struct report *report, unsigned most, FILE *out)
{
	const struct report_exemplars *exemplars = &report->exemplars;
	size_t nr = exemplars->nr < most ? exemplars->nr : most;

	if (!nr)
		return;
	fputc('\n', out);
	heading(exemplars, nr, out);
	for (size_t i = 0; i < nr; i++) {
		headline(&exemplars->of[i], out);
		bar(&exemplars->of[i], out);
		words(&exemplars->of[i], out);
	}
}
