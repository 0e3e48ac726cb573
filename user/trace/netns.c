// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct visits {
	int own; /* the thread's namespace */
	struct stat own_stat;
	struct stat *seen;
	size_t nr_seen;
	size_t nr_refused;
	int (*run)(void *arg);
	void *arg;
};

static bool is_same(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* 1: it was not seen before, and is noted; 0: it was; else a negative errno. */
static int note(struct visits *visits, const struct stat *which)
{
	struct stat *more;

	for (size_t i = 0; i < visits->nr_seen; i++)
		if (is_same(&visits->seen[i], which))
			return 0;
	more = realloc(visits->seen, (visits->nr_seen + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	visits->seen = more;
	visits->seen[visits->nr_seen++] = *which;
	return 1;
}

static int run_in(struct visits *visits, int namespace)
{
	int ret;

	if (setns(namespace, CLONE_NEWNET)) {
		visits->nr_refused++;
		return 0;
	}
	ret = visits->run(visits->arg);
	if (setns(visits->own, CLONE_NEWNET))
		return -errno;
	return ret;
}

/* In NAMESPACE, which is WHICH, if that was not seen before. */
static int run_once(struct visits *visits, int namespace, const struct stat *which)
{
	int ret = note(visits, which);

	if (ret <= 0)
		return ret;
	return is_same(which, &visits->own_stat) ? visits->run(visits->arg) : run_in(visits, namespace);
}

static int visit(struct visits *visits, uint32_t pid)
{
	struct stat its;
	char path[64];
	int namespace, ret;

	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	namespace = open(path, O_RDONLY | O_CLOEXEC);
	if (namespace < 0) {
		if (pid && errno != EACCES && errno != EPERM && kill((pid_t)pid, 0))
			return 0; /* it has ended */
		/* It is not ours to look at, or its first thread has ended. */
		visits->nr_refused++;
		return run_once(visits, visits->own, &visits->own_stat);
	}
	ret = fstat(namespace, &its) ? -errno : run_once(visits, namespace, &its);
	close(namespace);
	return ret;
}

int netns_run_in_each(const uint32_t *pids, size_t nr, int (*run)(void *arg), void *arg, size_t *nr_refused)
{
	struct visits visits = { .own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC),
				 .run = run,
				 .arg = arg };
	int ret;

	if (visits.own < 0)
		return -errno;
	ret = fstat(visits.own, &visits.own_stat) ? -errno : 0;
	for (size_t i = 0; i < nr && !ret; i++)
		ret = visit(&visits, pids[i]);
	*nr_refused += visits.nr_refused;
	free(visits.seen);
	close(visits.own);
	return ret;
}
