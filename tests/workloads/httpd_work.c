// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Work that blocks, or burns, for a known time. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "httpd.h"
#include "work.h"

#define PAGE_BYTES 4096u
#define FILE_PAGES 1024u

static void sleep_until(uint64_t at_ns)
{
	const struct timespec at = timespec_of(at_ns);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static void start_helper(void *(*work)(void *))
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, work, NULL);
	if (errno)
		die("pthread_create");
	pthread_detach(thread);
}

/*
 * The lock that a helper holds before it is asked for, and gives away at a set time: one wait, and
 * nothing else, lies between the two clocks.  Helpers that resolve a page fault work alike.
 */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER, held = PTHREAD_MUTEX_INITIALIZER;
static sem_t is_held, asked, released;
static uint64_t release_at_ns;

static void *hold(void *unused)
{
	for (;;) {
		pthread_mutex_lock(&held);
		sem_post(&is_held);
		sem_wait(&asked);
		sleep_until(release_at_ns);
		pthread_mutex_unlock(&held);
		sem_wait(&released);
	}
	return unused;
}

static void start_holding(void)
{
	sem_init(&is_held, 0, 0);
	sem_init(&asked, 0, 0);
	sem_init(&released, 0, 0);
	start_helper(hold);
}

static uint64_t wait_for_lock(uint64_t length_ns)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint64_t began_ns, took_ns;

	pthread_once(&once, start_holding);
	pthread_mutex_lock(&turn);
	sem_wait(&is_held);
	began_ns = now_ns(CLOCK_MONOTONIC);
	release_at_ns = began_ns + length_ns;
	sem_post(&asked);
	pthread_mutex_lock(&held);
	took_ns = now_ns(CLOCK_MONOTONIC) - began_ns;
	pthread_mutex_unlock(&held);
	sem_post(&released);
	pthread_mutex_unlock(&turn);
	return took_ns;
}

/* A lock that its holder leaves to another request, when it wakes up. */
static uint64_t contend(uint64_t length_ns)
{
	static pthread_mutex_t shared = PTHREAD_MUTEX_INITIALIZER;
	uint64_t began_ns = now_ns(CLOCK_MONOTONIC), took_ns;

	pthread_mutex_lock(&shared);
	took_ns = now_ns(CLOCK_MONOTONIC) - began_ns;
	sleep_until(began_ns + took_ns + length_ns);
	pthread_mutex_unlock(&shared);
	return took_ns;
}

/* A page that is missing until a helper puts it there. */
static int faults = -1;
static char *missing;
static uint64_t resolve_at_ns; /* atomic: the compiler cannot know that a fault is what asks for it */

static void *resolve(void *unused)
{
	static char page[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
	struct uffd_msg message;

	while (read(faults, &message, sizeof(message)) == sizeof(message)) {
		struct uffdio_copy copy = { .dst = (uintptr_t)missing,
					    .src = (uintptr_t)page,
					    .len = PAGE_BYTES };

		sleep_until(__atomic_load_n(&resolve_at_ns, __ATOMIC_SEQ_CST));
		if (ioctl(faults, UFFDIO_COPY, &copy))
			die("UFFDIO_COPY");
	}
	return unused;
}

static void start_resolving(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	missing = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range = (struct uffdio_range){ (uintptr_t)missing, PAGE_BYTES };
	if (faults < 0 || missing == MAP_FAILED || ioctl(faults, UFFDIO_API, &api) ||
	    ioctl(faults, UFFDIO_REGISTER, &range))
		die("userfaultfd");
	start_helper(resolve);
}

static uint64_t wait_for_fault(uint64_t length_ns)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint64_t began_ns, took_ns;

	pthread_once(&once, start_resolving);
	pthread_mutex_lock(&turn);
	madvise(missing, PAGE_BYTES, MADV_DONTNEED);
	began_ns = now_ns(CLOCK_MONOTONIC);
	__atomic_store_n(&resolve_at_ns, began_ns + length_ns, __ATOMIC_SEQ_CST);
	(void)*(volatile char *)missing;
	took_ns = now_ns(CLOCK_MONOTONIC) - began_ns;
	pthread_mutex_unlock(&turn);
	return took_ns;
}

/* Since when, and how much of the CPU the thread had had then. */
struct start {
	uint64_t at_ns, cpu_ns;
};

static struct start start_now(void)
{
	return (struct start){ now_ns(CLOCK_MONOTONIC), now_ns(CLOCK_THREAD_CPUTIME_ID) };
}

/* Time since START in which the calling thread did not have a CPU. */
static uint64_t off_cpu_ns(const struct start *start)
{
	uint64_t cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) - start->cpu_ns;

	return now_ns(CLOCK_MONOTONIC) - start->at_ns - cpu_ns;
}

static int cold_fd = -1, direct_fd = -1;

static void make_file(void)
{
	static const char page[PAGE_BYTES] = "cold";
	char path[4096];

	snprintf(path, sizeof(path), "%s/whylate-httpd-XXXXXX", options.directory);
	cold_fd = mkostemp(path, O_CLOEXEC);
	if (cold_fd < 0)
		die(path);
	direct_fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	unlink(path);
	if (direct_fd < 0)
		die("opening a file in --directory for direct reads (it must be on a disk)");
	for (unsigned i = 0; i < FILE_PAGES; i++)
		if (write(cold_fd, page, PAGE_BYTES) != PAGE_BYTES)
			die("writing the file that is to be cold");
	if (fsync(cold_fd)) /* dirty pages cannot be dropped */
		die("fsync");
}

static void need_file(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_file);
}

/* From the disk, whatever is in memory, by one read. */
static uint64_t read_file(uint64_t pages)
{
	size_t bytes = (pages < FILE_PAGES ? pages : FILE_PAGES) * PAGE_BYTES;
	void *buffer = aligned_alloc(PAGE_BYTES, bytes + PAGE_BYTES);
	struct start start;
	uint64_t waited_ns;

	need_file();
	if (!buffer)
		die("aligned_alloc");
	memset(buffer, 0, bytes);
	start = start_now();
	if (pread(direct_fd, buffer, bytes, 0) != (ssize_t)bytes)
		die("reading the cold file");
	waited_ns = off_cpu_ns(&start);
	free(buffer);
	return waited_ns;
}

/* Page by page, none of them a neighbour of the one before. */
static uint64_t touch_file(uint64_t pages)
{
	size_t bytes = FILE_PAGES * PAGE_BYTES;
	struct start start;
	uint64_t waited_ns;
	char *file;

	need_file();
	posix_fadvise(cold_fd, 0, 0, POSIX_FADV_DONTNEED);
	file = mmap(NULL, bytes, PROT_READ, MAP_SHARED, cold_fd, 0);
	if (file == MAP_FAILED)
		die("mapping the cold file");
	madvise(file, bytes, MADV_RANDOM); /* no reading ahead */
	start = start_now();
	for (uint64_t i = 0; i < pages; i++)
		(void)*(volatile char *)(file + i * 331 % FILE_PAGES * PAGE_BYTES);
	waited_ns = off_cpu_ns(&start);
	munmap(file, bytes);
	return waited_ns;
}

static uint64_t nap(uint64_t length_ns)
{
	uint64_t began_ns = now_ns(CLOCK_MONOTONIC);

	sleep_until(began_ns + length_ns);
	return now_ns(CLOCK_MONOTONIC) - began_ns;
}

uint64_t work_for(struct connection *c)
{
	const struct request *r = &c->request;

	switch (r->path) {
	case PATH_BURN:
		return burn(r->us * 1000);
	case PATH_SLEEP:
		return nap(r->us * 1000);
	case PATH_LOCK:
		return wait_for_lock(r->us * 1000);
	case PATH_CONTEND:
		return contend(r->us * 1000);
	case PATH_FILE:
		return read_file(r->pages);
	case PATH_FAULT:
		return touch_file(r->pages);
	case PATH_USERFAULT:
		return wait_for_fault(r->us * 1000);
	case PATH_UPSTREAM:
		return upstream_ask(c);
	default:
		return 0;
	}
}
