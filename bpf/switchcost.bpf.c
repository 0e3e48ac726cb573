// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Direct context-switch cost: the scheduler's entry to its exit, for each switch away from a thread of
 * the target, less the time of our own sched_switch program in between.  Two pairs of hooks; user space
 * loads the first that this kernel has:
 *
 * sched_entry_tp, sched_exit_tp: 6.15 with an extra argument, 6.17 without; the first is the same.
 *
 * fentry and fexit: __schedule itself cannot be hooked, so from rcu_note_context_switch, its first call
 * with interrupts off, to the return of schedule or schedule_idle in the thread that was switched to.  A
 * thread that comes back otherwise (it was preempted inside the kernel, or is new) announces no end:
 * that switch is left out, and the begin of the next one makes sure that it is not taken for it.
 */
#include "maps.bpf.h"

#define NOBODY (~0u) /* no thread has this id: the switch has not been seen yet */

/* The switch noted whose the CPU is now: cheaper than to ask the task. */
static __always_inline bool runs_ours(const struct cpu_clock *cpu)
{
	return cpu->kind == BLAME_SELF && cpu->seen;
}

static __always_inline void cost_begin(struct cpu_clock *cpu)
{
	cpu->entry_next = NOBODY;
	cpu->entry_ns = bpf_ktime_get_ns();
}

/* The current thread is back from the scheduler: did a switch of ours lead to it? */
static __always_inline void cost_end(struct cpu_clock *cpu)
{
	__u64 entry_ns = cpu->entry_ns, own_ns = cpu->own_ns, now_ns, cost_ns;
	/* If not, the end of the switch that began here was not announced: its cost is not known. */
	bool is_ours = cpu->entry_next == (__u32)bpf_get_current_pid_tgid();

	now_ns = bpf_ktime_get_ns();
	if (cpu->entry_ns != entry_ns) /* fexit may be preempted: by a switch that began meanwhile */
		return;
	cpu->entry_ns = 0;
	if (!is_ours)
		return;
	cost_ns = now_ns > entry_ns ? now_ns - entry_ns : 0;
	if (own_ns > cost_ns)
		own_ns = cost_ns;
	hist_record(HIST_SWITCH_COST, cost_ns - own_ns);
	cpu->own_total_ns += own_ns;
}

static __always_inline struct cpu_clock *this_cpu(void)
{
	__u32 number = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&cpus, &number);
}

SEC("?tp_btf/sched_entry_tp")
int BPF_PROG(on_schedule_entry, bool preempt)
{
	struct cpu_clock *cpu = this_cpu();

	if (cpu && runs_ours(cpu))
		cost_begin(cpu);
	return 0;
}

SEC("?tp_btf/sched_exit_tp")
int BPF_PROG(on_schedule_exit, bool is_switch)
{
	struct cpu_clock *cpu = this_cpu();

	if (!cpu || !cpu->entry_ns)
		return 0;
	if (is_switch)
		cost_end(cpu);
	else
		cpu->entry_ns = 0;
	return 0;
}

/* Bystanders too: an end that was not announced would else be found by their next return. */
SEC("?fentry/rcu_note_context_switch")
int BPF_PROG(on_schedule_begin, bool preempt)
{
	struct cpu_clock *cpu = this_cpu();

	if (!cpu)
		return 0;
	if (runs_ours(cpu))
		cost_begin(cpu);
	else
		cpu->entry_ns = 0;
	return 0;
}

static __always_inline int schedule_returns(void)
{
	struct cpu_clock *cpu = this_cpu();

	if (cpu && cpu->entry_ns)
		cost_end(cpu);
	return 0;
}

SEC("?fexit/schedule")
int BPF_PROG(on_schedule_return)
{
	return schedule_returns();
}

SEC("?fexit/schedule_idle")
int BPF_PROG(on_schedule_idle_return)
{
	return schedule_returns();
}
