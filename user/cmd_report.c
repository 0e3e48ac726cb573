// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/base/opts.h"
#include "user/client_file.h"
#include "user/cmd.h"
#include "user/render/render.h"
#include "user/report/report_json.h"

static const char examples[] = "examples:\n"
			       "  agent report run.json\n"
			       "  agent attach 1234 --duration 10s --json - | agent report -\n";

/* Whether another report follows, past the white space between them. */
static bool has_more(FILE *in)
{
	int c;

	do
		c = getc(in);
	while (isspace(c));
	if (c != EOF)
		ungetc(c, in);
	return c != EOF;
}

struct wanted {
	bool json;	    /* and not text */
	bool full;	    /* text, not held to one screen */
	const char *client; /* --client; NULL: nothing to compare with */
};

/* A run with --interval stored one report a line: each is printed as the run did. */
static int print_all(FILE *in, const char *name, const struct wanted *wanted, struct err *err)
{
	struct report report;
	struct err client_err = {};
	bool first = true, several = false;
	int ret;

	do {
		ret = report_json_read(in, name, &report, err);
		if (ret)
			break;
		several = has_more(in) || several;
		/* The last is the whole run, as the client's file is. */
		if (wanted->client && !has_more(in))
			client_file_add(&report, wanted->client, &client_err);
		if (wanted->json) {
			ret = report_json_write(&report, stdout, several, err);
		} else {
			if (!first)
				putchar('\n');
			ret = render_text(&report, wanted->full, stdout, err);
		}
		first = false;
		report_fini(&report);
	} while (!ret && has_more(in));
	if (ret || !client_err.code)
		return ret;
	*err = client_err;
	return -err->code;
}

static int print(const char *name, const struct wanted *wanted, struct err *err)
{
	FILE *in = strcmp(name, "-") ? fopen(name, "re") : stdin;
	int ret;

	if (!in)
		return err_set(err, errno, "cannot read %s: %s", name, strerror(errno));
	ret = print_all(in, name, wanted, err);
	if (in != stdin)
		fclose(in);
	return ret;
}

int cmd_report(int argc, char **argv)
{
	const char *format = "text", *client = NULL;
	bool full = false, help = false;
	const struct opt options[] = {
		{ "format", OPT_STRING, &format, "F", "text (default) or json" },
		{ "full", OPT_FLAG, &full, NULL, "all of the text, also where it is more than a screen" },
		{ "client", OPT_STRING, &client, "FILE",
		  "compare with what the client stored (JSON or .hlog)" },
		{ "help", OPT_FLAG, &help, NULL, "this text" },
		{},
	};
	struct err err = {};
	int nr_left;

	if (opts_parse(argc, argv, options, &nr_left, NULL, &err))
		return cmd_fail(&err, EXIT_USAGE);
	if (help) {
		opts_help(stdout, "agent report FILE [--client FILE] [--format text|json] [--full]", options,
			  examples);
		return cmd_end_stdout(EXIT_MEASURED);
	}
	if (nr_left != 1) {
		err_set(&err, EINVAL, "report takes one file, not %d; see agent report --help", nr_left);
		return cmd_fail(&err, EXIT_USAGE);
	}
	if (strcmp(format, "text") && strcmp(format, "json")) {
		err_set(&err, EINVAL, "--format takes text or json, not '%s'", format);
		return cmd_fail(&err, EXIT_USAGE);
	}
	if (client && !*client) {
		err_set(&err, EINVAL, "--client needs the name of a file, not ''");
		return cmd_fail(&err, EXIT_USAGE);
	}
	return print(argv[1], &(struct wanted){ !strcmp(format, "json"), full, client }, &err) ?
		       cmd_fail(&err, EXIT_FAILED) :
		       EXIT_MEASURED;
}
