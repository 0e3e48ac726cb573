// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/green_stack.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "servers/stack_limit.h"

#ifndef MADV_GUARD_INSTALL /* Linux 6.13 */
#define MADV_GUARD_INSTALL 102
#endif

/*
 * The deepest that a request went is in docs/decisions/0011-green-threads.md; sanitizers put more between
 * variables.  What is not touched takes no memory.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_BYTES 262144u
#else
#define STACK_BYTES 65536u
#endif
/* In one mapping. */
#define SLAB_STACKS 64u
/* Free stacks that keep their memory, for whoever comes next; others give it back. */
#define WARM_STACKS 64u

static struct {
	pthread_mutex_t lock;
	enum green_guard guard;
	size_t page_bytes;
	uint32_t most;
	char **slabs;
	void **free; /* the last one was used last */
	uint32_t nr_slabs, nr_free;
	uint32_t nr_made; /* guarded, in the order of the slabs */
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

const char *green_guard_name(enum green_guard guard)
{
	static const char *const names[] = { "any", "madvise", "mprotect" };

	return names[guard];
}

size_t green_stack_bytes(void)
{
	return STACK_BYTES > all.page_bytes ? STACK_BYTES : all.page_bytes;
}

static size_t slot_bytes(void)
{
	return all.page_bytes + green_stack_bytes();
}

static int guard(char *page, enum green_guard way)
{
	int ret = way == GREEN_GUARD_MADVISE ? madvise(page, all.page_bytes, MADV_GUARD_INSTALL) :
					       mprotect(page, all.page_bytes, PROT_NONE);

	return ret ? -errno : 0;
}

/* Whether a page is closed after that: who emulates a kernel may say yes to any advice. */
static bool is_guarding(enum green_guard way)
{
	char *page = mmap(NULL, all.page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool does = page != MAP_FAILED && !guard(page, way) && getrandom(page, 1, GRND_NONBLOCK) < 0 &&
		    errno == EFAULT;

	if (page != MAP_FAILED)
		munmap(page, all.page_bytes);
	return does;
}

int green_stacks_init(enum green_guard wanted, uint32_t *most, struct err *err)
{
	all.page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	if (wanted != GREEN_GUARD_MPROTECT && is_guarding(GREEN_GUARD_MADVISE)) {
		all.guard = GREEN_GUARD_MADVISE;
		all.most = UINT32_MAX / 2;
	} else if (wanted != GREEN_GUARD_MADVISE && is_guarding(GREEN_GUARD_MPROTECT)) {
		all.guard = GREEN_GUARD_MPROTECT;
		all.most = stack_limit_here();
	} else {
		return err_set(err, ENOSYS,
			       "cannot guard a stack by %s here; Linux 6.13 has MADV_GUARD_INSTALL%s",
			       wanted == GREEN_GUARD_ANY ? "madvise nor mprotect" : green_guard_name(wanted),
			       wanted == GREEN_GUARD_MADVISE ? ", --stack-guard any does without" : "");
	}
	*most = all.most;
	return (int)all.guard;
}

void green_stacks_fini(void)
{
	for (uint32_t i = 0; i < all.nr_slabs; i++)
		munmap(all.slabs[i], SLAB_STACKS * slot_bytes());
	free(all.slabs);
	free(all.free);
	all.slabs = NULL;
	all.free = NULL;
	all.nr_slabs = all.nr_free = all.nr_made = 0;
}

/* Room for all stacks is in the list of free ones, so that giving one back cannot fail. */
static int add_slab(void)
{
	const size_t bytes = SLAB_STACKS * slot_bytes();
	char **slabs = reallocarray(all.slabs, all.nr_slabs + 1, sizeof(*slabs));
	void **list;
	char *slab;

	if (!slabs)
		return -ENOMEM;
	all.slabs = slabs;
	list = reallocarray(all.free, (all.nr_slabs + 1) * SLAB_STACKS, sizeof(*list));
	if (!list)
		return -ENOMEM;
	all.free = list;
	slab = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (slab == MAP_FAILED)
		return -ENOMEM;
	madvise(slab, bytes, MADV_NOHUGEPAGE); /* else one touch could take memory for 30 stacks */
	all.slabs[all.nr_slabs++] = slab;
	return 0;
}

static char *slot(uint32_t number)
{
	return all.slabs[number / SLAB_STACKS] + number % SLAB_STACKS * slot_bytes();
}

/* One that nobody had yet. */
static void *make(void)
{
	char *low;

	if (all.nr_made == all.most || (all.nr_made == all.nr_slabs * SLAB_STACKS && add_slab()))
		return NULL;
	low = slot(all.nr_made);
	if (guard(low, all.guard))
		return NULL;
	all.nr_made++;
	return low + all.page_bytes;
}

void *green_stack_new(void)
{
	void *stack;

	pthread_mutex_lock(&all.lock);
	stack = all.nr_free ? all.free[all.nr_free - 1] : make();
	if (all.nr_free)
		__atomic_store_n(&all.nr_free, all.nr_free - 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&all.lock);
	return stack;
}

void green_stack_free(void *stack)
{
	/* How many there are may change before it is added: one more or less does not matter. */
	if (__atomic_load_n(&all.nr_free, __ATOMIC_RELAXED) >= WARM_STACKS)
		madvise(stack, green_stack_bytes(), MADV_DONTNEED);
	pthread_mutex_lock(&all.lock);
	all.free[all.nr_free] = stack;
	__atomic_store_n(&all.nr_free, all.nr_free + 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&all.lock);
}

void green_stack_trim(void *stack, const void *up_to)
{
	size_t bytes = ((uintptr_t)up_to - (uintptr_t)stack) / all.page_bytes * all.page_bytes;

	if (bytes)
		madvise(stack, bytes, MADV_DONTNEED);
}

void green_stacks_each(void (*look)(void *stack))
{
	pthread_mutex_lock(&all.lock);
	for (uint32_t i = 0; i < all.nr_made; i++)
		look(slot(i) + all.page_bytes);
	pthread_mutex_unlock(&all.lock);
}
