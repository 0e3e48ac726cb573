/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the scheduler's hooks remember for tasks that read or answer requests (work.h). */
#ifndef WHYLATE_BPF_WORKER_H
#define WHYLATE_BPF_WORKER_H

#include "maps.bpf.h"

static __always_inline __u32 stay_who(struct task_struct *before)
{
	return (shown_process(before) & ((1u << STAY_CPU_SHIFT) - 1)) | (bpf_get_smp_processor_id() + 1)
										<< STAY_CPU_SHIFT;
}

/*
 * A task that reads requests has its CPU again: what it did meanwhile explains what it will read.  BEFORE had
 * that CPU last; NULL: not known.
 */
static __always_inline void note_stay(const struct task_clock *clock, struct task_struct *task,
				      struct task_struct *before)
{
	struct worker *worker = bpf_task_storage_get(&workers, task, NULL, 0);

	if (!worker)
		return;
	if (worker->remembers) {
		struct history *history = bpf_task_storage_get(&histories, task, NULL, 0);

		if (history)
			history_take(history, worker);
	}
	worker_came_back(worker, clock, before ? stay_who(before) : 0);
}

#endif /* WHYLATE_BPF_WORKER_H */
