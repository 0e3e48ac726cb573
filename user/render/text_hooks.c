// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The end of the text: where the agent listened, and what the figures lack. */
#include "user/render/text_parts.h"

#include <string.h>

#include "user/base/plain.h"
#include "user/render/text_flow.h"

#define HOOK_COLUMNS 24 /* of its name, with the NUL */

static const char label_columns[] = "  absent     ";

/* The name of HOOKS[i] and of those behind it that leave the same out, as many as a line holds; the next. */
static size_t join_names(const struct report_hook *const hooks[], size_t nr, size_t i, char *out, size_t size)
{
	const char *without = hooks[i]->without;
	size_t room = TEXT_COLUMNS - strlen(label_columns) - strlen(": no "), length = 0;
	char name[HOOK_COLUMNS];

	do {
		plain_text(name, sizeof(name), hooks[i]->name);
		length += (size_t)snprintf(out + length, size - length, "%s%s", length ? ", " : "", name);
		i++;
	} while (i < nr && !strcmp(hooks[i]->without, without) &&
		 length + strlen(", ") + strlen(hooks[i]->name) + strlen(without) <= room);
	return i;
}

void text_absent(const struct report *report, unsigned most, FILE *out)
{
	const struct report_agent *agent = &report->agent;
	const struct report_hook *hooks[REPORT_HOOKS_MAX];
	char names[TEXT_COLUMNS], without[48];
	size_t nr = 0, next = 0;

	for (size_t i = 0; i < agent->nr_hooks; i++)
		if (!strcmp(agent->hooks[i].how, "absent"))
			hooks[nr++] = &agent->hooks[i];
	for (unsigned line = 0; line < most && next < nr; line++) {
		plain_text(without, sizeof(without), hooks[next]->without);
		next = join_names(hooks, nr, next, names, sizeof(names));
		fprintf(out, "%s%s: no %s\n", label_columns, names, without);
	}
	if (next < nr)
		fprintf(out, "%s%zu more\n", label_columns, nr - next);
}

void text_hooks(const struct report *report, FILE *out)
{
	const struct report_agent *agent = &report->agent;
	struct text_list list = { .out = out, .label = "  hooks      ", .separator = ", " };
	char name[HOOK_COLUMNS];

	fputc('\n', out);
	for (size_t i = 0; i < agent->nr_hooks; i++) {
		if (!strcmp(agent->hooks[i].how, "absent"))
			continue;
		plain_text(name, sizeof(name), agent->hooks[i].name);
		text_list_add(&list, name);
	}
	text_list_end(&list);
}

void text_losses(const struct report *report, FILE *out)
{
	static const char *const words[LOSS_KINDS] = {
		[LOSS_CLOCK_CREATE] = "threads ended before they got a clock: in no figure",
		[LOSS_CLOCK_GAP] = "events missed: their time went to the state before",
		[LOSS_BLAME_NAMES] = "turns of neighbours without a name (table full)",
		[LOSS_THREADS_UNREAD] = "threads not read: their time is missing or late",
		[LOSS_RECURSION] = "events that the kernel skipped (recursion)",
		[LOSS_SPAN_CREATE] = "times no memory for a connection: requests missing",
		[LOSS_WORKER_CREATE] = "threads without memory: requests missing",
		[LOSS_WORK_TABLE] = "work of a request lost: it is in its residual",
		[LOSS_EXEMPLARS] = "of the slowest requests not shown one by one",
		[LOSS_COMPONENTS] = "requests whose components were too much",
		[LOSS_ARRIVALS] = "requests that begin at their read: arrival missed",
		[LOSS_RECORDS] = "thread context records unread, shared or unfollowed",
	};

	char count[UNITS_TEXT_BYTES];
	unsigned nr = 0, said = 0;

	for (int i = 0; i < LOSS_KINDS; i++)
		nr += report->losses[i] != 0;
	for (int i = 0; i < LOSS_KINDS; i++) {
		if (!report->losses[i] || (nr > TEXT_LOSSES && said == TEXT_LOSSES - 1))
			continue;
		fprintf(out, "  LOST       %s %s\n", count_text(count, report->losses[i]), words[i]);
		said++;
	}
	if (said < nr)
		fprintf(out, "  LOST       and of %u kinds more: see losses in the JSON\n", nr - said);
	if (!report_has_losses(report))
		fputs("  losses     none\n", out);
}
