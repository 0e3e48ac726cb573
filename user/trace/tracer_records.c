// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which processes of the target have threads that may hand requests to each other, or that publish what they
 * work for: those that are there at attach are all looked at, later ones when they begin to serve, or get
 * threads, which the programs tell.  What is found goes to the programs, for each of the process's threads.
 * Whatever fails here, requests are what the sockets say.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "user/trace/records.h"
#include "user/trace/tracer_internal.h"

static int note_ask(void *context, void *data, size_t bytes)
{
	struct tracer_records *records = context;

	if (bytes == sizeof(uint32_t) && records->nr_asked < TRACER_ASKED_MOST)
		records->asked[records->nr_asked++] = *(const uint32_t *)data;
	return 0;
}

int tracer_records_open(struct tracer *tracer)
{
	if (tracer->sockets.hooks == REQUEST_HOOKS_NONE)
		return 0;
	return ring_buffer__add(tracer->late_births, bpf_map__fd(tracer->skel->maps.record_asks), note_ask,
				&tracer->records);
}

/* A directory has a link for itself, one from above, and one for each that is in it. */
static bool has_threads(uint32_t pid)
{
	struct stat status;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	return !stat(path, &status) && status.st_nlink > 3;
}

static void see_wakings(struct tracer *tracer)
{
	tracer->records.threads = true;
	if (!tracer->records.waking)
		tracer->records.waking = bpf_program__attach(tracer->skel->progs.on_waking);
}

/* Returns whether the process has records that can be followed. */
static bool look_at(struct tracer *tracer, uint32_t pid)
{
	struct record_place place;
	enum records_found found = records_of_process(pid, &place);

	if (found == RECORDS_FOLLOWED || has_threads(pid))
		see_wakings(tracer);
	tracer->records.not_followed |= found == RECORDS_IN_LIBRARY || found == RECORDS_UNREADABLE;
	if (found != RECORDS_FOLLOWED)
		return false;
	tracer->records.followed = true;
	if (!bpf_map_update_elem(bpf_map__fd(tracer->skel->maps.record_places), &pid, &place, BPF_ANY))
		return true;
	tracer->records.nr_unplaced++;
	return false;
}

void tracer_answer_asks(struct tracer *tracer)
{
	bool any = false;

	for (size_t i = 0; i < tracer->records.nr_asked; i++)
		any |= look_at(tracer, tracer->records.asked[i]);
	tracer->records.nr_asked = 0;
	if (any && tracer_run_over(tracer->skel->progs.seed_records))
		tracer->records.nr_unplaced++; /* its threads are not known to have records */
}

int tracer_find_records(struct tracer *tracer, const struct thread_record *threads, size_t nr)
{
	bool any = false;

	if (tracer->sockets.hooks == REQUEST_HOOKS_NONE)
		return 0;
	for (size_t i = 0; i < nr; i++)
		if (threads[i].tid ==
		    threads[i].pid) /* or its leader has ended: seldom, and nothing to find */
			any |= look_at(tracer, threads[i].pid);
	return any ? tracer_run_over(tracer->skel->progs.seed_records) : 0;
}

size_t tracer_records_names(const struct tracer *tracer, struct tracer_hook *out, size_t max)
{
	static const struct tracer_hook waking = { "sched_waking", "tp_btf", "" };
	static const struct tracer_hook no_waking = { "sched_waking", "absent",
						      "requests that one thread hands to another" };
	static const struct tracer_hook records = { "otel_thread_ctx_v1", "tls", "" };
	static const struct tracer_hook no_records = { "otel_thread_ctx_v1", "absent",
						       "records of threads that a library keeps, or that may "
						       "not be read" };
	size_t nr = 0;

	if (tracer->records.threads && nr < max)
		out[nr++] = tracer->records.waking ? waking : no_waking;
	if ((tracer->records.followed || tracer->records.not_followed) && nr < max)
		out[nr++] = tracer->records.followed ? records : no_records;
	return nr;
}
