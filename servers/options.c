// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cpulist.h"
#include "user/base/units.h"

/* What the table takes as text, until it is understood. */
static struct {
	bool help;
	const char *cpus, *upstream_url;
	const char *read_timeout, *write_timeout, *idle_timeout, *drain_timeout, *upstream_timeout;
	uint32_t steps[PLAN_KINDS];
} given;

/* Those that are asked for and allowed. */
static int take_cpus(struct options *o, struct err *err)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return err_set(err, errno, "cannot read which CPUs are allowed: %s", strerror(errno));
	o->cpus = allowed;
	if (!given.cpus)
		return 0;
	if (cpulist_parse(&o->cpus, given.cpus))
		return err_set(err, EINVAL, "--cpus takes numbers and ranges, as in 0,2-3, not '%s'",
			       given.cpus);
	CPU_AND(&allowed, &allowed, &o->cpus);
	if (!CPU_EQUAL(&allowed, &o->cpus))
		return err_set(err, EINVAL, "--cpus %s names CPUs that are not here or not allowed",
			       given.cpus);
	return 0;
}

static int take_timeout(const char *name, const char *text, uint64_t *ns, struct err *err)
{
	if (!text)
		return 0;
	if (!strcmp(text, "0")) {
		*ns = 0;
		return 0;
	}
	if (units_parse_duration(text, ns) || *ns > INT64_MAX / 4)
		return err_set(err, EINVAL,
			       "--%s takes a time with its unit (10s, 500ms), or 0 for none, not '%s'", name,
			       text);
	return 0;
}

static int take_timeouts(struct options *o, struct err *err)
{
	const struct {
		const char *name, *text;
		uint64_t *ns;
	} timeouts[] = {
		{ "read-timeout", given.read_timeout, &o->read_timeout_ns },
		{ "write-timeout", given.write_timeout, &o->write_timeout_ns },
		{ "idle-timeout", given.idle_timeout, &o->idle_timeout_ns },
		{ "drain-timeout", given.drain_timeout, &o->drain_timeout_ns },
		{ "upstream-timeout", given.upstream_timeout, &o->upstream.timeout_ns },
	};
	int ret = 0;

	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]) && !ret; i++)
		ret = take_timeout(timeouts[i].name, timeouts[i].text, timeouts[i].ns, err);
	if (!ret && !o->upstream.timeout_ns)
		return err_set(err, EINVAL, "--upstream-timeout must be more than 0");
	return ret;
}

static int take_steps(struct options *o, struct err *err)
{
	for (unsigned i = 0; i < PLAN_KINDS; i++) {
		if (given.steps[i] > plan_kind_max((enum plan_kind)i))
			return err_set(err, EINVAL, "the default for %s is at most %u, not %u",
				       plan_kind_name((enum plan_kind)i), plan_kind_max((enum plan_kind)i),
				       given.steps[i]);
		if (given.steps[i])
			o->defaults.steps[o->defaults.nr_steps++] =
				(struct plan_step){ (enum plan_kind)i, given.steps[i] };
	}
	if (given.upstream_url)
		return upstream_parse(&o->upstream, given.upstream_url, err);
	if (given.steps[PLAN_UPSTREAM])
		return err_set(err, EINVAL, "--upstream needs --upstream-url, whom to ask");
	return 0;
}

/* Returns 0, 1 if that was all, or -EINVAL. */
static int parse_table(int argc, char **argv, const struct opt *table, const char *usage, struct err *err)
{
	int nr_left, ret = opts_parse(argc, argv, table, &nr_left, NULL, err);

	if (ret)
		return ret;
	if (given.help) {
		opts_help(stdout, usage, table,
			  "GET /process?cpu_us=2000&sleep_us=500 does those steps in that order; /stats, "
			  "/healthz.\n");
		return 1;
	}
	if (nr_left)
		return err_set(err, EINVAL, "a server takes no arguments, not '%s'; see --help", argv[1]);
	return 0;
}

/* What all models have, and MORE. */
static int parse_all(struct options *o, int argc, char **argv, const char *usage, const struct opt *more,
		     struct err *err)
{
	const struct opt common[] = {
		{ "address", OPT_STRING, &o->address, "A", "listen on this address, in numbers (127.0.0.1)" },
		{ "port", OPT_UINT, &o->port, "N", "and this port; 0: any that is free (8080)" },
		{ "unix", OPT_STRING, &o->unix_path, "PATH", "listen on this UNIX socket instead" },
		{ "cpus", OPT_STRING, &given.cpus, "LIST", "run on these alone, as in 0,2-3 (all it may)" },
		{ "workers", OPT_UINT, &o->workers, "N",
		  "threads or processes that work (one for each CPU)" },
		{ "read-timeout", OPT_STRING, &given.read_timeout, "T",
		  "for a whole request, from its first byte; after 100 Continue for its body (5s)" },
		{ "write-timeout", OPT_STRING, &given.write_timeout, "T", "for a whole answer (10s)" },
		{ "idle-timeout", OPT_STRING, &given.idle_timeout, "T", "between two requests (15s)" },
		{ "drain-timeout", OPT_STRING, &given.drain_timeout, "T",
		  "for what is under way at SIGTERM (30s); 0 in any of these: no limit" },
		{ "max-connections", OPT_UINT, &o->max_connections, "N",
		  "answer 503 to more; 0: as many as files allow (0)" },
		{ "directory", OPT_STRING, &o->directory, "DIR", "where read_kb has its file (/var/tmp)" },
		{ "upstream-url", OPT_STRING, &given.upstream_url, "U",
		  "whom upstream=N asks: http://ADDRESS:PORT/path" },
		{ "upstream-timeout", OPT_STRING, &given.upstream_timeout, "T", "for its answer (10s)" },
		{ "cpu-us", OPT_UINT, &given.steps[PLAN_CPU_US], "N",
		  "CPU time of /process, where its query has no steps" },
		{ "wall-us", OPT_UINT, &given.steps[PLAN_WALL_US], "N",
		  "the same: on the clock, from its start" },
		{ "seed-us", OPT_UINT, &given.steps[PLAN_SEED_US], "N",
		  "on the clock, from when the request was whole" },
		{ "sha", OPT_UINT, &given.steps[PLAN_SHA], "N", "SHA-256 digests of 16 KiB, chained" },
		{ "sleep-us", OPT_UINT, &given.steps[PLAN_SLEEP_US], "N", "sleep" },
		{ "lock-us", OPT_UINT, &given.steps[PLAN_LOCK_US], "N", "hold the one lock, asleep" },
		{ "read-kb", OPT_UINT, &given.steps[PLAN_READ_KB], "N", "read a file past the page cache" },
		{ "alloc-kb", OPT_UINT, &given.steps[PLAN_ALLOC_KB], "N", "map and touch memory" },
		{ "upstream", OPT_UINT, &given.steps[PLAN_UPSTREAM], "N", "ask --upstream-url, one by one" },
	};
	const size_t nr = sizeof(common) / sizeof(common[0]);
	struct opt *table;
	size_t nr_more = 0;
	int ret;

	while (more && more[nr_more].name)
		nr_more++;
	table = calloc(nr + nr_more + 2, sizeof(*table));
	if (!table)
		return err_set(err, ENOMEM, "out of memory");
	memcpy(table, common, sizeof(common));
	if (nr_more)
		memcpy(table + nr, more, nr_more * sizeof(*more));
	table[nr + nr_more] = (struct opt){ "help", OPT_FLAG, &given.help, NULL, "this text" };
	ret = parse_table(argc, argv, table, usage, err);
	free(table);
	return ret;
}

int options_parse(struct options *options, int argc, char **argv, const char *model, const char *summary,
		  const struct opt *more, struct err *err)
{
	char usage[200];
	int ret;

	*options = (struct options){
		.address = "127.0.0.1",
		.port = 8080,
		.read_timeout_ns = 5000000000u,
		.write_timeout_ns = 10000000000u,
		.idle_timeout_ns = 15000000000u,
		.drain_timeout_ns = 30000000000u,
		.directory = "/var/tmp",
		.upstream.timeout_ns = 10000000000u,
	};
	snprintf(usage, sizeof(usage), "build/servers/%s [OPTION VALUE]...\n%s", model, summary);
	ret = parse_all(options, argc, argv, usage, more, err);
	if (ret)
		return ret;
	if (options->port > 65535)
		return err_set(err, EINVAL, "--port takes a number from 0 to 65535, not %u", options->port);
	ret = take_cpus(options, err);
	if (!ret)
		ret = take_timeouts(options, err);
	return ret ? ret : take_steps(options, err);
}
