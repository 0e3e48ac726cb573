// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Direct context-switch cost: the scheduler's entry to its exit, for each switch away from a thread of
 * the target, less the time of our own sched_switch program in between.
 *
 * sched_entry_tp and sched_exit_tp: 6.15 with an extra argument, 6.17 without; the first is the same.
 */
#include "maps.bpf.h"

SEC("?tp_btf/sched_entry_tp")
int BPF_PROG(on_schedule_entry, bool preempt)
{
	__u32 number = bpf_get_smp_processor_id();
	struct cpu_clock *cpu = bpf_map_lookup_elem(&cpus, &number);

	/* The switch noted whose the CPU is now: cheaper than to ask the task. */
	if (cpu && cpu->kind == BLAME_SELF)
		cpu->entry_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("?tp_btf/sched_exit_tp")
int BPF_PROG(on_schedule_exit, bool is_switch)
{
	__u32 number = bpf_get_smp_processor_id();
	struct cpu_clock *cpu = bpf_map_lookup_elem(&cpus, &number);
	__u64 entry_ns, now_ns, cost_ns, own_ns;

	if (!cpu || !cpu->entry_ns)
		return 0;
	entry_ns = cpu->entry_ns;
	cpu->entry_ns = 0;
	if (!is_switch)
		return 0;
	/* Not the switch that began here: that one's end was not announced, so its cost is not known. */
	if (cpu->entry_next != (__u32)bpf_get_current_pid_tgid())
		return 0;
	now_ns = bpf_ktime_get_ns();
	own_ns = cpu->own_ns;
	cost_ns = now_ns > entry_ns ? now_ns - entry_ns : 0;
	if (own_ns > cost_ns)
		own_ns = cost_ns;
	hist_record(HIST_SWITCH_COST, cost_ns - own_ns);
	cpu->own_total_ns += own_ns;
	return 0;
}
