// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/timetable.h"

#include <math.h>
#include <string.h>

typedef unsigned __int128 u128;

#define GOLDEN 0x9e3779b97f4a7c15ull

/* The output function of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
 * 2014; constants of Vigna's public-domain splitmix64.c). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

/* xoshiro256**, 1.0 (Blackman and Vigna, public domain: https://prng.di.unimi.it/xoshiro256starstar.c). */
static uint64_t draw(uint64_t state[4])
{
	uint64_t result = rotate(state[1] * 5, 7) * 9, shifted = state[1] << 17;

	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= shifted;
	state[3] = rotate(state[3], 45);
	return result;
}

/* Of mean 1, by inversion; 53 bits, and never the logarithm of 0. */
static double draw_exponential(uint64_t state[4])
{
	return -log((double)(int64_t)((draw(state) >> 11) + 1) * 0x1p-53);
}

static uint64_t rate_units(double rate)
{
	return (uint64_t)llround(rate * 1e9);
}

static const struct load_segment *segment_of(const struct timetable *t)
{
	return &t->plan->segments[t->segment];
}

/* Of the rate over SEGMENT, in 1/TIMETABLE_UNIT of a request. */
static u128 integral_of(const struct load_segment *segment)
{
	return (u128)(rate_units(segment->from_rate) + rate_units(segment->to_rate)) * segment->duration_ns;
}

/* The first request that is due where the integral is INTEGRAL or later. */
static uint64_t number_at(u128 integral)
{
	return (uint64_t)((integral + TIMETABLE_UNIT - 1) / TIMETABLE_UNIT);
}

/* How long after its slower end the integral over the segment has become REQUESTS: a sum of what is positive
 * alone, so that nothing cancels. */
static double ramp_ns(const struct timetable *t, double requests)
{
	double rate = t->rate_per_ns;

	if (t->slope_per_ns2 <= 0)
		return requests / rate;
	return 2 * requests / (rate + sqrt(rate * rate + 2 * t->slope_per_ns2 * requests));
}

/* Due where the integral is REQUESTS away from the segment's slower end; within the segment, whatever the
 * rounding. */
static uint64_t due_on_ramp(const struct timetable *t, double requests)
{
	const struct load_segment *segment = segment_of(t);
	double ns = ramp_ns(t, requests);
	int64_t after_ns, last_ns = (int64_t)segment->duration_ns - 1;

	after_ns = (int64_t)(t->falls ? (double)(int64_t)segment->duration_ns - ns : ns);
	if (after_ns > last_ns)
		after_ns = last_ns;
	return t->segment_ns + (uint64_t)(after_ns > 0 ? after_ns : 0);
}

static uint64_t due_by_number(const struct timetable *t)
{
	int64_t away = (int64_t)(t->falls ? t->ramp_number - t->number : t->number - t->ramp_number);

	return due_on_ramp(t, t->ramp_offset + (double)away);
}

static bool is_ramp(const struct timetable *t)
{
	return t->slope_per_ns2 > 0;
}

/* The segment is entered at its beginning; what the rate does in it. */
static void shape_segment(struct timetable *t)
{
	const struct load_segment *segment = segment_of(t);
	uint64_t from = rate_units(segment->from_rate), to = rate_units(segment->to_rate);
	u128 end = t->integral + integral_of(segment);

	t->falls = from > to;
	t->rate_per_ns = (double)(int64_t)(t->falls ? to : from) * 1e-18;
	t->slope_per_ns2 = (double)(int64_t)(t->falls ? from - to : to - from) * 1e-18 /
			   (double)(int64_t)segment->duration_ns;
	t->end_number = number_at(end);
	t->ramp_number = t->falls ? t->end_number - 1 : number_at(t->integral);
	t->ramp_offset = (double)(t->falls ? end - (u128)t->ramp_number * TIMETABLE_UNIT :
					     (u128)t->ramp_number * TIMETABLE_UNIT - t->integral) /
			 (double)TIMETABLE_UNIT;
	t->begin_requests = (double)t->integral / (double)TIMETABLE_UNIT;
	t->end_requests = (double)end / (double)TIMETABLE_UNIT;
	t->rest_base = from + to;
	t->step_ns = (uint64_t)((u128)t->nr_parts * TIMETABLE_UNIT / t->rest_base);
	t->step_rest = (uint64_t)((u128)t->nr_parts * TIMETABLE_UNIT % t->rest_base);
}

/* Returns false behind the last. */
static bool next_segment(struct timetable *t)
{
	t->integral += integral_of(segment_of(t));
	t->segment_ns += segment_of(t)->duration_ns;
	if (++t->segment >= t->plan->nr_segments)
		return false;
	shape_segment(t);
	return true;
}

/* To number, which lies in no segment before this one; by division. */
static void find_by_number(struct timetable *t)
{
	u128 behind;

	while (t->number >= t->end_number) {
		if (!next_segment(t)) {
			t->due_ns = TIMETABLE_OVER;
			return;
		}
	}
	if (is_ramp(t)) {
		t->due_ns = due_by_number(t);
		return;
	}
	behind = (u128)t->number * TIMETABLE_UNIT - t->integral;
	t->due_ns = t->segment_ns + (uint64_t)(behind / t->rest_base);
	t->rest = (uint64_t)(behind % t->rest_base);
}

/* And to the next one by addition, which loses nothing either. */
static void step_by_number(struct timetable *t)
{
	if (t->number >= t->end_number || is_ramp(t)) {
		find_by_number(t);
		return;
	}
	t->due_ns += t->step_ns;
	t->rest += t->step_rest;
	if (t->rest >= t->rest_base) {
		t->rest -= t->rest_base;
		t->due_ns++;
	}
}

static void find_by_draws(struct timetable *t, uint32_t nr)
{
	while (nr--)
		t->drawn += draw_exponential(t->random);
	while (t->drawn >= t->end_requests) {
		if (!next_segment(t)) {
			t->due_ns = TIMETABLE_OVER;
			return;
		}
	}
	t->due_ns = due_on_ramp(t, t->falls ? t->end_requests - t->drawn : t->drawn - t->begin_requests);
}

static void find_in_file(struct timetable *t)
{
	const struct load_plan *plan = t->plan;

	if (t->number >= plan->nr_replay) {
		t->due_ns = TIMETABLE_OVER;
		return;
	}
	t->due_ns = plan->replay[t->number].due_ns;
	t->request = plan->replay[t->number].request;
}

static bool by_draws(const struct load_plan *plan)
{
	return plan->mode != LOAD_REPLAY && plan->arrivals == ARRIVALS_POISSON;
}

void timetable_begin(struct timetable *t, const struct load_plan *plan, uint32_t part, uint32_t nr_parts)
{
	*t = (struct timetable){ .plan = plan, .nr_parts = nr_parts, .number = part };
	if (plan->mode == LOAD_REPLAY) {
		find_in_file(t);
		return;
	}
	if (!plan->nr_segments) {
		t->due_ns = TIMETABLE_OVER;
		return;
	}
	shape_segment(t);
	/* As its authors advise: by splitmix64. */
	for (unsigned i = 0; i < 4; i++)
		t->random[i] = mix(plan->seed + (i + 1) * GOLDEN);
	if (by_draws(plan))
		find_by_draws(t, part + 1);
	else
		find_by_number(t);
	t->request = timetable_pick(plan, t->number);
}

void timetable_next(struct timetable *t)
{
	if (t->due_ns == TIMETABLE_OVER)
		return;
	t->number += t->nr_parts;
	if (t->plan->mode == LOAD_REPLAY) {
		find_in_file(t);
		return;
	}
	if (by_draws(t->plan))
		find_by_draws(t, t->nr_parts);
	else
		step_by_number(t);
	t->request = timetable_pick(t->plan, t->number);
}

uint32_t timetable_pick(const struct load_plan *plan, uint64_t number)
{
	uint64_t random, at;
	uint32_t request = 0;

	if (plan->nr_requests < 2)
		return 0;
	/* Not the numbers that the due times are drawn from. */
	random = mix(mix(~plan->seed) + (number + 1) * GOLDEN);
	at = (uint64_t)((u128)random * plan->weights >> 64);
	while (request < plan->nr_requests - 1 && at >= plan->requests[request].weight)
		at -= plan->requests[request++].weight;
	return request;
}

/* Of constant arrivals: their number is where the integral ends, and the last one is found by division. */
static void total_by_number(const struct load_plan *plan, uint64_t *nr, uint64_t *last_due_ns)
{
	struct timetable t = { .plan = plan, .nr_parts = 1 };
	u128 integral = 0;

	for (uint32_t i = 0; i < plan->nr_segments; i++)
		integral += integral_of(&plan->segments[i]);
	*nr = number_at(integral);
	t.number = *nr - 1;
	shape_segment(&t);
	find_by_number(&t);
	*last_due_ns = t.due_ns;
}

void timetable_total(const struct load_plan *plan, uint64_t *nr, uint64_t *last_due_ns)
{
	struct timetable t;

	*nr = *last_due_ns = 0;
	if (plan->mode != LOAD_REPLAY && plan->nr_segments && !by_draws(plan)) {
		total_by_number(plan, nr, last_due_ns);
		return;
	}
	for (timetable_begin(&t, plan, 0, 1); t.due_ns != TIMETABLE_OVER; timetable_next(&t)) {
		++*nr;
		*last_due_ns = t.due_ns;
	}
}
