// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/green_request.h"

#include <errno.h>
#include <time.h>

#include "include/whylate/thread_context.h"
#include "servers/green.h"
#include "servers/probes.h"
#include "user/base/clock.h"

static struct green_mutex step_lock = { .lock = PTHREAD_MUTEX_INITIALIZER }; /* of lock_us */

/*
 * The worker is to be left by a request that has it.  Not published before the first time: of a request that
 * stays with its worker more is known without, since a record does not say for what it waits.
 */
__attribute__((noinline)) static void unpublish(struct green_request *r)
{
	const struct traceparent *trace = r->trace;
	struct whylate_request *context = &r->work.context;

	if (!context->record.valid) {
		whylate_request_begin(context, trace->is_known ? trace->trace_id : NULL);
		context->record.trace_flags = trace->flags;
		whylate_request_take(context);
	}
	whylate_request_leave();
	green_forget_ready();
}

/* It has a worker again, which may be another one, and has waited for it since it was ready. */
__attribute__((noinline)) static void publish(struct green_request *r)
{
	r->work.context.queued_at_ns = green_ready_at_ns();
	whylate_request_take(&r->work.context);
}

/* A request is left in its midst, and gone on with. */
static void turn_away(struct green_request *r)
{
	probe_request_yield(&r->work.context);
	unpublish(r);
}

static void take_up(struct green_request *r)
{
	publish(r);
	r->work.queued_at_ns = green_ready_at_ns();
	if (r->work.queued_at_ns)
		work_dequeue(&r->work);
	else
		probe_request_run(&r->work.context, 0);
}

/* As above in the midst of a step, whose CPU time is counted: what its worker uses meanwhile is not its own. */
static void leave_step(struct green_request *r)
{
	r->cpu_ns += work_thread_cpu_ns();
	turn_away(r);
}

static void return_to_step(struct green_request *r)
{
	take_up(r);
	r->cpu_ns -= work_thread_cpu_ns();
}

static uint64_t step_cpu_ns(void)
{
	const struct green_request *r = green_own();

	return r->cpu_ns + work_thread_cpu_ns();
}

static void pause_step(void)
{
	struct green_request *r;

	if (!green_is_due())
		return;
	r = green_own();
	r->cpu_ns += work_thread_cpu_ns();
	work_queue(&r->work);
	unpublish(r);
	if (green_yield())
		stats_count(green_slot(), STATS_PREEMPTIONS);
	publish(r);
	work_dequeue(&r->work);
	r->cpu_ns -= work_thread_cpu_ns();
}

static void lock_in_step(void)
{
	struct green_request *r = green_own();

	leave_step(r);
	green_lock(&step_lock);
	return_to_step(r);
}

static void unlock_in_step(void)
{
	green_unlock(&step_lock);
}

/* Returns 0 or -ENOMEM. */
static int sleep_until(uint64_t at_ns)
{
	int ret = 0;

	while (ret >= 0 && clock_monotonic_ns() < at_ns)
		ret = green_wait(0, at_ns);
	return ret;
}

static void sleep_in_step(uint64_t at_ns)
{
	const struct timespec at = clock_timespec(at_ns);
	struct green_request *r = green_own();

	leave_step(r);
	if (sleep_until(at_ns)) /* without memory the worker has to */
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	return_to_step(r);
}

static const struct work_host host = {
	step_cpu_ns, green_hold, pause_step, lock_in_step, unlock_in_step, sleep_in_step,
};

void green_requests_init(void)
{
	work_set_host(&host);
}

/* The answer of the upstream, until the work's wake_at_ns.  Returns the status to answer; 0: none. */
static uint16_t ask(struct green_request *r, struct upstream_call *call)
{
	enum upstream_state state;
	uint32_t events;
	int came = green_watch(call->fd, true);

	while (came >= 0 && (state = upstream_advance(call)) <= UPSTREAM_WRITE) {
		events = state == UPSTREAM_WRITE ? GREEN_WRITE : GREEN_READ;
		came = green_wait(events << GREEN_SECOND, r->work.wake_at_ns);
		if (!came && clock_monotonic_ns() >= r->work.wake_at_ns)
			return 504;
	}
	return came < 0 ? 503 : state == UPSTREAM_DONE ? 0 : 502;
}

void green_request_run(struct green_request *r, const struct traceparent *trace)
{
	struct upstream_call call;
	enum work_need need;

	r->trace = trace;
	r->cpu_ns = 0;
	green_set_own(r);
	while ((need = work_run_to_call(&r->work, 0, &call)) != WORK_DONE) {
		turn_away(r);
		if (need == WORK_ASK)
			work_end_call(&r->work, &call, ask(r, &call));
		else if (sleep_until(r->work.wake_at_ns))
			r->work.status = 503;
		take_up(r);
	}
}

void green_request_leave(struct green_request *r)
{
	if (r->work.context.record.valid)
		unpublish(r);
	else
		green_forget_ready();
}

void green_request_return(struct green_request *r)
{
	if (r->work.context.record.valid)
		publish(r);
}

__attribute__((noinline)) void green_request_end(struct green_request *r)
{
	if (!r->work.context.record.valid)
		return;
	whylate_request_leave();
	r->work.context.record.valid = 0;
}
