/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The identities that a report must satisfy, as data: shared by the tests and by the reader of stored
 * reports, which refuses one that breaks any.  Pure.
 */
#ifndef WHYLATE_ANALYSIS_CHECK_H
#define WHYLATE_ANALYSIS_CHECK_H

#include <stdbool.h>

#include "user/report/report.h"

enum check_when {
	CHECK_ALWAYS,  /* whatever ran, and with losses too: integers that sum exactly */
	CHECK_AT_REST, /* also what holds where nothing moves while it is read: all threads ended */
};

/* What is broken: "PATH WHAT" is a sentence. */
struct check_broken {
	char path[96]; /* of keys, as in the JSON */
	const char *what;
};

/* Whether REPORT satisfies all that must hold at WHEN; if not, *BROKEN is the first that it breaks. */
bool check_report(const struct report *report, enum check_when when, struct check_broken *broken);

#endif /* WHYLATE_ANALYSIS_CHECK_H */
