// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/work.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "servers/probes.h"
#include "user/base/clock.h"

#define PAGE_BYTES  4096u
#define FILE_BYTES  (4u << 20)
#define PIECE_BYTES 65536u
/* Between two looks at the clock, which itself takes as long as a digest of 1 KiB: some 3 us. */
#define BURN_BYTES 4096u

/* In memory that all processes of a server share. */
static pthread_mutex_t *lock;
static const char *file_directory;

uint64_t work_thread_cpu_ns(void)
{
	return clock_thread_cpu_ns();
}

static void sleep_until(uint64_t at_ns)
{
	const struct timespec at = clock_timespec(at_ns);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static void nothing(void)
{
}

static void lock_mutex(void)
{
	if (pthread_mutex_lock(lock) == EOWNERDEAD)
		pthread_mutex_consistent(lock);
}

static void unlock_mutex(void)
{
	pthread_mutex_unlock(lock);
}

/* Whoever calls is in the request's thread until it is answered. */
static const struct work_host own_thread = {
	work_thread_cpu_ns, nothing, nothing, lock_mutex, unlock_mutex, sleep_until,
};
static const struct work_host *host = &own_thread;

void work_set_host(const struct work_host *new_host)
{
	host = new_host;
}

int work_init(const char *directory, struct err *err)
{
	pthread_mutexattr_t attributes;

	file_directory = directory;
	lock = mmap(NULL, sizeof(*lock), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (lock == MAP_FAILED)
		return err_set(err, errno, "cannot map a page for the lock: %s", strerror(errno));
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return sha_init(err);
}

/* Work until CLOCK has reached UNTIL_NS.  Returns 0 or -ENOMEM. */
static int burn(uint64_t (*clock)(void), uint64_t until_ns)
{
	static const char bytes[BURN_BYTES];
	uint8_t digest[SHA_BYTES];
	int ret = 0;

	while (!ret && clock() < until_ns) {
		ret = sha_digest(bytes, sizeof(bytes), digest);
		host->pause();
	}
	return ret;
}

/* Held by sleeping: who comes second waits for the lock, and takes no CPU away from anybody. */
static int hold_lock(uint64_t length_ns)
{
	host->lock();
	host->sleep_until(clock_monotonic_ns() + length_ns);
	host->unlock();
	return 0;
}

/* What a descriptor says is another file in another table. */
struct cold_file {
	pthread_mutex_t lock;
	bool tried;
	int fd;
};

static struct cold_file common_file = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };
static _Thread_local struct cold_file own_file = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };
static _Thread_local bool has_own_files;

void work_own_files(void)
{
	has_own_files = true;
}

static struct cold_file *cold_file(void)
{
	return has_own_files ? &own_file : &common_file;
}

/* Under the lock.  That no file more can be open is not the directory's fault: the next one tries again. */
static void make_file(struct cold_file *cold)
{
	static const char piece[PIECE_BYTES];
	char path[4096];
	ssize_t nr = 1;
	int written;

	snprintf(path, sizeof(path), "%s/whylate-server-XXXXXX", file_directory);
	written = mkostemp(path, O_CLOEXEC);
	/* A piece of less is the last before the disk is full. */
	for (size_t at = 0; written >= 0 && nr > 0 && at < FILE_BYTES; at += (size_t)nr)
		nr = write(written, piece, sizeof(piece));
	if (written >= 0 && nr > 0 && !fsync(written))
		cold->fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
	cold->tried = cold->fd >= 0 || (errno != EMFILE && errno != ENFILE);
	if (cold->fd < 0 && cold->tried)
		fprintf(stderr,
			"cannot read past the page cache in %s: %s; read_kb is answered 500, see "
			"--directory\n",
			file_directory, strerror(errno));
	if (written >= 0) {
		unlink(path);
		close(written);
	}
}

/* Whole pages: what passes by the page cache comes in no smaller pieces. */
static int read_file(uint64_t bytes)
{
	static uint64_t next;
	struct cold_file *cold = cold_file();
	char *piece = aligned_alloc(PAGE_BYTES, PIECE_BYTES);
	int ret = piece ? 0 : -ENOMEM, fd;

	pthread_mutex_lock(&cold->lock);
	if (!cold->tried)
		make_file(cold);
	fd = cold->fd;
	pthread_mutex_unlock(&cold->lock);
	bytes = (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	while (!ret && bytes) {
		size_t take = bytes < PIECE_BYTES ? bytes : PIECE_BYTES;
		uint64_t at = __atomic_fetch_add(&next, PIECE_BYTES, __ATOMIC_RELAXED) % FILE_BYTES;

		if (pread(fd, piece, take, (off_t)at) != (ssize_t)take)
			ret = -EIO;
		bytes -= take;
	}
	free(piece);
	return ret;
}

/* By a mapping of its own, since the heap would give back pages that were touched before. */
static int touch_memory(uint64_t bytes)
{
	char *memory;

	if (!bytes)
		return 0;
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	for (uint64_t at = 0; at < bytes; at += PAGE_BYTES) {
		*(volatile char *)(memory + at) = 1;
		host->pause();
	}
	munmap(memory, bytes);
	return 0;
}

/* A step that happens in this thread.  Returns 0, or -errno. */
static int do_step(struct work *work, const struct plan_step *step, uint64_t began_cpu_ns)
{
	uint64_t amount = step->amount;

	switch (step->kind) {
	case PLAN_CPU_US:
		return burn(host->cpu_ns, began_cpu_ns + amount * 1000);
	case PLAN_WALL_US:
		return burn(clock_monotonic_ns, work->began_at_ns + amount * 1000);
	case PLAN_SEED_US: /* the mistake that it is there to show: waiting for a thread counts as work */
		return burn(clock_monotonic_ns, work->whole_at_ns + amount * 1000);
	case PLAN_SHA:
		return amount ? sha_chain(step->amount, work->digest, host->pause) : 0;
	case PLAN_LOCK_US:
		return hold_lock(amount * 1000);
	case PLAN_READ_KB:
		return read_file(amount * 1024);
	case PLAN_ALLOC_KB:
		return touch_memory(amount * 1024);
	default:
		return -EINVAL;
	}
}

void work_begin(struct work *work, const struct plan *plan, const char *content, size_t content_bytes,
		uint64_t known_at_ns, uint64_t whole_at_ns, struct stats_slot *slot,
		const struct upstream *upstream)
{
	*work = (struct work){
		.upstream = upstream,
		.slot = slot,
		.plan = *plan,
		.whole_at_ns = whole_at_ns,
		.queued_at_ns = known_at_ns,
		.status = 200,
	};
	if (sha_digest(content, content_bytes, work->digest))
		work->status = 500;
}

/* Whether STEP has come to where it must be waited for; *NEED says what for. */
static bool must_wait(struct work *work, const struct plan_step *step, enum work_need *need)
{
	if (step->kind != PLAN_SLEEP_US && step->kind != PLAN_UPSTREAM)
		return false;
	if (!work->begun) {
		work->begun = true;
		work->asked = 0;
		work->began_at_ns = clock_monotonic_ns();
		work->wake_at_ns = work->began_at_ns + step->amount * 1000ull;
	}
	if (step->kind == PLAN_UPSTREAM) {
		*need = WORK_ASK;
		return work->asked < step->amount;
	}
	*need = WORK_SLEEP;
	return clock_monotonic_ns() < work->wake_at_ns;
}

void work_dequeue(struct work *work)
{
	uint64_t now_ns, ns;

	if (!work->queued_at_ns)
		return;
	now_ns = clock_monotonic_ns();
	ns = now_ns > work->queued_at_ns ? now_ns - work->queued_at_ns : 0;
	work->queued_at_ns = 0;
	work->waited_ns += ns;
	probe_request_run(&work->context, ns);
	stats_waited(work->slot, !work->started, ns, work->waited_ns);
	work->started = true;
}

void work_queue(struct work *work)
{
	probe_request_enqueue(&work->context);
	if (!work->queued_at_ns)
		work->queued_at_ns = clock_monotonic_ns();
}

enum work_need work_run(struct work *work, uint32_t elsewhere)
{
	enum work_need need;

	while (work->step < work->plan.nr_steps && work->status == 200) {
		const struct plan_step *step = &work->plan.steps[work->step];
		uint64_t began_cpu_ns, used_cpu_ns = 0;

		if (elsewhere >> step->kind & 1)
			return WORK_HAND;
		work_dequeue(work);
		if (must_wait(work, step, &need))
			return need;
		if (!work->begun) {
			host->begin();
			work->began_at_ns = clock_monotonic_ns();
			began_cpu_ns = host->cpu_ns();
			if (do_step(work, step, began_cpu_ns))
				work->status = 500;
			used_cpu_ns = host->cpu_ns() - began_cpu_ns;
		}
		stats_work(work->slot, step->kind, used_cpu_ns, clock_monotonic_ns() - work->began_at_ns);
		work->begun = false;
		work->step++;
	}
	work_dequeue(work);
	return WORK_DONE;
}

void work_asked(struct work *work, uint16_t status)
{
	work->asked++;
	if (status)
		work->status = status;
}

enum work_need work_run_to_call(struct work *work, uint32_t elsewhere, struct upstream_call *call)
{
	enum work_need need;

	while ((need = work_run(work, elsewhere)) == WORK_ASK && upstream_open(call, work->upstream))
		work_asked(work, 502);
	if (need == WORK_ASK)
		work->wake_at_ns = clock_monotonic_ns() + work->upstream->timeout_ns;
	return need;
}

void work_end_call(struct work *work, struct upstream_call *call, uint16_t status)
{
	upstream_close(call);
	work_asked(work, status);
}

void work_run_blocking(struct work *work)
{
	enum work_need need;

	while ((need = work_run(work, 0)) != WORK_DONE) {
		if (need == WORK_SLEEP)
			sleep_until(work->wake_at_ns);
		else
			work_asked(work, upstream_ask(work->upstream));
	}
}
