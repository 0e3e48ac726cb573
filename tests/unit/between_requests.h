/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two snapshots that requests are booked into, and the report of what came between them. */
#ifndef WHYLATE_TESTS_BETWEEN_REQUESTS_H
#define WHYLATE_TESTS_BETWEEN_REQUESTS_H

#include "tests/unit/book_requests.h"
#include "user/analysis/check.h"
#include "user/analysis/requests.h"

static struct snapshot_requests requests[2];
static struct snapshot from, to;
static struct report report;

static inline int begin(void **state)
{
	(void)state;
	memset(requests, 0, sizeof(requests));
	from = (struct snapshot){ .requests = &requests[0] };
	to = (struct snapshot){ .requests = &requests[1] };
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	report_fini(&report);
	return 0;
}

static inline void analyse(const struct snapshot *since)
{
	struct check_broken broken;
	struct err err = {};

	report_fini(&report);
	report.window.duration_ns = 1000;
	assert_int_equal(requests_between(since, &to, &report, &err), 0);
	if (!check_report(&report, CHECK_ALWAYS, &broken))
		fail_msg("%s %s", broken.path, broken.what);
}

#endif /* WHYLATE_TESTS_BETWEEN_REQUESTS_H */
