// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/telling.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/load/progress.h"

static int begin(void *context, uint64_t started_at_ns, struct err *err)
{
	struct telling *telling = context;

	if (!telling->plan->hlog_path)
		return 0;
	telling->hlog = load_hlog_open(telling->plan->hlog_path, started_at_ns, err);
	return telling->hlog ? 0 : -err->code;
}

static const struct load_censored *main_latency(const struct load_plan *plan, const struct load_books *books)
{
	return plan->mode == LOAD_CLOSED ? &books->from_send : &books->from_due;
}

static void log_interval(struct telling *telling, const struct load_censored *now,
			 const struct load_censored *before, uint64_t from_ns, uint64_t to_ns)
{
	struct hdr *interval = telling->interval;

	*interval = now->known;
	hdr_add(interval, &now->at_least);
	hdr_subtract(interval, &before->known);
	hdr_subtract(interval, &before->at_least);
	load_hlog_interval(telling->hlog, from_ns, to_ns, interval);
}

static void second(void *context, const struct load_books *now, const struct load_books *before,
		   uint64_t from_ns, uint64_t to_ns)
{
	struct telling *telling = context;
	const struct load_plan *plan = telling->plan;
	char line[160];

	if (telling->hlog)
		log_interval(telling, main_latency(plan, now), main_latency(plan, before), from_ns, to_ns);
	if (!telling->progress)
		return;
	load_progress_line(line, sizeof(line), now, before, to_ns - from_ns, to_ns,
			   plan->warmup_ns + plan->duration_ns);
	fprintf(stderr, "\r\033[K%s", line);
}

int telling_begin(struct telling *telling, const struct load_plan *plan, struct err *err)
{
	*telling = (struct telling){ .plan = plan,
				     .watcher = { .begin = begin, .second = second, .context = telling },
				     .progress = isatty(STDERR_FILENO) };
	if (!plan->hlog_path)
		return 0;
	telling->interval = malloc(sizeof(*telling->interval));
	return telling->interval ? 0 : err_set(err, ENOMEM, "out of memory");
}

const struct load_watcher *telling_watcher(const struct telling *telling)
{
	return telling->progress || telling->interval ? &telling->watcher : NULL;
}

int telling_end(struct telling *telling, struct err *err)
{
	if (telling->progress)
		fprintf(stderr, "\r\033[K");
	free(telling->interval);
	return load_hlog_close(telling->hlog, err);
}
