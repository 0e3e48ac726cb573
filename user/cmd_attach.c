// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * attach and run: what was asked for, on which targets, and where the reports go.
 * The report goes to stdout and nothing else does; a stored report is opened before the watching
 * begins, so that a wrong path costs no measurement, and emptied only when it has begun.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/opts.h"
#include "user/base/quote.h"
#include "user/cmd.h"
#include "user/cmd_output.h"
#include "user/session.h"
#include "user/trace/command.h"
#include "user/trace/probe.h"
#include "user/trace/target.h"

/* What `run` has of its own; the rest is the same. */
static const struct kind {
	bool is_run;
	const char *usage, *examples;
} attach_kind = {
	.usage = "agent attach PID... | --port N | --name COMM [options]",
	.examples = "examples:\n"
		    "  sudo agent attach --port 8080 --duration 10s\n"
		    "  sudo agent attach 1234 --interval 1s --json run.json\n"
		    "  sudo agent attach --name nginx --no-follow\n",
}, run_kind = {
	.is_run = true,
	.usage = "agent run [options] -- COMMAND [ARG...]",
	.examples = "examples:\n"
		    "  sudo agent run -- ./server --port 8080\n"
		    "  sudo agent run --duration 10s --json run.json -- ./server\n"
		    "  sudo agent run --interval 1s -- make -j8\n",
};

/* The models of the design; what is not given is `unknown`. */
static const char *const models[] = { "thread-per-connection",
				      "thread-pool",
				      "prefork",
				      "event-loop",
				      "multi-reactor",
				      "green-threads",
				      "async-pool",
				      "io-uring",
				      "go",
				      "tokio",
				      "unknown" };

struct request {
	uint64_t duration_ns, interval_ns;
	uint32_t port;
	bool no_follow, no_switch_cost, no_requests, full, audit, verbose, help;
	const char *name, *json, *client, *model;
	char *command_line; /* owned; for the report */
	struct probe probe;
	struct target_set targets;
	struct output output;
	struct session *session;
};

static int check_options(const struct request *request, const struct kind *kind, struct err *err)
{
	bool known = false;

	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		known |= !strcmp(request->model, models[i]);
	if (!known)
		return err_set(err, EINVAL, "--model '%s' is none of the models; give e.g. event-loop or go",
			       request->model);
	if (request->json && !*request->json)
		return err_set(err, EINVAL, "--json needs the name of a file, or - for stdout, not ''");
	if (request->client && !*request->client)
		return err_set(err, EINVAL, "--client needs the name of a file, not ''");
	if (request->client && request->no_requests)
		return err_set(err, EINVAL, "--client compares requests: leave out --no-requests");
	if (kind->is_run && (request->port || request->name))
		return err_set(err, EINVAL,
			       "--%s is for agent attach: run watches the command that it starts",
			       request->port ? "port" : "name");
	return 0;
}

static int parse(struct request *request, int argc, char **argv, const struct kind *kind, int *nr_left,
		 char ***command, struct err *err)
{
	const struct opt options[] = {
		/* The first two name what runs already: not for run. */
		{ "port", OPT_PORT, &request->port, "N", "the processes that listen on TCP port N" },
		{ "name", OPT_STRING, &request->name, "COMM", "the processes of that name" },
		{ "duration", OPT_DURATION, &request->duration_ns, "T",
		  "stop after T, e.g. 10s (else: Ctrl-C, or the target's end)" },
		{ "interval", OPT_DURATION, &request->interval_ns, "T", "print a report every T as well" },
		{ "no-follow", OPT_FLAG, &request->no_follow, NULL, "leave the target's children out" },
		{ "no-requests", OPT_FLAG, &request->no_requests, NULL,
		  "do not look at the target's sockets" },
		{ "no-switch-cost", OPT_FLAG, &request->no_switch_cost, NULL,
		  "do not time the scheduler itself" },
		{ "model", OPT_STRING, &request->model, "NAME", "the target's concurrency model" },
		{ "json", OPT_STRING, &request->json, "FILE",
		  "store the report (- : on stdout, instead of the text)" },
		{ "full", OPT_FLAG, &request->full, NULL,
		  "all of the text, also where it is more than a screen" },
		{ "client", OPT_STRING, &request->client, "FILE",
		  "compare with what the client has stored by the end (JSON or .hlog)" },
		{ "audit", OPT_FLAG, &request->audit, NULL,
		  "keep the kernel's own accounting beside ours (docs/accuracy.md)" },
		{ "verbose", OPT_FLAG, &request->verbose, NULL, "libbpf's words on stderr" },
		{ "help", OPT_FLAG, &request->help, NULL, "this text" },
		{},
	};

	if (opts_parse(argc, argv, options, nr_left, command, err))
		return -err->code;
	if (!request->help)
		return check_options(request, kind, err);
	opts_help(stdout, kind->usage, kind->is_run ? options + 2 : options, kind->examples);
	return 0;
}

/* A port and a name may stand for more processes than the user thinks: say which. */
static void tell_targets(const struct target_set *targets, const char *what)
{
	enum { SHOWN = 10, DIGITS = 10 };
	char pids[SHOWN * (1 + DIGITS) + 1] = "", *end = pids;

	for (size_t i = 0; i < targets->nr_pids && i < SHOWN; i++)
		end += sprintf(end, " %u", targets->pids[i]);
	cmd_say("%s is %zu processes, all are watched:%s%s", what, targets->nr_pids, pids,
		targets->nr_pids > SHOWN ? " ..." : "");
}

static int find_targets(struct request *request, int nr_pids, char **pids, struct err *err)
{
	struct target_set *targets = &request->targets;
	char what[64];
	int ret = 0;

	for (int i = 0; i < nr_pids && !ret; i++)
		ret = target_by_pid(targets, pids[i], err);
	if (!ret && request->port)
		ret = target_by_port(targets, request->port, err);
	if (!ret && request->name)
		ret = target_by_name(targets, request->name, err);
	if (ret || nr_pids || targets->nr_pids < 2)
		return ret;
	if (request->name)
		snprintf(what, sizeof(what), "'%.40s'", request->name);
	else
		snprintf(what, sizeof(what), "TCP port %u", request->port);
	tell_targets(targets, what);
	return 0;
}

/* For the tests of what happens when the kernel has no memory for a clock (docs/contributing.md). */
static uint8_t births_to_refuse(void)
{
	const char *text = getenv("WHYLATE_TEST_REFUSE_BIRTHS");

	return text ? (uint8_t)strtoul(text, NULL, 10) : 0;
}

static int start(struct request *request, bool not_begun, struct err *err)
{
	const struct session_options options = {
		.targets = &request->targets,
		.probe = &request->probe,
		.command = request->command_line,
		.model = request->model,
		.client = request->client,
		.duration_ns = request->duration_ns,
		.interval_ns = request->interval_ns,
		.follow = !request->no_follow,
		.requests = !request->no_requests,
		.switch_cost = !request->no_switch_cost,
		.not_begun = not_begun,
		.audit = request->audit,
		.verbose = request->verbose,
		.refuse_births = births_to_refuse(),
		.tiny_tables = getenv("WHYLATE_TEST_TINY_TABLES"), /* and when tables are full */
	};

	return session_open(&request->session, &options, err);
}

/* Nothing can be refused any more. */
static int watch(struct request *request, struct err *err)
{
	output_begin(&request->output);
	return session_run(request->session, output_put, &request->output, err);
}

static int request_init(struct request *request, int argc, char **argv, struct err *err)
{
	memset(request, 0, sizeof(*request));
	request->model = "unknown";
	request->command_line = quote_command("agent", argc, argv); /* before parsing moves it about */
	return request->command_line ? 0 : err_set(err, ENOMEM, "cannot start: out of memory");
}

/* ERR is what ended the session, if anything did; returns the exit status. */
static int finish(struct request *request, const struct err *err)
{
	struct output *output = &request->output;
	int status = output->lost ? EXIT_LOSSES : EXIT_MEASURED;

	session_close(request->session);
	target_set_fini(&request->targets);
	free(request->command_line);
	if (!output_close(output))
		return EXIT_FAILED; /* it has said why */
	return err->code ? cmd_fail(err, EXIT_FAILED) : status;
}

static int help_given(struct request *request)
{
	free(request->command_line);
	return cmd_end_stdout(EXIT_MEASURED);
}

static int refuse_usage(struct request *request, struct err *err)
{
	free(request->command_line);
	return cmd_fail(err, EXIT_USAGE);
}

static int open_output(struct request *request, struct err *err)
{
	/* Who no longer takes the text (| head) ends neither the run nor the JSON: writing fails, no more. */
	signal(SIGPIPE, SIG_IGN);
	return output_open(&request->output, request->json, request->interval_ns != 0, request->full, err);
}

/* What no machine could satisfy is wrong usage, not a target that is not there. */
static int check_attach(const struct request *request, int nr_pids, char **pids, struct err *err)
{
	int ways = (nr_pids > 0) + (request->port > 0) + (request->name != NULL);
	uint32_t pid;
	int ret = 0;

	if (!ways)
		return err_set(err, EINVAL, "nothing to watch: give a PID, --port or --name; see --help");
	if (ways > 1)
		return err_set(err, EINVAL,
			       "give either PIDs, or --port, or --name; see agent attach --help");
	for (int i = 0; i < nr_pids && !ret; i++)
		ret = target_parse_pid(pids[i], &pid, err);
	return ret;
}

static int attach(struct request *request, int nr_pids, char **pids, struct err *err)
{
	int ret;

	probe_kernel(&request->probe);
	ret = target_check_proc(err);
	if (!ret)
		ret = find_targets(request, nr_pids, pids, err);
	if (!ret)
		ret = probe_refuse(&request->probe, err);
	if (!ret)
		ret = open_output(request, err);
	if (!ret)
		ret = start(request, false, err);
	return ret ? ret : watch(request, err);
}

int cmd_attach(int argc, char **argv)
{
	struct request request;
	struct err err = {};
	int nr_left;

	if (request_init(&request, argc, argv, &err))
		return cmd_fail(&err, EXIT_FAILED);
	if (parse(&request, argc, argv, &attach_kind, &nr_left, NULL, &err))
		return refuse_usage(&request, &err);
	if (request.help)
		return help_given(&request);
	if (check_attach(&request, nr_left, argv + 1, &err))
		return refuse_usage(&request, &err);
	attach(&request, nr_left, argv + 1, &err);
	return finish(&request, &err);
}

/* Who started it ends it: a command that outlives the watching would be left behind unseen. */
static void end_command(const struct command *command, const char *name)
{
	int status;

	if (!command_status(command, &status))
		return;
	cmd_say("the watching is over; ending %s (process %d)", name, (int)command->pid);
	/* Once only: to drain a server on the first SIGTERM and to give up at the second is common. */
	if (!command_is_bound(command))
		kill(command->pid, SIGTERM);
}

static int run(struct request *request, char **argv, struct err *err)
{
	struct command command;
	char pid[16];
	int ret;

	probe_kernel(&request->probe);
	ret = target_check_proc(err);
	if (!ret)
		ret = probe_refuse(&request->probe, err);
	if (!ret)
		ret = open_output(request, err);
	if (!ret)
		ret = command_start(&command, argv, err);
	if (ret)
		return ret;
	snprintf(pid, sizeof(pid), "%d", (int)command.pid);
	ret = target_by_pid(&request->targets, pid, err);
	if (!ret)
		ret = start(request, true, err);
	if (ret) {
		command_abort(&command);
		return ret;
	}
	ret = command_release(&command, argv, err);
	if (ret)
		return ret;
	session_rename(request->session);
	ret = watch(request, err);
	end_command(&command, argv[0]);
	return ret;
}

int cmd_run(int argc, char **argv)
{
	struct request request;
	char **command = NULL;
	struct err err = {};
	int nr_left;

	if (request_init(&request, argc, argv, &err))
		return cmd_fail(&err, EXIT_FAILED);
	if (parse(&request, argc, argv, &run_kind, &nr_left, &command, &err))
		return refuse_usage(&request, &err);
	if (request.help)
		return help_given(&request);
	if (nr_left || !command || !*command) {
		err_set(&err, EINVAL, "give the command behind --, as in: agent run -- COMMAND");
		return refuse_usage(&request, &err);
	}
	run(&request, command, &err);
	return finish(&request, &err);
}
