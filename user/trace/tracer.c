// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How the programs come to life, and how they end.
 *
 * Order matters at attach: hooks first, then the seeding iterator, so that no thread falls between;
 * a fork that the hook missed (its parent had no clock yet) is found by the iterator's second pass.
 * Nothing is pinned: when the agent dies, however it dies, the kernel detaches all of it.
 */
#include "user/trace/tracer.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "user/base/clock.h"
#include "user/trace/syscalls.h"
#include "user/trace/target.h"
#include "user/trace/tracer_internal.h"

#define SEED_PASSES	 2
#define MOST_SEED_PASSES 50
#define LOOKS		 200 /* for a thread that can be read, half a millisecond apart */

static bool print_verbose;

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (!print_verbose || level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(stderr, format, args);
}

/* Those of NAMES, which spaces separate. */
static void make_tiny(struct bpf_object *object, const char *names)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map), *found = strstr(names, name);
		size_t length = strlen(name);

		if (!found || (found > names && found[-1] != ' ') || (found[length] && found[length] != ' '))
			continue;
		bpf_map__set_max_entries(map, bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF ?
						      (uint32_t)sysconf(_SC_PAGESIZE) :
						      1);
	}
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
	syscalls_fill_buffers(config->buffers);
	tracer->skel->bss->interval_number = 1; /* 0 marks what was never written */
	bpf_map__set_max_entries(tracer->skel->maps.cpus, tracer->nr_cpu_ids);
	switchcost_choose(&tracer->switch_cost, tracer->skel->obj, options->switch_cost);
	sockethooks_choose(&tracer->sockets, tracer->skel, options->requests, options->accepts);
	if (options->tiny_tables)
		make_tiny(tracer->skel->obj, options->tiny_tables);
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

/* The caches that clocks come from are filled by and by: what finds them empty comes again in a moment. */
int tracer_seed(struct tracer *tracer, struct err *err)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	volatile struct whylate__bss *bss = tracer->skel->bss;
	int ret = 0;

	if (tracer->late_births)
		ring_buffer__consume(tracer->late_births);
	tracer->any_late_births = false;
	bss->as_of_ns = clock_monotonic_ns();
	if (!tracer->began_at_ns)
		tracer->began_at_ns = bss->attached_at_ns = bss->as_of_ns;
	for (int pass = 0; pass < MOST_SEED_PASSES && !ret; pass++) {
		char *nothing = NULL;
		size_t bytes;

		if (pass >= SEED_PASSES && !bss->seeds_failed)
			break;
		if (pass >= SEED_PASSES)
			nanosleep(&moment, NULL);
		bss->seeds_failed = 0;
		ret = tracer_run_iterator(tracer->seed_link, &nothing, &bytes);
		free(nothing);
	}
	if (!ret)
		tracer_answer_asks(tracer);
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
	struct bpf_program *on_exec = tracer->skel->progs.on_exec;
	int ret;

	/* Before any neighbour can have a name: one that becomes another program then would keep the old one.
	 */
	tracer->skel->links.on_exec = bpf_program__attach(on_exec);
	bpf_program__set_autoattach(on_exec, !tracer->skel->links.on_exec);
	ret = whylate__attach(tracer->skel);

	if (ret)
		return err_set(err, -ret, "cannot attach to the scheduler's tracepoints: %s", strerror(-ret));
	sockethooks_attach(&tracer->sockets, tracer->skel);
	switchcost_attach(&tracer->switch_cost, tracer->skel->obj);
	tracer->seed_link = attach_iterator(tracer->skel->progs.seed_tasks, err);
	tracer->read_link = attach_iterator(tracer->skel->progs.read_clocks, err);
	return tracer->seed_link && tracer->read_link ? 0 : -err->code;
}

/* Who it is does not matter: the iterator finds whoever has no clock. */
static int note_late_birth(void *context, void *data, size_t bytes)
{
	struct tracer *tracer = context;

	(void)data;
	(void)bytes;
	tracer->any_late_births = true;
	return 0;
}

int tracer_answer(struct tracer *tracer, struct err *err)
{
	ring_buffer__consume(tracer->late_births);
	if (tracer->any_late_births)
		return tracer_seed(tracer, err);
	tracer_answer_asks(tracer);
	return 0;
}

static int open_late_births(struct tracer *tracer, struct err *err)
{
	tracer->late_births =
		ring_buffer__new(bpf_map__fd(tracer->skel->maps.late_births), note_late_birth, tracer, NULL);
	if (!tracer->late_births)
		return err_set(err, errno, "cannot wait for threads without a clock: %s", strerror(errno));
	if (tracer_records_open(tracer))
		return err_set(err, EIO, "cannot wait for processes that begin to serve");
	return 0;
}

uint64_t tracer_began_at_ns(const struct tracer *tracer)
{
	return tracer->began_at_ns;
}

int tracer_asks_fd(const struct tracer *tracer)
{
	return ring_buffer__epoll_fd(tracer->late_births);
}

static bool is_over(const struct tracer_options *options)
{
	for (size_t i = 0; i < options->nr_pids; i++)
		if (!target_has_ended(options->pids[i]))
			return false;
	return true;
}

/*
 * Whether any thread of the target is left, and what the processes of those that are say of requests.  A
 * thread in the middle of a switch cannot be read, for as long as a hypervisor keeps its CPU from it: where
 * that is all there is, look again.
 */
static int look_at_threads(struct tracer *tracer, const struct tracer_options *options, struct err *err)
{
	const struct timespec moment = { .tv_nsec = 500000 };
	char *threads = NULL;
	size_t bytes = 0;
	int ret = 0;

	for (int i = 0; i < LOOKS && !ret && !bytes; i++) {
		bool over = is_over(options);

		if (i)
			nanosleep(&moment, NULL);
		free(threads);
		threads = NULL;
		ret = tracer_run_iterator(tracer->read_link, &threads, &bytes);
		if (over)
			break;
	}
	if (ret)
		err_set(err, -ret, "cannot read the target's clocks: %s", strerror(-ret));
	else if (!bytes && is_over(options))
		ret = err_set(err, ESRCH, "cannot watch process %u: it ended while the agent attached",
			      options->pids[0]);
	else if (!bytes)
		ret = err_set(err, EAGAIN,
			      "cannot watch process %u: none of its threads could be read; try again",
			      options->pids[0]);
	else if (tracer_find_records(tracer, (const struct thread_record *)threads,
				     bytes / sizeof(struct thread_record)))
		ret = err_set(err, EIO, "cannot look for the requests that threads say they work for");
	free(threads);
	return ret;
}

/* Make and drop an element of MAP for the agent itself, on the CPU that it is on. */
static void use_once(struct bpf_map *map, int pidfd)
{
	void *nothing = calloc(1, bpf_map__value_size(map));

	if (nothing && !bpf_map_update_elem(bpf_map__fd(map), &pidfd, nothing, BPF_ANY))
		bpf_map_delete_elem(bpf_map__fd(map), &pidfd);
	free(nothing);
}

/*
 * Task storage comes from a cache that each CPU has, which begins nearly empty (Linux 6.4 on) and is filled
 * when it is first used, a little later.  A target that forks quickly would find it empty: births without a
 * clock.  Use it once on each CPU before the hooks are on; where we may not go, nothing is lost but that.
 */
static void fill_storage_caches(struct tracer *tracer)
{
	size_t bytes = CPU_ALLOC_SIZE(tracer->nr_cpu_ids);
	cpu_set_t *before = CPU_ALLOC(tracer->nr_cpu_ids), *one = CPU_ALLOC(tracer->nr_cpu_ids);
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (before && one && pidfd >= 0 && !sched_getaffinity(0, bytes, before)) {
		for (uint32_t cpu = 0; cpu < tracer->nr_cpu_ids; cpu++) {
			CPU_ZERO_S(bytes, one);
			CPU_SET_S(cpu, bytes, one);
			if (sched_setaffinity(0, bytes, one))
				continue;
			use_once(tracer->skel->maps.clocks, pidfd);
			use_once(tracer->skel->maps.audits, pidfd);
		}
		sched_setaffinity(0, bytes, before);
	}
	if (pidfd >= 0)
		close(pidfd);
	CPU_FREE(before);
	CPU_FREE(one);
}

/* From a list such as "0-3,8-11"; NR where it cannot be read. */
static uint32_t cpu_ids(uint32_t nr)
{
	FILE *file = fopen("/sys/devices/system/cpu/possible", "re");
	char list[4096], *last;

	if (!file || !fgets(list, sizeof(list), file))
		list[0] = '\0';
	if (file)
		fclose(file);
	last = list + strlen(list);
	while (last > list && last[-1] != '-' && last[-1] != ',')
		last--;
	return *last >= '0' && *last <= '9' ? (uint32_t)strtoul(last, NULL, 10) + 1 : nr;
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
	tracer->nr_cpu_ids = cpu_ids(tracer->nr_cpus);
	tracer->scratch = calloc(tracer->nr_cpus, sizeof(struct ended_slot)); /* the largest value */
	ret = tracer->scratch ? 0 : err_set(err, ENOMEM, "cannot watch: out of memory");
	if (!ret)
		ret = load(tracer, options, err);
	if (!ret)
		ret = name_targets(tracer, options, err);
	if (!ret) {
		fill_storage_caches(tracer);
		ret = attach(tracer, err);
	}
	if (!ret)
		ret = tracer_make_up(tracer, err); /* for all that was before us */
	if (!ret)
		ret = open_late_births(tracer, err);
	if (!ret)
		ret = look_at_threads(tracer, options, err);
	if (ret) {
		tracer_close(tracer);
		return ret;
	}
	*out = tracer;
	return 0;
}

int tracer_make_up(struct tracer *tracer, struct err *err)
{
	int ret = tracer_seed(tracer, err);

	return ret ? ret : sockethooks_seed(&tracer->sockets, tracer->skel, err);
}

void tracer_settle(struct tracer *tracer)
{
	const volatile struct whylate__bss *bss = tracer->skel->bss;
	struct ended_slot *slots = calloc(tracer->nr_cpus, sizeof(*slots));
	const struct timespec moment = { .tv_nsec = 500000 };

	for (int i = 0; slots && i < 200 && tracer_read_ended(tracer, slots) >= 0; i++) {
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
		{ "sched_switch", "tp_btf", "" },     { "sched_wakeup", "tp_btf", "" },
		{ "sched_wakeup_new", "tp_btf", "" }, { "sched_migrate_task", "tp_btf", "" },
		{ "task_newtask", "tp_btf", "" },     { "task", "iter", "" },
	};
	size_t nr = 0;

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]) && nr < max; i++)
		out[nr++] = always[i];
	nr += sockethooks_names(&tracer->sockets, out + nr, max - nr);
	nr += tracer_records_names(tracer, out + nr, max - nr);
	return nr + switchcost_hooks(&tracer->switch_cost, out + nr, max - nr);
}

void tracer_switch_cost(const struct tracer *tracer, struct tracer_switch_cost *out)
{
	switchcost_words(&tracer->switch_cost, out);
}

int tracer_exit_status(const struct tracer *tracer, uint32_t pid, int *status)
{
	struct target_process process;

	if (bpf_map_lookup_elem(bpf_map__fd(tracer->skel->maps.targets), &pid, &process) || !process.exited)
		return -ENOENT;
	*status = process.exit_status;
	return 0;
}

void tracer_close(struct tracer *tracer)
{
	if (!tracer)
		return;
	ring_buffer__free(tracer->late_births);
	bpf_link__destroy(tracer->records.waking);
	bpf_link__destroy(tracer->read_link);
	bpf_link__destroy(tracer->seed_link);
	switchcost_detach(&tracer->switch_cost);
	sockethooks_detach(&tracer->sockets);
	whylate__destroy(tracer->skel);
	free(tracer->scratch);
	free(tracer);
}
