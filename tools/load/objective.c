// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a search looks for: from words, and whether a run had it. */
#include <errno.h>
#include <string.h>

#include "tools/load/search.h"
#include "user/base/units.h"

/*
 * A backlog at the end of a run takes its time to be worked off.  The slowest of the last answers may take
 * longer than the limit, which is one for a quantile; but that ten times the limit is needed is no matter of
 * a few.
 */
#define BACKLOG_LIMITS 10u

int load_objective_parse(struct load_objective *objective, const char *text, struct err *err)
{
	/* Those of load_quantiles. */
	static const struct {
		const char *name;
		double q;
	} known[] = {
		{ "p50", 0.5 },	 { "p75", 0.75 },    { "p90", 0.9 },	   { "p95", 0.95 },
		{ "p99", 0.99 }, { "p99.9", 0.999 }, { "p99.99", 0.9999 }, { "max", 1 },
	};
	size_t length = strcspn(text, "=");

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strlen(known[i].name) != length || strncmp(text, known[i].name, length) || !text[length])
			continue;
		objective->q = known[i].q;
		if (!units_parse_duration(text + length + 1, &objective->limit_ns) && objective->limit_ns)
			return 0;
		return err_set(err, EINVAL,
			       "--slo takes a time with its unit, more than 0, as in p99=10ms, not '%s'",
			       text);
	}
	return err_set(err, EINVAL,
		       "--slo takes p50, p75, p90, p95, p99, p99.9, p99.99 or max, as in p99=10ms, not '%s'",
		       text);
}

static struct load_quantile quantile_of(const struct load_result *result, double q)
{
	struct load_quantile all[LOAD_QUANTILES];
	unsigned i = 0;

	load_result_quantiles(result, all);
	while (i < LOAD_QUANTILES - 1 && all[i].q != q)
		i++;
	return all[i];
}

static uint64_t sum(const uint64_t *counts, uint32_t from, uint32_t to)
{
	uint64_t all = 0;

	for (uint32_t i = from; i < to; i++)
		all += counts[i];
	return all;
}

static bool backlog_grew(const struct load_result *result, uint64_t limit_ns)
{
	uint64_t late_ns;

	if (sum(result->books.measured.never_sent, 0, LOAD_UNSENT))
		return true;
	late_ns = result->settled_ns > result->last_due_ns ? result->settled_ns - result->last_due_ns : 0;
	return late_ns / BACKLOG_LIMITS > limit_ns;
}

enum search_verdict search_judge(const struct load_result *result, const struct load_objective *objective)
{
	const struct load_outcomes *outcomes = &result->books.measured;
	struct load_quantile quantile = quantile_of(result, objective->q);
	uint64_t good = sum(outcomes->answered, 200, 400);
	uint64_t bad =
		sum(outcomes->answered, 0, LOAD_STATUSES) - good + sum(outcomes->failed, 0, LOAD_FAILURES);

	/* Whatever the generator did, the server did that. */
	if (!outcomes->due || bad > outcomes->due / 100)
		return SEARCH_FAILED;
	/* Lag only adds to latency, so what holds with it holds without it. */
	if (!quantile.at_least && quantile.ns <= objective->limit_ns &&
	    good >= outcomes->due - outcomes->due / 100 && !backlog_grew(result, objective->limit_ns))
		return SEARCH_HELD;
	if (quantile.lag_matters && quantile.without_lag_ns <= objective->limit_ns)
		return SEARCH_CLIENT_BOUND;
	return SEARCH_FAILED;
}

bool search_holds(const struct load_result *result, const struct load_objective *objective)
{
	return search_judge(result, objective) == SEARCH_HELD;
}
