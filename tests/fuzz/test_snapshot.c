// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From any legal pair of snapshots to the report, its stored form and its text.  The input is a stream of
 * numbers: lives of threads, waits and whom they were behind, counts in buckets.  Whatever they are, the
 * identities of a report hold, it is stored, and it reads back.
 */
#include "tests/fuzz/round_trip.h"

#include "bpf/clock.h"
#include "tests/unit/book_requests.h"
#include "user/analysis/check.h"
#include "user/analysis/exemplars.h"
#include "user/analysis/requests.h"
#include "user/analysis/scheduling.h"

bool fuzz_reached;

#define THREADS	 6
#define NAMES	 4
#define BUCKETS	 8 /* of one histogram, that are not empty */
#define REQUESTS 8

static const uint8_t *at, *end;

/* The next number, of 0 to 7 bytes: small ones are as likely as large ones; 0 when the input is used up. */
static uint64_t take(void)
{
	uint64_t value = 0;
	size_t bytes;

	if (at == end)
		return 0;
	for (bytes = *at++ % 8; bytes && at < end; bytes--)
		value = value << 8 | *at++;
	return value;
}

static uint64_t take_below(uint64_t limit)
{
	return take() % limit;
}

static void take_name(void *comm)
{
	for (size_t i = 0; i < COMM_BYTES - 1 && at < end && *at; i++)
		((uint8_t *)comm)[i] = *at++;
	at += at < end;
}

/* A time of up to 2^52 ns (52 days): 100 of them can be added up. */
static uint64_t take_ns(void)
{
	return take() & ((1ull << 52) - 1);
}

/* What a thread does in one stretch of time: its wall clock is the sum of its parts. */
static void live(struct thread_record *record)
{
	struct clock_sums *sums = &record->sums;
	uint64_t on_cpu_ns = take_ns(), ns;

	sums->on_cpu_ns += on_cpu_ns;
	record->wall_ns += on_cpu_ns;
	for (int i = 0; i < RUN_QUEUE_CAUSES; i++) {
		ns = take_ns();
		sums->run_queue_ns[i] += ns;
		sums->run_queue_count[i] += take_ns();
		record->wall_ns += ns;
		sums->blame_ns[take_below(BLAME_KINDS)] += ns;
	}
	for (int i = 0; i < BLOCKED_REASONS; i++) {
		ns = take_ns();
		sums->blocked_ns[i] += ns;
		record->wall_ns += ns;
	}
	ns = on_cpu_ns ? take_below(on_cpu_ns) : 0;
	sums->stolen_ns += ns;
	sums->irq_ns += ns ? take_below(ns) : 0;
	sums->on_cpu_count += take_ns();
	sums->blocked_count += take_ns();
	sums->run_queue_max_ns += take_ns();
	sums->cut_count += take_ns();
	sums->cut_ns += take_ns();
	record->counts.voluntary += take_ns();
	record->counts.involuntary += take_ns();
	record->counts.migrations += take_ns();
}

/*
 * Part of what RECORD waited for is an open wait's, not charged yet, and thought to be another's than it
 * will be charged to.  So may be what the open interval itself is: on a CPU or on the run queue.
 */
static void open_wait(struct thread_record *record)
{
	struct clock_sums *sums = &record->sums;
	uint32_t kind = (uint32_t)take_below(BLAME_KINDS);
	uint64_t ns = sums->blame_ns[kind] ? take_below(sums->blame_ns[kind]) : 0;

	sums->blame_ns[kind] -= ns;
	record->open_blame_ns[take_below(BLAME_KINDS)] += ns;
	ns = sums->blocked_ns[BLOCKED_OTHER] ? take_below(sums->blocked_ns[BLOCKED_OTHER]) : 0;
	sums->blocked_ns[BLOCKED_OTHER] -= ns;
	sums->on_cpu_ns += ns;
	record->open_ns = take_ns();
}

static void add(void *to, const void *from, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
		((uint64_t *)to)[i] += ((const uint64_t *)from)[i];
}

static void end_life(struct ended_sums *ended, const struct thread_record *record)
{
	ended->threads++;
	ended->wall_ns += record->wall_ns;
	add(&ended->sums, &record->sums, sizeof(ended->sums));
	add(&ended->counts, &record->counts, sizeof(ended->counts));
}

static void grow_hists(struct snapshot *snapshot)
{
	for (int id = 0; id < HIST_IDS; id++) {
		for (uint64_t left = take_below(BUCKETS); left; left--)
			snapshot->hists[id].buckets[take_below(HIST_BUCKETS)] += take_ns();
		snapshot->hists[id].total_ns += take_ns();
		snapshot->hists[id].max_ns = take_ns();
	}
	snapshot->switch_cost_own_ns += take_ns();
	snapshot->switches_replayed += take_ns();
	for (int i = 0; i < LOSS_KINDS; i++)
		snapshot->losses[i] += take() & 1;
}

/* What is charged is the sum over the threads; names take their part of it. */
static void charge(struct snapshot *snapshot, const struct snapshot *before)
{
	uint64_t left_ns[BLAME_KINDS];

	memcpy(left_ns, snapshot->ended.sums.blame_ns, sizeof(left_ns));
	for (size_t i = 0; i < snapshot->nr_threads; i++)
		add(left_ns, snapshot->threads[i].sums.blame_ns, sizeof(left_ns));
	for (size_t i = 0; i < snapshot->nr_names; i++) {
		struct snapshot_blame_name *name = &snapshot->names[i];
		uint32_t kind = i % 2 ? BLAME_KERNEL : BLAME_PROCESS;

		if (before && i < before->nr_names)
			*name = before->names[i];
		else
			take_name(name->blame.comm);
		name->pid = (uint32_t)i + 2;
		name->blame.kind = kind;
		if (left_ns[kind] > name->blame.ns)
			name->blame.ns += take_below(left_ns[kind] - name->blame.ns);
		left_ns[kind] -= name->blame.ns < left_ns[kind] ? name->blame.ns : left_ns[kind];
	}
}

static void make(struct snapshot *from, struct snapshot *to)
{
	for (uint32_t tid = 1; tid <= THREADS; tid++) {
		struct thread_record record = {
			.tid = tid, .pid = 1, .clock_id = tid, .began_at_ns = tid / 2
		};
		uint64_t fate = take_below(4); /* lives on, born in between, ended in between, never was */

		if (fate == 3)
			continue;
		take_name(record.comm);
		if (fate != 1) {
			live(&record);
			from->threads[from->nr_threads] = record;
			open_wait(&from->threads[from->nr_threads++]);
		}
		live(&record);
		if (fate == 2) {
			end_life(&to->ended, &record);
		} else {
			to->threads[to->nr_threads] = record;
			open_wait(&to->threads[to->nr_threads++]);
		}
	}
	from->nr_names = take_below(NAMES + 1);
	to->nr_names = from->nr_names + take_below(NAMES + 1 - from->nr_names);
	charge(from, NULL);
	charge(to, from);
	grow_hists(from);
	memcpy(to->hists, from->hists, sizeof(to->hists));
	memcpy(to->losses, from->losses, sizeof(to->losses));
	to->switch_cost_own_ns = from->switch_cost_own_ns;
	to->switches_replayed = from->switches_replayed;
	grow_hists(to);
	to->quota.present = take() & 1;
	to->quota.quota_ns = take_ns();
	to->quota.period_ns = take_ns();
	to->quota.throttled_ns = take_ns();
}

/* Up to a minute of each component: 16,000 of them can be added up. */
static void work(struct request *request)
{
	for (uint64_t left = take_below(4); left; left--)
		request->components_ns[take_below(COMPONENTS)] += take_below(1ull << 36);
}

/* Requests of both windows, some of the first of which are sent on in the second. */
static void serve(struct snapshot_requests *from, struct snapshot_requests *to)
{
	struct request requests[REQUESTS] = {};
	int64_t counts[REQUESTS];
	uint64_t nr = take_below(REQUESTS + 1);

	for (uint64_t i = 0; i < nr; i++) {
		requests[i].status = (uint32_t)take_below(STATUSES);
		requests[i].blame = (uint32_t)take_below(BLAME_KINDS);
		requests[i].involuntary = (uint32_t)take_below(1u << 31);
		counts[i] = (int64_t)take_below(1000);
		work(&requests[i]);
		book(from, &requests[i], counts[i]);
	}
	from->turns[TURN_TLS].buckets[take_below(HIST_BUCKETS)] = take_below(3);
	*to = *from;
	for (uint64_t i = 0; i < nr; i++) {
		uint64_t moved = counts[i] ? take_below((uint64_t)counts[i]) : 0;

		book(to, &requests[i], -(int64_t)moved);
		work(&requests[i]);
		book(to, &requests[i], (int64_t)(moved + take_below(3)));
	}
	to->turns[TURN_TLS].buckets[take_below(HIST_BUCKETS)] += take_below(3);
	to->turns[TURN_TLS].total_ns = to->turns[TURN_TLS].max_ns = take_ns();
	to->max_ns = take_ns();
	for (int i = 0; i < NOT_COUNTED_KINDS; i++)
		to->not_counted[i] = take_ns();
	to->still_sending = take_ns();
}

/* A slow request that began up to a minute ago, and stays of its task, some of them older than it. */
static void be_slow(struct exemplar *one, uint64_t latency_ns)
{
	uint64_t left_ns = latency_ns, at_ns;

	one->begin_ns = take_ns();
	one->end_ns = at_ns = one->begin_ns + latency_ns;
	one->read_ns = one->begin_ns + take_below(latency_ns + 1);
	one->status = (uint32_t)take_below(STATUSES);
	for (uint32_t i = 0; i < COMPONENT_RESIDUAL && left_ns; i++) {
		one->parts.components_ns[i] = take_below(left_ns + 1);
		left_ns -= one->parts.components_ns[i];
	}
	one->parts.components_ns[COMPONENT_RESIDUAL] = left_ns;
	take_name(one->comm);
	for (one->nr_stays = 0; one->nr_stays < STAYS && at < end; one->nr_stays++) {
		struct stay *stay = &one->stays[one->nr_stays];
		uint64_t away_16ns;

		stay->in_ns = at_ns -= take_below(at_ns + 1);
		away_16ns = take_below(at_ns / 16 + 1);
		at_ns -= away_16ns * 16;
		stay->away_16ns = away_16ns < STAY_LONG ? (uint32_t)away_16ns : STAY_LONG;
		stay->waited_16ns = (uint32_t)take();
		stay->who = (uint32_t)take();
		stay->behind = (uint32_t)take();
	}
}

static void slow_down(struct snapshot_slowest *slowest)
{
	uint64_t latency_ns = take_below(1ull << 36);

	for (uint64_t left = take_below(SNAPSHOT_EXEMPLARS + 1); left; left--) {
		be_slow(&slowest->of[slowest->nr++], latency_ns);
		latency_ns = take_below(latency_ns + 1);
	}
	slowest->gone_ns = take();
}

static void require_identities(const struct report *report)
{
	struct check_broken broken = {};

	REQUIRE(check_report(report, CHECK_ALWAYS, &broken), "%s %s", broken.path, broken.what);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct thread_record threads[2][THREADS];
	static struct snapshot_blame_name names[2][NAMES];
	static struct snapshot_requests requests[2];
	static struct snapshot from, to;
	const struct snapshot *before;
	struct report report = {};
	struct err err = {};

	at = data;
	end = data + size;
	memset(threads, 0, sizeof(threads));
	memset(names, 0, sizeof(names));
	memset(requests, 0, sizeof(requests));
	memset(&from, 0, sizeof(from));
	memset(&to, 0, sizeof(to));
	from.threads = threads[0];
	to.threads = threads[1];
	from.names = names[0];
	to.names = names[1];
	if (take() & 1) {
		from.requests = &requests[0];
		to.requests = &requests[1];
		serve(&requests[0], &requests[1]);
	}
	make(&from, &to);
	if (to.requests)
		slow_down(&to.requests->slowest);
	take_name(report.target.comm);
	report.target.cpus_allowed = 1 + (uint32_t)take_below(3);
	report.scheduling.has_irq = true;
	report.scheduling.switch_cost.available = take() & 1;
	strcpy(report.window.started_at, "2026-11-24T06:56:56.652435Z");
	report.window.duration_ns = 1 + take_ns();
	before = take() & 1 ? NULL : &from; /* NULL: of the whole run */
	REQUIRE(!scheduling_between(before, &to, report.window.duration_ns, &report, &err), "%s", err.text);
	REQUIRE(!requests_between(before, &to, &report, &err), "%s", err.text);
	exemplars_of(&to, take_ns(), &report);
	require_identities(&report);
	round_trip(&report, false);
	fuzz_reached |= report.nr_threads > 1 && report.nr_blame > 1;
	report_fini(&report);
	return 0;
}
