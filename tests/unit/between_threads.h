/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two snapshots with a few threads, and the report of what came between them.  Behind cmocka.h. */
#ifndef WHYLATE_TESTS_BETWEEN_THREADS_H
#define WHYLATE_TESTS_BETWEEN_THREADS_H

#include <string.h>

#include "bpf/clock.h"
#include "user/analysis/check.h"
#include "user/analysis/scheduling.h"

enum { MS = 1000000, MOST = 4 };

/* A snapshot with room for a few threads and names; static, since its histograms are large. */
struct fixture {
	struct snapshot at;
	struct thread_record threads[MOST];
	struct snapshot_blame_name names[MOST];
};

static struct fixture from, to;
static struct report report;

/* What the analysis is told before it begins. */
static inline void of_a_window(void)
{
	report.machine.cpus = report.target.cpus_allowed = 2;
	report.window.duration_ns = 100 * MS;
}

static inline void forget_report(void)
{
	report_fini(&report);
	of_a_window();
}

static inline int begin(void **state)
{
	(void)state;
	memset(&from, 0, sizeof(from));
	memset(&to, 0, sizeof(to));
	memset(&report, 0, sizeof(report));
	from.at.threads = from.threads;
	from.at.names = from.names;
	to.at.threads = to.threads;
	to.at.names = to.names;
	of_a_window();
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	report_fini(&report);
	return 0;
}

/* A thread that ran, waited after a wakeup (all behind itself) and slept for so long. */
static inline struct thread_record *thread(struct fixture *in, uint64_t id, uint32_t tid, uint64_t on_cpu_ns,
					   uint64_t queue_ns, uint64_t sleep_ns)
{
	struct thread_record *record = &in->threads[in->at.nr_threads++];

	record->clock_id = id;
	record->tid = tid;
	record->pid = 7;
	memcpy(record->comm, "worker", 7);
	record->wall_ns = on_cpu_ns + queue_ns + sleep_ns;
	record->sums.on_cpu_ns = on_cpu_ns;
	record->sums.run_queue_ns[AFTER_WAKEUP] = queue_ns;
	record->sums.blocked_ns[BLOCKED_SLEEP] = sleep_ns;
	record->sums.blame_ns[BLAME_SELF] = queue_ns;
	return record;
}

/* Every report must satisfy what always holds, whatever the snapshots were. */
static inline void analyse(const struct fixture *first)
{
	struct check_broken broken = {};
	struct err err = {};

	assert_int_equal(scheduling_between(first ? &first->at : NULL, &to.at, report.window.duration_ns,
					    &report, &err),
			 0);
	if (!check_report(&report, CHECK_ALWAYS, &broken))
		fail_msg("%s %s", broken.path, broken.what);
}

#endif /* WHYLATE_TESTS_BETWEEN_THREADS_H */
