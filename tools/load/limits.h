/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What cannot be, refused before anything starts; and what the plan leaves to the machine, chosen. */
#ifndef WHYLATE_LOAD_LIMITS_H
#define WHYLATE_LOAD_LIMITS_H

#include <sched.h>
#include <stdint.h>

#include "tools/load/plan.h"
#include "user/base/err.h"

/* What limits a run here. */
struct load_machine {
	uint64_t files;	       /* that a table of files may have: each thread has one of its own */
	uint32_t ports;	       /* for connections from one address to one server */
	uint64_t memory_bytes; /* that is available */
	cpu_set_t cpus;	       /* that this process may use */
};

/*
 * Raise RLIMIT_NOFILE as far as it goes, and read the rest from the kernel.  Returns 0 or a negative errno
 * with a sentence.
 */
int load_machine_read(struct load_machine *machine, struct err *err);

/*
 * Fit PLAN, whose server is known, to MACHINE: threads, where 0, become as many as the files need; sources,
 * where there are none, as many of 127.0.0.0/8 as the ports need, if the server is there and one does not do.
 * Returns 0, or -EINVAL with a sentence that says what would do, or -ENOMEM.
 */
int load_limits_fit(struct load_plan *plan, const struct load_machine *machine, struct err *err);

/* Both, and whether --source names addresses that this machine has. */
int load_limits_apply(struct load_plan *plan, struct err *err);

/*
 * Requests a second that a thread can time: one each 1 us.  Nobody reaches that: each takes a send and a
 * read, of 3 us each over loopback where this was written.  It is there to refuse what cannot be meant; who
 * asks for less and too much is told by the lag.
 */
#define LOAD_RATE_MOST 1000000u

/* Files that a table has beside the connections: standard ones, the reports, and one or two for each thread. */
#define LOAD_FILES_OTHER 32u

/* Memory of a connection: ours, and the kernel's for both ends (docs/models.md measured 6.2 kB). */
#define LOAD_CONNECTION_BYTES 7168u

#endif /* WHYLATE_LOAD_LIMITS_H */
