// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/analysis/timeline.h"

#include <stdbool.h>
#include <string.h>

#include "bpf/stays.h"

/* A stay's parts are rounded to 16 ns, each to its own side. */
#define ROUNDED_NS 32

/* Instants are since the request's beginning. */
struct walk {
	const struct exemplar *of;
	uint64_t latency_ns, read_ns, accepted_ns;
	uint64_t tolerance_ns; /* as much may be something else than what it is called */
	struct timeline *out;
};

/* What a stretch of time may have been, and how much of that there was in all. */
struct claim {
	uint32_t activity;
	uint64_t ns;
};

static uint64_t least(uint64_t one_ns, uint64_t other_ns)
{
	return one_ns < other_ns ? one_ns : other_ns;
}

static uint64_t most(uint64_t one_ns, uint64_t other_ns)
{
	return one_ns > other_ns ? one_ns : other_ns;
}

static uint64_t length_ns(const struct timeline_piece *piece)
{
	return piece->to_ns - piece->from_ns;
}

static void put_one(struct timeline *out, uint64_t from_ns, uint64_t to_ns, struct timeline_piece piece)
{
	if (from_ns >= to_ns)
		return;
	piece.from_ns = from_ns;
	piece.to_ns = to_ns;
	out->pieces[out->nr++] = piece;
}

/* They are put from the end to the beginning; none holds the read or reaches into the accept queue. */
static void put(struct walk *walk, uint64_t from_ns, uint64_t to_ns, struct timeline_piece like)
{
	from_ns = most(from_ns, walk->accepted_ns);
	put_one(walk->out, most(from_ns, walk->read_ns), to_ns, like);
	put_one(walk->out, from_ns, least(to_ns, walk->read_ns), like);
}

/* AT_NS since the request's beginning, at most UNTIL_NS. */
static uint64_t since_begin(const struct walk *walk, uint64_t at_ns, uint64_t until_ns)
{
	uint64_t begin_ns = walk->of->begin_ns;

	return at_ns > begin_ns ? least(at_ns - begin_ns, until_ns) : 0;
}

/* What a stay tells: from its beginning to UNTIL_NS, when the next one began.  Returns its own beginning. */
static uint64_t put_stay(struct walk *walk, const struct stay *stay, uint64_t until_ns)
{
	uint64_t in_ns = since_begin(walk, stay->in_ns, until_ns),
		 runnable_ns = since_begin(walk, stay_runnable_ns(stay), in_ns),
		 out_ns = since_begin(walk, stay_out_ns(stay), runnable_ns);
	uint32_t place = stay->who >> STAY_CPU_SHIFT, cpu = place ? place - 1 : REPORT_CPU_UNKNOWN;
	uint32_t who_pid = stay->who & ((1u << STAY_CPU_SHIFT) - 1);
	uint32_t waited = stay_runnable_ns(stay) > stay_out_ns(stay) ? COMPONENT_RUN_QUEUE_WAKEUP :
								       COMPONENT_RUN_QUEUE_PREEMPTED;

	put(walk, in_ns, until_ns, (struct timeline_piece){ .activity = ACTIVITY_BUSY, .cpu = cpu });
	put(walk, runnable_ns, in_ns,
	    (struct timeline_piece){ .activity = waited, .cpu = cpu, .who_pid = who_pid });
	put(walk, out_ns, runnable_ns,
	    (struct timeline_piece){ .activity = ACTIVITY_BLOCKED, .cpu = REPORT_CPU_UNKNOWN });
	return out_ns;
}

static void put_all(struct walk *walk)
{
	struct timeline_piece like = { .activity = ACTIVITY_UNKNOWN, .cpu = REPORT_CPU_UNKNOWN };
	uint64_t until_ns = walk->latency_ns;

	for (uint32_t i = 0; i < walk->of->nr_stays && i < STAYS && until_ns > walk->accepted_ns; i++) {
		const struct stay *stay = &walk->of->stays[i];

		if (!stay->in_ns)
			break;
		until_ns = put_stay(walk, stay, until_ns);
	}
	put(walk, 0, until_ns, like);
	like.activity = COMPONENT_ACCEPT_WAIT;
	put_one(walk->out, 0, walk->accepted_ns, like);
}

static void reverse(struct timeline *timeline)
{
	for (size_t i = 0, j = timeline->nr; i + 1 < j; i++) {
		struct timeline_piece piece = timeline->pieces[--j];

		timeline->pieces[j] = timeline->pieces[i];
		timeline->pieces[i] = piece;
	}
}

static bool is_run_queue(uint32_t activity)
{
	return activity == COMPONENT_RUN_QUEUE_WAKEUP || activity == COMPONENT_RUN_QUEUE_PREEMPTED;
}

static bool is_unread(const struct walk *walk, const struct timeline_piece *piece)
{
	return piece->from_ns >= walk->accepted_ns && piece->from_ns < walk->read_ns;
}

static bool is_read(const struct walk *walk, const struct timeline_piece *piece)
{
	return piece->from_ns >= walk->read_ns;
}

/* What TOTAL_NS were of the NR claims, if that is certain; else OTHERWISE. */
static uint32_t certain(const struct walk *walk, const struct claim *claims, size_t nr, uint64_t total_ns,
			uint32_t otherwise)
{
	const struct claim *largest = claims;
	uint64_t rest_ns = 0;

	for (size_t i = 0; i < nr; i++) {
		if (claims[i].ns > largest->ns)
			largest = &claims[i];
		rest_ns += claims[i].ns;
	}
	rest_ns -= largest->ns;
	if (!largest->ns || rest_ns > walk->tolerance_ns || total_ns > largest->ns + walk->tolerance_ns)
		return otherwise;
	return largest->activity;
}

/* In sum, of the pieces on one side of the read; what RENAMED pieces are is not asked for again. */
typedef bool side(const struct walk *walk, const struct timeline_piece *piece);

struct sums {
	uint64_t ran_ns, waited_ns, blocked_ns, unknown_ns;
};

static struct sums sum_up(const struct walk *walk, side *belongs)
{
	struct sums sums = {};

	for (size_t i = 0; i < walk->out->nr; i++) {
		const struct timeline_piece *piece = &walk->out->pieces[i];

		if (!belongs(walk, piece))
			continue;
		if (piece->activity == ACTIVITY_BUSY)
			sums.ran_ns += length_ns(piece);
		else if (is_run_queue(piece->activity))
			sums.waited_ns += length_ns(piece);
		else if (piece->activity == ACTIVITY_BLOCKED)
			sums.blocked_ns += length_ns(piece);
		else
			sums.unknown_ns += length_ns(piece);
	}
	return sums;
}

/* What is not known of one side is the one thing that there is time left of, if there is only one. */
static void name_rest(struct walk *walk, side *belongs, struct claim *claims, size_t nr)
{
	uint64_t total_ns = 0;
	uint32_t activity;

	for (size_t i = 0; i < walk->out->nr; i++) {
		const struct timeline_piece *piece = &walk->out->pieces[i];

		if (!belongs(walk, piece))
			continue;
		total_ns += piece->activity == ACTIVITY_UNKNOWN ? length_ns(piece) : 0;
		for (size_t j = 0; j < nr; j++)
			if (claims[j].activity == piece->activity)
				claims[j].ns -= least(claims[j].ns, length_ns(piece));
	}
	activity = certain(walk, claims, nr, total_ns, ACTIVITY_UNKNOWN);
	for (size_t i = 0; i < walk->out->nr; i++) {
		struct timeline_piece *piece = &walk->out->pieces[i];

		if (belongs(walk, piece) && piece->activity == ACTIVITY_UNKNOWN)
			piece->activity = activity == COMPONENT_RESIDUAL ? ACTIVITY_UNKNOWN : activity;
	}
}

/* What the reader did.  If that was another task, its stays are not known, and ours do not fit its sums. */
static void name_unread(struct walk *walk)
{
	const __u64 *parts_ns = walk->of->parts.components_ns;
	struct claim claims[] = {
		{ COMPONENT_SOCKET_BUSY, parts_ns[COMPONENT_SOCKET_BUSY] },
		{ COMPONENT_SOCKET_RUN_QUEUE, parts_ns[COMPONENT_SOCKET_RUN_QUEUE] },
		{ COMPONENT_SOCKET_BLOCKED, parts_ns[COMPONENT_SOCKET_BLOCKED] },
	};
	struct sums sums = sum_up(walk, is_unread);
	bool fit = sums.ran_ns <= claims[0].ns + walk->tolerance_ns &&
		   sums.waited_ns <= claims[1].ns + walk->tolerance_ns &&
		   sums.blocked_ns <= claims[2].ns + walk->tolerance_ns;

	for (size_t i = 0; i < walk->out->nr; i++) {
		struct timeline_piece *piece = &walk->out->pieces[i];

		if (!is_unread(walk, piece) || piece->activity == ACTIVITY_UNKNOWN)
			continue;
		if (!fit)
			*piece = (struct timeline_piece){ piece->from_ns, piece->to_ns, ACTIVITY_UNKNOWN,
							  REPORT_CPU_UNKNOWN, 0 };
		else if (piece->activity == ACTIVITY_BUSY)
			piece->activity = COMPONENT_SOCKET_BUSY;
		else if (piece->activity == ACTIVITY_BLOCKED)
			piece->activity = COMPONENT_SOCKET_BLOCKED;
		else
			piece->activity = COMPONENT_SOCKET_RUN_QUEUE;
	}
	name_rest(walk, is_unread, claims, sizeof(claims) / sizeof(claims[0]));
}

/*
 * What all the time was that the task ran, or waited for a CPU, TOTAL_NS in sum: its OWN work, that for
 * others, or either while an upstream or the runtime's queue had the request.  WHOLE: nothing of it is
 * missing.
 */
static uint32_t name_active(const struct walk *walk, struct claim own, uint64_t total_ns, bool whole,
			    uint32_t otherwise)
{
	const __u64 *parts_ns = walk->of->parts.components_ns;
	const struct claim claims[] = {
		own,
		{ COMPONENT_BUSY_WITH_OTHERS, parts_ns[COMPONENT_BUSY_WITH_OTHERS] },
		{ COMPONENT_BLOCKED_UPSTREAM, parts_ns[COMPONENT_BLOCKED_UPSTREAM] },
		{ COMPONENT_RUNTIME_QUEUE, parts_ns[COMPONENT_RUNTIME_QUEUE] },
	};

	/* All that it did, it did for the request: then nothing is left for the others. */
	if (whole && parts_ns[COMPONENT_RUNTIME_QUEUE] <= walk->tolerance_ns &&
	    total_ns <= own.ns + walk->tolerance_ns)
		return own.activity;
	return certain(walk, claims, sizeof(claims) / sizeof(claims[0]), total_ns, otherwise);
}

static void name_running(struct walk *walk, const struct sums *sums)
{
	const __u64 *parts_ns = walk->of->parts.components_ns;
	const struct claim on_cpu = { COMPONENT_ON_CPU, parts_ns[COMPONENT_ON_CPU] },
			   /* Of both causes; which of them it was each stay tells itself. */
		run_queue = { COMPONENT_RUN_QUEUE_WAKEUP, parts_ns[COMPONENT_RUN_QUEUE_WAKEUP] +
								  parts_ns[COMPONENT_RUN_QUEUE_PREEMPTED] };
	uint32_t ran = name_active(walk, on_cpu, sums->ran_ns, !sums->unknown_ns, ACTIVITY_BUSY),
		 waited =
			 name_active(walk, run_queue, sums->waited_ns, !sums->unknown_ns, ACTIVITY_RUN_QUEUE);

	for (size_t i = 0; i < walk->out->nr; i++) {
		struct timeline_piece *piece = &walk->out->pieces[i];

		if (!is_read(walk, piece))
			continue;
		if (piece->activity == ACTIVITY_BUSY)
			piece->activity = ran;
		else if (is_run_queue(piece->activity) && waited != COMPONENT_RUN_QUEUE_WAKEUP)
			piece->activity = waited;
	}
}

/* The longest piece that was blocked and is not DONE; the last of several.  Their number: none is left. */
static size_t longest_blocked(const struct walk *walk, const bool *done)
{
	const struct timeline *out = walk->out;
	size_t longest = out->nr;

	for (size_t i = 0; i < out->nr; i++) {
		if (done[i] || !is_read(walk, &out->pieces[i]) || out->pieces[i].activity != ACTIVITY_BLOCKED)
			continue;
		if (longest == out->nr || length_ns(&out->pieces[i]) >= length_ns(&out->pieces[longest]))
			longest = i;
	}
	return longest;
}

/*
 * A task is blocked for one reason at a time, so what is shorter in sum than one piece is not it; the longest
 * are told first, and the last, since before them the task may have worked for another request.
 */
static void name_blocked(struct walk *walk)
{
	uint64_t left_ns[COMPONENTS];
	bool done[TIMELINE_PIECES] = {};
	size_t at;

	for (uint32_t i = 0; i < COMPONENTS; i++)
		left_ns[i] = walk->of->parts.components_ns[i];
	while ((at = longest_blocked(walk, done)) < walk->out->nr) {
		struct timeline_piece *piece = &walk->out->pieces[at];
		uint32_t found = ACTIVITY_UNKNOWN;

		done[at] = true;
		for (uint32_t i = COMPONENT_BLOCKED_FIRST; i <= COMPONENT_RUNTIME_QUEUE; i++) {
			if (!left_ns[i] || left_ns[i] + ROUNDED_NS < length_ns(piece))
				continue;
			found = found == ACTIVITY_UNKNOWN ? i : ACTIVITY_BLOCKED;
		}
		piece->activity = found;
		if (found < COMPONENTS)
			left_ns[found] -= least(left_ns[found], length_ns(piece));
	}
}

static void name_read(struct walk *walk)
{
	struct claim claims[COMPONENTS - COMPONENT_ON_CPU];
	struct sums sums = sum_up(walk, is_read);

	name_running(walk, &sums);
	name_blocked(walk);
	for (uint32_t i = COMPONENT_ON_CPU; i < COMPONENTS; i++)
		claims[i - COMPONENT_ON_CPU] = (struct claim){ i, walk->of->parts.components_ns[i] };
	name_rest(walk, is_read, claims, sizeof(claims) / sizeof(claims[0]));
}

void timeline_of(const struct exemplar *exemplar, struct timeline *out)
{
	struct walk walk = { .of = exemplar,
			     .latency_ns = exemplar->end_ns - exemplar->begin_ns,
			     .out = out };

	walk.tolerance_ns = walk.latency_ns / 100;
	walk.read_ns = since_begin(&walk, exemplar->read_ns, walk.latency_ns);
	walk.accepted_ns = least(exemplar->parts.components_ns[COMPONENT_ACCEPT_WAIT], walk.read_ns);
	out->nr = 0;
	put_all(&walk);
	reverse(out);
	name_unread(&walk);
	name_read(&walk);
}
