/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From what the user named (a PID, a port, a name) to the processes to watch, by reading /proc.
 * All functions return 0 or a negative errno with one sentence in ERR.
 */
#ifndef WHYLATE_TRACE_TARGET_H
#define WHYLATE_TRACE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "user/base/err.h"

struct target_set {
	uint32_t *pids; /* owned */
	size_t nr_pids;
};

/*
 * To be called before the others: refuses a /proc that is not there, or that is another PID namespace's,
 * where our numbers mean other processes.
 */
int target_check_proc(struct err *err);

/* The number that TEXT is, if a process may have it; no look at whether one does. */
int target_parse_pid(const char *text, uint32_t *pid, struct err *err);

/* Refuses: no such process, a thread that is not a process, a kernel thread, ourselves, a zombie. */
int target_by_pid(struct target_set *set, const char *pid, struct err *err);

/*
 * All processes that hold a TCP socket (IPv4 or IPv6) listening on PORT in our network namespace; if
 * there is none, in the one other namespace where somebody listens on it.  Refuses if there are several.
 */
int target_by_port(struct target_set *set, uint32_t port, struct err *err);

/*
 * All programs whose name (comm) is NAME; ourselves, threads of the kernel and what has ended are left
 * out.  Refuses if nothing else has that name.
 */
int target_by_name(struct target_set *set, const char *name, struct err *err);

void target_set_fini(struct target_set *set);

/* Whether it is gone, or a zombie without any thread that runs. */
bool target_has_ended(uint32_t pid);

/* The process' name, "?" if it is gone. */
void target_comm(uint32_t pid, char comm[COMM_BYTES]);

#endif /* WHYLATE_TRACE_TARGET_H */
