// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The search against servers that are formulas, with and without noise, and its verdicts on made-up runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tools/load/search.h"

#define BAD	      "more than 1 % were not answered with 2xx or 3xx"
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* A server whose quantile is Q_NS at the rate, off by up to NOISE to either side. */
struct server {
	double capacity; /* requests a second */
	double noise;
	uint64_t random;
	double client_most; /* above it the generator lags; 0: never */
	double stall_ratio; /* of all runs, which fail at any rate */
};

static double uniform(struct server *server)
{
	server->random = server->random * 6364136223846793005ull + 1442695040888963407ull;
	return (double)(server->random >> 11) * 0x1p-53;
}

/* M/M/1: the time in the system is exponential with rate capacity - rate, so its p99 is ln 100 over that. */
static double p99_s(const struct server *server, double rate)
{
	return rate < server->capacity ? log(100) / (server->capacity - rate) : INFINITY;
}

/* Above that rate p99 is more than LIMIT_S. */
static double truth(const struct server *server, double limit_s)
{
	return server->capacity - log(100) / limit_s;
}

static enum search_verdict run(struct server *server, double rate, double limit_s)
{
	double seen_s = p99_s(server, rate) * (1 + server->noise * (2 * uniform(server) - 1));

	if (server->client_most && rate > server->client_most)
		return SEARCH_CLIENT_BOUND;
	if (server->stall_ratio && uniform(server) < server->stall_ratio)
		return SEARCH_FAILED;
	return seen_s <= limit_s ? SEARCH_HELD : SEARCH_FAILED;
}

static struct search_answer search_for(struct search *search, struct server *server, double first,
				       double most, double limit_s)
{
	struct search_answer answer;
	double rate;

	search_begin(search, first, most);
	while ((rate = search_next_rate(search))) {
		assert_false(search_done(search, &answer));
		assert_true(rate > 0 && rate <= most);
		search_take(search, rate, run(server, rate, limit_s));
		assert_in_range(search->nr_runs, 1, SEARCH_RUNS);
	}
	assert_true(search_done(search, &answer));
	return answer;
}

static void a_still_server_is_bracketed(void **state)
{
	static const double firsts[] = { 1, 100, 4321, 9000, 9539, 9540, 20000, 1000000 };
	struct server server = { .capacity = 10000 };

	(void)state;
	for (size_t i = 0; i < LENGTH(firsts); i++) {
		struct search search;
		struct search_answer answer = search_for(&search, &server, firsts[i], 1e6, 0.01);

		/* 9,539.48 a second. */
		assert_true(answer.low.rate <= truth(&server, 0.01) &&
			    answer.high.rate > truth(&server, 0.01));
		assert_true(answer.is_narrow && !answer.client_bound);
		assert_true(answer.high.rate <= SEARCH_RATIO * answer.low.rate);
		assert_int_equal(answer.low.held, 2);
		assert_int_equal(answer.high.failed, 2);
	}
}

static void few_runs_are_enough_from_a_good_guess(void **state)
{
	struct server server = { .capacity = 10000 };
	struct search search;

	(void)state;
	search_for(&search, &server, 10000, 1e6, 0.01);
	/* Two for the bracket, from a factor of 2 to 1.05 in four, two to confirm. */
	assert_int_equal(search.nr_runs, 8);
}

static uint32_t failures(const struct search_try *t)
{
	return t->failed + t->client_bound;
}

/* What most runs of each rate say does not contradict ANSWER. */
static void expect_by_most(const struct search *search, const struct search_answer *answer)
{
	assert_true(!answer->low.rate || answer->low.held > failures(&answer->low));
	assert_true(!answer->high.rate || failures(&answer->high) > answer->high.held);
	for (uint32_t i = 0; i < search->nr_tries; i++) {
		const struct search_try *t = &search->tries[i];

		assert_true(failures(t) < t->held || t->rate > answer->low.rate);
		assert_true(!answer->high.rate || t->held < failures(t) || t->rate < answer->high.rate);
	}
}

/* Whatever the noise, what is said is what most runs said, and the bracket is where noise decides: below that
 * band every run holds, above it none. */
static void noise_moves_the_bracket_no_further_than_it_reaches(void **state)
{
	enum { SEEDS = 400 };
	const double limit_s = 0.005, noise = 0.5;
	struct server server = { .capacity = 10000, .noise = noise };
	const double least = truth(&server, limit_s / (1 + noise)),
		     most = truth(&server, limit_s / (1 - noise));
	unsigned narrow = 0, contradicted = 0;

	(void)state;
	for (server.random = 1; server.random <= SEEDS; server.random++) {
		struct server one = server;
		struct search search;
		struct search_answer answer = search_for(&search, &one, 9000, 1e6, limit_s);

		expect_by_most(&search, &answer);
		assert_true(answer.low.rate <= most && answer.high.rate > least);
		for (uint32_t i = 0; i < search.nr_tries; i++)
			contradicted += search.tries[i].held && search.tries[i].failed;
		narrow += answer.is_narrow;
		assert_true(!answer.is_narrow || answer.high.rate <= SEARCH_RATIO * answer.low.rate);
	}
	assert_true(contradicted > SEEDS / 20); /* there was noise */
	assert_true(narrow > SEEDS * 9 / 10);
}

/* One run in ten fails, whatever its rate, as where the machine stands still for a moment. */
static void stalls_do_not_lower_the_rate(void **state)
{
	enum { SEEDS = 400 };
	unsigned narrow = 0, near = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct server server = { .capacity = 10000, .random = seed, .stall_ratio = 0.1 };
		struct search search;
		struct search_answer answer = search_for(&search, &server, 9000, 1e6, 0.01);

		expect_by_most(&search, &answer);
		narrow += answer.is_narrow;
		near += answer.is_narrow && answer.low.rate <= truth(&server, 0.01) &&
			answer.low.rate * SEARCH_RATIO * SEARCH_RATIO > truth(&server, 0.01);
	}
	assert_true(narrow > SEEDS * 9 / 10 && near > SEEDS * 9 / 10);
}

static void a_contradiction_is_run_again(void **state)
{
	struct search search;
	struct search_answer answer;

	(void)state;
	search_begin(&search, 1000, 1e6);
	search_take(&search, 1000, SEARCH_HELD);
	search_take(&search, 1040, SEARCH_FAILED);
	assert_true(search_next_rate(&search) == 1000);
	search_take(&search, 1000, SEARCH_FAILED);
	assert_false(search_done(&search, &answer));
	assert_true(answer.low.rate == 0 && answer.high.rate == 1040);
	assert_true(search_next_rate(&search) == 1000);
	search_take(&search, 1000, SEARCH_HELD);
	assert_true(search_next_rate(&search) == 1040);
	search_take(&search, 1040, SEARCH_FAILED);
	assert_true(search_done(&search, &answer));
	assert_true(answer.low.rate == 1000 && answer.low.held == 2 && answer.low.failed == 1);
	assert_true(answer.high.rate == 1040 && answer.is_narrow);
}

/* The lowest that failed and the highest that held are run in turn, three times each, and then it goes on. */
static void what_stays_contradicted_is_kept(void **state)
{
	static const double again[] = { 1000, 1200, 1000, 1200 };
	struct search search;
	struct search_answer answer;

	(void)state;
	search_begin(&search, 1000, 1e6);
	search_take(&search, 1000, SEARCH_FAILED);
	search_take(&search, 1200, SEARCH_HELD);
	search_take(&search, 1600, SEARCH_FAILED);
	for (size_t i = 0; i < LENGTH(again); i++) {
		assert_true(search_next_rate(&search) == again[i]);
		search_take(&search, again[i], again[i] == 1000 ? SEARCH_FAILED : SEARCH_HELD);
	}
	assert_true(search_next_rate(&search) == 500);
	search_take(&search, 500, SEARCH_HELD);
	search_done(&search, &answer);
	assert_true(answer.low.rate == 500 && answer.high.rate == 1600 && !answer.is_narrow);
}

static void the_number_of_runs_is_bounded(void **state)
{
	struct search search;
	struct search_answer answer;
	double rate;

	(void)state;
	search_begin(&search, 1000, 1e9);
	for (unsigned i = 0; (rate = search_next_rate(&search)); i++) /* a coin */
		search_take(&search, rate, i * 7 % 5 % 2 ? SEARCH_HELD : SEARCH_FAILED);
	assert_true(search.nr_runs <= SEARCH_RUNS);
	assert_true(search_done(&search, &answer));
	search_take(&search, 5, SEARCH_HELD); /* one too many is not kept */
	assert_true(search.nr_runs <= SEARCH_RUNS);
}

static void nothing_may_hold_and_everything(void **state)
{
	struct server server = { .capacity = 10000 };
	struct search search;
	struct search_answer answer = search_for(&search, &server, 5000, 1e6, 0.0001);

	(void)state;
	assert_true(answer.low.rate == 0 && answer.high.rate == 1);
	assert_false(answer.is_narrow);
	answer = search_for(&search, &server, 1000, 5000, 0.01);
	assert_true(answer.low.rate == 5000 && answer.low.held == 2 && answer.high.rate == 0);
	answer = search_for(&search, &server, 1e9, 5000, 0.01);
	assert_true(answer.low.rate == 5000);
}

static void the_generator_may_be_the_limit(void **state)
{
	struct server server = { .capacity = 10000, .client_most = 3000 };
	struct search search;
	struct search_answer answer = search_for(&search, &server, 9000, 1e6, 0.01);

	(void)state;
	assert_true(answer.low.rate <= 3000 && answer.high.rate > 3000 && answer.is_narrow);
	assert_true(answer.client_bound && answer.high.client_bound && !answer.high.failed);
	assert_false(answer.low.client_bound);
}

/* That one of several runs was late is not what most of them say. */
static void most_runs_say_whose_limit_it_is(void **state)
{
	struct search search;
	struct search_answer answer;

	(void)state;
	search_begin(&search, 1000, 1e6);
	search_take(&search, 1000, SEARCH_HELD);
	search_take(&search, 1040, SEARCH_CLIENT_BOUND);
	search_done(&search, &answer);
	assert_true(answer.high.rate == 1040 && answer.client_bound);
	search_take(&search, 1040, SEARCH_FAILED);
	search_done(&search, &answer);
	assert_false(answer.client_bound);
	search_take(&search, 1040, SEARCH_CLIENT_BOUND);
	search_done(&search, &answer);
	assert_true(answer.client_bound);
}

static struct load_objective objective;

static void objectives_are_words(void **state)
{
	static const struct {
		const char *text;
		double q;
		uint64_t limit_ns;
	} cases[] = { { "p50=1s", 0.5, 1000000000 },
		      { "p75=1ms", 0.75, 1000000 },
		      { "p90=1us", 0.9, 1000 },
		      { "p95=2ms", 0.95, 2000000 },
		      { "p99=10ms", 0.99, 10000000 },
		      { "p99.9=1.5ms", 0.999, 1500000 },
		      { "p99.99=1m", 0.9999, 60000000000 },
		      { "max=1h", 1, 3600000000000 } };

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct err err = {};
		bool reported = false;

		assert_int_equal(load_objective_parse(&objective, cases[i].text, &err), 0);
		assert_true(objective.q == cases[i].q);
		assert_int_equal(objective.limit_ns, cases[i].limit_ns);
		for (unsigned q = 0; q < LOAD_QUANTILES; q++)
			reported |= load_quantiles[q] == objective.q;
		assert_true(reported);
	}
}

static struct load_result *result;
static struct load_plan plan = { .mode = LOAD_RATE, .warmup_ns = 2000000000, .duration_ns = 8000000000 };

static void record(struct hdr *hdr, uint64_t ns, uint64_t nr)
{
	hdr->buckets[hdr_bucket(ns)] += nr;
	hdr->total_ns += ns * nr;
	hdr->max_ns = ns > hdr->max_ns ? ns : hdr->max_ns;
}

/* NR requests answered with 200 in NS, LAG_NS of that the generator's. */
static void answered(uint64_t ns, uint64_t nr, uint64_t lag_ns)
{
	result->books.measured.due += nr;
	result->books.measured.answered[200] += nr;
	record(&result->books.from_due.known, ns, nr);
	record(&result->books.from_send.known, ns - lag_ns, nr);
	record(&result->books.without_lag, ns - lag_ns, nr);
}

static int begin_result(void **state)
{
	(void)state;
	result = calloc(1, sizeof(*result));
	result->plan = &plan;
	objective = (struct load_objective){ 0.99, 10000000 };
	result->last_due_ns = 9000000000;
	result->settled_ns = 10001000000;
	return result ? 0 : -1;
}

static int end_result(void **state)
{
	(void)state;
	free(result);
	return 0;
}

/* WHY is how the reason begins; NULL: it held. */
static void judged(enum search_verdict want, const char *why)
{
	const char *reason = "";

	assert_int_equal(search_judge(result, &objective, &reason), want);
	if (why)
		assert_string_equal(reason, why);
	else
		assert_null(reason);
}

static void what_is_within_the_limit_held(void **state)
{
	(void)state;
	judged(SEARCH_FAILED, "nothing was due");
	answered(1000000, 99500, 0);
	answered(50000000, 500, 0);
	judged(SEARCH_HELD, NULL);
	result->settled_ns = 10060000000; /* a straggler */
	judged(SEARCH_HELD, NULL);
	answered(50000000, 1000, 0);
	judged(SEARCH_FAILED, "above the limit");
}

static void refusals_do_not_hold(void **state)
{
	(void)state;
	answered(1000000, 98900, 0);
	result->books.measured.due += 1100;
	result->books.measured.answered[503] = 1100;
	record(&result->books.from_due.known, 1000, 1100);
	judged(SEARCH_FAILED, BAD);
	result->books.measured.answered[503] = 0;
	result->books.measured.answered[302] = 1100;
	judged(SEARCH_HELD, NULL);
	result->books.measured.answered[302] = 0;
	result->books.measured.failed[FAILED_RESET] = 1100;
	judged(SEARCH_FAILED, BAD);
}

static void a_quantile_that_is_only_a_bound_does_not_hold(void **state)
{
	(void)state;
	answered(1000000, 98900, 0);
	result->books.measured.due += 1100;
	result->books.measured.unanswered = 1100;
	record(&result->books.from_due.at_least, 1000, 1100);
	judged(SEARCH_FAILED, BAD);
	/* Half of a percent is not known: what p99 cannot be, p99.9 may be. */
	memset(&result->books, 0, sizeof(result->books));
	answered(1000000, 99500, 0);
	result->books.measured.due += 500;
	result->books.measured.unanswered = 500;
	record(&result->books.from_due.at_least, 1000, 500);
	judged(SEARCH_HELD, NULL);
	objective.q = 0.999;
	judged(SEARCH_FAILED, "above the limit");
}

static void a_backlog_does_not_hold(void **state)
{
	(void)state;
	answered(1000000, 100000, 0);
	judged(SEARCH_HELD, NULL);
	result->settled_ns = 10110000001;
	judged(SEARCH_FAILED, "a backlog grew");
	result->settled_ns = 10000000000;
	judged(SEARCH_HELD, NULL);
	result->books.measured.due++;
	result->books.measured.never_sent[UNSENT_BUSY] = 1;
	record(&result->books.from_due.at_least, 1000, 1);
	judged(SEARCH_FAILED, "a backlog grew");
}

static void lag_excuses_what_it_alone_did(void **state)
{
	(void)state;
	answered(20000000, 100000, 15000000);
	judged(SEARCH_CLIENT_BOUND, "the generator was late");
	/* And where few values tell. */
	memset(&result->books, 0, sizeof(result->books));
	answered(1000000, 985, 0);
	answered(20000000, 15, 15000000);
	judged(SEARCH_CLIENT_BOUND, "the generator was late");
	/* Late, and slow as well. */
	memset(&result->books, 0, sizeof(result->books));
	answered(40000000, 100000, 15000000);
	judged(SEARCH_FAILED, "above the limit");
	/* Late, and yet in time. */
	memset(&result->books, 0, sizeof(result->books));
	answered(9000000, 100000, 8000000);
	judged(SEARCH_HELD, NULL);
	/* A server that refuses does so whoever is late. */
	memset(&result->books, 0, sizeof(result->books));
	answered(20000000, 90000, 15000000);
	result->books.measured.due += 10000;
	result->books.measured.answered[500] = 10000;
	record(&result->books.from_due.known, 20000000, 10000);
	record(&result->books.without_lag, 5000000, 10000);
	judged(SEARCH_FAILED, BAD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_result, end_result)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_still_server_is_bracketed),
		cmocka_unit_test(few_runs_are_enough_from_a_good_guess),
		cmocka_unit_test(noise_moves_the_bracket_no_further_than_it_reaches),
		cmocka_unit_test(stalls_do_not_lower_the_rate),
		cmocka_unit_test(a_contradiction_is_run_again),
		cmocka_unit_test(what_stays_contradicted_is_kept),
		cmocka_unit_test(the_number_of_runs_is_bounded),
		cmocka_unit_test(nothing_may_hold_and_everything),
		cmocka_unit_test(the_generator_may_be_the_limit),
		cmocka_unit_test(most_runs_say_whose_limit_it_is),
		cmocka_unit_test(objectives_are_words),
		TEST(what_is_within_the_limit_held),
		TEST(refusals_do_not_hold),
		TEST(a_quantile_that_is_only_a_bound_does_not_hold),
		TEST(a_backlog_does_not_hold),
		TEST(lag_excuses_what_it_alone_did),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
