// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How the programs come to life and how their maps become one plain snapshot.
 *
 * Order matters at attach: hooks first, then the seeding iterator, so that no thread falls between;
 * a fork that the hook missed (its parent had no clock yet) is found by the iterator's second pass.
 * Nothing is pinned: when the agent dies, however it dies, the kernel detaches all of it.
 */
#include "user/trace/tracer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/abi.h"
#include "bpf/clock.h"
#include "whylate.skel.h"

#include "user/base/clock.h"
#include "user/trace/switchcost.h"
#include "user/trace/syscalls.h"

#define SEED_PASSES 2
#define READ_TRIES  8
#define LIVING_TRIES 3

struct tracer {
	struct whylate *skel;
	struct bpf_link *seed_link;
	struct bpf_link *read_link;
	uint32_t nr_cpus; /* possible: the slots of a per-CPU map's value */
	struct ring_buffer *late_births;
	struct switchcost switch_cost;
	void *scratch; /* nr_cpus values of the largest per-CPU map */
};

static bool print_verbose;

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (!print_verbose || level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(stderr, format, args);
}

static void configure(struct tracer *tracer, const struct tracer_options *options)
{
	struct bpf_config *config = (struct bpf_config *)&tracer->skel->rodata->config;

	config->follow = options->follow;
	config->audit = options->audit;
	config->refuse_births = options->refuse_births;
	config->switch_cost = options->switch_cost != SWITCH_COST_NONE;
	syscalls_fill(config->syscalls);
	syscalls_fill_compat(config->syscalls_compat);
	tracer->skel->bss->interval_number = 1; /* 0 marks a maximum that was never written */
	bpf_map__set_max_entries(tracer->skel->maps.cpus, tracer->nr_cpus);
	switchcost_choose(&tracer->switch_cost, tracer->skel->obj, options->switch_cost);
	bpf_program__set_autoattach(tracer->skel->progs.seed_tasks, false);
	bpf_program__set_autoattach(tracer->skel->progs.read_clocks, false);
}

static int load(struct tracer *tracer, const struct tracer_options *options, struct err *err)
{
	int ret;

	tracer->skel = whylate__open();
	if (!tracer->skel)
		return err_set(err, errno, "cannot open the built-in BPF programs: %s", strerror(errno));
	configure(tracer, options);
	ret = whylate__load(tracer->skel);
	if (ret)
		return err_set(err, -ret,
			       "cannot load the BPF programs: the kernel refused them (%s); "
			       "see `agent doctor`, or repeat with --verbose for the verifier's words",
			       strerror(-ret));
	return 0;
}

static int name_targets(struct tracer *tracer, const struct tracer_options *options, struct err *err)
{
	int map = bpf_map__fd(tracer->skel->maps.targets);

	for (size_t i = 0; i < options->nr_pids; i++) {
		struct target_process process = {};

		if (bpf_map_update_elem(map, &options->pids[i], &process, BPF_ANY))
			return err_set(err, errno, "cannot watch process %u: %s (at most %u processes)",
				       options->pids[i], strerror(errno),
				       bpf_map__max_entries(tracer->skel->maps.targets));
	}
	return 0;
}

/*
 * Run an iterator to its end.  Its bytes are appended to *OUT (grown as needed; NULL: there are none).
 * Returns 0 or -errno.
 */
static int run_iterator(struct bpf_link *link, char **out, size_t *out_bytes)
{
	int fd = bpf_iter_create(bpf_link__fd(link));
	size_t room_bytes = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	*out_bytes = 0;
	for (;;) {
		if (room_bytes - *out_bytes < 4096) {
			size_t want_bytes = room_bytes ? room_bytes * 2 : 65536;
			char *bigger = realloc(*out, want_bytes);

			if (!bigger) {
				close(fd);
				return -ENOMEM;
			}
			*out = bigger;
			room_bytes = want_bytes;
		}
		got = read(fd, *out + *out_bytes, room_bytes - *out_bytes);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			break;
		*out_bytes += (size_t)got;
	}
	got = got < 0 ? -errno : 0;
	close(fd);
	return (int)got;
}

int tracer_seed(struct tracer *tracer, struct err *err)
{
	int ret = 0;

	if (tracer->late_births)
		ring_buffer__consume(tracer->late_births);
	for (int pass = 0; pass < SEED_PASSES && !ret; pass++) {
		char *nothing = NULL;
		size_t bytes;

		ret = run_iterator(tracer->seed_link, &nothing, &bytes);
		free(nothing);
	}
	if (ret)
		return err_set(err, -ret, "cannot give the target's threads their clocks: %s",
			       strerror(-ret));
	return 0;
}

static struct bpf_link *attach_iterator(struct bpf_program *program, struct err *err)
{
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);

	if (!link)
		err_set(err, errno, "cannot attach the iterator %s: %s", bpf_program__name(program),
			strerror(errno));
	return link;
}

static int attach(struct tracer *tracer, struct err *err)
{
	int ret = whylate__attach(tracer->skel);

	if (ret)
		return err_set(err, -ret, "cannot attach to the scheduler's tracepoints: %s",
			       strerror(-ret));
	switchcost_attach(&tracer->switch_cost, tracer->skel->obj);
	tracer->seed_link = attach_iterator(tracer->skel->progs.seed_tasks, err);
	tracer->read_link = attach_iterator(tracer->skel->progs.read_clocks, err);
	return tracer->seed_link && tracer->read_link ? 0 : -err->code;
}

/* The events only wake: the iterator finds whoever has no clock. */
static int forget(void *context, void *data, size_t bytes)
{
	(void)context;
	(void)data;
	(void)bytes;
	return 0;
}

static int open_late_births(struct tracer *tracer, struct err *err)
{
	tracer->late_births = ring_buffer__new(bpf_map__fd(tracer->skel->maps.late_births), forget, NULL, NULL);
	if (!tracer->late_births)
		return err_set(err, errno, "cannot wait for threads without a clock: %s", strerror(errno));
	return 0;
}

int tracer_late_births_fd(const struct tracer *tracer)
{
	return ring_buffer__epoll_fd(tracer->late_births);
}

static int check_alive(struct tracer *tracer, const struct tracer_options *options, struct err *err)
{
	size_t bytes = 0;
	char *records = NULL;
	int ret = run_iterator(tracer->read_link, &records, &bytes);

	free(records);
	if (ret)
		return err_set(err, -ret, "cannot read the target's clocks: %s", strerror(-ret));
	if (!bytes)
		return err_set(err, ESRCH, "cannot watch process %u: it ended while the agent attached",
			       options->pids[0]);
	return 0;
}

int tracer_open(struct tracer **out, const struct tracer_options *options, struct err *err)
{
	struct tracer *tracer = calloc(1, sizeof(*tracer));
	int ret;

	*out = NULL;
	if (!tracer)
		return err_set(err, ENOMEM, "cannot watch: out of memory");
	print_verbose = options->verbose;
	libbpf_set_print(print_libbpf);
	tracer->nr_cpus = (uint32_t)libbpf_num_possible_cpus();
	tracer->scratch = calloc(tracer->nr_cpus, sizeof(struct ended_slot)); /* larger than a histogram */
	ret = tracer->scratch ? 0 : err_set(err, ENOMEM, "cannot watch: out of memory");
	if (!ret)
		ret = load(tracer, options, err);
	if (!ret)
		ret = name_targets(tracer, options, err);
	if (!ret)
		ret = attach(tracer, err);
	if (!ret)
		ret = tracer_seed(tracer, err);
	if (!ret)
		ret = open_late_births(tracer, err);
	if (!ret)
		ret = check_alive(tracer, options, err);
	if (ret) {
		tracer_close(tracer);
		return ret;
	}
	*out = tracer;
	return 0;
}

/* The values of KEY of all CPUs, in scratch memory that the next call overwrites; NULL with errno. */
static const void *lookup_percpu(struct tracer *tracer, struct bpf_map *map, uint32_t key)
{
	return bpf_map_lookup_elem(bpf_map__fd(map), &key, tracer->scratch) ? NULL : tracer->scratch;
}

static uint64_t max_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static int read_hists(struct tracer *tracer, uint32_t interval, struct snapshot *snapshot)
{
	for (uint32_t id = 0; id < HIST_IDS; id++) {
		const struct hist_slot *slots = lookup_percpu(tracer, tracer->skel->maps.hists, id);
		struct snapshot_hist *hist = &snapshot->hists[id];

		if (!slots)
			return -errno;
		for (uint32_t cpu = 0; cpu < tracer->nr_cpus; cpu++) {
			hist->total_ns += slots[cpu].total_ns;
			if (slots[cpu].max_interval[interval & 1] == interval)
				hist->max_ns = max_of(hist->max_ns, slots[cpu].max_ns[interval & 1]);
			for (uint32_t i = 0; i < HIST_BUCKETS; i++)
				hist->buckets[i] += slots[cpu].buckets[i];
		}
	}
	return 0;
}

/*
 * The sums of the ended on each CPU, whole: no thread may be half added.  Returns 0 or -errno; SLOTS are
 * those of the last try.
 */
static int read_ended(struct tracer *tracer, struct ended_slot *slots)
{
	for (int i = 0; i < READ_TRIES; i++) {
		const struct ended_slot *look = lookup_percpu(tracer, tracer->skel->maps.ended, 0);
		bool whole = true;

		if (!look)
			return -errno;
		memcpy(slots, look, tracer->nr_cpus * sizeof(*slots));
		look = lookup_percpu(tracer, tracer->skel->maps.ended, 0);
		if (!look)
			return -errno;
		for (uint32_t cpu = 0; cpu < tracer->nr_cpus; cpu++)
			whole &= slots[cpu].folded == slots[cpu].sums.threads &&
				 slots[cpu].sums.threads == look[cpu].sums.threads;
		if (whole)
			break;
	}
	return 0;
}

static int read_counters(struct tracer *tracer, struct bpf_map *map, uint32_t nr, uint64_t *out)
{
	for (uint32_t key = 0; key < nr; key++) {
		const uint64_t *values = lookup_percpu(tracer, map, key);

		if (!values)
			return -errno;
		for (uint32_t cpu = 0; cpu < tracer->nr_cpus; cpu++)
			out[key] += values[cpu];
	}
	return 0;
}

/* What was taken off the switch costs as our own program's share, on all CPUs. */
static int read_own_cost(struct tracer *tracer, struct snapshot *snapshot)
{
	int map = bpf_map__fd(tracer->skel->maps.cpus);

	for (uint32_t key = 0; key < tracer->nr_cpus; key++) {
		struct cpu_clock cpu;

		if (bpf_map_lookup_elem(map, &key, &cpu))
			return -errno;
		snapshot->switch_cost_own_ns += cpu.own_total_ns;
	}
	return 0;
}

static int read_names(struct tracer *tracer, struct snapshot *snapshot)
{
	int map = bpf_map__fd(tracer->skel->maps.blame_names);
	uint32_t key, *at = NULL;

	snapshot->names = calloc(BLAME_NAMES_MAX, sizeof(*snapshot->names));
	if (!snapshot->names)
		return -ENOMEM;
	while (snapshot->nr_names < BLAME_NAMES_MAX && !bpf_map_get_next_key(map, at, &key)) {
		struct snapshot_blame_name *name = &snapshot->names[snapshot->nr_names];

		at = &key;
		if (bpf_map_lookup_elem(map, &key, &name->blame))
			continue;
		name->pid = key;
		if (name->blame.ns)
			snapshot->nr_names++;
	}
	return 0;
}

static int read_threads(struct tracer *tracer, struct snapshot *snapshot)
{
	size_t bytes;
	int ret;

	free(snapshot->threads);
	snapshot->threads = NULL;
	ret = run_iterator(tracer->read_link, (char **)&snapshot->threads, &bytes);
	snapshot->nr_threads = ret ? 0 : bytes / sizeof(struct thread_record);
	return ret;
}

/*
 * The living and the ended, each thread in exactly one of them.  One that is on its way out is in
 * neither for a moment (the iterator cannot see it any more, its last switch is still to come): wait
 * for it.  Read the living again for one that could not be read, or that took another id meanwhile.
 */
static int read_clocks(struct tracer *tracer, struct snapshot *snapshot)
{
	const struct timespec moment = { .tv_nsec = 500000 };
	struct ended_slot *before = calloc(2 * tracer->nr_cpus, sizeof(*before));
	struct ended_slot *after = before ? before + tracer->nr_cpus : NULL;
	int ret = before ? 0 : -ENOMEM;

	for (int i = 0; i < LIVING_TRIES && !ret; i++) {
		uint64_t nr_clocks;

		ret = read_ended(tracer, before);
		/* After that look: who has ended by then and is not numbered yet would hide another. */
		nr_clocks = *(volatile __u64 *)&tracer->skel->bss->clock_ids;
		if (!ret)
			ret = read_threads(tracer, snapshot);
		for (int j = 0; j < READ_TRIES && !ret; j++) {
			if (j)
				nanosleep(&moment, NULL);
			ret = read_ended(tracer, after);
			if (!ret)
				snapshot_settle(snapshot, before, after, tracer->nr_cpus, nr_clocks,
						*(volatile __u64 *)&tracer->skel->bss->clock_ids_unused);
			if (!snapshot->nr_unread)
				break;
		}
		if (!snapshot->nr_unread)
			break;
	}
	snapshot_drop_unborn(snapshot);
	free(before);
	return ret;
}

/* Times that a program was skipped, the time that all took, and how often they ran. */
static void read_program_info(const struct tracer *tracer, uint64_t *skipped, uint64_t *run_ns,
			      uint64_t *run_count)
{
	struct bpf_program *program;

	*skipped = *run_ns = *run_count = 0;
	bpf_object__for_each_program(program, tracer->skel->obj) {
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
			continue;
		*skipped += info.recursion_misses;
		*run_ns += info.run_time_ns;
		*run_count += info.run_cnt;
	}
}

int tracer_read(struct tracer *tracer, struct snapshot *snapshot, struct err *err)
{
	uint32_t interval = tracer->skel->bss->interval_number;
	uint64_t unused_ns, unused_count;
	int ret;

	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->at_ns = clock_monotonic_ns();
	tracer->skel->bss->interval_number = interval + 1;
	ret = read_clocks(tracer, snapshot);
	if (!ret)
		ret = read_hists(tracer, interval, snapshot);
	if (!ret)
		ret = read_own_cost(tracer, snapshot);
	if (!ret)
		ret = read_names(tracer, snapshot);
	if (!ret)
		ret = read_counters(tracer, tracer->skel->maps.losses, LOSS_KINDS, snapshot->losses);
	if (ret) {
		snapshot_fini(snapshot);
		return err_set(err, -ret, "cannot read what was measured: %s", strerror(-ret));
	}
	read_program_info(tracer, &snapshot->losses[LOSS_RECURSION], &unused_ns, &unused_count);
	snapshot->switches_replayed = tracer->skel->bss->switches_replayed;
	return 0;
}

void tracer_settle(struct tracer *tracer)
{
	const volatile struct whylate__bss *bss = tracer->skel->bss;
	struct ended_slot *slots = calloc(tracer->nr_cpus, sizeof(*slots));
	const struct timespec moment = { .tv_nsec = 500000 };

	for (int i = 0; slots && i < 200 && !read_ended(tracer, slots); i++) {
		uint64_t nr_ended = 0;

		for (uint32_t cpu = 0; cpu < tracer->nr_cpus; cpu++)
			nr_ended += slots[cpu].sums.threads;
		if (nr_ended >= bss->clock_ids - bss->clock_ids_unused)
			break;
		nanosleep(&moment, NULL);
	}
	free(slots);
}

size_t tracer_hooks(const struct tracer *tracer, struct tracer_hook *out, size_t max)
{
	static const struct tracer_hook always[] = {
		{ "sched_switch", "tp_btf", "" },	{ "sched_wakeup", "tp_btf", "" },
		{ "sched_wakeup_new", "tp_btf", "" },	{ "sched_migrate_task", "tp_btf", "" },
		{ "sched_process_fork", "tp_btf", "" }, { "task", "iter", "" },
	};
	size_t nr = 0;

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]) && nr < max; i++)
		out[nr++] = always[i];
	return nr + switchcost_hooks(&tracer->switch_cost, out + nr, max - nr);
}

void tracer_switch_cost(const struct tracer *tracer, struct tracer_switch_cost *out)
{
	switchcost_words(&tracer->switch_cost, out);
}

void tracer_cost(const struct tracer *tracer, struct tracer_cost *out)
{
	uint64_t skipped;

	out->per_cpu_bytes = HIST_IDS * sizeof(struct hist_slot) + sizeof(struct ended_slot) +
			     LOSS_KINDS * sizeof(uint64_t) + sizeof(struct cpu_clock) +
			     sizeof(struct task_clock) + sizeof(struct thread_record);
	out->per_thread_bytes = sizeof(struct task_clock);
	out->fixed_bytes = BLAME_NAMES_MAX * sizeof(struct blame_name);
	read_program_info(tracer, &skipped, &out->run_ns, &out->run_count);
}

int tracer_exit_status(const struct tracer *tracer, uint32_t pid, int *status)
{
	struct target_process process;

	if (bpf_map_lookup_elem(bpf_map__fd(tracer->skel->maps.targets), &pid, &process) ||
	    !process.exited)
		return -ENOENT;
	*status = process.exit_status;
	return 0;
}

void tracer_close(struct tracer *tracer)
{
	if (!tracer)
		return;
	ring_buffer__free(tracer->late_births);
	bpf_link__destroy(tracer->read_link);
	bpf_link__destroy(tracer->seed_link);
	switchcost_detach(&tracer->switch_cost);
	whylate__destroy(tracer->skel);
	free(tracer->scratch);
	free(tracer);
}
