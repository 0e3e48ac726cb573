// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Preloaded into a program: from SIGUSR2 on its allocations are counted, and number NO_MEMORY_AT fails (0:
 * none). Each process has its own numbers; at its end it writes how many there were to a file
 * NO_MEMORY_COUNT.PID.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t nr, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static atomic_long count;
static atomic_bool counts;
static long fails_at;

static bool fails(void)
{
	if (!counts || atomic_fetch_add(&count, 1) + 1 != fails_at)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t bytes)
{
	return fails() ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t nr, size_t bytes)
{
	return fails() ? NULL : __libc_calloc(nr, bytes);
}

void *realloc(void *old, size_t bytes)
{
	return fails() ? NULL : __libc_realloc(old, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes)
{
	void *memory = fails() ? NULL : __libc_memalign(alignment, bytes);

	if (memory)
		*out = memory;
	return memory ? 0 : ENOMEM;
}

static void begin(int number)
{
	(void)number;
	counts = true;
}

__attribute__((constructor)) static void wait_for_signal(void)
{
	const char *at = getenv("NO_MEMORY_AT");

	fails_at = at ? atol(at) : 0;
	signal(SIGUSR2, begin);
}

__attribute__((destructor)) static void tell(void)
{
	const char *prefix = getenv("NO_MEMORY_COUNT");
	char path[4096];
	int fd = -1;

	if (prefix && counts) {
		snprintf(path, sizeof(path), "%s.%d", prefix, (int)getpid());
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	}
	if (fd >= 0) {
		dprintf(fd, "%ld\n", atomic_load(&count));
		close(fd);
	}
}
