// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

void machine_read(struct machine *out)
{
	struct utsname name;
	long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);

	memset(out, 0, sizeof(*out));
	if (!uname(&name)) {
		snprintf(out->kernel, sizeof(out->kernel), "%s", name.release);
		snprintf(out->arch, sizeof(out->arch), "%s", name.machine);
	}
	out->cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	if (pages > 0 && page_bytes > 0)
		out->memory_bytes = (uint64_t)pages * (uint64_t)page_bytes;
}

static uint64_t timeval_ns(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * 1000000000u + (uint64_t)tv.tv_usec * 1000u;
}

void machine_own_cost(uint64_t *cpu_ns, uint64_t *rss_bytes)
{
	struct rusage usage;

	*cpu_ns = *rss_bytes = 0;
	if (getrusage(RUSAGE_SELF, &usage))
		return;
	*cpu_ns = timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
	*rss_bytes = (uint64_t)usage.ru_maxrss * 1024u;
}
