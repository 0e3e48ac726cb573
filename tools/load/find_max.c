// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/find_max.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/load/limits.h"
#include "tools/load/report_text_parts.h"
#include "tools/load/run.h"
#include "user/base/json_writer.h"
#include "user/base/units.h"

/* The closed loop that gives the first guess is no longer than this. */
#define FIRST_NS 2000000000ull

static void tell(const struct load_result *result, const struct load_objective *objective, double rate,
		 const char *why)
{
	struct load_quantile quantile = load_quantile_of(&result->books.from_due, objective->q);
	char rate_words[UNITS_TEXT_BYTES];

	fprintf(stderr, "load: %s a second: ", load_rate_text(rate_words, rate));
	load_text_quantile(stderr, &quantile);
	fprintf(stderr, ": %s%s\n", why ? "failed: " : "held", why ? why : "");
}

/* What all connections reach that ask without a pause: near enough to begin with. */
static int first_rate(struct load_found *found, struct load_result *result, double *rate, struct err *err)
{
	uint64_t duration_ns = found->plan.duration_ns;
	int ret;

	found->plan.mode = LOAD_CLOSED;
	if (duration_ns > FIRST_NS)
		found->plan.duration_ns = FIRST_NS;
	ret = load_run(&found->plan, NULL, result, err);
	found->plan.duration_ns = duration_ns;
	*rate = ret ? 0 : load_rate_of(result->books.measured.due, result->window_ns);
	return ret;
}

/* Refuse to search where none of many answers was one that counts, as no rate makes a path be there; there is
 * nothing to be shown then. */
static int check_answers(struct load_result *result, struct err *err)
{
	const struct load_outcomes *outcomes = &result->books.measured;
	uint64_t all = load_outcomes_answered(outcomes, 0, LOAD_STATUSES);
	unsigned most = 0;

	for (unsigned status = 0; status < LOAD_STATUSES; status++)
		most = outcomes->answered[status] > outcomes->answered[most] ? status : most;
	if (load_outcomes_good(outcomes) || all < 100)
		return 0;
	result->window_ns = 0;
	return err_set(err, EPROTO,
		       "cannot search: none of %" PRIu64 " answers was 2xx or 3xx, most were %u; ask for "
		       "what "
		       "%s answers",
		       all, most, result->plan->server.name);
}

static int run_at(struct load_found *found, double rate, struct load_result *result, struct err *err)
{
	struct load_plan *plan = &found->plan;

	found->segment = (struct load_segment){ rate, rate, plan->warmup_ns + plan->duration_ns };
	plan->mode = LOAD_RATE;
	plan->segments = &found->segment;
	plan->nr_segments = 1;
	return load_run(plan, NULL, result, err);
}

/* Until the search is over, or it cannot go on.  KEPT becomes the last run at what is the highest rate that
 * held, *KEPT_RATE; 0: none. */
static int search(struct load_found *found, struct load_result *result, struct load_result *kept,
		  double *kept_rate, struct err *err)
{
	struct search_answer answer;
	double rate;
	int ret = 0;

	while ((rate = search_next_rate(&found->search)) > 0) {
		enum search_verdict verdict;
		const char *why;

		ret = run_at(found, rate, result, err);
		if (ret || result->interrupted || result->no_connection)
			return ret;
		verdict = search_judge(result, &found->objective, &why);
		tell(result, &found->objective, rate, why);
		search_take(&found->search, rate, verdict);
		search_done(&found->search, &answer);
		if (verdict == SEARCH_HELD && answer.low.rate == rate) {
			*kept = *result;
			*kept_rate = rate;
		}
	}
	return 0;
}

static bool is_cut_short(const struct load_result *result)
{
	return result->interrupted || result->no_connection;
}

/* What is shown is a run that the answer counts: the last one was at another rate, mostly, or is not whole. */
static void show_kept(struct load_found *found, struct load_result *result, const struct load_result *kept,
		      double kept_rate)
{
	bool interrupted = result->interrupted;
	int no_connection = result->no_connection;

	*result = *kept;
	result->interrupted = interrupted;
	result->no_connection = no_connection;
	found->segment.from_rate = found->segment.to_rate = kept_rate;
}

/* Where runs that disagree have moved the answer to a rate that none is kept of, one more is run. */
static int show(struct load_found *found, struct load_result *result, const struct load_result *kept,
		double kept_rate, struct err *err)
{
	struct search_answer answer;
	int ret = 0;

	search_done(&found->search, &answer);
	if (answer.low.rate > 0 && answer.low.rate != kept_rate && !is_cut_short(result) &&
	    answer.low.rate != found->segment.from_rate)
		ret = run_at(found, answer.low.rate, result, err);
	if (!ret && kept_rate > 0 && answer.low.rate > 0 &&
	    (is_cut_short(result) || answer.low.rate != found->segment.from_rate))
		show_kept(found, result, kept, kept_rate);
	return ret;
}

/* The server was there, and is not any more: what is known so far is. */
static int check_connected(struct load_result *result, struct err *err)
{
	int no_connection = result->no_connection;

	result->no_connection = 0;
	return no_connection ? err_set(err, no_connection, "cannot connect to %s any more: %s",
				       result->plan->server.name, strerror(no_connection)) :
			       0;
}

int load_find_max(struct load_found *found, const struct load_plan *plan, struct load_result *result,
		  struct err *err)
{
	struct load_result *kept;
	double rate, kept_rate = 0;
	int ret;

	*found = (struct load_found){ .plan = *plan, .objective = plan->objective };
	ret = first_rate(found, result, &rate, err);
	if (ret || result->interrupted || result->no_connection)
		return ret;
	if (check_answers(result, err))
		return -err->code;
	kept = malloc(sizeof(*kept));
	if (!kept)
		return err_set(err, ENOMEM, "out of memory");
	search_begin(&found->search, rate >= 1 ? rate : 1, (double)LOAD_RATE_MOST * plan->threads);
	ret = search(found, result, kept, &kept_rate, err);
	if (!ret)
		ret = show(found, result, kept, kept_rate, err);
	if (!ret)
		ret = check_connected(result, err);
	free(kept);
	found->plan.mode = LOAD_FIND_MAX; /* as it was asked for, whichever of its runs is shown */
	result->found = found;
	return ret;
}

static void objective_text(char *buf, size_t size, const struct load_objective *objective)
{
	char ns[UNITS_TEXT_BYTES];

	snprintf(buf, size, "p%g of at most %s", objective->q * 100,
		 units_format_ns(ns, sizeof(ns), objective->limit_ns));
}

/*
 * By how much a rate may be above what the server can do for long, and hold: after a time T at 1 + x times
 * that its backlog takes x T / (1 + x), which is within the limit L up to x = L / (T - L).
 */
static double backlog_ratio(const struct load_found *found)
{
	double limit_ns = (double)found->objective.limit_ns,
	       run_ns = (double)(found->plan.warmup_ns + found->plan.duration_ns);

	return limit_ns < run_ns / 2 ? limit_ns / (run_ns - limit_ns) : 1;
}

bool load_found_is_client_bound(const struct load_found *found)
{
	struct search_answer answer;

	search_done(&found->search, &answer);
	return answer.client_bound;
}

void load_found_text(FILE *out, const struct load_found *found)
{
	struct search_answer answer;
	char objective[64], low[UNITS_TEXT_BYTES], high[UNITS_TEXT_BYTES];
	bool over = search_done(&found->search, &answer);

	objective_text(objective, sizeof(objective), &found->objective);
	load_rate_text(low, answer.low.rate);
	load_rate_text(high, answer.high.rate);
	if (answer.low.rate <= 0)
		fprintf(out, "No rate was found that holds a %s%s.\n", objective,
			over ? "" : " before it was ended");
	else
		fprintf(out, "A %s holds up to %s requests a second (%u of %u runs).\n", objective, low,
			answer.low.held, answer.low.held + answer.low.failed + answer.low.client_bound);
	if (answer.client_bound)
		fprintf(out, "At %s the generator was late: what the server can do is not known above.\n",
			high);
	else if (answer.high.rate > 0)
		fprintf(out, "At %s it did not (%u of %u runs).\n", high, answer.high.failed,
			answer.high.held + answer.high.failed + answer.high.client_bound);
	if (answer.low.rate > 0 && backlog_ratio(found) > SEARCH_RATIO - 1)
		fprintf(out,
			"In runs this short up to %.0f %% more than the server can do for long holds too: "
			"its backlog stays\n"
			"within the limit. Longer ones (-d) tell.\n",
			backlog_ratio(found) * 100);
	if (answer.low.rate > 0 && !answer.is_narrow)
		fprintf(out, "Between them runs disagreed, or there were too few: take it as a range.\n");
	fputc('\n', out);
}

static void set_try(json_t *object, const char *key, const struct search_try *try)
{
	json_t *one;

	if (try->rate <= 0) {
		writer_set(object, key, json_null());
		return;
	}
	one = json_object();
	writer_ratio(one, "rate", try->rate);
	writer_u64(one, "held", try->held);
	writer_u64(one, "failed", try->failed);
	writer_u64(one, "client_bound", try->client_bound);
	writer_set(object, key, one);
}

json_t *load_found_json(const struct load_found *found)
{
	json_t *object = json_object();
	struct search_answer answer;
	bool over = search_done(&found->search, &answer);

	set_try(object, "low", &answer.low);
	set_try(object, "high", &answer.high);
	writer_set(object, "is_client_bound", json_boolean(answer.client_bound));
	writer_set(object, "is_narrow", json_boolean(answer.is_narrow));
	writer_set(object, "is_over", json_boolean(over));
	writer_ratio(object, "backlog_ratio", backlog_ratio(found));
	writer_u64(object, "runs", found->search.nr_runs);
	return object;
}
