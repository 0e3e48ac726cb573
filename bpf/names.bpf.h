/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who had a CPU that tasks of the target waited for: of which kind, and by name. */
#ifndef WHYLATE_BPF_NAMES_H
#define WHYLATE_BPF_NAMES_H

#include "maps.bpf.h"

static __always_inline __u32 kind_of(struct task_struct *task, bool ours)
{
	if (ours)
		return BLAME_SELF;
	if (!task->pid)
		return BLAME_IDLE;
	return task->flags & PF_KTHREAD ? BLAME_KERNEL : BLAME_PROCESS;
}

/* The key of all neighbours called COMM that came when most of the table of names was taken. */
static __always_inline __u32 shared_key(const __u8 comm[COMM_BYTES])
{
	__u64 words[2];

	__builtin_memcpy(words, comm, sizeof(words));
	return BLAME_NAME_SHARED |
	       (__u32)((words[0] * 0x9e3779b97f4a7c15ull ^ words[1] * 0xc2b2ae3d27d4eb4full) >> 33);
}

/* NS go to the entry of KEY, if there is one. */
static __always_inline bool name_charge(__u32 key, __u64 ns)
{
	struct blame_name *known = bpf_map_lookup_elem(&blame_names, &key);

	if (known)
		__sync_fetch_and_add(&known->ns, ns);
	return known;
}

/*
 * Tasks of ours have waited NS behind the slice of the current task, which is none of ours: by name, too.
 * Those that cannot be seen from the agent's PID namespace have no number of their own there.
 */
VERIFIED_ONCE int name_add(__u64 ns)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct blame_name name = { .kind = kind_of(task, false),
				   .ns = ns,
				   .born_ns = task->group_leader->start_time };
	__u32 key = shown_process(task);
	struct blame_name *known = bpf_map_lookup_elem(&blame_names, &key);

	if (known && known->born_ns == name.born_ns) {
		__sync_fetch_and_add(&known->ns, ns);
		return 0;
	}
	BPF_CORE_READ_STR_INTO(&name.comm, task, group_leader, comm);
	if (!key || known || nr_blame_names >= BLAME_NAMES_MAX - BLAME_NAMES_SHARED_MAX)
		key = shared_key(name.comm);
	if (key & BLAME_NAME_SHARED && name_charge(key, ns))
		return 0;
	if (!bpf_map_update_elem(&blame_names, &key, &name, BPF_NOEXIST))
		__sync_fetch_and_add(&nr_blame_names, 1);
	else if (!name_charge(key, ns)) /* another CPU may have been first */
		count_loss(LOSS_BLAME_NAMES);
	return 0;
}

#endif /* WHYLATE_BPF_NAMES_H */
