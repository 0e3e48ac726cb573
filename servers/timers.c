// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/timers.h"

#include <errno.h>
#include <stdlib.h>

void timers_fini(struct timers *timers)
{
	free(timers->entries);
	*timers = (struct timers){};
}

static void put(struct timers *timers, uint32_t place, struct timers_entry entry)
{
	timers->entries[place - 1] = entry;
	entry.timer->place = place;
}

static uint64_t at(const struct timers *timers, uint32_t place)
{
	return timers->entries[place - 1].at_ns;
}

static void rise(struct timers *timers, uint32_t place, struct timers_entry entry)
{
	for (; place > 1 && at(timers, place / 2) > entry.at_ns; place /= 2)
		put(timers, place, timers->entries[place / 2 - 1]);
	put(timers, place, entry);
}

static void sink(struct timers *timers, uint32_t place, struct timers_entry entry)
{
	for (;;) {
		uint32_t child = 2 * place;

		if (child < timers->nr && at(timers, child + 1) < at(timers, child))
			child++;
		if (child > timers->nr || at(timers, child) >= entry.at_ns)
			break;
		put(timers, place, timers->entries[child - 1]);
		place = child;
	}
	put(timers, place, entry);
}

void timers_remove(struct timers *timers, struct timer *timer)
{
	uint32_t place = timer->place;
	struct timers_entry last;

	if (!place)
		return;
	timer->place = 0;
	last = timers->entries[--timers->nr];
	if (place > timers->nr)
		return;
	if (place > 1 && at(timers, place / 2) > last.at_ns)
		rise(timers, place, last);
	else
		sink(timers, place, last);
}

int timers_set(struct timers *timers, struct timer *timer, uint64_t at_ns)
{
	const struct timers_entry entry = { at_ns, timer };

	if (at_ns == TIMERS_NEVER) {
		timers_remove(timers, timer);
		return 0;
	}
	if (timer->place) {
		if (at_ns < at(timers, timer->place))
			rise(timers, timer->place, entry);
		return 0;
	}
	if (timers->nr == timers->capacity) {
		uint32_t capacity = timers->capacity ? 2 * timers->capacity : 64;
		struct timers_entry *entries =
			reallocarray(timers->entries, capacity, sizeof(*timers->entries));

		if (!entries)
			return -ENOMEM;
		timers->entries = entries;
		timers->capacity = capacity;
	}
	rise(timers, ++timers->nr, entry);
	return 0;
}

uint64_t timers_next_ns(const struct timers *timers)
{
	return timers->nr ? timers->entries[0].at_ns : TIMERS_NEVER;
}

struct timer *timers_take(struct timers *timers, uint64_t now_ns)
{
	struct timer *timer;

	if (timers_next_ns(timers) > now_ns)
		return NULL;
	timer = timers->entries[0].timer;
	timers_remove(timers, timer);
	return timer;
}
