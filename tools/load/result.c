// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/result.h"

#include <stddef.h>

#include "tools/load/order.h"
#include "user/base/rank.h"

#define BUSY_RATIO	0.9 /* a thread that is busier has no time to spare for what comes at random */
#define LAG_LIMIT_NS	50000u
#define LAG_LIMIT_PARTS 20u /* 5 % */

const double load_quantiles[LOAD_QUANTILES] = { 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1 };

const char *load_class_name(uint32_t class)
{
	static const char *const names[LOAD_CLASSES] = { "other", "1xx", "2xx", "3xx", "4xx", "5xx" };

	return names[class];
}

/* Values of which some are only known not to be less. */
struct values {
	const struct hdr *known, *at_least; /* AT_LEAST may be NULL */
	uint64_t nr;
};

static struct values values_of(const struct hdr *known, const struct hdr *at_least)
{
	return (struct values){ known, at_least, hdr_count(known) + (at_least ? hdr_count(at_least) : 0) };
}

/* The RANK-th, with those that may be longer where they are: the longest of all is known exactly. */
static uint64_t ns_at(const struct values *values, uint64_t rank)
{
	uint64_t max_ns = values->known->max_ns;

	if (values->at_least && values->at_least->max_ns > max_ns)
		max_ns = values->at_least->max_ns;
	if (rank >= values->nr)
		return max_ns;
	return hdr_midpoint_ns(hdr_bucket_at_rank(values->known, values->at_least, rank), max_ns);
}

/* And with those beyond all others. */
static uint64_t most_ns_at(const struct values *values, uint64_t rank)
{
	struct values known = values_of(values->known, NULL);

	return rank > known.nr ? UINT64_MAX : ns_at(&known, rank);
}

/* Also where there are not as many that are known. */
static bool may_be_more(const struct values *values, uint64_t rank)
{
	return hdr_bucket_at_rank(values->known, values->at_least, rank) !=
	       hdr_bucket_at_rank(values->known, NULL, rank);
}

static void set_interval(const struct values *values, struct load_quantile *out)
{
	struct order_interval ranks = order_interval(values->nr, out->q);

	out->has_interval = true;
	out->low_ns = ranks.low ? ns_at(values, ranks.low) : 0;
	out->high_ns = most_ns_at(values, ranks.high);
}

struct load_quantile load_quantile_of_both(const struct hdr *known, const struct hdr *at_least, double q)
{
	struct values values = values_of(known, at_least);
	uint64_t rank = rank_of(values.nr, q);
	struct load_quantile out = { .q = q };

	if (!values.nr)
		return out;
	out.ns = ns_at(&values, rank);
	out.at_least = may_be_more(&values, rank);
	if (values.nr - rank < ORDER_ENOUGH)
		set_interval(&values, &out);
	return out;
}

struct load_quantile load_quantile_of(const struct load_censored *latency, double q)
{
	return load_quantile_of_both(&latency->known, &latency->at_least, q);
}

const struct load_censored *load_result_latency(const struct load_result *result)
{
	return result->plan->mode == LOAD_CLOSED ? &result->books.from_send : &result->books.from_due;
}

bool load_quantile_has_lag(const struct load_quantile *quantile)
{
	return quantile->ns > quantile->without_lag_ns &&
	       quantile->ns - quantile->without_lag_ns > load_lag_limit_ns(quantile->ns);
}

/* Where lag cannot be told from what the few values beyond are by chance, it widens the interval instead. */
static void set_lag(const struct values *without_lag, struct load_quantile *out)
{
	out->without_lag_ns = ns_at(without_lag, rank_of(without_lag->nr, out->q));
	if (!out->has_interval)
		out->lag_matters = load_quantile_has_lag(out);
	else if (out->without_lag_ns < out->low_ns)
		out->low_ns = out->without_lag_ns;
}

void load_result_quantiles(const struct load_result *result, struct load_quantile out[LOAD_QUANTILES])
{
	const struct load_censored *latency = load_result_latency(result);
	struct values without_lag = values_of(&result->books.without_lag, NULL);

	for (int i = 0; i < LOAD_QUANTILES; i++) {
		out[i] = load_quantile_of(latency, load_quantiles[i]);
		if (without_lag.nr)
			set_lag(&without_lag, &out[i]);
	}
}

bool load_result_lag_matters(const struct load_quantile quantiles[LOAD_QUANTILES])
{
	bool matters = false;

	for (int i = 0; i < LOAD_QUANTILES; i++)
		matters |= quantiles[i].lag_matters;
	return matters;
}

bool load_result_is_saturated(const struct load_result *result)
{
	bool waited = result->books.measured.never_sent[UNSENT_BUSY];

	if (result->plan->mode == LOAD_CLOSED || result->busy_ratio < BUSY_RATIO)
		return false;
	for (int i = 0; i < LOAD_QUANTILES; i++) {
		struct load_quantile wait =
			load_quantile_of_both(&result->books.wait_connection, NULL, load_quantiles[i]);
		struct load_quantile all = load_quantile_of(&result->books.from_due, load_quantiles[i]);

		waited |= !wait.has_interval && wait.ns > load_lag_limit_ns(all.ns);
	}
	return waited;
}

bool load_result_is_late(const struct load_result *result,
			 const struct load_quantile quantiles[LOAD_QUANTILES])
{
	return load_result_lag_matters(quantiles) || load_result_is_saturated(result);
}

uint64_t load_lag_limit_ns(uint64_t ns)
{
	return ns / LAG_LIMIT_PARTS > LAG_LIMIT_NS ? ns / LAG_LIMIT_PARTS : LAG_LIMIT_NS;
}
