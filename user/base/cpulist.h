/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lists of CPUs, as people write them. */
#ifndef WHYLATE_BASE_CPULIST_H
#define WHYLATE_BASE_CPULIST_H

#include <sched.h>

/* "0,2-3" into CPUS, which is spoilt on an error.  Returns 0, or -EINVAL for anything else. */
int cpulist_parse(cpu_set_t *cpus, const char *text);

#endif /* WHYLATE_BASE_CPULIST_H */
