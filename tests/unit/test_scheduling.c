// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Figures between two snapshots whose answers are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/between_threads.h"

static void add_ended(struct fixture *in, uint64_t on_cpu_ns, uint64_t queue_ns, uint64_t sleep_ns)
{
	struct ended_sums *ended = &in->at.ended;

	ended->threads++;
	ended->wall_ns += on_cpu_ns + queue_ns + sleep_ns;
	ended->sums.on_cpu_ns += on_cpu_ns;
	ended->sums.run_queue_ns[AFTER_WAKEUP] += queue_ns;
	ended->sums.blocked_ns[BLOCKED_SLEEP] += sleep_ns;
	ended->sums.blame_ns[BLAME_SELF] += queue_ns;
}

static const struct report_thread *row_of(uint32_t tid)
{
	for (size_t i = 0; i < report.nr_threads; i++)
		if (report.threads[i].tid == tid)
			return &report.threads[i];
	fail_msg("no row for thread %u", tid);
	return NULL;
}

static void whole_run_is_the_last_snapshot(void **state)
{
	const struct report_scheduling *s = &report.scheduling;

	(void)state;
	thread(&to, 0, 7, 40 * MS, 10 * MS, 50 * MS)->open_ns = 3 * MS;
	thread(&to, 1, 8, 5 * MS, 20 * MS, 75 * MS)->counts.voluntary = 4;
	add_ended(&to, 1 * MS, 2 * MS, 3 * MS);
	to.at.switches_replayed = 6;
	to.at.losses[LOSS_CLOCK_GAP] = 2;
	analyse(NULL);
	assert_int_equal(s->wall_ns, 206 * MS);
	assert_int_equal(s->on_cpu_ns, 46 * MS);
	assert_int_equal(s->run_queue_ns, 32 * MS);
	assert_int_equal(s->blocked_reason_ns[BLOCKED_SLEEP], 128 * MS);
	assert_int_equal(s->voluntary, 4);
	assert_int_equal(s->open_count, 2);
	assert_int_equal(s->open_ns, 3 * MS);
	assert_int_equal(s->open_at_start_ns, 0);
	assert_int_equal(s->switches_replayed, 6);
	assert_true(s->utilisation_ratio > 0.2299 && s->utilisation_ratio < 0.2301);
	assert_int_equal(report.losses[LOSS_CLOCK_GAP], 2);
	assert_int_equal(report.target.threads, 2);
	assert_int_equal(report.target.threads_ended, 1);
	/* the most waiting first, the ended last */
	assert_int_equal(report.threads[0].tid, 8);
	assert_int_equal(report.threads[1].tid, 7);
	assert_string_equal(report.threads[2].comm, "ended");
	assert_int_equal(report.nr_blame, 1);
	assert_int_equal(report.blame[0].kind, BLAME_SELF);
	assert_int_equal(report.blame[0].ns, 32 * MS);
}

static void window_is_the_difference(void **state)
{
	(void)state;
	thread(&from, 0, 7, 40 * MS, 10 * MS, 50 * MS)->open_ns = 2 * MS;
	thread(&to, 0, 7, 70 * MS, 15 * MS, 115 * MS)->counts.migrations = 3;
	from.threads[0].counts.migrations = 1;
	from.at.losses[LOSS_RECURSION] = 5;
	to.at.losses[LOSS_RECURSION] = 6;
	from.at.losses[LOSS_CLOCK_CREATE] = 1; /* it has got its clock since */
	analyse(&from);
	assert_int_equal(row_of(7)->wall_ns, 100 * MS);
	assert_int_equal(row_of(7)->sums.on_cpu_ns, 30 * MS);
	assert_int_equal(clock_run_queue_ns(&row_of(7)->sums), 5 * MS);
	assert_int_equal(row_of(7)->counts.migrations, 2);
	assert_int_equal(report.scheduling.open_at_start_ns, 2 * MS);
	assert_int_equal(report.losses[LOSS_RECURSION], 1);
	assert_int_equal(report.losses[LOSS_CLOCK_CREATE], 0);
	assert_int_equal(report.nr_threads, 1);
}

/* One that was there at the start: what it had before is not the window's. */
static void ended_thread_keeps_its_part_of_the_window(void **state)
{
	(void)state;
	thread(&from, 0, 7, 10 * MS, 0, 0);
	thread(&from, 1, 8, 40 * MS, 10 * MS, 50 * MS);
	add_ended(&from, 500 * MS, 500 * MS, 500 * MS);
	to.at.ended = from.at.ended;
	thread(&to, 0, 7, 110 * MS, 0, 0);
	add_ended(&to, 41 * MS, 12 * MS, 53 * MS);
	add_ended(&to, 1 * MS, 1 * MS, 1 * MS); /* born in the window, too */
	analyse(&from);
	assert_int_equal(row_of(0)->threads, 2);
	assert_int_equal(row_of(0)->wall_ns, 9 * MS);
	assert_int_equal(row_of(0)->sums.on_cpu_ns, 2 * MS);
	assert_int_equal(clock_run_queue_ns(&row_of(0)->sums), 3 * MS);
	assert_int_equal(report.target.threads_ended, 2);
}

/* A thread that is not the leader execs: its task and clock live on under the leader's id. */
static void exec_changes_the_tid_and_not_the_thread(void **state)
{
	(void)state;
	thread(&from, 0, 7, 900 * MS, 0, 0); /* the leader, ends at the exec */
	thread(&from, 1, 8, 20 * MS, 0, 80 * MS);
	thread(&to, 1, 7, 21 * MS, 0, 179 * MS);
	add_ended(&to, 910 * MS, 0, 0);
	analyse(&from);
	assert_int_equal(report.nr_threads, 2);
	assert_int_equal(row_of(7)->sums.on_cpu_ns, 1 * MS);
	assert_int_equal(row_of(7)->wall_ns, 100 * MS);
	assert_int_equal(row_of(0)->sums.on_cpu_ns, 10 * MS);
	assert_int_equal(report.losses[LOSS_THREADS_UNREAD], 0);
}

/* Seeded in one nanosecond, and the ids are in another order than the tids. */
static void births_may_collide(void **state)
{
	(void)state;
	thread(&from, 3, 9, 1 * MS, 0, 0)->began_at_ns = 55;
	thread(&from, 4, 8, 2 * MS, 0, 0)->began_at_ns = 55;
	thread(&to, 3, 9, 11 * MS, 0, 0)->began_at_ns = 55;
	thread(&to, 4, 8, 22 * MS, 0, 0)->began_at_ns = 55;
	analyse(&from);
	assert_int_equal(row_of(9)->sums.on_cpu_ns, 10 * MS);
	assert_int_equal(row_of(8)->sums.on_cpu_ns, 20 * MS);
}

static void unread_thread_is_counted_and_wraps_nothing(void **state)
{
	(void)state;
	thread(&from, 0, 7, 1 * MS, 0, 99 * MS);
	thread(&from, 1, 8, 50 * MS, 30 * MS, 20 * MS);
	thread(&to, 0, 7, 2 * MS, 0, 198 * MS);
	to.at.nr_unread = 1;
	analyse(&from);
	assert_int_equal(report.nr_threads, 1);
	assert_int_equal(report.scheduling.wall_ns, 100 * MS);
	assert_int_equal(report.losses[LOSS_THREADS_UNREAD], 1);
	report_fini(&report);

	/* Others did end: the row stays a figure. */
	begin(NULL);
	thread(&from, 1, 8, 50 * MS, 30 * MS, 20 * MS);
	from.threads[0].audit.on_cpu_ns = 50 * MS;
	from.threads[0].audit.stale_on_cpu_ns = 5;
	add_ended(&to, 1 * MS, 40 * MS, 1 * MS);
	to.at.nr_unread = 1;
	analyse(&from);
	assert_int_equal(row_of(0)->wall_ns, 0);
	assert_int_equal(row_of(0)->audit.on_cpu_ns, 0);
	assert_int_equal(row_of(0)->audit.stale_on_cpu_ns, -5); /* this one may be */
	assert_int_equal(report.losses[LOSS_THREADS_UNREAD], 1);
	report_fini(&report);

	/* Read again at the end of the next window, which says so. */
	begin(NULL);
	from.at.nr_unread = 1;
	thread(&to, 1, 8, 60 * MS, 50 * MS, 190 * MS);
	analyse(&from);
	assert_int_equal(row_of(8)->wall_ns, 300 * MS);
	assert_int_equal(report.losses[LOSS_THREADS_UNREAD], 1);
}

/* Half of the open wait seemed the neighbour's; when it was charged, all was the thread's own. */
static void blame_that_was_estimated_is_settled(void **state)
{
	struct thread_record *was = thread(&from, 0, 7, 0, 20 * MS, 0), *is;

	(void)state;
	was->sums.blame_ns[BLAME_SELF] = 10 * MS;
	was->open_blame_ns[BLAME_PROCESS] = 10 * MS;
	is = thread(&to, 0, 7, 0, 50 * MS, 0);
	is->sums.blame_ns[BLAME_SELF] = 44 * MS;
	is->sums.blame_ns[BLAME_PROCESS] = 1 * MS;
	is->sums.blame_ns[BLAME_IDLE] = 5 * MS;
	analyse(&from);
	assert_int_equal(row_of(7)->sums.blame_ns[BLAME_SELF], 25 * MS);
	assert_int_equal(row_of(7)->sums.blame_ns[BLAME_PROCESS], 0);
	assert_int_equal(row_of(7)->sums.blame_ns[BLAME_IDLE], 5 * MS);
}

/* A reader between the charge and the switch-in, or a wait that nobody was charged for. */
static void blame_of_a_row_is_its_run_queue_time(void **state)
{
	struct thread_record *over = thread(&to, 0, 7, 0, 20 * MS, 0), *under;

	(void)state;
	over->sums.blame_ns[BLAME_SELF] = 21 * MS;
	under = thread(&to, 1, 8, 0, 30 * MS, 0);
	under->sums.blame_ns[BLAME_SELF] = 28 * MS;
	analyse(NULL);
	assert_int_equal(row_of(7)->sums.blame_ns[BLAME_SELF], 20 * MS);
	assert_int_equal(row_of(8)->sums.blame_ns[BLAME_OTHER], 2 * MS);
	assert_int_equal(report.blame[0].ns, 48 * MS);
	assert_int_equal(report.blame[1].ns, 2 * MS);
	assert_int_equal(report.blame[1].kind, BLAME_OTHER);
}

/* A seeded thread seemed blocked; its first event said that it had been runnable all along. */
static void time_may_move_from_one_state_to_another(void **state)
{
	struct thread_record *is;

	(void)state;
	thread(&from, 0, 7, 0, 0, 40 * MS);
	is = thread(&to, 0, 7, 10 * MS, 130 * MS, 0);
	is->sums.blame_ns[BLAME_SELF] = 0;
	is->sums.blame_ns[BLAME_OTHER] = 130 * MS;
	analyse(&from);
	assert_int_equal(row_of(7)->wall_ns, 100 * MS);
	assert_int_equal(row_of(7)->sums.blocked_ns[BLOCKED_SLEEP], 0);
	assert_int_equal(row_of(7)->sums.on_cpu_ns, 10 * MS);
	assert_int_equal(clock_run_queue_ns(&row_of(7)->sums), 90 * MS);
}

/* Stolen time is known at the end of a slice, most of which was before the window. */
static void stolen_time_is_no_more_than_on_cpu_time(void **state)
{
	struct thread_record *is;

	(void)state;
	thread(&from, 0, 7, 50 * MS, 0, 0);
	is = thread(&to, 0, 7, 51 * MS, 0, 99 * MS);
	is->sums.stolen_ns = 8 * MS;
	is->sums.irq_ns = 5 * MS;
	analyse(&from);
	assert_int_equal(report.scheduling.stolen_ns, 1 * MS);
	assert_int_equal(report.scheduling.irq_ns, 1 * MS);
}

static void give_quota(struct fixture *in, const char *cgroup, uint64_t periods, uint64_t throttled_ns)
{
	in->at.quota = (struct snapshot_quota){ .present = true,
						.quota_ns = 20 * MS,
						.period_ns = 100 * MS,
						.periods = periods,
						.throttled_periods = periods / 2,
						.throttled_ns = throttled_ns };
	strcpy(in->at.quota.cgroup, cgroup);
}

static void quota_counts_only_inside_one_cgroup(void **state)
{
	const struct report_quota *quota = &report.scheduling.quota;

	(void)state;
	give_quota(&from, "/web", 10, 4 * MS);
	give_quota(&to, "/web", 16, 9 * MS);
	analyse(&from);
	assert_true(quota->present && quota->has_counts);
	assert_int_equal(quota->periods, 6);
	assert_int_equal(quota->throttled_periods, 3);
	assert_int_equal(quota->throttled_ns, 5 * MS);

	forget_report();
	give_quota(&to, "/other", 16, 9 * MS);
	analyse(&from);
	assert_true(quota->present && !quota->has_counts);
	assert_int_equal(quota->throttled_ns, 0);
	assert_string_equal(quota->cgroup, "/other");

	forget_report();
	give_quota(&to, "/web", 2, 1 * MS); /* removed, and made anew under its name */
	analyse(&from);
	assert_true(quota->present && !quota->has_counts);

	forget_report();
	from.at.quota.present = false;
	analyse(&from);
	assert_true(quota->present && !quota->has_counts);

	forget_report();
	to.at.quota.present = false;
	analyse(&from);
	assert_false(quota->present);
}

/* Of a thread it is known since attach only: in the window if it grew there. */
static void maxima_are_those_of_the_window(void **state)
{
	struct thread_record *was = thread(&from, 0, 7, 1, 0, 0), *is = thread(&to, 0, 7, 2, 0, 0);
	const struct report_dist *dist = &report.scheduling.on_cpu;
	struct snapshot_hist *hist = &to.at.hists[HIST_ON_CPU];

	(void)state;
	was->sums.on_cpu_max_ns = is->sums.on_cpu_max_ns = 5 * MS;
	was->sums.blocked_max_ns = 5 * MS;
	is->sums.blocked_max_ns = 6 * MS;
	from.at.hists[HIST_ON_CPU].buckets[hist_bucket(5 * MS)] = 1;
	from.at.hists[HIST_ON_CPU].total_ns = 5 * MS;
	hist->buckets[hist_bucket(5 * MS)] = 1;
	hist->buckets[hist_bucket(3 * MS)] = 2;
	hist->total_ns = 11 * MS;
	hist->max_ns = 3 * MS + 1;
	analyse(&from);
	assert_int_equal(row_of(7)->sums.on_cpu_max_ns, 0);
	assert_int_equal(row_of(7)->sums.blocked_max_ns, 6 * MS);
	assert_int_equal(dist->count, 2);
	assert_int_equal(dist->total_ns, 6 * MS);
	assert_int_equal(dist->max_ns, 3 * MS + 1);

	forget_report();
	hist->max_ns = 1; /* it fell into the interval before, by the race at the edge */
	analyse(&from);
	assert_int_equal(dist->max_ns, hist_bucket_from_ns(hist_bucket(3 * MS)));
	forget_report();
	hist->max_ns = 900 * MS;
	analyse(&from);
	assert_int_equal(dist->max_ns, hist_bucket_to_ns(hist_bucket(3 * MS)) - 1);
}

/* Random threads over many windows: nothing wraps, and the windows sum to the whole. */
static void windows_sum_to_the_whole(void **state)
{
	uint64_t wall_ns = 0, on_cpu_ns = 0, queue_ns = 0, blocked_ns = 0;
	const struct report_scheduling *s = &report.scheduling;

	(void)state;
	srand(11);
	for (int window = 0; window < 500; window++) {
		from = to;
		from.at.threads = from.threads;
		from.at.names = from.names;
		for (size_t i = 0; i < to.at.nr_threads; i++) {
			struct thread_record *one = &to.threads[i];
			uint64_t parts[3] = { rand() % MS, rand() % MS, rand() % MS };

			one->sums.on_cpu_ns += parts[0];
			one->sums.run_queue_ns[rand() % 2] += parts[1];
			one->sums.blame_ns[rand() % BLAME_KINDS] += parts[1];
			one->sums.blocked_ns[rand() % BLOCKED_REASONS] += parts[2];
			one->wall_ns += parts[0] + parts[1] + parts[2];
		}
		if (to.at.nr_threads == MOST) { /* the oldest ends */
			clock_sums_merge(&to.at.ended.sums, &to.threads[0].sums);
			to.at.ended.wall_ns += to.threads[0].wall_ns;
			to.at.ended.threads++;
			memmove(&to.threads[0], &to.threads[1], (MOST - 1) * sizeof(to.threads[0]));
			memset(&to.threads[MOST - 1], 0, sizeof(to.threads[0]));
			to.at.nr_threads--;
		}
		if (rand() % 3 == 0)
			thread(&to, (uint64_t)window, (uint32_t)(1 + rand() % 1000), rand() % MS, 0, 0);
		analyse(&from);
		wall_ns += s->wall_ns;
		on_cpu_ns += s->on_cpu_ns;
		queue_ns += s->run_queue_ns;
		blocked_ns += s->blocked_ns;
		forget_report();
	}
	analyse(NULL);
	assert_true(s->wall_ns > 500 * (uint64_t)MS);
	assert_int_equal(s->wall_ns, wall_ns);
	assert_int_equal(s->on_cpu_ns, on_cpu_ns);
	assert_int_equal(s->run_queue_ns, queue_ns);
	assert_int_equal(s->blocked_ns, blocked_ns);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_run_is_the_last_snapshot),
		TEST(window_is_the_difference),
		TEST(ended_thread_keeps_its_part_of_the_window),
		TEST(exec_changes_the_tid_and_not_the_thread),
		TEST(births_may_collide),
		TEST(unread_thread_is_counted_and_wraps_nothing),
		TEST(blame_that_was_estimated_is_settled),
		TEST(blame_of_a_row_is_its_run_queue_time),
		TEST(time_may_move_from_one_state_to_another),
		TEST(stolen_time_is_no_more_than_on_cpu_time),
		TEST(quota_counts_only_inside_one_cgroup),
		TEST(maxima_are_those_of_the_window),
		TEST(windows_sum_to_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
