// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/search.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LEAST_RATE 1.0 /* a second; below it a search would take for ever */

/* What the tries say together; NULL: there is none such. */
struct bracket {
	const struct search_try *low, *high; /* as in struct search_answer */
	double lowest, highest;		     /* of all tries */
	double fail_min, hold_max; /* of those of which most runs failed, and held, or as many; 0: none */
};

static uint32_t failures(const struct search_try *t)
{
	return t->failed + t->client_bound;
}

static uint32_t runs(const struct search_try *t)
{
	return t->held + failures(t);
}

static struct bracket bracket_of(const struct search *search)
{
	const struct search_try *tries = search->tries, *end = tries + search->nr_tries;
	struct bracket b = {};

	for (const struct search_try *t = tries; t < end; t++) {
		b.lowest = !b.lowest || t->rate < b.lowest ? t->rate : b.lowest;
		b.highest = t->rate > b.highest ? t->rate : b.highest;
		if (failures(t) >= t->held && (!b.fail_min || t->rate < b.fail_min))
			b.fail_min = t->rate;
		if (t->held >= failures(t) && t->rate > b.hold_max)
			b.hold_max = t->rate;
	}
	for (const struct search_try *t = tries; t < end; t++) {
		if (t->held > failures(t) && (!b.fail_min || t->rate < b.fail_min) &&
		    (!b.low || t->rate > b.low->rate))
			b.low = t;
		if (failures(t) > t->held && t->rate > b.hold_max && (!b.high || t->rate < b.high->rate))
			b.high = t;
	}
	return b;
}

static const struct search_try *try_of(const struct search *search, double rate)
{
	const struct search_try *t = search->tries;

	while (t->rate != rate)
		t++;
	return t;
}

/* Of the two rates that contradict each other the one with fewer runs; 0: there are none, or both had enough.
 */
static double contradicted(const struct search *search, const struct bracket *b)
{
	const struct search_try *failing, *holding, *next;

	if (!b->fail_min || b->hold_max < b->fail_min)
		return 0;
	failing = try_of(search, b->fail_min);
	holding = try_of(search, b->hold_max);
	next = runs(holding) < runs(failing) ? holding : failing;
	return runs(next) < SEARCH_AGAIN ? next->rate : 0;
}

/* To four digits: nobody can tell more, and it reads better. */
static double rounded(const struct search *search, double rate)
{
	char text[32];

	snprintf(text, sizeof(text), "%.3e", rate);
	rate = strtod(text, NULL);
	return rate > search->most_rate ? search->most_rate : rate;
}

void search_begin(struct search *search, double first_rate, double most_rate)
{
	*search = (struct search){ .most_rate = most_rate };
	search->first_rate = rounded(search, first_rate > LEAST_RATE ? first_rate : LEAST_RATE);
}

/* The whole bracket is there: narrow it, on either side of where runs contradict each other, and confirm it. */
static double next_within(const struct search *search, const struct bracket *b)
{
	if (b->fail_min > SEARCH_RATIO * b->low->rate)
		return rounded(search, sqrt(b->low->rate * b->fail_min));
	if (b->high->rate > SEARCH_RATIO * b->hold_max)
		return rounded(search, sqrt(b->hold_max * b->high->rate));
	if (runs(b->low) < 2)
		return b->low->rate;
	return runs(b->high) < 2 ? b->high->rate : 0;
}

/* From a guess that was far off, all tries being on one side of what is looked for, it goes in strides; not
 * from where runs contradict each other. */
static double stride(const struct search *search, bool contradicted)
{
	if (contradicted || search->nr_tries <= 2)
		return 2;
	return search->nr_tries <= 4 ? 4 : 16;
}

double search_next_rate(const struct search *search)
{
	struct bracket b = bracket_of(search);
	double again = contradicted(search, &b);

	if (search->nr_runs >= SEARCH_RUNS)
		return 0;
	if (!search->nr_runs)
		return search->first_rate;
	if (again)
		return again;
	if (!b.low)
		return b.lowest > LEAST_RATE ?
			       rounded(search, fmax(b.lowest / stride(search, b.hold_max > 0), LEAST_RATE)) :
			       0;
	if (b.high)
		return next_within(search, &b);
	if (b.highest < search->most_rate)
		return rounded(search, b.highest * stride(search, b.fail_min > 0));
	return runs(b.low) < 2 ? b.low->rate : 0;
}

void search_take(struct search *search, double rate, enum search_verdict verdict)
{
	struct search_try *t = search->tries;

	if (search->nr_runs >= SEARCH_RUNS)
		return;
	while (t < search->tries + search->nr_tries && t->rate != rate)
		t++;
	if (t == search->tries + search->nr_tries) {
		*t = (struct search_try){ .rate = rate };
		search->nr_tries++;
	}
	search->nr_runs++;
	t->held += verdict == SEARCH_HELD;
	t->failed += verdict == SEARCH_FAILED;
	t->client_bound += verdict == SEARCH_CLIENT_BOUND;
}

bool search_done(const struct search *search, struct search_answer *answer)
{
	struct bracket b = bracket_of(search);

	*answer = (struct search_answer){};
	if (b.low)
		answer->low = *b.low;
	if (b.high)
		answer->high = *b.high;
	answer->client_bound = answer->high.client_bound > answer->high.failed;
	answer->is_narrow = b.low && b.high && b.high->rate <= SEARCH_RATIO * b.low->rate &&
			    runs(b.low) > 1 && runs(b.high) > 1;
	return !search_next_rate(search);
}
