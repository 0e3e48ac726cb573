/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is kept of a thread that leaves its CPU for the last time, and of its process. */
#ifndef WHYLATE_BPF_EXITS_BPF_H
#define WHYLATE_BPF_EXITS_BPF_H

#include "maps.bpf.h"
#include "audit.bpf.h"

/* The current task, which has CLOCK, is dead. */
VERIFIED_ONCE int fold_ended(const struct task_clock *clock)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 zero = 0;
	struct ended_slot *slot = bpf_map_lookup_elem(&ended, &zero);
	struct ended_sums *sum;

	if (!slot || !clock)
		return 0;
	sum = &slot->sums;
	slot->begun++;
	border_barrier();
	slot->ids[sum->threads & (ENDED_IDS - 1)] = clock->id;
	clock_sums_merge(&sum->sums, &clock->sums);
	sum->wall_ns += clock->since_ns - clock->began_at_ns;
	sum->counts.voluntary += task->nvcsw - clock->base.voluntary;
	sum->counts.involuntary += task->nivcsw - clock->base.involuntary;
	sum->counts.migrations += task->se.nr_migrations - clock->base.migrations;
	if (config.audit)
		audit_fold(task, &sum->audit);
	border_barrier();
	sum->threads++;
	return 0;
}

static __noinline void note_exit(struct task_struct *task, const struct task_clock *clock)
{
	__u32 tgid = clock->process;
	struct signal_struct *signal = task->signal;
	struct target_process *process;

	if (signal->live.counter) /* a leader may end long before its process does */
		return;
	bpf_map_delete_elem(&record_places, &tgid); /* the next process of that number is another */
	process = bpf_map_lookup_elem(&targets, &tgid);
	if (!process)
		return;
	/* As wait(2) tells it; without the flag, the code is of a stop that is long over. */
	process->exit_status = signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code :
								   task->group_leader->exit_code;
	process->exited = 1;
}

#endif /* WHYLATE_BPF_EXITS_BPF_H */
