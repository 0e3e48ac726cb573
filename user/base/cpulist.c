// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/base/cpulist.h"

#include <errno.h>
#include <stdlib.h>

int cpulist_parse(cpu_set_t *cpus, const char *text)
{
	CPU_ZERO(cpus);
	for (;;) {
		unsigned long first, last;
		char *end;

		if (*text < '0' || *text > '9')
			return -EINVAL;
		first = last = strtoul(text, &end, 10);
		if (*end == '-') {
			if (end[1] < '0' || end[1] > '9')
				return -EINVAL;
			last = strtoul(end + 1, &end, 10);
		}
		if (last >= CPU_SETSIZE || first > last || (*end && *end != ','))
			return -EINVAL;
		for (; first <= last; first++)
			CPU_SET(first, cpus);
		if (!*end)
			return 0;
		text = end + 1;
	}
}
