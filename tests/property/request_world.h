/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The world of request_sim.h: its tasks, connections and upstreams, the book of what they did, and where the
 * headers that the BPF side compiles find their state.
 */
#ifndef TESTS_REQUEST_WORLD_H
#define TESTS_REQUEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/types.h>

static __u32 passed_is_taken;

#include "bpf/touch.h"
#include "bpf/upstream.h"

enum { TASKS = 3, CONNECTIONS = 4, UPSTREAMS = 3, STRETCHES = 700, ACCOUNTS = 16, SOCKET = 0x1000 };
enum doing { RUNS, WAITS, BLOCKS };

/* What a task does; WHICH: the cause of its wait, or the reason of its block. */
struct doings {
	enum doing doing;
	uint32_t which;
	uint64_t request; /* that it works for; 0: none */
};

struct task_struct {
	struct doings now;
	struct task_clock clock;
	struct worker worker;
	struct history history;
	struct earlier earlier;
	struct kernel_counts counts;
	uint64_t exec_ns, run_delay_ns, arrived_ns; /* by the kernel's account */
	uint64_t outs[STRETCHES];		    /* when each stay that its worker may know of began */
	int stays;
	struct record_look shows; /* what the program publishes in it */
	struct record_thread says;
	struct recorded recorded;
	struct run run;
	int no_run; /* there was no place for it */
};

struct connection {
	struct span span;
	uint64_t booked_on_cpu_ns;
};

static struct sim {
	unsigned seed;
	int tasks; /* of TASKS, those that there are */
	uint64_t now_ns;
	struct task_struct task[TASKS];
	struct connection connections[CONNECTIONS];
	struct upstream upstreams[UPSTREAMS];
	struct work aside[CONNECTIONS];
	int is_aside[CONNECTIONS];
	struct account accounts[ACCOUNTS];
	uint64_t tags[ACCOUNTS]; /* whose they are */
	uint64_t shared;
	uint64_t lost, requests, booked, on_cpu_ns /* of all that were booked */;
	struct stretch {
		uint64_t from_ns, to_ns;
		struct doings did[TASKS];
	} book[STRETCHES];
	int stretches;
} sim;

/* Less than LIMIT. */
static inline uint64_t any(uint64_t limit)
{
	return (uint64_t)rand() % limit;
}

static inline uint64_t socket_of(int connection)
{
	return SOCKET + (uint64_t)connection;
}

static inline struct work *work_find(__u64 socket)
{
	if (socket < SOCKET) /* of an upstream that was not asked for a request */
		return NULL;
	return sim.is_aside[socket - SOCKET] ? &sim.aside[socket - SOCKET] : NULL;
}

static inline void work_keep(__u64 socket, const struct worker *worker)
{
	sim.aside[socket - SOCKET] = worker->work;
	sim.is_aside[socket - SOCKET] = 1;
}

static inline void work_drop(__u64 socket)
{
	sim.is_aside[socket - SOCKET] = 0;
}

static inline void work_lost(void)
{
	sim.lost++;
}

static inline struct task_struct *task_of(const struct task_clock *clock)
{
	return (struct task_struct *)((char *)clock - offsetof(struct task_struct, clock));
}

static inline struct account *account_of(__u64 tag)
{
	for (int i = 0; i < ACCOUNTS; i++)
		if (sim.tags[i] == tag)
			return &sim.accounts[i];
	return NULL;
}

static inline struct account *account_make(__u64 tag, __u64 now_ns)
{
	struct account *account = account_of(tag);
	int place = 0;

	if (account)
		return account;
	for (int i = 1; i < ACCOUNTS; i++)
		if (account_worth(&sim.accounts[i], sim.tags[i], now_ns) <
		    account_worth(&sim.accounts[place], sim.tags[place], now_ns))
			place = i;
	account = &sim.accounts[place];
	account_reopen(account, now_ns);
	account->request = account->answered_ns = 0;
	sim.tags[place] = tag;
	return account;
}

/* What the program calls a task: where that one's state lies. */
static inline uint64_t address_of(const struct task_struct *task)
{
	return 0x7000 + 0x100 * (uint64_t)(task - sim.task);
}

static inline struct run *run_of(__u64 key)
{
	for (int i = 0; i < TASKS; i++)
		if (run_key(address_of(&sim.task[i]), 1) == key)
			return sim.task[i].no_run ? NULL : &sim.task[i].run;
	return NULL;
}

static inline struct run *own_run(const struct recorded *recorded)
{
	struct task_struct *task =
		(struct task_struct *)((char *)recorded - offsetof(struct task_struct, recorded));

	return task->no_run ? NULL : &task->run;
}

static inline void record_shared(void)
{
	sim.shared++;
}

static inline const struct earlier *earlier_of(const struct toucher *by)
{
	const struct earlier *earlier = by->worker->keeps ? &task_of(by->clock)->earlier : NULL;

	if (!by->worker->keeps)
		by->worker->keeps = KEEPS_HANDED;
	return earlier;
}

static inline const struct history *history_of(const struct toucher *by)
{
	const struct history *history = &task_of(by->clock)->history;

	by->worker->remembers = 1;
	return history->next ? history : NULL;
}

#endif /* TESTS_REQUEST_WORLD_H */
