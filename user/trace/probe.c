// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/probe.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

static const struct probe_item table[PROBE_ITEMS] = {
	[PROBE_PRIVILEGE] = { "privilege", false, true, "everything",
			      "run it with sudo, or give it CAP_BPF and CAP_PERFMON" },
	[PROBE_BTF] = { "kernel BTF", false, true, "everything",
			"use a kernel with CONFIG_DEBUG_INFO_BTF (/sys/kernel/btf/vmlinux)" },
	[PROBE_TASK_STORAGE] = { "task storage for tracing", false, true, "everything",
				 "use Linux 5.13 or newer" },
	[PROBE_TASK_ITERATOR] = { "task iterator", false, true, "threads that are there at attach",
				  "use Linux 5.13 or newer" },
	[PROBE_SCHED_SWITCH] = { "sched_switch", false, true, "everything",
				 "use a kernel with CONFIG_TRACEPOINTS" },
	[PROBE_SCHED_WAKEUP] = { "sched_wakeup, _new, migrate", false, true, "run-queue latency",
				 "use a kernel with CONFIG_TRACEPOINTS" },
	[PROBE_TASK_NEWTASK] = { "task_newtask", false, true, "threads born after attach",
				 "use a kernel with CONFIG_TRACEPOINTS" },
	[PROBE_SCHED_INFO] = { "scheduler statistics", false, true, "everything",
			       "use a kernel with CONFIG_SCHED_INFO (TASK_DELAY_ACCT or SCHEDSTATS)" },
	[PROBE_SCHED_ENTRY_EXIT] = { "sched_entry_tp, sched_exit_tp", false, false,
				     "the direct cost of a context switch, unless there is fentry",
				     "use Linux 6.15 or newer" },
	[PROBE_FENTRY] = { "fentry", false, false,
			   "the direct cost of a context switch, unless there is sched_entry_tp",
			   "use a kernel with CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS" },
	[PROBE_TASK_REGISTERS] = { "registers of a blocked task", false, false,
				   "requests, and why a thread was blocked (all but disk is `other`)",
				   "use Linux 5.15 or newer" },
	[PROBE_SOCKETS] = { "sk_data_ready, sock_*_length", false, false,
			    "requests, unless there is fentry on the socket calls",
			    "use Linux 6.3 or newer" },
	[PROBE_SOCKET_CALLS] = { "fentry on the socket calls", false, false,
				 "requests, unless there is sk_data_ready",
				 "not needed since Linux 6.3; before: "
				 "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS" },
	[PROBE_ACCEPT] = { "fentry on accept", false, false,
			   "accept times: accept_wait lasts to the read, or the reader's birth",
			   "use a kernel with CONFIG_SECURITY_NETWORK, "
			   "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS" },
	[PROBE_GROUP_SCHEDULING] = { "group scheduling", false, false,
				     "stolen time, and blame after a wakeup",
				     "use a kernel with CONFIG_FAIR_GROUP_SCHED" },
	[PROBE_IRQ_TIME] = { "interrupt time", false, false,
			     "interrupts as a part of stolen time (they count as on-CPU time)",
			     "use a kernel with CONFIG_IRQ_TIME_ACCOUNTING" },
	[PROBE_QUOTA_CLOCK] = { "quota clock", false, false,
				"the cgroup's CPU quota in the blame (throttling is shown beside it)",
				"use Linux 6.6 or newer with CONFIG_CFS_BANDWIDTH" },
};

static bool has_capability(const struct __user_cap_data_struct *data, int capability)
{
	return data[capability / 32].effective & (1u << (capability % 32));
}

static bool is_privileged(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &header, data))
		return false;
	return has_capability(data, CAP_SYS_ADMIN) ||
	       (has_capability(data, CAP_BPF) && has_capability(data, CAP_PERFMON));
}

/* Anonymous structs and unions inside are searched too. */
static bool type_has_member(const struct btf *btf, const struct btf_type *type, const char *member)
{
	const struct btf_member *members = btf_members(type);

	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(btf, members[i].name_off);
		const struct btf_type *inner;

		if (name && !strcmp(name, member))
			return true;
		if (name && *name)
			continue;
		inner = btf__type_by_id(btf, members[i].type);
		if (inner && btf_is_composite(inner) && type_has_member(btf, inner, member))
			return true;
	}
	return false;
}

static bool has_member(const struct btf *btf, const char *name, const char *member)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);

	return id > 0 && (!member || type_has_member(btf, btf__type_by_id(btf, (uint32_t)id), member));
}

static bool has_tracepoint(const struct btf *btf, const char *typedef_name)
{
	return btf__find_by_name_kind(btf, typedef_name, BTF_KIND_TYPEDEF) > 0;
}

static bool has_helper(const struct btf *btf, const char *helper)
{
	int id = btf__find_by_name_kind(btf, "bpf_func_id", BTF_KIND_ENUM);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	for (uint32_t i = 0; type && i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_enum(type)[i].name_off), helper))
			return true;
	return false;
}

/* Hooks on the entry (or the exit) of a function. */
static const struct function_hook {
	const char *function;
	enum bpf_attach_type type;
} scheduler_hooks[] = {
	{ "rcu_note_context_switch", BPF_TRACE_FENTRY },
	{ "schedule", BPF_TRACE_FEXIT },
	{ "schedule_idle", BPF_TRACE_FEXIT },
};

static const struct function_hook socket_hooks[] = {
	{ "sock_def_readable", BPF_TRACE_FENTRY },   { "inet_recvmsg", BPF_TRACE_FEXIT },
	{ "inet6_recvmsg", BPF_TRACE_FEXIT },	     { "unix_stream_recvmsg", BPF_TRACE_FEXIT },
	{ "inet_sendmsg", BPF_TRACE_FEXIT },	     { "inet6_sendmsg", BPF_TRACE_FEXIT },
	{ "unix_stream_sendmsg", BPF_TRACE_FEXIT },  { "inet_sendpage", BPF_TRACE_FEXIT },
	{ "unix_stream_sendpage", BPF_TRACE_FEXIT },
};

/* Every protocol's accept calls it, when it has waited: a call that was waiting before us is seen as well. */
static const struct function_hook accept_hook = { "security_sock_graft", BPF_TRACE_FENTRY };

/* A function of the kernel's that is there for such tests. */
static const struct function_hook test_hook = { "bpf_fentry_test1", BPF_TRACE_FENTRY };

/*
 * Whether the kernel takes a program for HOOK, and with ATTACH, whether it also hooks the function: BTF
 * lists functions that cannot be, and hypervisors' guests may be kept from hooking any.
 */
static bool takes_hook(const struct btf *btf, const struct function_hook *hook, bool attach)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int id = btf__find_by_name_kind(btf, hook->function, BTF_KIND_FUNC), program, link;
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = hook->type,
		    .attach_btf_id = (uint32_t)id);

	if (id <= 0)
		return false;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "whylate_probe", "GPL", nothing,
				sizeof(nothing) / sizeof(nothing[0]), &options);
	if (program < 0)
		return false;
	link = attach ? bpf_raw_tracepoint_open(NULL, program) : dup(program);
	close(program);
	if (link < 0)
		return false;
	close(link);
	return true;
}

static bool takes_all(const struct btf *btf, const struct function_hook *hooks, size_t nr, bool attach)
{
	for (size_t i = 0; i < nr; i++)
		if (!takes_hook(btf, &hooks[i], attach))
			return false;
	return true;
}

static bool takes_scheduler(const struct btf *btf, bool attach)
{
	return takes_all(btf, scheduler_hooks, sizeof(scheduler_hooks) / sizeof(scheduler_hooks[0]), attach);
}

static bool takes_sockets(const struct btf *btf)
{
	return takes_all(btf, socket_hooks, sizeof(socket_hooks) / sizeof(socket_hooks[0]), false);
}

static int be_quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* From 7.0 on (a46023d5616e) tracepoints are guarded by SRCU, and no more by preemption being off. */
#define PREEMPTING_SINCE 7

static bool preempts(const struct btf *btf)
{
	struct utsname name;

	return !uname(&name) && strtoul(name.release, NULL, 10) >= PREEMPTING_SINCE &&
	       btf__find_by_name_kind(btf, "bpf_preempt_disable", BTF_KIND_FUNC) > 0;
}

static void look(struct probe *probe, const struct btf *btf)
{
	bool has_states = has_tracepoint(btf, "btf_trace_inet_sock_set_state");
	struct probe_item *items = probe->items;

	items[PROBE_TASK_STORAGE].present = has_member(btf, "task_struct", "bpf_storage");
	items[PROBE_TASK_ITERATOR].present = has_member(btf, "bpf_iter__task", NULL);
	items[PROBE_SCHED_SWITCH].present = has_tracepoint(btf, "btf_trace_sched_switch");
	items[PROBE_SCHED_WAKEUP].present = has_tracepoint(btf, "btf_trace_sched_wakeup") &&
					    has_tracepoint(btf, "btf_trace_sched_wakeup_new") &&
					    has_tracepoint(btf, "btf_trace_sched_migrate_task");
	items[PROBE_TASK_NEWTASK].present = has_tracepoint(btf, "btf_trace_task_newtask");
	items[PROBE_SCHED_INFO].present = has_member(btf, "sched_info", "last_queued");
	items[PROBE_SCHED_ENTRY_EXIT].present = has_tracepoint(btf, "btf_trace_sched_entry_tp") &&
						has_tracepoint(btf, "btf_trace_sched_exit_tp");
	items[PROBE_FENTRY].present = takes_scheduler(btf, false);
	items[PROBE_TASK_REGISTERS].present = has_helper(btf, "BPF_FUNC_task_pt_regs");
	items[PROBE_SOCKETS].present = has_states && has_tracepoint(btf, "btf_trace_sk_data_ready") &&
				       has_tracepoint(btf, "btf_trace_sock_recv_length") &&
				       has_tracepoint(btf, "btf_trace_sock_send_length");
	items[PROBE_SOCKET_CALLS].present = has_states && takes_sockets(btf);
	items[PROBE_ACCEPT].present = takes_hook(btf, &accept_hook, false);
	items[PROBE_GROUP_SCHEDULING].present = has_member(btf, "sched_entity", "cfs_rq");
	items[PROBE_IRQ_TIME].present = has_member(btf, "rq", "prev_irq_time");
	items[PROBE_QUOTA_CLOCK].present = has_member(btf, "cfs_rq", "throttled_clock_self_time");
	probe->preempts = preempts(btf);
}

/* NULL if there is none. */
static struct btf *kernel_types(void)
{
	struct btf *btf = btf__load_vmlinux_btf();

	return libbpf_get_error(btf) ? NULL : btf;
}

void probe_kernel(struct probe *probe)
{
	libbpf_print_fn_t print = libbpf_set_print(be_quiet);
	struct btf *btf = kernel_types();

	memcpy(probe->items, table, sizeof(table));
	probe->preempts = false;
	probe->items[PROBE_PRIVILEGE].present = is_privileged();
	probe->items[PROBE_BTF].present = btf;
	if (btf)
		look(probe, btf);
	btf__free(btf);
	libbpf_set_print(print);
}

/*
 * Each hook slows the machine for a while: the scheduler's only where they would be used, and the sockets'
 * not at all, since they are reached by pointers, and so are whole functions.
 */
static void try(struct probe *probe, const struct btf *btf)
{
	struct probe_item *items = probe->items;
	bool any = takes_hook(btf, &test_hook, true);

	if (items[PROBE_FENTRY].present)
		items[PROBE_FENTRY].present =
			items[PROBE_SCHED_ENTRY_EXIT].present ? any : takes_scheduler(btf, true);
	items[PROBE_SOCKET_CALLS].present = items[PROBE_SOCKET_CALLS].present && any;
	items[PROBE_ACCEPT].present = items[PROBE_ACCEPT].present && any;
}

void probe_try(struct probe *probe)
{
	libbpf_print_fn_t print = libbpf_set_print(be_quiet);
	struct btf *btf = kernel_types();

	if (btf)
		try(probe, btf);
	btf__free(btf);
	libbpf_set_print(print);
}

int probe_refuse(const struct probe *probe, struct err *err)
{
	if (!probe->items[PROBE_PRIVILEGE].present)
		return err_set(err, EPERM,
			       "cannot watch: it needs root, or CAP_BPF and CAP_PERFMON; "
			       "run it with sudo");
	if (!probe->items[PROBE_BTF].present)
		return err_set(err, ENOENT,
			       "cannot watch: this kernel has no type information at "
			       "/sys/kernel/btf/vmlinux; use one built with CONFIG_DEBUG_INFO_BTF");
	for (int i = 0; i < PROBE_ITEMS; i++)
		if (probe->items[i].required && !probe->items[i].present)
			return err_set(err, ENOSYS, "cannot watch: this kernel is too old or lacks '%s'; %s",
				       probe->items[i].name, probe->items[i].remedy);
	return 0;
}

enum switch_cost_hooks probe_switch_cost(const struct probe *probe)
{
	if (probe->items[PROBE_SCHED_ENTRY_EXIT].present)
		return SWITCH_COST_TRACEPOINTS;
	return probe->items[PROBE_FENTRY].present ? SWITCH_COST_FENTRY : SWITCH_COST_NONE;
}

enum request_hooks probe_requests(const struct probe *probe)
{
	if (!probe->items[PROBE_TASK_REGISTERS].present)
		return REQUEST_HOOKS_NONE;
	/* Linux 6.3 and 6.4 have both, and the tracepoints see no sendfile: it does not come by sendmsg
	 * before 6.5. */
	if (probe->items[PROBE_SOCKET_CALLS].present)
		return REQUEST_HOOKS_FENTRY;
	if (probe->items[PROBE_SOCKETS].present)
		return probe->preempts ? REQUEST_HOOKS_ALONE : REQUEST_HOOKS_TRACEPOINTS;
	return REQUEST_HOOKS_NONE;
}

bool probe_accepts(const struct probe *probe)
{
	return probe->items[PROBE_ACCEPT].present;
}
