// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Files and times that green threads wait for: one epoll and one heap for all workers.  A file is added once,
 * and its edges are kept in the green thread that watches it, so that no request needs a call for that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "servers/green_internal.h"
#include "user/base/clock.h"

#define EVENTS 128

static struct {
	int epoll, kick_fd;
	pthread_mutex_t lock;
	struct timers timers;
	uint64_t until_ns; /* somebody waits until then; 0: nobody does */
} all = { .epoll = -1, .kick_fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER };

int green_poll_init(struct err *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

	all.epoll = epoll_create1(EPOLL_CLOEXEC);
	all.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (all.epoll < 0 || all.kick_fd < 0 || epoll_ctl(all.epoll, EPOLL_CTL_ADD, all.kick_fd, &event))
		return err_set(err, errno, "cannot set up epoll: %s", strerror(errno));
	return 0;
}

void green_poll_fini(void)
{
	close(all.epoll);
	close(all.kick_fd);
	timers_fini(&all.timers);
}

void green_poll_kick(void)
{
	const uint64_t one = 1;

	if (write(all.kick_fd, &one, sizeof(one)) < 0)
		return; /* it is full: then it is readable */
}

int green_watch(int fd, bool second)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

	/* A green thread is aligned, so that there is room for one bit. */
	event.data.u64 = (uint64_t)(uintptr_t)green_self() | second;
	return epoll_ctl(all.epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static void on_event(const struct epoll_event *event, uint64_t now_ns)
{
	struct green *green = (struct green *)(uintptr_t)(event->data.u64 & ~1ull);
	uint32_t came = 0;

	if (event->events & EPOLLIN)
		came |= GREEN_READ;
	if (event->events & EPOLLOUT)
		came |= GREEN_WRITE;
	if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		came |= GREEN_READ | GREEN_WRITE | GREEN_HUNG_UP;
	__atomic_fetch_or(&green->events, came << (event->data.u64 & 1 ? GREEN_SECOND : 0), __ATOMIC_SEQ_CST);
	green_wake_at(green, now_ns);
}

/*
 * Those of EVENTS that are a kick are for who waits, and read by nobody else: the kernel does not wake
 * anybody for what another one has read.
 */
static void take_kick(const struct epoll_event *events, int nr)
{
	uint64_t count;

	for (int i = 0; i < nr; i++)
		if (!events[i].data.ptr && read(all.kick_fd, &count, sizeof(count)) < 0)
			abort(); /* cannot be: it was readable */
}

/* Whose time it is, is woken. */
static void run_timers(uint64_t now_ns)
{
	struct timer *timer;

	pthread_mutex_lock(&all.lock);
	while ((timer = timers_take(&all.timers, now_ns))) {
		struct green *green = owner_of(timer, struct green, timer);

		/* Before its state is looked at: who waits anew arms it again, or is woken. */
		__atomic_store_n(&green->armed_at_ns, 0, __ATOMIC_SEQ_CST);
		green_wake_at(green, now_ns);
	}
	pthread_mutex_unlock(&all.lock);
}

/* Rounded up; long waits are cut short, which does no harm. */
static int whole_ms(uint64_t left_ns)
{
	return left_ns < 1000000000000u ? (int)((left_ns + 999999) / 1000000) : 1000000;
}

/* For events, up to UNTIL_NS.  Returns how many; none, if it is interrupted. */
static int wait_for_events(struct epoll_event *events, uint64_t until_ns)
{
	uint64_t now_ns = until_ns && until_ns != GREEN_NEVER ? clock_monotonic_ns() : 0;
	uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	const struct timespec left = clock_timespec(left_ns);
	int nr = epoll_pwait2(all.epoll, events, EVENTS, until_ns == GREEN_NEVER ? NULL : &left, NULL);

	if (nr < 0 && errno == ENOSYS) /* Linux 5.11 has it */
		nr = epoll_wait(all.epoll, events, EVENTS, until_ns == GREEN_NEVER ? -1 : whole_ms(left_ns));
	return nr;
}

/* Until when nobody needs to look. */
static uint64_t next_time(bool block)
{
	uint64_t until_ns = 0;

	if (!block)
		return 0;
	pthread_mutex_lock(&all.lock);
	until_ns = timers_next_ns(&all.timers);
	all.until_ns = until_ns;
	pthread_mutex_unlock(&all.lock);
	return until_ns;
}

void green_poll(struct worker *worker, bool block)
{
	struct epoll_event events[EVENTS];
	uint64_t now_ns, until_ns = next_time(block);
	int nr = wait_for_events(events, until_ns);

	if (block) {
		take_kick(events, nr);
		pthread_mutex_lock(&all.lock);
		all.until_ns = 0;
		pthread_mutex_unlock(&all.lock);
		/* Else it would be called for what it finds now. */
		green_scheduler_polled(worker);
	}
	now_ns = clock_monotonic_ns();
	worker->polled_at_ns = now_ns;
	worker->polled_turn = worker->turn;
	worker->worked = false;
	for (int i = 0; i < nr; i++)
		if (events[i].data.ptr)
			on_event(&events[i], now_ns);
	run_timers(now_ns);
}

int green_poll_set(struct green *green, uint64_t at_ns)
{
	uint64_t armed_at_ns = __atomic_load_n(&green->armed_at_ns, __ATOMIC_SEQ_CST);
	bool is_next = false;
	int ret;

	at_ns += !at_ns; /* 0 is not armed */
	/* If that is over just now, it is woken for that, and comes again. */
	if (armed_at_ns && armed_at_ns <= at_ns)
		return 0;
	pthread_mutex_lock(&all.lock);
	ret = timers_set(&all.timers, &green->timer, at_ns);
	if (!ret) {
		__atomic_store_n(&green->armed_at_ns, at_ns, __ATOMIC_RELAXED);
		is_next = at_ns < all.until_ns;
		if (is_next)
			all.until_ns = at_ns;
	}
	pthread_mutex_unlock(&all.lock);
	if (is_next)
		green_poll_kick();
	return ret;
}

void green_poll_forget(struct green *green)
{
	if (!__atomic_load_n(&green->armed_at_ns, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&all.lock);
	timers_remove(&all.timers, &green->timer);
	__atomic_store_n(&green->armed_at_ns, 0, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&all.lock);
}
