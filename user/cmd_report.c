// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/base/opts.h"
#include "user/cmd.h"
#include "user/render/render.h"
#include "user/report/report_json.h"

static const char examples[] = "examples:\n"
			       "  agent report run.json\n"
			       "  agent attach 1234 --duration 10s --json - | agent report -\n";

static int print(const char *name, bool json, struct err *err)
{
	FILE *in = strcmp(name, "-") ? fopen(name, "re") : stdin;
	struct report report;
	int ret;

	if (!in)
		return err_set(err, errno, "cannot read %s: %s", name, strerror(errno));
	ret = report_json_read(in, name, &report, err);
	if (in != stdin)
		fclose(in);
	if (ret)
		return ret;
	ret = json ? report_json_write(&report, stdout, false, err) : render_text(&report, stdout, err);
	report_fini(&report);
	return ret;
}

int cmd_report(int argc, char **argv)
{
	const char *format = "text";
	bool help = false;
	const struct opt options[] = {
		{ "format", OPT_STRING, &format, "F", "text (default) or json" },
		{ "help", OPT_FLAG, &help, NULL, "this text" },
		{},
	};
	struct err err = {};
	int nr_left;

	if (opts_parse(argc, argv, options, &nr_left, NULL, &err))
		return cmd_fail(&err, EXIT_USAGE);
	if (help || nr_left != 1) {
		opts_help(help ? stdout : stderr, "agent report FILE [--format text|json]", options, examples);
		return help ? EXIT_MEASURED : EXIT_USAGE;
	}
	if (strcmp(format, "text") && strcmp(format, "json")) {
		err_set(&err, EINVAL, "--format takes text or json, not '%s'", format);
		return cmd_fail(&err, EXIT_USAGE);
	}
	return print(argv[1], !strcmp(format, "json"), &err) ? cmd_fail(&err, EXIT_FAILED) : EXIT_MEASURED;
}
