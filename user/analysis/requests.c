// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/analysis/requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/analysis/difference.h"
#include "user/analysis/quantile.h"
#include "user/analysis/slope.h"
#include "user/analysis/tail.h"

#define WORDS (sizeof(struct request_bucket) / sizeof(__u64))

static const struct snapshot_requests nothing;

static const struct snapshot_requests *requests_at(const struct snapshot *snapshot)
{
	return snapshot && snapshot->requests ? snapshot->requests : &nothing;
}

/* TO += FROM * SIGN, word by word. */
static void add_words(struct request_bucket *to, const struct request_bucket *from, __u64 sign)
{
	for (size_t i = 0; i < WORDS; i++)
		((__u64 *)to)[i] += sign * ((const __u64 *)from)[i];
}

static uint32_t most_requests(const struct request_bucket *buckets)
{
	uint32_t most = 0;

	for (uint32_t i = 1; i < HIST_BUCKETS; i++)
		if ((int64_t)buckets[i].count > (int64_t)buckets[most].count)
			most = i;
	return most;
}

/* What has no request left to stand for goes to the bucket with the most of them, or nowhere. */
static void fold_empty(struct request_bucket *buckets)
{
	static const struct request_bucket empty;
	uint32_t i = 0;

	while (i < HIST_BUCKETS) {
		uint32_t most;

		if ((int64_t)buckets[i].count > 0 || !memcmp(&buckets[i], &empty, sizeof(empty))) {
			i++;
			continue;
		}
		most = most_requests(buckets);
		if ((int64_t)buckets[most].count > 0)
			add_words(&buckets[most], &buckets[i], 1);
		buckets[i] = empty;
		if (most < i) /* it may have none left itself */
			i = most;
	}
}

/* Make the differences of a bucket with requests in it figures: each whole is the sum of its parts. */
static void settle_bucket(struct request_bucket *one, uint32_t bucket)
{
	unsigned __int128 least_ns = (unsigned __int128)one->count * hist_bucket_from_ns(bucket),
			  most_ns = (unsigned __int128)one->count * (hist_bucket_to_ns(bucket) - 1);

	one->latency_ns = at_least_0(one->latency_ns);
	if (one->latency_ns < least_ns)
		one->latency_ns = (uint64_t)least_ns;
	if (bucket < HIST_BUCKETS - 1 && one->latency_ns > most_ns)
		one->latency_ns = (uint64_t)most_ns;
	settle_parts(one->statuses, STATUSES, one->count, STATUS_UNKNOWN);
	settle_parts(one->components_ns, COMPONENTS, one->latency_ns, COMPONENT_RESIDUAL);
	settle_parts(one->blame_ns, BLAME_KINDS, blamed_ns(one->components_ns), BLAME_OTHER);
	one->voluntary = at_least_0(one->voluntary);
	one->involuntary = at_least_0(one->involuntary);
	one->migrations = at_least_0(one->migrations);
}

/* What is printed of each bucket.  Returns NULL if there is no memory; free() it. */
static struct request_bucket *settled_buckets(const struct snapshot_requests *from,
					      const struct snapshot_requests *to, struct err *err)
{
	struct request_bucket *buckets = malloc(sizeof(to->buckets));

	if (!buckets) {
		err_set(err, ENOMEM, "cannot report requests: out of memory");
		return NULL;
	}
	memcpy(buckets, to->buckets, sizeof(to->buckets));
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		add_words(&buckets[i], &from->buckets[i], -1ull);
		buckets[i].after = buckets[i].before = 0;
	}
	fold_empty(buckets);
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		if (buckets[i].count)
			settle_bucket(&buckets[i], i);
	return buckets;
}

/*
 * OUT: how many requests of BUCKETS would be in each bucket if they did without WHAT, one of enum
 * request_without; returns their sum.
 */
static uint64_t settled_without(const struct request_bucket *buckets, const struct snapshot_requests *from,
				const struct snapshot_requests *to, uint32_t what, __u64 out[HIST_BUCKETS])
{
	const struct component_moves *was = &from->without[what], *is = &to->without[what];
	uint64_t count = 0;

	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		out[i] = buckets[i].count + is->moves[i] - was->moves[i];
		count += buckets[i].count;
	}
	settle_parts(out, HIST_BUCKETS, count, most_requests(buckets));
	return count;
}

static void fill_without(const struct request_bucket *buckets, const struct snapshot_requests *from,
			 const struct snapshot_requests *to, struct report_requests *out)
{
	uint64_t without[HIST_BUCKETS];
	__u64 settled[HIST_BUCKETS];

	out->has_without_run_queue = true;
	for (uint32_t what = 0; what < WITHOUTS; what++) {
		uint64_t count = settled_without(buckets, from, to, what, settled);

		memcpy(without, settled, sizeof(without));
		for (int i = 0; i < QUANTILES; i++) {
			struct report_request_quantile *one = &out->quantiles[i];
			uint64_t ns = quantile_ns(without, count, one->q);

			/* Only where moves of an earlier window's requests are among these. */
			one->without_ns[what] = ns < one->latency_ns ? ns : one->latency_ns;
		}
	}
}

/* Of the class with the most requests: what else they have in common is not known. */
static void fill_slope(const struct snapshot_requests *from, const struct snapshot_requests *to,
		       struct report_requests *out)
{
	struct switch_table between;
	uint32_t most = 0;

	for (uint32_t i = 1; i < STATUSES; i++)
		if (out->statuses[i] > out->statuses[most])
			most = i;
	between = to->switches[most];
	for (size_t i = 0; i < sizeof(between) / sizeof(__u64); i++)
		((__u64 *)&between)[i] -= ((const __u64 *)&from->switches[most])[i];
	slope_fit(&between, &out->slope);
	if (!out->slope.known)
		return;
	out->slope.status = most;
	/* Half of what a later send has moved may be in a row that has none left. */
	if (out->slope.count > out->statuses[most])
		out->slope.count = out->statuses[most];
}

static void fill_row(struct report_request_bucket *row, const struct request_bucket *one)
{
	row->count = one->count;
	row->latency_ns = one->latency_ns;
	memcpy(row->components_ns, one->components_ns, sizeof(row->components_ns));
	memcpy(row->blame_ns, one->blame_ns, sizeof(row->blame_ns));
	memcpy(row->statuses, one->statuses, sizeof(row->statuses));
	row->voluntary = one->voluntary;
	row->involuntary = one->involuntary;
	row->migrations = one->migrations;
}

static int fill_buckets(const struct request_bucket *buckets, struct report_requests *out, struct err *err)
{
	size_t nr = 0;

	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		nr += buckets[i].count > 0;
	out->buckets = calloc(nr + 1, sizeof(*out->buckets));
	if (!out->buckets)
		return err_set(err, ENOMEM, "cannot report requests: out of memory");
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		struct report_request_bucket *row = &out->buckets[out->nr_buckets];

		if (!buckets[i].count)
			continue;
		row->bucket = i;
		fill_row(row, &buckets[i]);
		out->nr_buckets++;
		out->count += row->count;
		for (int status = 0; status < STATUSES; status++)
			out->statuses[status] += row->statuses[status];
		out->latency.buckets[i] = row->count;
		out->latency.total_ns += row->latency_ns;
	}
	out->latency.count = out->count;
	return 0;
}

static void turns_between(const struct snapshot_hist *from, const struct snapshot_hist *to,
			  struct report_dist *out)
{
	dist_between(from, to, out);
	if (!out->count) /* one may have been exchanged for another of its bucket */
		out->total_ns = 0;
}

/* What is counted beside the requests: differences, but for what is open or being sent now. */
static void fill_beside(const struct snapshot_requests *from, const struct snapshot_requests *to,
			struct report_requests *out)
{
	for (int i = 0; i < TURN_PROTOCOLS; i++)
		turns_between(&from->turns[i], &to->turns[i], &out->turns[i]);
	for (int i = 0; i < NOT_COUNTED_KINDS; i++)
		out->not_counted[i] = at_least_0(to->not_counted[i] - from->not_counted[i]);
	/* One that came on one CPU and was answered on another while the CPUs' counts were read. */
	out->not_counted[NOT_UNANSWERED] = at_least_0(to->not_counted[NOT_UNANSWERED]);
	out->still_sending = to->still_sending;
	out->listens = to->listens;
}

/* The last bucket has no upper edge but the longest, which is no shorter than the mean. */
static void set_max(struct report_dist *latency, const struct request_bucket *last, uint64_t max_ns)
{
	uint64_t mean_ns = last->count ? (last->latency_ns + last->count - 1) / last->count : 0;

	dist_set_max(latency, max_ns > mean_ns ? max_ns : mean_ns);
}

int requests_between(const struct snapshot *from, const struct snapshot *to, struct report *out,
		     struct err *err)
{
	const struct snapshot_requests *was = requests_at(from), *is = to->requests;
	struct report_requests *requests = &out->requests;
	struct request_bucket *buckets;
	int ret;

	requests->watched = is != NULL;
	if (!is)
		return 0;
	buckets = settled_buckets(was, is, err);
	if (!buckets)
		return -ENOMEM;
	fill_beside(was, is, requests);
	ret = fill_buckets(buckets, requests, err);
	if (!ret) {
		set_max(&requests->latency, &buckets[HIST_BUCKETS - 1], is->max_ns);
		tail_fill(requests);
		fill_without(buckets, was, is, requests);
		fill_slope(was, is, requests);
	}
	free(buckets);
	return ret;
}

static void carry_turns(const struct snapshot_hist *from, struct snapshot_hist *to)
{
	struct report_dist printed;

	turns_between(from, to, &printed);
	to->total_ns = from->total_ns + printed.total_ns;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		to->buckets[i] = from->buckets[i] + printed.buckets[i];
}

/* What was counted and is taken back in a later window was there in the earlier one, and so is in the whole. */
static void carry_not_counted(const struct snapshot_requests *was, struct snapshot_requests *is)
{
	for (int i = 0; i < NOT_COUNTED_KINDS; i++)
		if (i != NOT_UNANSWERED)
			is->not_counted[i] =
				was->not_counted[i] + at_least_0(is->not_counted[i] - was->not_counted[i]);
}

int requests_carry(const struct snapshot *from, struct snapshot *to, struct err *err)
{
	const struct snapshot_requests *was = requests_at(from);
	struct snapshot_requests *is = to->requests;
	struct request_bucket *buckets;
	__u64 without[HIST_BUCKETS];

	if (!is)
		return 0;
	buckets = settled_buckets(was, is, err);
	if (!buckets)
		return -ENOMEM;
	for (uint32_t what = 0; what < WITHOUTS; what++) {
		settled_without(buckets, was, is, what, without);
		for (uint32_t i = 0; i < HIST_BUCKETS; i++)
			is->without[what].moves[i] =
				was->without[what].moves[i] + without[i] - buckets[i].count;
	}
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		is->buckets[i] = was->buckets[i];
		add_words(&is->buckets[i], &buckets[i], 1);
	}
	for (int i = 0; i < TURN_PROTOCOLS; i++)
		carry_turns(&was->turns[i], &is->turns[i]);
	carry_not_counted(was, is);
	free(buckets);
	return 0;
}
