// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Threads that say what they work for: which ones.  They are looked at where sched.bpf.c, requests.bpf.c and
 * waking.bpf.c run anyway.
 */
#include "record.bpf.h"

/* The agent has found where processes have their records: so each of their threads can be asked. */
SEC("?iter/task")
int seed_records(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_clock *clock = task ? clock_of(task) : NULL;
	struct record_place *place;
	__u32 process;

	if (!clock || clock->recorded == RECORDED_THERE || !clock_is_live(clock))
		return 0;
	process = shown_process(task);
	place = bpf_map_lookup_elem(&record_places, &process);
	if (place && place->has && (clock->works || worker_create(task, clock)))
		record_create(task, clock, place);
	return 0;
}
