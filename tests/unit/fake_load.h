/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Results of runs that never were, whose books close.  One at a time: they are large. */
#ifndef WHYLATE_TESTS_FAKE_LOAD_H
#define WHYLATE_TESTS_FAKE_LOAD_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tools/load/result.h"

enum { FAKE_US = 1000, FAKE_MS = 1000000 };
#define FAKE_S 1000000000ull

static struct load_plan fake_plan;
static struct load_segment fake_segment;
static struct load_result fake_result;

/* A plan of RATE requests a second for 10 s behind a warm-up of 1 s, and a result of which nothing is known. */
static inline void fake_begin(enum load_mode mode, double rate)
{
	static char command[] = "load -R 1000 http://127.0.0.1:8080/";

	memset(&fake_result, 0, sizeof(fake_result));
	fake_segment = (struct load_segment){ rate, rate, 11 * FAKE_S };
	fake_plan = (struct load_plan){
		.mode = mode,
		.segments = &fake_segment,
		.nr_segments = mode == LOAD_RATE,
		.seed = 1,
		.warmup_ns = FAKE_S,
		.duration_ns = 10 * FAKE_S,
		.timeout_ns = 10 * FAKE_S,
		.drain_ns = 10 * FAKE_S,
		.connections = 64,
		.threads = 1,
		.nr_requests = 1,
		.weights = 1,
		.command = command,
	};
	strcpy(fake_plan.server.name, "127.0.0.1:8080");
	strcpy(fake_plan.server.host, "127.0.0.1:8080");
	fake_result.plan = &fake_plan;
	fake_result.started_at_ns = 1795000000123456789;
	fake_result.window_ns = 10 * FAKE_S;
	fake_result.settled_ns = 11 * FAKE_S + 2 * FAKE_MS;
	fake_result.last_due_ns = mode == LOAD_CLOSED ? 0 : 11 * FAKE_S - FAKE_MS;
	fake_result.cpu_ns = 700 * FAKE_MS;
	fake_result.busy_ratio = 0.07;
	fake_result.cpu_window_ns = 11 * FAKE_S;
	fake_result.opening_ns = 3 * FAKE_MS;
	fake_result.user_bytes = 64 * 2048;
	fake_result.books.connections_open = fake_result.books.connections_opened = 64;
}

static inline void fake_warmup(uint64_t nr)
{
	fake_result.books.warmup.due += nr;
	fake_result.books.warmup.answered[200] += nr;
}

/* How long the I-th of NR takes: 80 us at least, the median 113 us, and a long tail. */
static inline uint64_t fake_tail_ns(uint64_t i, uint64_t nr)
{
	return (uint64_t)(80 * FAKE_US * sqrt((double)nr / (double)(nr - i)));
}

/* One that was answered with STATUS. */
static inline void fake_answer(uint32_t status, uint64_t wait_ns, uint64_t lag_ns, uint64_t from_send_ns)
{
	struct load_books *books = &fake_result.books;
	uint64_t latency_ns = from_send_ns;

	books->measured.due++;
	books->measured.answered[status]++;
	hdr_record(&books->from_send.known, from_send_ns);
	if (fake_plan.mode != LOAD_CLOSED) {
		latency_ns += wait_ns + lag_ns;
		hdr_record(&books->from_due.known, latency_ns);
		hdr_record(&books->wait_connection, wait_ns);
	}
	hdr_record(&books->lag_send, lag_ns);
	hdr_record(&books->lag_receive, 2 * FAKE_US);
	hdr_record(&books->without_lag, fake_plan.mode == LOAD_CLOSED ? from_send_ns : latency_ns - lag_ns);
	hdr_record(&books->by_class[status / 100 < LOAD_CLASSES ? status / 100 : 0], latency_ns);
	books->received_bytes += 160;
}

/* NR that were sent and not answered in AFTER_NS, and are counted in OUTCOME. */
static inline void fake_unanswered(uint64_t *outcome, uint64_t nr, uint64_t after_ns)
{
	fake_result.books.measured.due += nr;
	*outcome += nr;
	while (nr--) {
		hdr_record(&fake_result.books.from_due.at_least, after_ns);
		hdr_record(&fake_result.books.without_lag, after_ns);
		hdr_record(&fake_result.books.from_send.at_least, after_ns);
		hdr_record(&fake_result.books.wait_connection, 0);
	}
}

/* NR that were given up before a connection was free. */
static inline void fake_never_sent(enum load_unsent why, uint64_t nr, uint64_t after_ns)
{
	fake_result.books.measured.due += nr;
	fake_result.books.measured.never_sent[why] += nr;
	while (nr--) {
		hdr_record(&fake_result.books.from_due.at_least, after_ns);
		hdr_record(&fake_result.books.without_lag, why == UNSENT_LATE ? 0 : after_ns);
	}
}

/* 100,000 in 10 s, all answered. */
static inline void fake_clean_run(void)
{
	enum { NR = 100000 };

	fake_begin(LOAD_RATE, NR / 10);
	fake_warmup(NR / 10);
	for (uint64_t i = 0; i < NR; i++)
		fake_answer(200, i % 50 ? 0 : 3 * FAKE_US, 1500 + i % 7 * 100, fake_tail_ns(i, NR));
}

/* 40,000 answers in 10 s over 4 connections, by two threads that do not sleep. */
static inline void fake_closed_run(void)
{
	enum { NR = 40000 };

	fake_begin(LOAD_CLOSED, 0);
	fake_plan.connections = 4;
	fake_plan.threads = 2;
	fake_plan.has_cpus = true;
	CPU_SET(0, &fake_plan.cpus);
	CPU_SET(1, &fake_plan.cpus);
	fake_plan.warmup_ns = 0;
	fake_result.spinning = true;
	fake_result.busy_ratio = 1;
	fake_result.cpu_ns = 20 * FAKE_S;
	fake_result.cpu_window_ns = 10 * FAKE_S;
	fake_result.settled_ns = 10 * FAKE_S;
	fake_result.books.connections_open = fake_result.books.connections_opened = 4;
	for (uint64_t i = 0; i < NR; i++)
		fake_answer(200, 0, 400, fake_tail_ns(i, NR));
}

/* 2,000 in 10 s, of which everything became that can become of a request, and nothing else went well. */
static inline void fake_bad_run(void)
{
	enum { NR = 1800 };
	struct load_books *books = &fake_result.books;

	fake_begin(LOAD_RATE, 200);
	fake_plan.arrivals = ARRIVALS_POISSON;
	fake_plan.churn = 100;
	fake_warmup(190);
	books->warmup.due += 10;
	books->warmup.timed_out += 7;
	books->warmup.never_sent[UNSENT_BUSY] += 3;
	for (uint64_t i = 0; i < NR; i++)
		fake_answer(i % 3 ? 200 : 503, i % 4 * 100 * FAKE_US, 2 * FAKE_US,
			    (i % 3 ? 10 : 1) * fake_tail_ns(i, NR));
	fake_answer(404, 0, 2 * FAKE_US, 5 * FAKE_MS);
	fake_answer(999, 0, 2 * FAKE_US, 6 * FAKE_MS);
	for (uint32_t i = 0; i < LOAD_FAILURES; i++)
		fake_unanswered(&books->measured.failed[i], i + 1, 20 * FAKE_MS);
	fake_unanswered(&books->measured.timed_out, 60, 10 * FAKE_S);
	fake_unanswered(&books->measured.unanswered, 13, 4 * FAKE_S);
	fake_never_sent(UNSENT_BUSY, 90, 10 * FAKE_S);
	fake_never_sent(UNSENT_REFUSED, 10, 10 * FAKE_S);
	fake_never_sent(UNSENT_UNREACHABLE, 4, 10 * FAKE_S);
	books->connections_open = 61;
	books->connections_opened = 180;
	books->connections_failed = 7;
	books->reconnects = 119;
	books->no_arrival_time = 3;
	books->unreadable_arrival_time = 2;
	books->unasked = 1;
	fake_result.clock_steps = 1;
	fake_result.interrupted = true;
	fake_result.opening_ns = 0;
}

/* As the clean run, but for every fiftieth the generator was late by 5 ms. */
static inline void fake_late_run(void)
{
	enum { NR = 100000 };

	fake_begin(LOAD_RATE, NR / 10);
	for (uint64_t i = 0; i < NR; i++)
		fake_answer(200, 0, i % 50 ? 2 * FAKE_US : 5 * FAKE_MS, fake_tail_ns(i * 7919 % NR, NR));
}

#endif /* WHYLATE_TESTS_FAKE_LOAD_H */
