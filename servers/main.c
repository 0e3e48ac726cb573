// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is the same for every model: options, limits, the listener, the signals, and the exit status. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "servers/listen.h"
#include "servers/server.h"
#include "servers/work.h"
#include "user/base/plain.h"

/* Descriptors that are no connection: standard ones, the listener, epoll, an upstream for each worker. */
#define OTHER_FILES 64u
/* Of so many files of all tables one is kept free: the kernel spreads by a hash, not evenly. */
#define SPREAD 16u

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

static int stop_fd = -1;

static int fail(const struct err *err, int status)
{
	char text[sizeof(err->text)];

	plain_text(text, sizeof(text), err->text);
	fprintf(stderr, "%s: %s\n", model.name, text);
	return status;
}

/* The second one means it; it may come in another thread, while the first is looked at. */
static void on_signal(int number)
{
	static bool asked;
	const uint64_t one = 1;

	(void)number;
	if (__atomic_exchange_n(&asked, true, __ATOMIC_RELAXED))
		_exit(EXIT_FAILED);
	if (write(stop_fd, &one, sizeof(one)) < 0)
		_exit(EXIT_FAILED);
}

static int catch_signals(struct err *err)
{
	struct sigaction action = { .sa_handler = on_signal };

	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stop_fd < 0)
		return err_set(err, errno, "cannot open an eventfd: %s", strerror(errno));
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* Nothing changes, since nobody else has this table yet; but some sandboxes allow no unshare at all. */
static bool may_leave_table(void)
{
#ifdef __SANITIZE_THREAD__
	return false; /* equal numbers in two tables are one file to it, and their uses a race */
#else
	return !unshare(CLONE_FILES);
#endif
}

/* Returns how many connections there can be, in tables for EACH. */
static uint64_t capacity(const struct server *server, uint64_t each)
{
	uint64_t most = each;

	if (server->has_tables && server->workers > 1)
		most = each * server->workers / SPREAD * (SPREAD - 1);
	return most < UINT32_MAX / 2 ? most : UINT32_MAX / 2;
}

/* As many connections as files allow; what was asked for and cannot be is refused now and not at the limit. */
static int take_limits(struct server *server, struct err *err)
{
	uint32_t wanted = server->options->max_connections;
	uint64_t spare = OTHER_FILES + server->workers + SERVER_REFUSALS, each, most;
	struct rlimit files;

	server->has_tables = model.apart && may_leave_table();
	if (getrlimit(RLIMIT_NOFILE, &files))
		return err_set(err, errno, "cannot read the limit of open files: %s", strerror(errno));
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_NOFILE, &files);
	each = files.rlim_cur > spare ? files.rlim_cur - spare : 0;
	most = capacity(server, each);
	if (most < wanted + !wanted)
		return err_set(err, EMFILE,
			       "%u connections need %lu open files, and %lu are allowed%s, for %lu "
			       "connections; raise ulimit -n%s",
			       wanted, wanted + spare, (unsigned long)files.rlim_cur,
			       server->has_tables ? " to each worker" : "", most,
			       server->has_tables ? " or --workers" : "");
	server->connections_max = wanted ? wanted : (uint32_t)most;
	server->connections_each = each < most ? (uint32_t)each : (uint32_t)most;
	return 0;
}

static int take_workers(struct server *server, struct err *err)
{
	uint32_t asked = server->options->workers;

	server->workers = asked ? asked : (uint32_t)CPU_COUNT(&server->options->cpus);
	if (model.workers_max && server->workers > model.workers_max)
		server->workers = model.workers_max;
	if (asked && !model.workers_max)
		return err_set(err, EINVAL, "--workers: %s has none to choose", model.name);
	if (asked > model.workers_max)
		return err_set(err, EINVAL, "--workers: %s has at most %u, not %u", model.name,
			       model.workers_max, asked);
	return 0;
}

static int open_listeners(struct server *server, struct err *err)
{
	static struct server_loops loops;
	int ret;

	loops.listeners = model.apart ? server->workers : 1;
	server->loops = &loops;
	server->listeners = calloc(loops.listeners, sizeof(*server->listeners));
	if (!server->listeners)
		return err_set(err, ENOMEM, "out of memory");
	ret = listen_open(server->options, server->listeners, loops.listeners, err);
	if (ret)
		free(server->listeners);
	else
		server->listener = server->listeners[0];
	return ret;
}

/* Returns 0, 1 if there is nothing to serve, or -errno. */
static int prepare(const struct server *server, struct err *err)
{
	const cpu_set_t *cpus = &server->options->cpus;

	if (sched_setaffinity(0, sizeof(*cpus), cpus))
		return err_set(err, errno, "cannot use the CPUs of --cpus: %s", strerror(errno));
	return model.instead ? model.instead(server, err) : 0;
}

static int start(struct server *server, struct err *err)
{
	const struct options *options = server->options;
	int ret = take_limits(server, err);

	if (ret)
		return ret;
	server->conn = (struct conn_config){ options->read_timeout_ns, options->write_timeout_ns,
					     options->idle_timeout_ns, options->defaults };
	server->stats = stats_new(model.name, model.slots ? model.slots : server->workers, !model.slots, err);
	if (!server->stats || work_init(options->directory, err) || catch_signals(err))
		return -err->code;
	server->stop_fd = stop_fd;
	return open_listeners(server, err);
}

int main(int argc, char **argv)
{
	struct options options;
	struct server server = { .name = model.name, .options = &options };
	struct err err = {};
	int ret = options_parse(&options, argc, argv, model.name, model.summary, model.options, &err);

	if (ret > 0)
		return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
	if (ret || take_workers(&server, &err) || (model.take_options && model.take_options(&err)))
		return fail(&err, EXIT_USAGE);
	ret = prepare(&server, &err);
	if (ret > 0)
		return EXIT_DONE;
	if (ret || start(&server, &err))
		return fail(&err, err.code == EINVAL ? EXIT_USAGE : EXIT_FAILED);
	ret = model.serve(&server, &err);
	if (options.unix_path)
		unlink(options.unix_path);
	if (ret > 0)
		err_set(&err, ETIMEDOUT, "%d connections were cut off at the drain timeout", ret);
	if (ret)
		_exit(fail(&err, EXIT_FAILED)); /* threads may still work, with what exit() would take away */
	free(server.listeners);
	return EXIT_DONE;
}
