// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From the programs' maps and iterators to one plain snapshot, and to what they cost. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "user/base/clock.h"
#include "user/trace/tracer.h"
#include "user/trace/tracer_internal.h"

#define READ_TRIES 8
/* A hypervisor may keep its CPU from a thread on its way out, or within a switch, for 100 ms. */
#define LIVING_TRIES 30

/*
 * Beside the value, for each thread: struct bpf_local_storage_elem up to its data, and once for each task
 * struct bpf_local_storage (include/linux/bpf_local_storage.h; its slab).
 */
#define STORAGE_ELEMENT_BYTES 72
#define STORAGE_HEAD_BYTES    192

int tracer_run_iterator(struct bpf_link *link, char **out, size_t *out_bytes)
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

int tracer_collect_over(struct bpf_program *program, char **out, size_t *out_bytes)
{
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);
	int ret;

	if (!link)
		return -errno;
	ret = tracer_run_iterator(link, out, out_bytes);
	bpf_link__destroy(link);
	return ret;
}

int tracer_run_over(struct bpf_program *program)
{
	char *nothing = NULL;
	size_t bytes;
	int ret = tracer_collect_over(program, &nothing, &bytes);

	free(nothing);
	return ret;
}

const void *tracer_lookup_percpu(struct tracer *tracer, struct bpf_map *map, uint32_t key)
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
		const struct hist_slot *slots = tracer_lookup_percpu(tracer, tracer->skel->maps.hists, id);
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

static const struct timespec moment = { .tv_nsec = 500000 };

/* A thread is half added for some 100 ns: those that are met at it are looked at again, a little later. */
int tracer_read_ended(struct tracer *tracer, struct ended_slot *slots)
{
	int nr_torn = 0;

	for (int i = 0; i < READ_TRIES && (!i || nr_torn); i++) {
		const struct ended_slot *look;

		if (i > 1)
			nanosleep(&moment, NULL);
		look = tracer_lookup_percpu(tracer, tracer->skel->maps.ended, 0);
		if (!look)
			return -errno;
		nr_torn = 0;
		for (uint32_t cpu = 0; cpu < tracer->nr_cpus; cpu++) {
			if (!i || !ended_is_whole(&slots[cpu]))
				slots[cpu] = look[cpu];
			nr_torn += !ended_is_whole(&slots[cpu]);
		}
	}
	return nr_torn;
}

static int read_counters(struct tracer *tracer, struct bpf_map *map, uint32_t nr, uint64_t *out)
{
	for (uint32_t key = 0; key < nr; key++) {
		const uint64_t *values = tracer_lookup_percpu(tracer, map, key);

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

	for (uint32_t key = 0; key < tracer->nr_cpu_ids; key++) {
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
	ret = tracer_run_iterator(tracer->read_link, (char **)&snapshot->threads, &bytes);
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
	struct ended_slot *before = calloc(2 * tracer->nr_cpus, sizeof(*before));
	struct ended_slot *after = before ? before + tracer->nr_cpus : NULL;
	int ret = before ? 0 : -ENOMEM, nr_torn;

	for (int i = 0; i < LIVING_TRIES && !ret; i++) {
		uint64_t nr_clocks;

		nr_torn = tracer_read_ended(tracer, before);
		ret = nr_torn < 0 ? nr_torn : 0;
		/* After that look: who has ended by then and is not numbered yet would hide another. */
		nr_clocks = *(volatile __u64 *)&tracer->skel->bss->clock_ids;
		if (!ret)
			ret = read_threads(tracer, snapshot);
		for (int j = 0; j < READ_TRIES && !ret; j++) {
			if (j)
				nanosleep(&moment, NULL);
			nr_torn = tracer_read_ended(tracer, after);
			ret = nr_torn < 0 ? nr_torn : 0;
			if (ret)
				break;
			snapshot_settle(snapshot, before, after, tracer->nr_cpus, nr_clocks,
					*(volatile __u64 *)&tracer->skel->bss->clock_ids_unused);
			snapshot->nr_unread += (uint64_t)nr_torn;
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

/*
 * Whether what the program NAME is skipped for is a loss by itself.  A switch that was not timed is missing
 * in its distribution's count, and in no other figure.  An arrival counts only where a request needs it,
 * which its read finds out (LOSS_ARRIVALS): the program for all sockets of the machine is hit once more while
 * it runs, by the interrupt of another packet, since a socket's backlog is worked off with these enabled.
 */
static bool is_missed(const char *name)
{
	static const char *const harmless[] = { "on_schedule", "on_arrival", "on_readable" };

	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		if (!strncmp(name, harmless[i], strlen(harmless[i])))
			return false;
	return true;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Of reads and of sends that have two programs, so that one is missed where both were skipped. */
struct pair {
	const char *first, *second; /* as the kernel cuts their names */
	uint64_t skipped[2];
};

enum { PAIRS = 2 };

static bool note_pair(struct pair pairs[PAIRS], const char *name, uint64_t skipped)
{
	for (size_t i = 0; i < PAIRS; i++) {
		if (!strcmp(name, pairs[i].first))
			pairs[i].skipped[0] = skipped;
		else if (!strcmp(name, pairs[i].second))
			pairs[i].skipped[1] = skipped;
		else
			continue;
		return true;
	}
	return false;
}

struct programs_info {
	uint64_t skipped;	/* what a program was skipped for, and nothing makes up for */
	uint64_t pairs_skipped; /* at most so often both of a pair were skipped at once */
	uint64_t run_ns;	/* that all took */
	uint64_t run_count;
};

static struct programs_info read_program_info(const struct tracer *tracer)
{
	struct pair pairs[PAIRS] = { { "on_read_alone", "on_read_again", {} },
				     { "on_send_alone", "on_send_again", {} } };
	struct programs_info out = {};
	struct bpf_program *program;

	bpf_object__for_each_program(program, tracer->skel->obj)
	{
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
			continue;
		if (!note_pair(pairs, info.name, info.recursion_misses) && is_missed(info.name))
			out.skipped += info.recursion_misses;
		out.run_ns += info.run_time_ns;
		out.run_count += info.run_cnt;
	}
	for (size_t i = 0; i < PAIRS; i++)
		out.pairs_skipped += lesser(pairs[i].skipped[0], pairs[i].skipped[1]);
	return out;
}

/* DETECTED by TCP's counters, of SKIPPED at most; of other sockets it cannot be known. */
static uint64_t pairs_missed(const struct tracer *tracer, uint64_t detected, uint64_t skipped)
{
	return *(volatile __u32 *)&tracer->skel->bss->has_uncounted ? skipped : lesser(detected, skipped);
}

uint64_t tracer_skipped(const struct tracer *tracer)
{
	return read_program_info(tracer).skipped;
}

/* How many got no clock at birth and have none now: they ended before they could. */
static uint64_t count_clockless(struct tracer *tracer)
{
	int map = bpf_map__fd(tracer->skel->maps.clockless);
	uint32_t key, *at = NULL;
	uint64_t nr = 0;

	while (nr < bpf_map__max_entries(tracer->skel->maps.clockless) &&
	       !bpf_map_get_next_key(map, at, &key)) {
		at = &key;
		nr++;
	}
	return nr;
}

int tracer_read(struct tracer *tracer, struct snapshot *snapshot, struct err *err)
{
	uint32_t interval = tracer->skel->bss->interval_number;
	struct programs_info programs;
	uint64_t nr_clockless;
	struct err unseeded = {};
	int ret;

	memset(snapshot, 0, sizeof(*snapshot));
	if (count_clockless(tracer))
		tracer_seed(tracer, &unseeded); /* who has no clock even then is counted below */
	/* Before the threads, whose blame they are a part of: later, they would have more than that. */
	ret = read_names(tracer, snapshot);
	/* Before the moment that this is of: who is born later gets a clock yet, or is the next window's. */
	nr_clockless = count_clockless(tracer);
	snapshot->at_ns = clock_monotonic_ns();
	tracer->skel->bss->as_of_ns = snapshot->at_ns;
	__atomic_store_n(&tracer->skel->bss->interval_number, interval + 1, __ATOMIC_SEQ_CST);
	if (!ret)
		ret = read_clocks(tracer, snapshot);
	if (!ret)
		ret = read_hists(tracer, interval, snapshot);
	if (!ret)
		ret = tracer_read_requests(tracer, interval, snapshot);
	if (!ret)
		ret = read_own_cost(tracer, snapshot);
	if (!ret)
		ret = read_counters(tracer, tracer->skel->maps.losses, LOSS_KINDS, snapshot->losses);
	if (ret) {
		snapshot_fini(snapshot);
		return err_set(err, -ret, "cannot read what was measured: %s", strerror(-ret));
	}
	snapshot->losses[LOSS_CLOCK_CREATE] += nr_clockless;
	programs = read_program_info(tracer);
	snapshot->skipped = programs.skipped;
	snapshot->losses[LOSS_RECURSION] =
		programs.skipped +
		pairs_missed(tracer, snapshot->losses[LOSS_RECURSION], programs.pairs_skipped);
	snapshot->nr_unplaced = tracer->records.nr_unplaced;
	snapshot->switches_replayed = tracer->skel->bss->switches_replayed;
	return 0;
}

/* The slab that an allocation of BYTES comes from (powers of two from 256 on). */
static uint64_t kmalloc_bytes(uint64_t bytes)
{
	uint64_t slab = 256;

	while (slab < bytes)
		slab *= 2;
	return slab;
}

/* What the kernel says its maps take, with their elements but for the threads' storage. */
static uint64_t maps_memory_bytes(const struct tracer *tracer)
{
	struct bpf_map *map;
	uint64_t sum = 0;

	bpf_object__for_each_map(map, tracer->skel->obj)
	{
		char path[40], line[80];
		unsigned long long bytes;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", bpf_map__fd(map));
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "memlock: %llu", &bytes) == 1)
				sum += bytes;
		if (file)
			fclose(file);
	}
	return sum;
}

void tracer_cost(const struct tracer *tracer, struct tracer_cost *out)
{
	struct programs_info programs = read_program_info(tracer);
	uint64_t maps_bytes;

	out->per_cpu_bytes = HIST_IDS * sizeof(struct hist_slot) + sizeof(struct ended_slot) +
			     HIST_BUCKETS * sizeof(struct request_bucket) +
			     WITHOUTS * sizeof(struct component_moves) +
			     STATUSES * sizeof(struct switch_table) + sizeof(struct request_counts) +
			     sizeof(struct slowest) + 2 * EXEMPLARS_EACH * sizeof(struct exemplar) +
			     LOSS_KINDS * sizeof(uint64_t) + sizeof(struct cpu_clock) +
			     sizeof(struct task_clock) + sizeof(struct thread_record);
	out->per_thread_bytes =
		kmalloc_bytes(STORAGE_ELEMENT_BYTES + sizeof(struct task_clock)) + STORAGE_HEAD_BYTES;
	out->per_worker_bytes = kmalloc_bytes(STORAGE_ELEMENT_BYTES + sizeof(struct worker));
	out->per_connection_bytes = kmalloc_bytes(STORAGE_ELEMENT_BYTES + sizeof(struct span)) +
				    kmalloc_bytes(STORAGE_ELEMENT_BYTES + sizeof(struct connection_mark)) +
				    STORAGE_HEAD_BYTES;
	maps_bytes = maps_memory_bytes(tracer);
	out->fixed_bytes = maps_bytes > out->per_cpu_bytes * tracer->nr_cpus ?
				   maps_bytes - out->per_cpu_bytes * tracer->nr_cpus :
				   0;
	out->run_ns = programs.run_ns;
	out->run_count = programs.run_count;
}
