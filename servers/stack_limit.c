// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/stack_limit.h"

#include <errno.h>
#include <stdio.h>

/* Mappings that are for others: libraries, the heap, threads, alloc_kb. */
#define OTHER_MAPS 2048u
/* What the kernel has for vm.max_map_count where nobody changed it. */
#define DEFAULT_MAPS 65530u

uint32_t stack_limit(uint64_t maps)
{
	uint64_t most = maps > OTHER_MAPS ? (maps - OTHER_MAPS) / 2 : 0;

	return most < UINT32_MAX / 2 ? (uint32_t)most : UINT32_MAX / 2;
}

uint32_t stack_limit_here(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
	unsigned long nr = DEFAULT_MAPS;

	if (file && fscanf(file, "%lu", &nr) != 1)
		nr = DEFAULT_MAPS;
	if (file)
		fclose(file);
	return stack_limit(nr);
}

int stack_limit_connections(struct server *server, uint32_t most, struct err *err)
{
	const uint32_t others = SERVER_REFUSALS + 1;

	most = most > others ? most - others : 0;
	if (!most || (server->options->max_connections && server->connections_max > most))
		return err_set(err, ENOMEM,
			       "%u connections need a guarded stack each, and vm.max_map_count leaves room "
			       "for the guards of %u; raise it, or lower --max-connections",
			       server->connections_max, most);
	if (server->connections_max > most) {
		fprintf(stderr,
			"%s: at most %u connections, since vm.max_map_count leaves room for no more guards\n",
			program_invocation_short_name, most);
		server->connections_max = most;
	}
	return 0;
}
