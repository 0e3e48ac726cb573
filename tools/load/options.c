// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/load/schedule.h"
#include "tools/load/search.h"
#include "user/base/cpulist.h"
#include "user/base/quote.h"

#define NOT_GIVEN UINT64_MAX

/* What the table takes as it stands, until it is understood. */
static struct given {
	bool help, closed, find_max, spin, sleep, remote;
	const char *rate, *slo, *replay, *arrivals, *pick, *sources, *cpus;
	const char *method, *body, *unix_path, *json, *hlog;
	uint32_t connections, threads, seed, churn, connect_rate;
	uint64_t duration_ns, warmup_ns, timeout_ns, drain_ns;
	struct opt_list targets, headers;
} given;

static const char usage[] = "load -R RATE | --closed | --find-max --slo pQ=T | --replay FILE [OPTION]... "
			    "URL...\n"
			    "HTTP/1.1 requests by a schedule that does not bend, and what became of each of "
			    "them";

static const char examples[] = "examples:\n"
			       "  load -R 5000 -c 100 -d 30s http://127.0.0.1:8080/\n"
			       "  load -R 1000:10s,1000..5000:30s --json run.json http://127.0.0.1:8080/\n"
			       "  load --find-max --slo p99=10ms http://127.0.0.1:8080/\n";

static const struct opt table[] = {
	{ "rate", OPT_STRING, &given.rate, "R",
	  "requests a second: 1000, or 1000:10s,1000..5000:30s: steps, ramps" },
	{ "R", OPT_LETTER, NULL, NULL, NULL },
	{ "closed", OPT_FLAG, &given.closed, NULL, "each connection asks again when it is answered" },
	{ "find-max", OPT_FLAG, &given.find_max, NULL, "find the highest rate that holds --slo" },
	{ "slo", OPT_STRING, &given.slo, "pQ=T",
	  "what is to hold: p99=10ms (50 75 90 95 99 99.9 99.99, or max=T)" },
	{ "replay", OPT_STRING, &given.replay, "FILE", "ask when its lines say, `SECONDS [METHOD] PATH`" },
	{ "connections", OPT_UINT, &given.connections, "N", "how many are open (64)" },
	{ "c", OPT_LETTER, NULL, NULL, NULL },
	{ "threads", OPT_UINT, &given.threads, "N",
	  "how many share them (1, or more where files are short)" },
	{ "t", OPT_LETTER, NULL, NULL, NULL },
	{ "duration", OPT_DURATION, &given.duration_ns, "T",
	  "how long requests are due, after the warm-up (10s)" },
	{ "d", OPT_LETTER, NULL, NULL, NULL },
	{ "warmup", OPT_DURATION_OR_0, &given.warmup_ns, "T", "before that, counted apart (0s)" },
	{ "timeout", OPT_DURATION, &given.timeout_ns, "T",
	  "for an answer, from when its request was due (10s)" },
	{ "drain", OPT_DURATION_OR_0, &given.drain_ns, "T",
	  "how long the last answers are waited for (the timeout)" },
	{ "arrivals", OPT_STRING, &given.arrivals, "A", "constant, or poisson: at random (constant)" },
	{ "seed", OPT_UINT, &given.seed, "N", "of all that is drawn (1)" },
	{ "pick", OPT_STRING, &given.pick, "WHICH", "the idle connection taken: oldest or newest (oldest)" },
	{ "target", OPT_LIST, &given.targets, "N=URL",
	  "a URL and how often, relative to the others; again and again" },
	{ "method", OPT_STRING, &given.method, "M", "instead of GET (POST with --body)" },
	{ "body", OPT_STRING, &given.body, "FILE", "what is sent with each request" },
	{ "header", OPT_LIST, &given.headers, "LINE", "'Name: value', with each request; again and again" },
	{ "H", OPT_LETTER, NULL, NULL, NULL },
	{ "unix", OPT_STRING, &given.unix_path, "PATH", "connect to this UNIX socket" },
	{ "churn", OPT_UINT, &given.churn, "N", "a new connection every N requests (0: never)" },
	{ "source", OPT_STRING, &given.sources, "A,...", "connect from these addresses, in turn" },
	{ "connect-rate", OPT_UINT, &given.connect_rate, "N", "connections made a second (0: as it goes)" },
	{ "cpus", OPT_STRING, &given.cpus, "LIST", "a CPU for each thread, in turn, as in 0,2-3" },
	{ "spin", OPT_FLAG, &given.spin, NULL,
	  "wait for due times on the CPU (if each thread has one by --cpus)" },
	{ "sleep", OPT_FLAG, &given.sleep, NULL, "wait for them asleep (otherwise)" },
	{ "json", OPT_STRING, &given.json, "FILE", "store the report (- : on stdout, instead of the text)" },
	{ "hlog", OPT_STRING, &given.hlog, "FILE", "store the histograms of each second (HdrHistogram log)" },
	{ "remote", OPT_FLAG, &given.remote, NULL, "allow a server that is not on this machine" },
	{ "help", OPT_FLAG, &given.help, NULL, "this text" },
	{},
};

static int take_mode(struct load_plan *plan, struct err *err)
{
	if (!!given.rate + given.closed + given.find_max + !!given.replay != 1)
		return err_set(err, EINVAL,
			       "give exactly one of -R RATE, --closed, --find-max and --replay FILE; "
			       "see --help");
	plan->mode = given.rate	    ? LOAD_RATE :
		     given.closed   ? LOAD_CLOSED :
		     given.find_max ? LOAD_FIND_MAX :
				      LOAD_REPLAY;
	if (given.find_max != !!given.slo)
		return err_set(err, EINVAL,
			       given.slo ? "--slo is what --find-max looks for: give both" :
					   "--find-max needs --slo, what is to hold, as in --slo p99=10ms");
	return 0;
}

/* Options that the mode has no use for. */
static int check_mode(const struct load_plan *plan, uint32_t nr_urls, struct err *err)
{
	const char *timetable = plan->mode == LOAD_CLOSED ? "--closed, which has no timetable" :
				plan->mode == LOAD_REPLAY ? "--replay, whose file is the timetable" :
							    NULL;

	if (timetable && given.arrivals)
		return err_set(err, EINVAL, "--arrivals excludes %s", timetable);
	if (plan->mode == LOAD_CLOSED && given.pick)
		return err_set(err, EINVAL, "--pick excludes --closed, where each connection asks by itself");
	if (plan->mode == LOAD_FIND_MAX && plan->hlog_path)
		return err_set(err, EINVAL,
			       "--hlog excludes --find-max: it is the log of one run, not of many");
	if (plan->mode != LOAD_REPLAY)
		return 0;
	if (plan->duration_ns)
		return err_set(err, EINVAL, "--duration excludes --replay, whose file has the times");
	if (given.targets.nr || nr_urls != 1)
		return err_set(err, EINVAL,
			       "--replay takes one URL, for the server, and the paths from its file");
	return 0;
}

static int take_choice(const char *name, const char *text, const char *first, const char *second,
		       bool *is_second, struct err *err)
{
	*is_second = text && !strcmp(text, second);
	if (!text || *is_second || !strcmp(text, first))
		return 0;
	return err_set(err, EINVAL, "--%s is %s or %s, not '%s'", name, first, second, text);
}

static int take_choices(struct load_plan *plan, struct err *err)
{
	bool poisson;

	if (take_choice("arrivals", given.arrivals, "constant", "poisson", &poisson, err) ||
	    take_choice("pick", given.pick, "oldest", "newest", &plan->pick_newest, err))
		return -err->code;
	plan->arrivals = poisson ? ARRIVALS_POISSON : ARRIVALS_CONSTANT;
	if (given.spin && given.sleep)
		return err_set(err, EINVAL, "--spin and --sleep exclude each other");
	plan->waiting = given.spin ? WAIT_SPIN : given.sleep ? WAIT_SLEEP : WAIT_AUTO;
	return 0;
}

static int take_times(struct load_plan *plan, struct err *err)
{
	if (plan->duration_ns > LOAD_LONGEST_NS || plan->warmup_ns > LOAD_LONGEST_NS ||
	    plan->timeout_ns > LOAD_LONGEST_NS || plan->drain_ns > LOAD_LONGEST_NS)
		return err_set(err, EINVAL,
			       "--duration, --warmup, --timeout and --drain are 73 years at most");
	if (given.rate)
		return load_schedule_parse(plan, given.rate, err);
	if (!plan->duration_ns)
		plan->duration_ns = LOAD_DURATION_NS;
	return given.slo ? load_objective_parse(&plan->objective, given.slo, err) : 0;
}

static int take_source(struct sockaddr_storage *source, const char *word, struct err *err)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)source;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)source;

	if (inet_pton(AF_INET, word, &v4->sin_addr) == 1)
		source->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, word, &v6->sin6_addr) == 1)
		source->ss_family = AF_INET6;
	else
		return err_set(err, EINVAL,
			       "--source takes addresses in numbers, as in 127.0.0.2,127.0.0.3, not '%s'",
			       word);
	return 0;
}

static int take_sources(const char *text, struct load_plan *plan, struct err *err)
{
	char *copy = strdup(text), *next = copy, *word;
	size_t nr = 1;
	int ret = 0;

	for (const char *at = text; *at; at++)
		nr += *at == ',';
	plan->sources = calloc(nr, sizeof(*plan->sources));
	if (!copy || !plan->sources)
		ret = err_set(err, ENOMEM, "out of memory");
	while (!ret && (word = strsep(&next, ",")))
		ret = take_source(&plan->sources[plan->nr_sources++], word, err);
	free(copy);
	return ret;
}

static int take_places(struct load_plan *plan, struct err *err)
{
	if (given.sources && given.unix_path)
		return err_set(err, EINVAL, "--source excludes --unix, which has no addresses");
	if (given.sources && take_sources(given.sources, plan, err))
		return -err->code;
	plan->has_cpus = given.cpus;
	if (given.cpus && cpulist_parse(&plan->cpus, given.cpus))
		return err_set(err, EINVAL, "--cpus takes numbers and ranges, as in 0,2-3, not '%s'",
			       given.cpus);
	return 0;
}

static int check_rest(const struct load_plan *plan, uint32_t nr_urls, struct err *err)
{
	if (!nr_urls && !given.targets.nr)
		return err_set(err, EINVAL, "whom to ask? give a URL, as in http://127.0.0.1:8080/");
	if (!plan->connections)
		return err_set(err, EINVAL, "--connections must be more than 0");
	if (plan->threads > plan->connections)
		return err_set(err, EINVAL,
			       "--threads %u are more than the %u --connections; each has at least one",
			       plan->threads, plan->connections);
	if ((plan->json_path && !*plan->json_path) || (plan->hlog_path && !*plan->hlog_path))
		return err_set(err, EINVAL,
			       "--json and --hlog need the name of a file, or - for stdout, not ''");
	if (plan->json_path && plan->hlog_path && !strcmp(plan->json_path, plan->hlog_path))
		return err_set(err, EINVAL, "--json and --hlog cannot both go to %s", plan->json_path);
	return 0;
}

static void fill(struct load_options *options, struct load_plan *plan)
{
	options->replay_path = given.replay;
	options->targets = given.targets;
	options->headers = given.headers;
	options->target.targets = given.targets.texts;
	options->target.nr_targets = given.targets.nr;
	options->target.headers = given.headers.texts;
	options->target.nr_headers = given.headers.nr;
	options->target.method = given.method;
	options->target.body_path = given.body;
	options->target.unix_path = given.unix_path;
	options->target.remote = given.remote;
	plan->connections = given.connections;
	plan->threads = given.threads;
	plan->seed = given.seed;
	plan->churn = given.churn;
	plan->connect_rate = given.connect_rate;
	plan->duration_ns = given.duration_ns;
	plan->warmup_ns = given.warmup_ns;
	plan->timeout_ns = given.timeout_ns;
	plan->drain_ns = given.drain_ns == NOT_GIVEN ? given.timeout_ns : given.drain_ns;
	plan->json_path = given.json;
	plan->hlog_path = given.hlog;
}

int load_options_read(struct load_options *options, struct load_plan *plan, int argc, char **argv,
		      struct err *err)
{
	uint32_t nr_urls;
	int nr_left;

	given = (struct given){
		.connections = 64, .seed = 1, .timeout_ns = 10000000000u, .drain_ns = NOT_GIVEN
	};
	*options = (struct load_options){};
	plan->command = quote_command("load", argc - 1, argv + 1); /* before parsing moves it about */
	if (!plan->command)
		return err_set(err, ENOMEM, "out of memory");
	opts_parse(argc, argv, table, &nr_left, NULL, err);
	fill(options, plan);
	nr_urls = (uint32_t)nr_left;
	options->target.urls = (const char *const *)(argv + 1);
	options->target.nr_urls = nr_urls;
	if (err->code)
		return -err->code;
	if (given.help) {
		opts_help(stdout, usage, table, examples);
		return 1;
	}
	if (take_mode(plan, err) || check_mode(plan, nr_urls, err) || take_choices(plan, err) ||
	    take_places(plan, err) || check_rest(plan, nr_urls, err) || take_times(plan, err))
		return -err->code;
	return 0;
}

void load_options_free(struct load_options *options)
{
	free(options->targets.texts);
	free(options->headers.texts);
}
