// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/base/opts.h"
#include "user/cmd.h"
#include "user/trace/machine.h"
#include "user/trace/probe.h"

#define COLUMNS 100

static void print_item(const struct probe_item *item)
{
	printf("  %-8s %s\n", item->present ? "yes" : item->required ? "MISSING" : "no", item->name);
	if (!item->present)
		printf("           without it: %s;\n           %s\n", item->without, item->remedy);
}

/* WHY ends with what to do, behind a semicolon: on a line of its own if one cannot hold it. */
static void print_refusal(const char *why)
{
	static const char verdict[] = "not ready: ";
	const char *remedy = strrchr(why, ';');

	if (remedy && strlen(verdict) + strlen(why) > COLUMNS)
		printf("%s%.*s;\n           %s\n", verdict, (int)(remedy - why), why, remedy + strlen("; "));
	else
		printf("%s%s\n", verdict, why);
}

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
	if (help) {
		opts_help(stdout, "agent doctor", options, "");
		return cmd_end_stdout(EXIT_MEASURED);
	}
	if (nr_left) {
		err_set(&err, EINVAL, "doctor takes no arguments, not '%s'; see agent doctor --help",
			argv[1]);
		return cmd_fail(&err, EXIT_USAGE);
	}
	machine_read(&machine);
	probe_kernel(&probe);
	probe_try(&probe);
	printf("Linux %s, %s, %u CPUs\n", machine.kernel, machine.arch, machine.cpus);
	for (int i = 0; i < PROBE_ITEMS; i++)
		print_item(&probe.items[i]);
	if (probe_refuse(&probe, &err)) {
		print_refusal(err.text);
		return cmd_end_stdout(EXIT_FAILED);
	}
	puts("ready");
	return cmd_end_stdout(EXIT_MEASURED);
}
