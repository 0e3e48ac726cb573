// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/analysis/exemplars.h"

#include <string.h>

#include "user/analysis/difference.h"
#include "user/analysis/timeline.h"

_Static_assert(EXEMPLARS_EACH >= REPORT_EXEMPLARS, "all may come from one CPU");
_Static_assert(SNAPSHOT_EXEMPLARS >= REPORT_EXEMPLARS, "and from one interval");

/* A piece with others that were put to it: how much of it is its own. */
struct draft {
	struct timeline_piece piece;
	uint64_t own_ns;
};

struct drafts {
	struct draft of[TIMELINE_PIECES];
	size_t nr;
};

static uint64_t length_ns(const struct draft *draft)
{
	return draft->piece.to_ns - draft->piece.from_ns;
}

static bool are_alike(const struct timeline_piece *a, const struct timeline_piece *b)
{
	return a->activity == b->activity && a->cpu == b->cpu && a->who_pid == b->who_pid;
}

/* Whether it would be nine tenths one thing, with MORE_NS of others. */
static bool is_plain(const struct draft *draft, uint64_t more_ns)
{
	return draft->own_ns / 9 >= (length_ns(draft) + more_ns) / 10;
}

/* Put what stands at FROM to what stands at TO, beside it; the time is TO's own where they are alike. */
static void put_to(struct drafts *drafts, size_t to, size_t from)
{
	struct draft *kept = &drafts->of[to], *gone = &drafts->of[from];

	if (are_alike(&kept->piece, &gone->piece))
		kept->own_ns += gone->own_ns;
	if (from < to)
		kept->piece.from_ns = gone->piece.from_ns;
	else
		kept->piece.to_ns = gone->piece.to_ns;
	if (kept->piece.activity == ACTIVITY_MIXED || !is_plain(kept, 0)) {
		kept->piece.activity = ACTIVITY_MIXED;
		kept->piece.cpu = REPORT_CPU_UNKNOWN;
		kept->piece.who_pid = 0;
		kept->own_ns = length_ns(kept);
	}
	drafts->nr--;
	memmove(gone, gone + 1, (drafts->nr - from) * sizeof(*gone));
}

static void join_alike(struct drafts *drafts)
{
	for (size_t i = 0; i + 1 < drafts->nr;) {
		if (are_alike(&drafts->of[i].piece, &drafts->of[i + 1].piece))
			put_to(drafts, i, i + 1);
		else
			i++;
	}
}

static size_t shortest(const struct drafts *drafts)
{
	size_t found = 0;

	for (size_t i = 1; i < drafts->nr; i++)
		if (length_ns(&drafts->of[i]) < length_ns(&drafts->of[found]))
			found = i;
	return found;
}

/*
 * Where to put what stands at AT; it has a neighbour.  The longer one loses least by it, up to a point: from
 * there on turns that are all short go to each other.
 */
static size_t neighbour_of(const struct drafts *drafts, size_t at)
{
	size_t before = at - 1, after = at + 1, longer, shorter;

	if (!at)
		return after;
	if (after == drafts->nr)
		return before;
	longer = length_ns(&drafts->of[after]) > length_ns(&drafts->of[before]) ? after : before;
	shorter = longer == after ? before : after;
	return is_plain(&drafts->of[longer], length_ns(&drafts->of[at])) ? longer : shorter;
}

static void cut_down(const struct timeline *timeline, uint64_t latency_ns, struct drafts *drafts)
{
	drafts->nr = timeline->nr;
	for (size_t i = 0; i < timeline->nr; i++) {
		const struct timeline_piece *piece = &timeline->pieces[i];

		drafts->of[i] = (struct draft){ *piece, piece->to_ns - piece->from_ns };
	}
	join_alike(drafts);
	while (drafts->nr > 1) {
		size_t at = shortest(drafts);

		if (drafts->nr <= REPORT_SEGMENTS && length_ns(&drafts->of[at]) >= latency_ns / 100)
			break;
		put_to(drafts, neighbour_of(drafts, at), at);
		join_alike(drafts);
	}
}

static void put_name(char to[COMM_BYTES], const void *comm)
{
	memcpy(to, comm, COMM_BYTES);
	to[COMM_BYTES - 1] = '\0';
}

/* Nothing if it is all 0: not known. */
static void put_trace_id(char to[REPORT_TRACE_ID_BYTES], const uint8_t id[TRACE_ID_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t any = 0;

	for (int i = 0; i < TRACE_ID_BYTES; i++) {
		to[2 * i] = digits[id[i] >> 4];
		to[2 * i + 1] = digits[id[i] & 15];
		any |= id[i];
	}
	to[any ? 2 * TRACE_ID_BYTES : 0] = '\0';
}

/* A neighbour, or another process of the target; nothing if it is neither. */
static void find_name(const struct snapshot *snapshot, uint32_t pid, char name[COMM_BYTES])
{
	for (size_t i = 0; i < snapshot->nr_names; i++) {
		if (snapshot->names[i].pid == pid) {
			put_name(name, snapshot->names[i].blame.comm);
			return;
		}
	}
	for (size_t i = 0; i < snapshot->nr_threads; i++) {
		const struct thread_record *thread = &snapshot->threads[i];

		if (thread->pid == pid && thread->tid == pid)
			put_name(name, thread->comm);
	}
}

static void fill_segments(const struct snapshot *snapshot, const struct exemplar *from,
			  struct report_exemplar *out)
{
	struct timeline timeline;
	struct drafts drafts;

	timeline_of(from, &timeline);
	cut_down(&timeline, out->latency_ns, &drafts);
	out->nr_segments = drafts.nr;
	for (size_t i = 0; i < drafts.nr; i++) {
		const struct timeline_piece *piece = &drafts.of[i].piece;
		struct report_segment *segment = &out->segments[i];

		segment->from_ns = piece->from_ns;
		segment->to_ns = piece->to_ns;
		segment->activity = piece->activity;
		segment->cpu = piece->cpu;
		segment->who_pid = piece->who_pid;
		if (piece->who_pid)
			find_name(snapshot, piece->who_pid, segment->who_comm);
	}
}

static void fill_one(const struct snapshot *snapshot, const struct exemplar *from, uint64_t began_at_ns,
		     struct report_exemplar *out)
{
	struct exemplar settled = *from;
	struct parts *parts = &settled.parts;

	out->latency_ns = from->end_ns - from->begin_ns;
	out->begun_ns = (int64_t)(from->begin_ns - began_at_ns);
	out->status = from->status < STATUSES ? from->status : STATUS_UNKNOWN;
	out->pid = from->pid;
	out->tid = from->tid;
	put_name(out->comm, from->comm);
	put_trace_id(out->trace_id, from->trace_id);
	settle_parts(parts->components_ns, COMPONENTS, out->latency_ns, COMPONENT_RESIDUAL);
	settle_parts(parts->blame_ns, BLAME_KINDS, blamed_ns(parts->components_ns), BLAME_OTHER);
	memcpy(out->components_ns, parts->components_ns, sizeof(out->components_ns));
	memcpy(out->blame_ns, parts->blame_ns, sizeof(out->blame_ns));
	fill_segments(snapshot, &settled, out);
}

void exemplars_of(const struct snapshot *snapshot, uint64_t began_at_ns, struct report *out)
{
	const struct snapshot_slowest *slowest = snapshot->requests ? &snapshot->requests->slowest : NULL;
	struct report_exemplars *to = &out->exemplars;
	uint64_t least_ns;

	if (!slowest)
		return;
	for (size_t i = 0; i < slowest->nr && to->nr < REPORT_EXEMPLARS; i++)
		fill_one(snapshot, &slowest->of[i], began_at_ns, &to->of[to->nr++]);
	least_ns = to->nr < REPORT_EXEMPLARS ? 0 : to->of[REPORT_EXEMPLARS - 1].latency_ns;
	out->losses[LOSS_EXEMPLARS] += slowest->gone_ns > least_ns;
}
