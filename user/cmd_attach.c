// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * attach and run: find the target, watch it until told to stop, print what was measured.
 * The report goes to stdout and nothing else does; a stored report is opened before the watching
 * begins, so that a wrong path costs no measurement.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "user/analysis/scheduling.h"
#include "user/base/clock.h"
#include "user/base/opts.h"
#include "user/cmd.h"
#include "user/render/render.h"
#include "user/report/report_json.h"
#include "user/trace/command.h"
#include "user/trace/machine.h"
#include "user/trace/probe.h"
#include "user/trace/quota.h"
#include "user/trace/target.h"
#include "user/trace/tracer.h"
#include "user/trace/watch.h"
#include "version.h"

static const char attach_usage[] = "agent attach PID... | --port N | --name COMM [options]";
static const char run_usage[] = "agent run [options] -- COMMAND [ARG...]";
static const char examples[] = "examples:\n"
			       "  sudo agent attach --port 8080 --duration 10s\n"
			       "  sudo agent attach 1234 --interval 1s --json run.json\n"
			       "  sudo agent run -- ./server --port 8080\n";

/* The models of the design; what is not given is `unknown`. */
static const char *const models[] = { "thread-per-connection", "thread-pool", "prefork", "event-loop",
				      "multi-reactor", "green-threads", "async-pool", "io-uring",
				      "go", "tokio", "unknown" };

struct session {
	/* what was asked for */
	uint64_t duration_ns, interval_ns;
	uint32_t port;
	bool no_follow, audit, verbose, help;
	const char *name, *json, *model;
	char **argv; /* as typed, for the report */
	int argc;
	/* what came of it */
	struct target_set targets;
	struct probe probe;
	struct tracer *tracer;
	struct watch *watch;
	FILE *json_file;	 /* NULL: text on stdout only */
	struct timespec started_at;
	uint64_t started_ns;
	struct snapshot last;	 /* of the interval before */
	uint64_t last_ns;
	uint64_t run_max_ns[HIST_IDS]; /* over all intervals */
	uint32_t cpus_allowed;
	char comm[COMM_BYTES];
	bool lost;
};

static int parse(struct session *session, int argc, char **argv, const char *usage, int *nr_left,
		 char ***command, struct err *err)
{
	const struct opt options[] = {
		{ "port", OPT_UINT, &session->port, "N", "the processes that listen on TCP port N" },
		{ "name", OPT_STRING, &session->name, "COMM", "the processes of that name" },
		{ "duration", OPT_DURATION, &session->duration_ns, "T",
		  "stop after T, e.g. 10s (else: Ctrl-C, or the target's end)" },
		{ "interval", OPT_DURATION, &session->interval_ns, "T", "print a report every T as well" },
		{ "no-follow", OPT_FLAG, &session->no_follow, NULL, "leave the target's children out" },
		{ "model", OPT_STRING, &session->model, "NAME", "the target's concurrency model" },
		{ "json", OPT_STRING, &session->json, "FILE",
		  "store the report (- : on stdout, instead of the text)" },
		{ "audit", OPT_FLAG, &session->audit, NULL,
		  "keep the kernel's own accounting beside ours (docs/accuracy.md)" },
		{ "verbose", OPT_FLAG, &session->verbose, NULL, "libbpf's words on stderr" },
		{ "help", OPT_FLAG, &session->help, NULL, "this text" },
		{},
	};
	bool known = false;

	if (opts_parse(argc, argv, options, nr_left, command, err))
		return -err->code;
	if (session->help)
		opts_help(stdout, usage, options, examples);
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		known |= !strcmp(session->model, models[i]);
	if (!known)
		return err_set(err, EINVAL, "--model '%s' is none of the models; give e.g. event-loop or go",
			       session->model);
	return 0;
}

static int find_targets(struct session *session, int nr_pids, char **pids, struct err *err)
{
	int ret = 0;

	for (int i = 0; i < nr_pids && !ret; i++)
		ret = target_by_pid(&session->targets, pids[i], err);
	if (!ret && session->port)
		ret = target_by_port(&session->targets, session->port, err);
	if (!ret && session->name)
		ret = target_by_name(&session->targets, session->name, err);
	return ret;
}

static int open_json(struct session *session, struct err *err)
{
	if (!session->json)
		return 0;
	session->json_file = strcmp(session->json, "-") ? fopen(session->json, "we") : stdout;
	if (!session->json_file)
		return err_set(err, errno, "cannot write %s: %s", session->json, strerror(errno));
	return 0;
}

static int start(struct session *session, struct err *err)
{
	const struct tracer_options options = {
		.pids = session->targets.pids,
		.nr_pids = session->targets.nr_pids,
		.follow = !session->no_follow,
		.audit = session->audit,
		.switch_cost = session->probe.items[PROBE_SCHED_ENTRY_EXIT].present,
		.verbose = session->verbose,
	};
	int ret = watch_open(&session->watch, err);

	target_comm(session->targets.pids[0], session->comm);
	session->cpus_allowed = target_cpus_allowed(session->targets.pids[0]);
	for (size_t i = 0; i < session->targets.nr_pids && !ret; i++)
		ret = watch_add(session->watch, session->targets.pids[i], err);
	if (!ret)
		ret = tracer_open(&session->tracer, &options, err);
	if (ret)
		return ret;
	clock_gettime(CLOCK_REALTIME, &session->started_at);
	session->started_ns = session->last_ns = clock_monotonic_ns();
	quota_read(session->targets.pids[0], &session->last.quota);
	return watch_start(session->watch, session->duration_ns, session->interval_ns, err);
}

static char *join(int argc, char **argv)
{
	size_t bytes = sizeof("agent");
	char *text;

	for (int i = 0; i < argc; i++)
		bytes += strlen(argv[i]) + 1;
	text = malloc(bytes);
	if (!text)
		return NULL;
	strcpy(text, "agent");
	for (int i = 0; i < argc; i++)
		strcat(strcat(text, " "), argv[i]);
	return text;
}

static void describe_agent(const struct session *session, struct report_agent *agent)
{
	struct tracer_hook hooks[REPORT_HOOKS_MAX];
	struct tracer_cost cost;

	snprintf(agent->version, sizeof(agent->version), "%s", WHYLATE_VERSION);
	agent->command = join(session->argc, session->argv);
	agent->nr_hooks = tracer_hooks(session->tracer, hooks, REPORT_HOOKS_MAX);
	for (size_t i = 0; i < agent->nr_hooks; i++) {
		snprintf(agent->hooks[i].name, sizeof(agent->hooks[i].name), "%s", hooks[i].name);
		snprintf(agent->hooks[i].how, sizeof(agent->hooks[i].how), "%s", hooks[i].how);
		snprintf(agent->hooks[i].without, sizeof(agent->hooks[i].without), "%s", hooks[i].without);
	}
	machine_own_cost(&agent->overhead_agent_cpu_ns, &agent->overhead_agent_rss_bytes);
	tracer_cost(session->tracer, &cost);
	agent->overhead_kernel_per_cpu_bytes = cost.per_cpu_bytes;
	agent->overhead_kernel_per_thread_bytes = cost.per_thread_bytes;
	agent->has_overhead_bpf = cost.run_count > 0;
	agent->overhead_bpf_ns = cost.run_ns;
	agent->overhead_bpf_events = cost.run_count;
	agent->overhead_kernel_bytes = cost.fixed_bytes;
}

static void describe_target(const struct session *session, struct report *report)
{
	struct report_target *target = &report->target;
	int status;

	target->pids = calloc(session->targets.nr_pids, sizeof(*target->pids));
	for (size_t i = 0; target->pids && i < session->targets.nr_pids; i++)
		target->pids[target->nr_pids++] = session->targets.pids[i];
	memcpy(target->comm, session->comm, sizeof(target->comm));
	snprintf(target->model, sizeof(target->model), "%s", session->model);
	target->cpus_allowed = session->cpus_allowed;
	if (session->targets.nr_pids != 1 ||
	    tracer_exit_status(session->tracer, session->targets.pids[0], &status))
		return;
	target->has_exit_status = true;
	target->exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void describe_words(const struct session *session, struct report *report)
{
	struct report_scheduling *s = &report->scheduling;
	bool available = session->probe.items[PROBE_SCHED_ENTRY_EXIT].present;
	struct machine machine;

	machine_read(&machine);
	memcpy(report->machine.kernel, machine.kernel, sizeof(machine.kernel));
	memcpy(report->machine.arch, machine.arch, sizeof(machine.arch));
	report->machine.cpus = machine.cpus;
	report->machine.memory_bytes = machine.memory_bytes;
	s->has_irq = session->probe.items[PROBE_IRQ_TIME].present;
	snprintf(s->stolen_source, sizeof(s->stolen_source), "%s",
		 session->probe.items[PROBE_GROUP_SCHEDULING].present ? "rq->clock - rq->clock_task" :
									"none");
	s->switch_cost.available = available;
	snprintf(s->switch_cost.method, sizeof(s->switch_cost.method), "%s",
		 available ? "sched_entry_tp..sched_exit_tp" : "unavailable");
	snprintf(s->switch_cost.bias, sizeof(s->switch_cost.bias), "%s",
		 available ? "contains the tracepoints' own entry and exit, and the two clock reads" : "");
}

static void describe_window(const struct session *session, uint64_t from_ns, uint64_t to_ns,
			    struct report_window *window)
{
	uint64_t since_ns = (uint64_t)session->started_at.tv_sec * 1000000000u +
			    (uint64_t)session->started_at.tv_nsec + from_ns - session->started_ns;
	time_t seconds = (time_t)(since_ns / 1000000000u);
	size_t length;
	struct tm utc;

	gmtime_r(&seconds, &utc);
	length = strftime(window->started_at, sizeof(window->started_at), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(window->started_at + length, sizeof(window->started_at) - length, ".%06uZ",
		 (unsigned)(since_ns % 1000000000u / 1000u));
	window->duration_ns = to_ns - from_ns;
}

static int make_report(struct session *session, const struct snapshot *from, const struct snapshot *to,
		       uint64_t from_ns, struct report *report, struct err *err)
{
	memset(report, 0, sizeof(*report));
	describe_agent(session, &report->agent);
	describe_target(session, report);
	describe_window(session, from_ns, to->at_ns, &report->window);
	describe_words(session, report);
	if (!report->agent.command || !report->target.pids)
		return err_set(err, ENOMEM, "cannot report: out of memory");
	return scheduling_between(from, to, report->window.duration_ns, report, err);
}

static int print_report(struct session *session, const struct report *report, struct err *err)
{
	int ret = 0;

	session->lost |= report_has_losses(report);
	/* The text first: a full disk must not cost what was measured. */
	if (session->json_file != stdout)
		ret = render_text(report, stdout, err);
	if (!ret && session->json_file)
		ret = report_json_write(report, session->json_file, session->interval_ns != 0, err);
	return ret;
}

static int read_now(struct session *session, struct snapshot *now, struct err *err)
{
	int ret = tracer_read(session->tracer, now, err);

	if (ret)
		return ret;
	quota_read(session->targets.pids[0], &now->quota);
	for (int i = 0; i < HIST_IDS; i++)
		if (now->hists[i].max_ns > session->run_max_ns[i])
			session->run_max_ns[i] = now->hists[i].max_ns;
	return 0;
}

static int print_window(struct session *session, const struct snapshot *from, uint64_t from_ns,
			const struct snapshot *to, struct err *err)
{
	struct report report;
	int ret = make_report(session, from, to, from_ns, &report, err);

	if (!ret)
		ret = print_report(session, &report, err);
	report_fini(&report);
	return ret;
}

/* From the end of the interval before to NOW, which becomes the new end. */
static int print_interval(struct session *session, struct snapshot *now, struct err *err)
{
	int ret = print_window(session, &session->last, session->last_ns, now, err);

	if (session->json_file != stdout)
		putchar('\n');
	return ret;
}

static int end_interval(struct session *session, struct err *err)
{
	struct snapshot *now = calloc(1, sizeof(*now));
	int ret = now ? read_now(session, now, err) : err_set(err, ENOMEM, "cannot report: out of memory");

	if (!ret) {
		ret = print_interval(session, now, err);
		snapshot_fini(&session->last);
		session->last = *now;
		session->last_ns = now->at_ns;
	}
	free(now);
	return ret;
}

/*
 * The whole run, and before it what is left of the last interval: from one snapshot, so that the
 * intervals sum to the whole.  Before the run there was nothing but the quota's counters.
 */
static int print_whole(struct session *session, const struct snapshot_quota *quota, struct err *err)
{
	struct snapshot *now = calloc(1, sizeof(*now)), *before = calloc(1, sizeof(*before));
	int ret = now && before ? read_now(session, now, err) :
				  err_set(err, ENOMEM, "cannot report: out of memory");

	if (!ret && session->interval_ns)
		ret = print_interval(session, now, err);
	if (!ret) {
		before->quota = *quota;
		for (int i = 0; i < HIST_IDS; i++)
			now->hists[i].max_ns = session->run_max_ns[i];
		ret = print_window(session, before, session->started_ns, now, err);
	}
	if (now)
		snapshot_fini(now);
	free(now);
	free(before);
	return ret;
}

/* The processes named have ended; followed children may live on.  Returns whether some do. */
static bool add_survivors(struct session *session, struct err *err)
{
	struct snapshot *now = calloc(1, sizeof(*now));
	bool any = false;

	if (!now || session->no_follow || read_now(session, now, err)) {
		free(now);
		return false;
	}
	for (size_t i = 0; i < now->nr_threads; i++)
		if (now->threads[i].tid == now->threads[i].pid && !watch_add(session->watch,
									       now->threads[i].pid, err))
			any = true;
	snapshot_fini(now);
	free(now);
	return any;
}

static int watch_until_end(struct session *session, struct err *err)
{
	const struct snapshot_quota quota = session->last.quota;
	enum watch_event event = WATCH_INTERVAL;
	int ret = 0;

	while (!ret) {
		ret = watch_next(session->watch, &event, err);
		if (ret)
			break;
		if (event == WATCH_INTERVAL)
			ret = end_interval(session, err);
		else if (event != WATCH_EXITED || !add_survivors(session, err))
			break;
	}
	return ret ? ret : print_whole(session, &quota, err);
}

static int finish(struct session *session, int ret, const struct err *err)
{
	if (session->json_file && session->json_file != stdout && fclose(session->json_file) && !ret) {
		fprintf(stderr, "whylate: cannot write %s: %s\n", session->json, strerror(errno));
		ret = EXIT_FAILED;
	}
	tracer_close(session->tracer);
	watch_close(session->watch);
	snapshot_fini(&session->last);
	target_set_fini(&session->targets);
	if (err->code)
		return cmd_fail(err, EXIT_FAILED);
	if (ret)
		return EXIT_FAILED;
	return session->lost ? EXIT_LOSSES : EXIT_MEASURED;
}

static struct session *session_new(int argc, char **argv, struct err *err)
{
	struct session *session = calloc(1, sizeof(*session));
	char **copy = malloc((size_t)argc * sizeof(*argv)); /* parsing moves them about */

	if (!session || !copy) {
		free(session);
		free(copy);
		err_set(err, ENOMEM, "cannot watch: out of memory");
		return NULL;
	}
	session->model = "unknown";
	session->argc = argc;
	session->argv = memcpy(copy, argv, (size_t)argc * sizeof(*argv));
	return session;
}

static int session_end(struct session *session, int status)
{
	free(session->argv);
	free(session);
	return status;
}

int cmd_attach(int argc, char **argv)
{
	struct err err = {};
	struct session *session = session_new(argc, argv, &err);
	int nr_left, ret;

	if (!session)
		return cmd_fail(&err, EXIT_FAILED);
	if (parse(session, argc, argv, attach_usage, &nr_left, NULL, &err))
		return session_end(session, cmd_fail(&err, EXIT_USAGE));
	if (session->help)
		return session_end(session, EXIT_MEASURED);
	if (!nr_left && !session->port && !session->name) {
		err_set(&err, EINVAL, "nothing to watch: give a PID, --port or --name; see --help");
		return session_end(session, cmd_fail(&err, EXIT_USAGE));
	}
	probe_kernel(&session->probe);
	ret = find_targets(session, nr_left, argv + 1, &err);
	if (!ret)
		ret = probe_refuse(&session->probe, &err);
	if (!ret)
		ret = open_json(session, &err);
	if (!ret)
		ret = start(session, &err);
	if (!ret)
		ret = watch_until_end(session, &err);
	return session_end(session, finish(session, ret, &err));
}

static int run_command(struct session *session, char **argv, struct err *err)
{
	struct command command;
	char pid[16];
	int ret = command_start(&command, argv, err);

	if (ret)
		return ret;
	snprintf(pid, sizeof(pid), "%d", (int)command.pid);
	ret = target_by_pid(&session->targets, pid, err);
	if (!ret)
		ret = start(session, err);
	if (ret) {
		command_abort(&command);
		return ret;
	}
	ret = command_release(&command, argv, err);
	if (ret)
		return ret;
	target_comm((uint32_t)command.pid, session->comm);
	return watch_until_end(session, err);
}

int cmd_run(int argc, char **argv)
{
	struct err err = {};
	struct session *session = session_new(argc, argv, &err);
	char **command = NULL;
	int nr_left, ret;

	if (!session)
		return cmd_fail(&err, EXIT_FAILED);
	if (parse(session, argc, argv, run_usage, &nr_left, &command, &err))
		return session_end(session, cmd_fail(&err, EXIT_USAGE));
	if (session->help)
		return session_end(session, EXIT_MEASURED);
	if (nr_left || !command || !*command || session->port || session->name) {
		err_set(&err, EINVAL, "give the command behind --, as in: agent run -- COMMAND");
		return session_end(session, cmd_fail(&err, EXIT_USAGE));
	}
	probe_kernel(&session->probe);
	ret = probe_refuse(&session->probe, &err);
	if (!ret)
		ret = open_json(session, &err);
	if (!ret)
		ret = run_command(session, command, &err);
	return session_end(session, finish(session, ret, &err));
}
