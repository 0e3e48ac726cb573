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

static bool backlog_grew(const struct load_result *result, uint64_t limit_ns)
{
	/* Threads go on until then, though the last request may have been due long before. */
	uint64_t end_ns = result->plan->warmup_ns + result->plan->duration_ns;

	if (load_outcomes_unsent(&result->books.measured))
		return true;
	return result->settled_ns > end_ns && (result->settled_ns - end_ns) / BACKLOG_LIMITS > limit_ns;
}

/* NULL if the run held, with the generator's lag; else what was wrong, the gravest first. */
static const char *what_failed(const struct load_result *result, const struct load_objective *objective,
			       const struct load_quantile *quantile)
{
	const struct load_outcomes *outcomes = &result->books.measured;
	uint64_t good = load_outcomes_good(outcomes);

	if (!outcomes->due)
		return "nothing was due";
	if (good < outcomes->due - outcomes->due / 100)
		return "more than 1 % were not answered with 2xx or 3xx";
	if (quantile->at_least || quantile->ns > objective->limit_ns)
		return "above the limit";
	return backlog_grew(result, objective->limit_ns) ? "a backlog grew" : NULL;
}

enum search_verdict search_judge(const struct load_result *result, const struct load_objective *objective,
				 const char **why)
{
	const struct load_outcomes *outcomes = &result->books.measured;
	struct load_quantile quantile = quantile_of(result, objective->q);
	uint64_t bad = load_outcomes_failed(outcomes) + load_outcomes_answered(outcomes, 0, LOAD_STATUSES) -
		       load_outcomes_good(outcomes);

	*why = what_failed(result, objective, &quantile);
	/* Lag only adds to latency, so what holds with it holds without it. */
	if (!*why)
		return SEARCH_HELD;
	/* Whatever the generator did, answers that are no good were the server's doing. */
	if (bad <= outcomes->due / 100 &&
	    (load_result_is_saturated(result) ||
	     (load_quantile_has_lag(&quantile) && quantile.without_lag_ns <= objective->limit_ns))) {
		*why = "the generator was late";
		return SEARCH_CLIENT_BOUND;
	}
	return SEARCH_FAILED;
}
