/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The search for the highest rate that holds an objective: which rate to run next, as a pure function of how
 * the runs before it ended.  It brackets by doubling and halving, soon in longer strides, bisects until the
 * bracket's ends are 5 % apart, and runs both ends once more.
 *
 * Runs may contradict each other, as a machine has better and worse seconds.  The lowest rate that failed and
 * the highest that held are run again then, up to SEARCH_AGAIN times each, and what most of its runs say is
 * what counts of a rate.  The lower end is the highest rate that held and below which none failed, the upper
 * one the lowest that failed and above which none held: where rates still disagree, the bracket stays as wide.
 *
 * A rate at which the generator was late is an upper end too, and the answer says what it is: below it the
 * search goes on.
 */
#ifndef WHYLATE_LOAD_SEARCH_H
#define WHYLATE_LOAD_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/load/plan.h"
#include "tools/load/result.h"
#include "user/base/err.h"

enum search_verdict {
	SEARCH_HELD,
	SEARCH_FAILED,
	SEARCH_CLIENT_BOUND, /* it failed by the generator's own lag: what the server would have done is not
				known */
};

#define SEARCH_RUNS  20u
#define SEARCH_AGAIN 3u /* runs of a rate that contradicts others: odd, so that most of them say one thing */
#define SEARCH_RATIO 1.05 /* of the bracket's ends, at which it is narrow enough */

/* One rate, and how its runs ended. */
struct search_try {
	double rate;
	uint32_t held, failed, client_bound;
};

struct search {
	double first_rate, most_rate;
	struct search_try tries[SEARCH_RUNS];
	uint32_t nr_tries, nr_runs;
};

/* What was found.  Zero rates: none was. */
struct search_answer {
	struct search_try low;	/* the highest that held */
	struct search_try high; /* the lowest that did not */
	bool client_bound; /* at high it was the generator that could not, in most runs that did not hold */
	bool is_narrow;	   /* high is at most SEARCH_RATIO times low, and both were confirmed */
};

/*
 * FIRST_RATE, above 0, is a guess: what a closed loop reached.  None above MOST_RATE is tried: what the
 * threads can time.
 */
void search_begin(struct search *search, double first_rate, double most_rate);

/* The rate to run next, to four digits; 0: the search is over. */
double search_next_rate(const struct search *search);

/* The run at RATE, which search_next_rate() gave, ended so. */
void search_take(struct search *search, double rate, enum search_verdict verdict);

/* Whether the search is over; what is known so far, in any case. */
bool search_done(const struct search *search, struct search_answer *answer);

/*
 * A rate held if the quantile of from_due is within the limit (not "at least"), 99 % of what was due was
 * answered by 2xx or 3xx, and no backlog grew: no request was never sent, and the last outcome was known at
 * most ten times the limit after the timetable's end (stragglers exceed it once).  If that is not so, but
 * might be without the generator's lag, it is client-bound.  *WHY it did not hold, in a few words; NULL: it
 * did.
 */
enum search_verdict search_judge(const struct load_result *result, const struct load_objective *objective,
				 const char **why);

/* "p99=10ms", or max=: one of the quantiles that are reported, and a time.  Returns 0 or -EINVAL with a
 * sentence. */
int load_objective_parse(struct load_objective *objective, const char *text, struct err *err);

#endif /* WHYLATE_LOAD_SEARCH_H */
