// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/books.h"

#include <stddef.h>

static uint64_t load_word(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void add_words(uint64_t *into, const uint64_t *from, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		into[i] += load_word(&from[i]);
}

const char *load_failure_name(uint32_t failure)
{
	static const char *const names[LOAD_FAILURES] = {
		[FAILED_CLOSED_BEFORE] = "closed_before_response",
		[FAILED_CLOSED_WITHIN] = "closed_within_response",
		[FAILED_RESET] = "reset",
		[FAILED_MALFORMED] = "malformed_response",
		[FAILED_TOO_LONG] = "response_head_too_long",
		[FAILED_OTHER] = "socket_error",
	};

	return names[failure];
}

const char *load_unsent_name(uint32_t unsent)
{
	static const char *const names[LOAD_UNSENT] = {
		[UNSENT_BUSY] = "no_connection_free",
		[UNSENT_REFUSED] = "connection_refused",
		[UNSENT_UNREACHABLE] = "connection_failed",
		[UNSENT_LATE] = "generator_late",
	};

	return names[unsent];
}

static uint64_t sum_words(const uint64_t *words, size_t nr)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += words[i];
	return sum;
}

uint64_t load_outcomes_answered(const struct load_outcomes *outcomes, uint32_t from, uint32_t to)
{
	return sum_words(outcomes->answered + from, to - from);
}

uint64_t load_outcomes_failed(const struct load_outcomes *outcomes)
{
	return sum_words(outcomes->failed, LOAD_FAILURES);
}

uint64_t load_outcomes_unsent(const struct load_outcomes *outcomes)
{
	return sum_words(outcomes->never_sent, LOAD_UNSENT);
}

uint64_t load_outcomes_sum(const struct load_outcomes *outcomes)
{
	return load_outcomes_answered(outcomes, 0, LOAD_STATUSES) + load_outcomes_failed(outcomes) +
	       outcomes->timed_out + outcomes->unanswered + load_outcomes_unsent(outcomes);
}

_Static_assert(sizeof(struct load_outcomes) % sizeof(uint64_t) == 0, "outcomes are added up as words");

static void add_outcomes(struct load_outcomes *into, const struct load_outcomes *from)
{
	add_words((uint64_t *)into, (const uint64_t *)from, sizeof(*into) / sizeof(uint64_t));
}

static void add_censored(struct load_censored *into, const struct load_censored *from)
{
	hdr_add(&into->known, &from->known);
	hdr_add(&into->at_least, &from->at_least);
}

_Static_assert(offsetof(struct load_books, unasked) + sizeof(uint64_t) == sizeof(struct load_books),
	       "the counts are at the end, and are words");

void load_books_add(struct load_books *into, const struct load_books *from)
{
	const uint64_t *counts = &from->received_bytes;

	add_outcomes(&into->measured, &from->measured);
	add_outcomes(&into->warmup, &from->warmup);
	add_censored(&into->from_due, &from->from_due);
	add_censored(&into->from_send, &from->from_send);
	hdr_add(&into->wait_connection, &from->wait_connection);
	for (uint32_t i = 0; i < LOAD_CLASSES; i++)
		hdr_add(&into->by_class[i], &from->by_class[i]);
	hdr_add(&into->lag_send, &from->lag_send);
	hdr_add(&into->lag_receive, &from->lag_receive);
	hdr_add(&into->without_lag, &from->without_lag);
	add_words(&into->received_bytes, counts,
		  (sizeof(*into) - offsetof(struct load_books, received_bytes)) / sizeof(uint64_t));
}
