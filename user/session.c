// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A report is the difference of two snapshots: of the ends of an interval, or of nothing and the end.
 * The last interval and the whole come from one snapshot, so that the intervals sum to the whole.
 */
#include "user/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/analysis/capacity.h"
#include "user/analysis/exemplars.h"
#include "user/analysis/requests.h"
#include "user/analysis/scheduling.h"
#include "user/base/clock.h"
#include "user/client_file.h"
#include "user/describe.h"
#include "user/trace/cpus.h"
#include "user/trace/machine.h"
#include "user/trace/quota.h"
#include "user/trace/tracer.h"
#include "user/trace/watch.h"

/* What a snapshot has of its interval only. */
struct maxima {
	uint64_t hists_ns[HIST_IDS], requests_ns, turns_ns[TURN_PROTOCOLS];
	struct snapshot_slowest slowest;
};

/* Where programs may be preempted (docs/kernels.md), a beginning that was skipped is missed for no longer. */
#define LOOK_NS		  500000000ull
#define UNREAD_TRIES_MOST 200u /* each takes as long as reading all, and looks several times */

struct session {
	struct session_options options;
	struct tracer *tracer;
	struct watch *watch;
	session_sink *sink;
	void *context;		   /* SINK's */
	uint64_t realtime_ns;	   /* CLOCK_REALTIME less CLOCK_MONOTONIC, at attach */
	uint64_t last_realtime_ns; /* when the interval began: the machine may have been suspended, or its
				      clock set */
	uint64_t started_ns;
	struct quota_place quota_place;	   /* of the first target, which may end before the last reading */
	struct snapshot_quota first_quota; /* the quota counts on from before the run */
	struct snapshot_quota quota;	   /* the latest, which stands when its cgroup is gone */
	bool has_several_quotas;	   /* the targets are under different ones: there is none of all */
	struct snapshot last;		   /* of the interval before */
	uint64_t last_ns;
	uint64_t skipped;	   /* events so far that the kernel did not hand to a running program */
	struct maxima of_interval; /* the one that is running: of what was read within it */
	struct maxima maxima;	   /* over all intervals */
	struct report_loads loads;
	struct err late_err; /* what is told after the report, which does not need it */
	uint32_t cpus_online;
	uint32_t unread_tries; /* for the threads of whoever survives */
	struct cpus cpus;      /* all that threads of the target were allowed to use so far */
	char comm[COMM_BYTES];
};

/* A target that ended before it could be asked was kept from none, as far as is known. */
static uint32_t cpus_allowed(const struct session *session)
{
	uint32_t count = cpus_count(&session->cpus);

	return count ? count : session->cpus_online;
}

static bool may_use_all_cpus(const struct session *session)
{
	return cpus_count(&session->cpus) >= session->cpus_online;
}

static int open_watch(struct session *session, struct err *err)
{
	const struct target_set *targets = session->options.targets;
	int ret = watch_open(&session->watch, err);

	for (size_t i = 0; i < targets->nr_pids && !ret; i++) {
		ret = watch_add(session->watch, targets->pids[i], err);
		if (!session->options.not_begun && !may_use_all_cpus(session))
			cpus_add_process(&session->cpus, targets->pids[i]);
	}
	return ret;
}

static void read_quota(struct session *session, struct snapshot_quota *out)
{
	*out = (struct snapshot_quota){};
	if (session->has_several_quotas)
		return;
	quota_find(session->options.targets->pids[0], &session->quota_place);
	quota_read(&session->quota_place, out);
	if (session->quota.present && quota_is_gone(&session->quota_place))
		*out = session->quota;
	session->quota = *out;
}

/* Whether some target's quota is not FIRST, that of the first. */
static bool have_several_quotas(const struct target_set *targets, const struct snapshot_quota *first)
{
	for (size_t i = 1; i < targets->nr_pids; i++) {
		struct quota_place place = {};
		struct snapshot_quota one;

		quota_find(targets->pids[i], &place);
		if (!*place.path[0] && !*place.path[1])
			continue;
		quota_read(&place, &one);
		if (one.present != first->present || strcmp(one.cgroup, first->cgroup))
			return true;
	}
	return false;
}

static void begin_quota(struct session *session)
{
	read_quota(session, &session->first_quota);
	session->has_several_quotas = have_several_quotas(session->options.targets, &session->first_quota);
	if (session->has_several_quotas)
		session->first_quota = session->quota = (struct snapshot_quota){};
	session->last.quota = session->first_quota;
}

static int attach(struct session *session, struct err *err)
{
	const struct session_options *options = &session->options;
	const struct tracer_options tracer = {
		.pids = options->targets->pids,
		.nr_pids = options->targets->nr_pids,
		.follow = options->follow,
		.audit = options->audit,
		.refuse_births = options->refuse_births,
		.tiny_tables = options->tiny_tables,
		.requests = options->requests ? probe_requests(options->probe) : REQUEST_HOOKS_NONE,
		.accepts = probe_accepts(options->probe),
		.switch_cost = options->switch_cost ? probe_switch_cost(options->probe) : SWITCH_COST_NONE,
		.verbose = options->verbose,
	};
	int ret = open_watch(session, err);

	if (!ret)
		ret = tracer_open(&session->tracer, &tracer, err);
	if (!ret)
		ret = watch_add_call(session->watch, tracer_asks_fd(session->tracer), err);
	if (ret)
		return ret;
	session->realtime_ns = session->last_realtime_ns = clock_wall_ns() - clock_monotonic_ns();
	session->started_ns = session->last_ns = tracer_began_at_ns(session->tracer);
	begin_quota(session);
	return 0;
}

int session_open(struct session **out, const struct session_options *options, struct err *err)
{
	struct session *session = calloc(1, sizeof(*session));
	struct machine machine;
	int ret;

	*out = NULL;
	if (!session)
		return err_set(err, ENOMEM, "cannot watch: out of memory");
	session->options = *options;
	machine_read(&machine);
	session->cpus_online = machine.cpus;
	session_rename(session);
	ret = attach(session, err);
	if (ret) {
		session_close(session);
		return ret;
	}
	*out = session;
	return 0;
}

void session_rename(struct session *session)
{
	target_comm(session->options.targets->pids[0], session->comm);
}

static void keep_larger(uint64_t *kept, uint64_t seen)
{
	if (seen > *kept)
		*kept = seen;
}

static void keep_maxima(struct maxima *kept, const struct snapshot *now)
{
	const struct snapshot_requests *requests = now->requests;

	for (int i = 0; i < HIST_IDS; i++)
		keep_larger(&kept->hists_ns[i], now->hists[i].max_ns);
	if (!requests)
		return;
	keep_larger(&kept->requests_ns, requests->max_ns);
	for (int i = 0; i < TURN_PROTOCOLS; i++)
		keep_larger(&kept->turns_ns[i], requests->turns[i].max_ns);
	snapshot_merge_slowest(&kept->slowest, requests);
}

/* Make NOW, which ends what is since the reading before, the end of all that KEPT is of. */
static void give_maxima(const struct maxima *kept, struct snapshot *now)
{
	struct snapshot_requests *requests = now->requests;

	for (int i = 0; i < HIST_IDS; i++)
		now->hists[i].max_ns = kept->hists_ns[i];
	if (!requests)
		return;
	requests->max_ns = kept->requests_ns;
	for (int i = 0; i < TURN_PROTOCOLS; i++)
		requests->turns[i].max_ns = kept->turns_ns[i];
	requests->slowest = kept->slowest;
	snapshot_sort_slowest(&requests->slowest);
}

/* The first that went wrong is told, after the report. */
static void tell_late(struct session *session, const struct err *err)
{
	if (!session->late_err.code)
		session->late_err = *err;
}

/* SKIPPED events so far: if there are more than before, a beginning may be among them. */
static void make_up(struct session *session, uint64_t skipped)
{
	struct err err = {};

	if (skipped <= session->skipped)
		return;
	session->skipped = skipped;
	if (tracer_make_up(session->tracer, &err))
		tell_late(session, &err);
}

static int read_now(struct session *session, struct snapshot *now, struct err *err)
{
	int ret = tracer_read(session->tracer, now, err);

	if (ret)
		return ret;
	read_quota(session, &now->quota);
	make_up(session, now->skipped);
	keep_maxima(&session->of_interval, now);
	keep_maxima(&session->maxima, now);
	for (size_t i = 0; i < now->nr_threads && !may_use_all_cpus(session); i++)
		cpus_add_thread(&session->cpus, now->threads[i].tid);
	return 0;
}

/* What only the whole run's report has. */
static void add_of_whole(struct session *session, struct report *report)
{
	struct err err = {};

	report->requests.loads = session->loads;
	if (session->options.client && client_file_add(report, session->options.client, &err))
		tell_late(session, &err);
}

/* What lies between FROM and TO, of an interval or of the WHOLE run. */
static int hand_on(struct session *session, const struct snapshot *from, uint64_t from_ns,
		   const struct snapshot *to, bool whole, struct err *err)
{
	const struct describe about = {
		.command = session->options.command,
		.model = session->options.model,
		.comm = session->comm,
		.targets = session->options.targets,
		.probe = session->options.probe,
		.switch_cost = session->options.switch_cost,
		.tracer = session->tracer,
		.cpus_allowed = cpus_allowed(session),
	};
	uint64_t realtime_ns = (whole ? session->realtime_ns : session->last_realtime_ns) + from_ns;
	struct report report = {};
	int ret = describe_report(&about, &report, err);

	if (!ret) {
		describe_window(realtime_ns, to->at_ns - from_ns, &report.window);
		ret = scheduling_between(from, to, report.window.duration_ns, &report, err);
	}
	if (!ret)
		ret = requests_between(from, to, &report, err);
	if (!ret && whole)
		add_of_whole(session, &report);
	else if (!ret)
		loads_note(&session->loads, &report);
	if (!ret) {
		exemplars_of(to, from_ns, &report);
		ret = session->sink(&report, session->context, err);
	}
	report_fini(&report);
	return ret;
}

/* From the end of the interval before to NOW, which may not have been the only reading since. */
static int hand_on_interval(struct session *session, struct snapshot *now, struct err *err)
{
	give_maxima(&session->of_interval, now);
	memset(&session->of_interval, 0, sizeof(session->of_interval));
	return hand_on(session, &session->last, session->last_ns, now, false, err);
}

static struct snapshot *snapshot_new(struct err *err)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot)); /* too large for the stack */

	if (!snapshot)
		err_set(err, ENOMEM, "cannot read what was measured: out of memory");
	return snapshot;
}

static int end_interval(struct session *session, struct err *err)
{
	struct snapshot *now = snapshot_new(err);
	int ret = now ? read_now(session, now, err) : -err->code;

	if (!ret) {
		ret = hand_on_interval(session, now, err);
		if (!ret)
			ret = scheduling_carry(&session->last, now, err);
		if (!ret)
			ret = requests_carry(&session->last, now, err);
		snapshot_fini(&session->last);
		session->last = *now; /* which owns its memory from here on */
		session->last_ns = now->at_ns;
		session->last_realtime_ns = clock_wall_ns() - clock_monotonic_ns();
	}
	free(now);
	return ret;
}

/* What is left of the last interval, and the whole: before it there was nothing but the quota's counters. */
static int end_run(struct session *session, struct err *err)
{
	struct snapshot *now = snapshot_new(err), *before = snapshot_new(err);
	int ret = now && before ? read_now(session, now, err) : -err->code;

	if (!ret && session->options.interval_ns)
		ret = hand_on_interval(session, now, err);
	if (!ret) {
		before->quota = session->first_quota;
		give_maxima(&session->maxima, now);
		ret = hand_on(session, before, session->started_ns, now, true, err);
	}
	if (now)
		snapshot_fini(now);
	free(now);
	free(before);
	return ret;
}

static int by_process(const void *left, const void *right)
{
	const struct thread_record *a = left, *b = right;

	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

/*
 * Wait for each process that has a living thread in NOW, or for as many as is possible: the others' turn comes
 * when these have ended.  Returns false, with why in session->late_err, if there are some and it is for none.
 */
static bool add_processes(struct session *session, struct snapshot *now)
{
	struct err err = {};

	qsort(now->threads, now->nr_threads, sizeof(*now->threads), by_process);
	for (size_t i = 0; i < now->nr_threads; i++) {
		if (i && now->threads[i].pid == now->threads[i - 1].pid)
			continue;
		if (!watch_add(session->watch, now->threads[i].pid, &err))
			continue;
		if (!i)
			tell_late(session, &err);
		return i;
	}
	return now->nr_threads;
}

/* What goes when they have ended, or soon after: the quota's counters, and what a zombie is still said to be
 * allowed. */
static void note_end(struct session *session)
{
	const struct target_set *targets = session->options.targets;
	struct snapshot_quota latest;

	read_quota(session, &latest);
	for (size_t i = 0; i < targets->nr_pids && !may_use_all_cpus(session); i++)
		cpus_add_thread(&session->cpus, targets->pids[i]);
}

/*
 * The processes that were waited for have ended; followed children may live on, and are waited for in
 * turn.  *ANY: whether some do.  A thread in the middle of a switch, whose CPU was taken from the machine,
 * can be read later.
 */
static int add_survivors(struct session *session, bool *any, struct err *err)
{
	struct snapshot *now;
	int ret;

	*any = false;
	if (!session->options.follow)
		return 0;
	now = snapshot_new(err);
	ret = now ? read_now(session, now, err) : -err->code;
	if (!ret) {
		*any = add_processes(session, now) ||
		       (now->nr_unread && session->unread_tries++ < UNREAD_TRIES_MOST);
		snapshot_fini(now);
	}
	free(now);
	return ret;
}

static int end_processes(struct session *session, bool *any, struct err *err)
{
	note_end(session);
	return add_survivors(session, any, err);
}

/* Until it is to end; *EVENT: why. */
static int serve_events(struct session *session, enum watch_event *event, struct err *err)
{
	bool more = true;
	int ret = 0;

	while (!ret && more) {
		ret = watch_next(session->watch, event, err);
		if (ret)
			break;
		more = *event == WATCH_INTERVAL || *event == WATCH_CALL || *event == WATCH_LOOK;
		if (*event == WATCH_INTERVAL)
			ret = end_interval(session, err);
		else if (*event == WATCH_CALL)
			ret = tracer_answer(session->tracer, err);
		else if (*event == WATCH_LOOK)
			make_up(session, tracer_skipped(session->tracer));
		else if (*event == WATCH_EXITED)
			ret = end_processes(session, &more, err);
	}
	return ret;
}

int session_run(struct session *session, session_sink *sink, void *context, struct err *err)
{
	const struct session_options *options = &session->options;
	enum watch_event event = WATCH_INTERVAL;
	struct err ended_by = {};
	uint64_t look_ns = options->probe->preempts ? LOOK_NS : 0;
	int ret = watch_start(session->watch, options->duration_ns, options->interval_ns, look_ns, err);

	if (ret)
		return ret;
	session->sink = sink;
	session->context = context;
	if (serve_events(session, &event, &ended_by))
		tell_late(session, &ended_by); /* and what was measured until then is reported */
	else if (event == WATCH_EXITED)
		tracer_settle(session->tracer);
	ret = end_run(session, err);
	if (!session->late_err.code)
		return ret;
	*err = session->late_err;
	return -err->code;
}

void session_close(struct session *session)
{
	if (!session)
		return;
	watch_close(session->watch);
	tracer_close(session->tracer);
	snapshot_fini(&session->last);
	free(session);
}
