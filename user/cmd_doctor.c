// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdbool.h>
#include <stdio.h>

#include "user/base/opts.h"
#include "user/cmd.h"
#include "user/trace/machine.h"
#include "user/trace/probe.h"

int cmd_doctor(int argc, char **argv)
{
	bool help = false;
	const struct opt options[] = { { "help", OPT_FLAG, &help, NULL, "this text" }, {} };
	struct machine machine;
	struct probe probe;
	struct err err = {};
	int nr_left;

	if (opts_parse(argc, argv, options, &nr_left, NULL, &err))
		return cmd_fail(&err, EXIT_USAGE);
	if (help || nr_left) {
		opts_help(help ? stdout : stderr, "agent doctor", options, "");
		return help ? EXIT_MEASURED : EXIT_USAGE;
	}
	machine_read(&machine);
	probe_kernel(&probe);
	probe_try(&probe);
	printf("Linux %s, %s, %u CPUs\n", machine.kernel, machine.arch, machine.cpus);
	for (int i = 0; i < PROBE_ITEMS; i++) {
		const struct probe_item *item = &probe.items[i];

		printf("  %-8s %-30s", item->present ? "yes" : item->required ? "MISSING" : "no", item->name);
		if (item->present)
			putchar('\n');
		else
			printf(" without it: %s; %s\n", item->without, item->remedy);
	}
	if (probe_refuse(&probe, &err)) {
		printf("not ready: %s\n", err.text);
		return EXIT_FAILED;
	}
	puts("ready");
	return EXIT_MEASURED;
}
