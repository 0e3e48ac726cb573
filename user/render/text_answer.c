// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The sentence that the report opens with: what the latest requests were waiting for. */
#include "user/render/text_requests.h"

#include "user/render/request_groups.h"
#include "user/render/shares.h"
#include "user/render/text_flow.h"
#include "user/render/text_parts.h"

_Static_assert(REQUEST_GROUPS <= SHARES_MOST && BLAME_KINDS <= SHARES_MOST, "shares_of() takes them all");

/* What a share of the time was, where "71.2 % " stands before it. */
static const char *const group_words[REQUEST_GROUPS] = {
	[GROUP_ACCEPT] = "was waiting in the accept queue",
	[GROUP_OTHERS] = "went by while this server was busy with other requests",
	[GROUP_RUN_QUEUE] = "was waiting for a CPU",
	[GROUP_ON_CPU] = "was work on a CPU for the request itself",
	[GROUP_BLOCKED] = "was blocked",
	[GROUP_UPSTREAM] = "was waiting for an upstream",
	[GROUP_RUNTIME] = "was waiting in the runtime's own queue",
	[GROUP_RESIDUAL] = "is not explained",
};

/* Where "blocked " stands before it. */
static const char *blocked_where(uint32_t component)
{
	static const char *const words[BLOCKED_REASONS] = {
		[BLOCKED_FUTEX] = "on a futex (a lock, say)",
		[BLOCKED_POLL] = "in a poll",
		[BLOCKED_SOCKET] = "on a socket",
		[BLOCKED_PIPE] = "on a pipe",
		[BLOCKED_DISK] = "on the disk",
		[BLOCKED_SLEEP] = "in a sleep",
		[BLOCKED_FAULT] = "in page faults",
		[BLOCKED_IO_URING] = "in io_uring",
		[BLOCKED_OTHER] = "for other reasons",
	};

	return component == COMPONENT_SOCKET_BLOCKED ? "before the read" :
						       words[component - COMPONENT_BLOCKED_FIRST];
}

/* Where "64.0 % of the waiting was " stands before it. */
static const char *behind_whom(const struct report *report, uint32_t kind)
{
	static const char *const words[BLAME_KINDS] = {
		[BLAME_SELF] = "behind this server's own threads",
		[BLAME_PROCESS] = "behind other processes",
		[BLAME_KERNEL] = "behind kernel threads",
		[BLAME_IDLE] = "the wakeup's own way to a CPU",
		[BLAME_QUOTA] = "for the CPU quota of its cgroup",
		[BLAME_OTHER] = "behind somebody not known",
	};

	return kind == BLAME_SELF && threads_in(report) < 2 ? "behind this server itself" : words[kind];
}

static void say_blame(struct text_paragraph *p, const struct report *report,
		      const struct report_request_quantile *tail)
{
	uint32_t kind = request_largest(tail->blame_ns, BLAME_KINDS);
	unsigned tenths[BLAME_KINDS];

	shares_of(tail->blame_ns, BLAME_KINDS, tenths);
	if (tenths[kind])
		text_say(p, ", of which %u.%u %% %s%s", tenths[kind] / 10, tenths[kind] % 10,
			 kind == BLAME_IDLE ? "was " : "", behind_whom(report, kind));
}

static void say_blocked(struct text_paragraph *p, const uint64_t components_ns[COMPONENTS])
{
	uint64_t parts_ns[2] = {}, of_group[COMPONENTS] = {};
	unsigned tenths[2];
	uint32_t most;

	for (uint32_t i = 0; i < COMPONENTS; i++)
		if (request_group_of(i) == GROUP_BLOCKED)
			of_group[i] = components_ns[i];
	most = request_largest(of_group, COMPONENTS);
	for (uint32_t i = 0; i < COMPONENTS; i++)
		parts_ns[i != most] = request_add_ns(parts_ns[i != most], of_group[i]);
	shares_of(parts_ns, 2, tenths);
	if (tenths[0] == 1000)
		text_say(p, " %s", blocked_where(most));
	else
		text_say(p, ", of which %u.%u %% %s", tenths[0] / 10, tenths[0] % 10, blocked_where(most));
}

static void say_group(struct text_paragraph *p, const struct report *report,
		      const struct report_request_quantile *tail)
{
	uint64_t sums_ns[REQUEST_GROUPS];
	unsigned tenths[REQUEST_GROUPS];
	uint32_t group;

	request_group_sums(tail->components_ns, sums_ns);
	group = request_largest(sums_ns, REQUEST_GROUPS);
	if (!sums_ns[group])
		return;
	shares_of(sums_ns, REQUEST_GROUPS, tenths);
	text_say(p, "; in %s ", tail->tail_count == 1 ? "that request" : "those requests");
	text_say(p, tenths[group] < 500 ? "the largest part, %u.%u %%, %s" : "%u.%u %% %s",
		 tenths[group] / 10, tenths[group] % 10, group_words[group]);
	if (group == GROUP_RUN_QUEUE)
		say_blame(p, report, tail);
	else if (group == GROUP_BLOCKED)
		say_blocked(p, tail->components_ns);
}

/* Where "Without " stands before it; NULL for what no request can be without. */
static const char *without_what(uint32_t what)
{
	switch (what) {
	case COMPONENT_ACCEPT_WAIT:
		return "the accept queue";
	case COMPONENT_SOCKET_BUSY:
		return "the work for others before the read";
	case COMPONENT_SOCKET_RUN_QUEUE:
		return "the wait for a CPU before the read";
	case COMPONENT_BUSY_WITH_OTHERS:
		return "the work for others after the read";
	case COMPONENT_RUN_QUEUE_WAKEUP:
		return "the wait for a CPU after wakeups";
	case COMPONENT_RUN_QUEUE_PREEMPTED:
		return "the wait for a CPU after preemptions";
	case COMPONENT_BLOCKED_UPSTREAM:
		return "the upstream";
	case COMPONENT_RUNTIME_QUEUE:
		return "the runtime's own queue";
	case WITHOUT_RUN_QUEUE:
		return "the wait for a CPU";
	default:
		return NULL;
	}
}

/* The parts of the wait for a CPU are not asked for where the whole of it is known: none makes more of it. */
static bool may_be_without(uint32_t what, bool has_run_queue)
{
	if (what == WITHOUT_RUN_QUEUE)
		return has_run_queue;
	if (request_group_of(what) == GROUP_RUN_QUEUE)
		return !has_run_queue;
	return without_what(what) || request_group_of(what) == GROUP_BLOCKED;
}

/* What a single component, or all waiting for a CPU, made of the quantile, if at least a quarter of it. */
static void say_without(struct text_paragraph *p, const struct report_request_quantile *tail,
			bool has_run_queue)
{
	char text[UNITS_TEXT_BYTES];
	uint32_t best = COMPONENT_ACCEPT_WAIT;

	for (uint32_t i = 0; i < WITHOUTS; i++)
		if (may_be_without(i, has_run_queue) && tail->without_ns[i] < tail->without_ns[best])
			best = i;
	if (tail->without_ns[best] >= tail->latency_ns - tail->latency_ns / 4)
		return;
	if (without_what(best))
		text_say(p, " Without %s", without_what(best));
	else
		text_say(p, " Without the time blocked %s", blocked_where(best));
	text_say(p, " it would be %s.", ns_text(text, tail->without_ns[best]));
}

void text_answer(const struct report *report, FILE *out)
{
	const struct report_requests *r = &report->requests;
	const struct report_request_quantile *tail = &r->quantiles[TAIL_QUANTILE];
	struct text_paragraph p = {};
	char text[UNITS_TEXT_BYTES];

	text_say(&p, "p99 is %s", ns_text(text, at_most(tail->latency_ns, r->latency.max_ns)));
	say_group(&p, report, tail);
	text_say(&p, ".");
	say_without(&p, tail, r->has_without_run_queue);
	text_paragraph(&p, out);
}
