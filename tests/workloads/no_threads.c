// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Preloaded into a program: of the threads and processes that it starts, number NO_THREADS_AT (1: the first)
 * and those after it, NO_THREADS_NR in all, are refused as where there may be no more of them.  Each process
 * has its own numbers, and goes on with those of its parent.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_long count;
static long first, last;

static bool is_refused(void)
{
	long number = atomic_fetch_add(&count, 1) + 1;

	return number >= first && number <= last;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
		dlsym(RTLD_NEXT, "pthread_create");

	return is_refused() ? EAGAIN : create(thread, attributes, run, argument);
}

pid_t fork(void)
{
	pid_t (*next)(void) = dlsym(RTLD_NEXT, "fork");

	if (!is_refused())
		return next();
	errno = EAGAIN;
	return -1;
}

__attribute__((constructor)) static void read_numbers(void)
{
	const char *at = getenv("NO_THREADS_AT"), *nr = getenv("NO_THREADS_NR");

	first = at ? atol(at) : 1;
	last = first + (nr ? atol(nr) : 0) - 1;
}
