// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Threads that say what they work for are looked at also when they wake others: what they did for a request
 * is known before the one who answers it runs.  The rest of the looks are where sched.bpf.c and
 * requests.bpf.c run anyway.
 */
#include "record.bpf.h"

/*
 * In the waker's context, as sched_wakeup is not where another CPU is asked to put the task into its queue.
 * Attached only if there is anything to look at.
 */
SEC("?tp_btf/sched_waking")
int BPF_PROG(on_waking, struct task_struct *woken)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_clock *clock = clock_of(task);

	(void)woken;
	if (clock && clock->recorded == RECORDED_THERE)
		look_at_record(clock, clock_now(clock, bpf_ktime_get_ns()));
	return 0;
}

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
