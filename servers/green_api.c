// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What green threads call. */
#include <errno.h>
#include <string.h>

#include "servers/green_internal.h"
#include "servers/green_stack.h"
#include "user/base/clock.h"

/* Lies on the stack of who waits. */
struct green_waiter {
	struct green *green;
	struct green_waiter *next;
	bool has; /* atomic: the lock is its own */
};

static void begin(void *argument)
{
	struct green *green = argument;

	green_context_begin();
	green->run(green->argument);
	green_leave(GREEN_EXIT);
}

struct green *green_new(void (*run)(uint64_t argument), uint64_t argument)
{
	char *stack = green_stack_new();
	size_t bytes = (green_stack_bytes() - sizeof(struct green)) & ~(_Alignof(struct green) - 1);
	struct green *green = (struct green *)(stack + bytes);

	if (!stack)
		return NULL;
	/* Who comes too late for the one before may look at these at any time. */
	__atomic_store_n(&green->events, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&green->armed_at_ns, 0, __ATOMIC_RELAXED);
	green->timer = (struct timer){};
	green->trims = false;
	green->own = NULL;
	green->stack = stack;
	green->run = run;
	green->argument = argument;
	green_context_init(&green->context, stack, bytes, begin, green);
	return green;
}

bool green_spawn(void (*run)(uint64_t argument), uint64_t argument)
{
	struct green *green = green_new(run, argument);

	if (green)
		green_start(green);
	return green;
}

struct green *green_self(void)
{
	return green_worker()->running;
}

void green_leave(enum green_leave how)
{
	struct worker *w = green_worker();
	struct green *green = w->running;

	w->leave = how;
	green_switch(&green->context, &w->context, how == GREEN_EXIT);
}

void *green_local(void)
{
	return green_worker()->local;
}

struct stats_slot *green_slot(void)
{
	return green_worker()->slot;
}

void green_set_own(void *own)
{
	green_self()->own = own;
}

void *green_own(void)
{
	return green_self()->own;
}

void green_wake(struct green *green)
{
	green_wake_at(green, clock_monotonic_ns());
}

static void wake_on(void *stack)
{
	size_t bytes = (green_stack_bytes() - sizeof(struct green)) & ~(_Alignof(struct green) - 1);

	green_wake((struct green *)((char *)stack + bytes));
}

void green_wake_all(void)
{
	green_stacks_each(wake_on);
}

uint64_t green_ready_at_ns(void)
{
	return green_self()->ready_at_ns;
}

void green_forget_ready(void)
{
	green_self()->ready_at_ns = 0;
}

bool green_is_due(void)
{
	return __atomic_load_n(&green_worker()->due, __ATOMIC_RELAXED);
}

/* Those for whom something has come are known only once that is looked at. */
bool green_yield(void)
{
	struct worker *w = green_worker();

	__atomic_store_n(&w->due, false, __ATOMIC_RELAXED);
	green_poll(w, false);
	if (!green_scheduler_has_others(w))
		return false;
	green_leave(GREEN_YIELD);
	return true;
}

/* Takes those of EVENTS that have come. */
static uint32_t take_events(struct green *green, uint32_t events)
{
	if (!(__atomic_load_n(&green->events, __ATOMIC_SEQ_CST) & events))
		return 0;
	/* That it has hung up stays. */
	return __atomic_fetch_and(&green->events, ~(events & ~(uint32_t)GREEN_HUNG_UP), __ATOMIC_SEQ_CST) &
	       events;
}

uint32_t green_came(uint32_t events)
{
	return take_events(green_self(), events);
}

/* Unless somebody has called the caller since it last waited. */
static void wait_until_called(struct green *green)
{
	uint32_t called = GREEN_CALLED;

	if (!__atomic_compare_exchange_n(&green->state, &called, GREEN_RUNNING, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		green_leave(GREEN_PARK);
}

int green_wait(uint32_t events, uint64_t until_ns)
{
	struct green *green = green_self();
	uint32_t came = take_events(green, events);

	if (came) {
		/* What it waits for comes as fast as it is worked for: others would never get their turn. */
		if (green_scheduler_has_others(green_worker()))
			green_leave(GREEN_QUEUE);
		return (int)came;
	}
	if (until_ns == GREEN_NEVER)
		green_poll_forget(green);
	else if (green_poll_set(green, until_ns))
		return -ENOMEM;
	wait_until_called(green);
	return (int)take_events(green, events);
}

bool green_has_hung_up(void)
{
	return __atomic_load_n(&green_self()->events, __ATOMIC_SEQ_CST) & GREEN_HUNG_UP;
}

void green_trim(void)
{
	green_self()->trims = true;
}

uint64_t green_recent_ns(void)
{
	return green_worker()->polled_at_ns;
}

void green_lock(struct green_mutex *mutex)
{
	struct green_waiter waiter = { .green = green_self() };

	pthread_mutex_lock(&mutex->lock);
	if (!mutex->is_held) {
		mutex->is_held = true;
		pthread_mutex_unlock(&mutex->lock);
		return;
	}
	*(mutex->first ? &mutex->last->next : &mutex->first) = &waiter;
	mutex->last = &waiter;
	pthread_mutex_unlock(&mutex->lock);
	while (!__atomic_load_n(&waiter.has, __ATOMIC_SEQ_CST))
		wait_until_called(waiter.green);
}

void green_unlock(struct green_mutex *mutex)
{
	struct green_waiter *waiter;
	struct green *green = NULL;

	pthread_mutex_lock(&mutex->lock);
	waiter = mutex->first;
	if (waiter) {
		mutex->first = waiter->next;
		green = waiter->green;
		__atomic_store_n(&waiter->has, true, __ATOMIC_SEQ_CST); /* it may be gone from here on */
	} else {
		mutex->is_held = false;
	}
	pthread_mutex_unlock(&mutex->lock);
	if (green)
		green_wake(green);
}
