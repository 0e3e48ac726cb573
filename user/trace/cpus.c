// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/cpus.h"

#include <ctype.h>
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

void cpus_add_thread(struct cpus *cpus, uint32_t tid)
{
	struct cpus more = {};

	if (sched_getaffinity((pid_t)tid, sizeof(more.mask), (cpu_set_t *)more.mask))
		return;
	for (size_t i = 0; i < CPUS_MAX / 64; i++)
		cpus->mask[i] |= more.mask[i];
}

void cpus_add_process(struct cpus *cpus, uint32_t pid)
{
	struct dirent *entry;
	char path[40];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			cpus_add_thread(cpus, (uint32_t)strtoul(entry->d_name, NULL, 10));
	if (dir)
		closedir(dir);
}

uint32_t cpus_count(const struct cpus *cpus)
{
	uint32_t count = 0;

	for (size_t i = 0; i < CPUS_MAX / 64; i++)
		count += (uint32_t)__builtin_popcountll(cpus->mask[i]);
	return count;
}
