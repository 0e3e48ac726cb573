/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The report model: every figure that any renderer may print, with its unit in its name.
 *
 * One model, one stored form (report_json.h), many renderings (render/render.h).  What is not in here
 * cannot be printed, so `agent report FILE` prints exactly what the live run did.
 * Pure data: no clock, no I/O, no libbpf.
 */
#ifndef WHYLATE_REPORT_REPORT_H
#define WHYLATE_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "user/report/dist.h"
#include "user/report/exemplars.h"
#include "user/report/requests.h"

#define REPORT_SCHEMA_VERSION 1

struct report_hook {
	char name[48];	  /* e.g. "sched_switch" */
	char how[24];	  /* e.g. "tp_btf", "iter", or "absent" */
	char without[96]; /* if absent: what the report lacks; else empty */
};

#define REPORT_HOOKS_MAX 24

struct report_agent {
	char version[32];
	char *command; /* owned; the command line, quoted as a shell needs it */
	struct report_hook hooks[REPORT_HOOKS_MAX];
	size_t nr_hooks;
	/* What watching cost; the part inside the kernel only where its run-time statistics are on. */
	uint64_t overhead_agent_cpu_ns;
	uint64_t overhead_agent_rss_bytes;
	uint64_t overhead_kernel_per_cpu_bytes;
	uint64_t overhead_kernel_per_thread_bytes;
	uint64_t overhead_kernel_per_worker_bytes; /* beside that, where a thread may answer requests */
	uint64_t overhead_kernel_per_connection_bytes;
	uint64_t overhead_kernel_bytes; /* all maps and clocks */
	bool has_overhead_bpf;
	uint64_t overhead_bpf_ns;
	uint64_t overhead_bpf_events;
};

struct report_machine {
	char kernel[65]; /* uname -r */
	char arch[65];
	uint32_t cpus; /* online */
	uint64_t memory_bytes;
};

struct report_target {
	uint32_t *pids; /* owned; as attached */
	size_t nr_pids;
	char comm[COMM_BYTES];
	char model[32];
	uint64_t threads;	/* living at the end of the window */
	uint64_t threads_ended; /* that died inside it */
	uint32_t cpus_allowed;	/* how many CPUs its threads may use, their union */
	bool has_exit_status;	/* a single attached process that ended inside the window */
	int32_t exit_status;	/* as the shell prints it: code, or 128 + signal */
};

struct report_window {
	char started_at[40]; /* RFC 3339, UTC */
	uint64_t duration_ns;
};

struct report_quota {
	bool present;
	uint64_t quota_ns, period_ns;
	bool has_counts;				   /* the target was under this quota all along */
	uint64_t periods, throttled_periods, throttled_ns; /* inside the window */
	char cgroup[256];
};

struct report_switch_cost {
	bool available;
	char method[64]; /* e.g. "sched_entry_tp..sched_exit_tp"; "unavailable" */
	char bias[160];	 /* one sentence: what the figure contains that is not the switch */
	uint64_t own_ns; /* mean per switch of our own program, already taken off */
	struct report_dist cost;
};

struct report_scheduling {
	uint64_t wall_ns; /* summed over threads; = on_cpu + run_queue + blocked, exactly */
	uint64_t on_cpu_ns;
	uint64_t run_queue_ns;
	uint64_t blocked_ns;
	uint64_t stolen_ns; /* part of on_cpu_ns */
	bool has_irq;	    /* whether this kernel tells interrupts apart */
	uint64_t irq_ns;    /* part of stolen_ns; the rest is steal */
	char stolen_source[48];
	double utilisation_ratio; /* on_cpu_ns over window x cpus_allowed */
	struct report_quota quota;
	uint64_t voluntary;
	uint64_t involuntary;
	uint64_t migrations;
	uint64_t switches_replayed; /* unannounced by the kernel, timed from its own record; no loss */
	struct report_dist on_cpu;  /* slices */
	struct report_dist run_queue[RUN_QUEUE_CAUSES];
	uint64_t run_queue_cause_ns[RUN_QUEUE_CAUSES]; /* with open intervals; sums to run_queue_ns */
	struct report_dist blocked[BLOCKED_REASONS];
	uint64_t blocked_reason_ns[BLOCKED_REASONS]; /* with open intervals; sums to blocked_ns */
	struct report_switch_cost switch_cost;
	/* In the sums but in no distribution: still open at the end, or begun before attach. */
	uint64_t open_count, open_ns;
	uint64_t open_at_start_ns; /* before the window, of intervals that it found open */
	uint64_t cut_count, cut_ns;
};

struct report_thread {
	uint32_t tid; /* 0: the sum of those that ended, comm "ended" */
	uint32_t pid;
	char comm[COMM_BYTES];
	uint64_t threads; /* 1, or how many ended */
	uint64_t wall_ns;
	struct clock_sums sums;
	struct kernel_counts counts;
	bool has_audit;
	struct audit_sums audit;
};

struct report_blame {
	uint32_t kind; /* enum blame_kind */
	uint32_t pid;  /* 0: no single process (self, idle, quota, other, or the unnamed rest of a kind) */
	char comm[COMM_BYTES];
	uint64_t ns;
};

struct report {
	struct report_agent agent;
	struct report_machine machine;
	struct report_target target;
	struct report_window window;
	struct report_scheduling scheduling;
	struct report_thread *threads; /* owned; the most run-queue time first, `ended` last */
	size_t nr_threads;
	struct report_blame *blame; /* owned; most first; sums to run_queue_ns */
	size_t nr_blame;
	struct report_requests requests;
	struct report_exemplars exemplars; /* of these */
	uint64_t losses[LOSS_KINDS];
};

/* Free what the report owns and zero it; safe on a zeroed one. */
void report_fini(struct report *report);

/* The run-queue waits of both causes as one distribution. */
void report_run_queue(const struct report_scheduling *scheduling, struct report_dist *out);

/*
 * The direct cost of all switches over the target's on-CPU time; returns false, and leaves *RATIO alone,
 * where that cost is not known or nothing ran.
 */
bool report_switch_cost_ratio(const struct report_scheduling *scheduling, double *ratio);

/* Whether any loss counter is not zero: exit status 3. */
bool report_has_losses(const struct report *report);

/* Names of the enumerations, as they stand in the JSON and the text; "?" for a value out of range. */
const char *report_reason_name(uint32_t reason);
const char *report_blame_kind_name(uint32_t kind);
const char *report_loss_name(uint32_t loss);

#endif /* WHYLATE_REPORT_REPORT_H */
