/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The work of one request: its plan, step by step.  What can only be waited for is not waited for in here,
 * but said, so that an event loop can do something else meanwhile, and a thread can block.  CPU work, the
 * lock, and reading the file happen in the calling thread.
 */
#ifndef WHYLATE_SERVERS_WORK_H
#define WHYLATE_SERVERS_WORK_H

#include <stddef.h>
#include <stdint.h>

#include "include/whylate/thread_context.h"
#include "servers/plan.h"
#include "servers/sha.h"
#include "servers/stats.h"
#include "servers/upstream.h"
#include "user/base/err.h"

enum work_need {
	WORK_DONE,  /* work->status and work->digest are the result */
	WORK_SLEEP, /* until work->wake_at_ns */
	WORK_ASK,   /* the upstream, then work_asked() */
	WORK_HAND,  /* the next step is not for this thread */
};

struct work {
	struct whylate_request context; /* its address is the request's number: of records, and of probes */
	const struct upstream *upstream;
	struct stats_slot *slot;
	struct plan plan;
	uint64_t whole_at_ns;
	uint64_t queued_at_ns, waited_ns; /* since when it waits for a thread, 0: it does not; what it had */
	uint32_t step, asked;
	bool started;
	bool begun; /* the step is one that is waited for */
	uint16_t status;
	uint64_t began_at_ns, wake_at_ns;
	uint8_t digest[SHA_BYTES];
};

/*
 * How requests use CPUs and wait while they are worked for, where the calling thread is not theirs alone.
 * After each of these the caller may be in another thread.
 */
struct work_host {
	uint64_t (*cpu_ns)(void); /* CPU time of the request, from a point of its own on */
	void (*begin)(void);	  /* a step: the thread may be held for long */
	void (*pause)(void);	  /* between two pieces of CPU work, where no lock is held: others may run */
	void (*lock)(void);	  /* that of lock_us */
	void (*unlock)(void);
	void (*sleep_until)(uint64_t at_ns);
};

/* Before any request. */
void work_set_host(const struct work_host *host);

/* CPU time of the calling thread. */
uint64_t work_thread_cpu_ns(void);

/* Once, before any process or thread is started; the file that read_kb reads is made below DIRECTORY. */
int work_init(const char *directory, struct err *err);

/* The calling thread has a file table of its own: what others open in theirs is none of its. */
void work_own_files(void);

/*
 * Begin what PLAN says for a request with CONTENT that became KNOWN to the server then, which is since when
 * it waits for a thread, and was WHOLE then, which is when a handler that is called with it would look at the
 * clock.  What is done is counted in SLOT.
 */
void work_begin(struct work *work, const struct plan *plan, const char *content, size_t content_bytes,
		uint64_t known_at_ns, uint64_t whole_at_ns, struct stats_slot *slot,
		const struct upstream *upstream);

/*
 * Go on until the end, or until something is to be waited for; then wait and call again.  Nor is a step begun
 * whose kind is in ELSEWHERE (of 1 << PLAN_KIND): then let another thread call, from its queue or not.
 */
enum work_need work_run(struct work *work, uint32_t elsewhere);

/* It waits from here on, for a thread that calls work_run(). */
void work_queue(struct work *work);

/* There is a thread for it: it waits no more, as of a call of work_run(). */
void work_dequeue(struct work *work);

/* The upstream was asked; STATUS is 0, or what to answer because it failed. */
void work_asked(struct work *work, uint16_t status);

/*
 * The same, for who waits for the upstream without blocking: at WORK_ASK, CALL is begun, and to be ended by
 * work_end_call(), with 504 at work->wake_at_ns.
 */
enum work_need work_run_to_call(struct work *work, uint32_t elsewhere, struct upstream_call *call);
void work_end_call(struct work *work, struct upstream_call *call, uint16_t status);

/* All of it; waits in the calling thread. */
void work_run_blocking(struct work *work);

#endif /* WHYLATE_SERVERS_WORK_H */
