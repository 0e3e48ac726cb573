// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* load: the command. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/load/find_max.h"
#include "tools/load/limits.h"
#include "tools/load/options.h"
#include "tools/load/report_json.h"
#include "tools/load/report_text.h"
#include "tools/load/run.h"
#include "tools/load/telling.h"
#include "user/base/plain.h"

enum { DONE = 0, FAILED = 1, USAGE = 2, LAGGED = 3 };

static int complain(const struct err *err, int status)
{
	char text[sizeof(err->text)];

	plain_text(text, sizeof(text), err->text);
	fprintf(stderr, "load: %s\n", text);
	return status;
}

static int status_of(const struct load_result *result)
{
	struct load_quantile quantiles[LOAD_QUANTILES];

	load_result_quantiles(result, quantiles);
	if (result->found && load_found_is_client_bound(result->found))
		return LAGGED;
	return load_result_is_late(result, quantiles) ? LAGGED : DONE;
}

static int report(const struct load_plan *plan, const struct load_result *result, struct err *err)
{
	if (!plan->json_path || strcmp(plan->json_path, "-")) {
		if (result->found)
			load_found_text(stdout, result->found);
		load_report_text(stdout, result);
	}
	if (plan->json_path)
		load_report_json_write(result, plan->json_path, err);
	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		err_set(err, errno ? errno : EIO, "cannot write the report: %s",
			strerror(errno ? errno : EIO));
	return status_of(result);
}

/* That a report cannot be stored is said before it is measured, not after; without one there is no file. */
static int try_to_write(const char *path, struct err *err)
{
	bool is_new;
	int fd;

	if (!path || !strcmp(path, "-"))
		return 0;
	is_new = faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) !=
		 0; /* a link that leads nowhere is there */
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_set(err, errno, "cannot write %s: %s", path, strerror(errno));
	close(fd);
	if (is_new)
		unlink(path);
	return 0;
}

/* Returns as load_run(). */
static int run(const struct load_plan *plan, struct load_found *found, struct load_result *result,
	       struct err *err)
{
	struct telling telling;
	int ret = try_to_write(plan->json_path, err);

	if (ret)
		return ret;
	if (plan->mode == LOAD_FIND_MAX)
		return load_find_max(found, plan, result, err);
	ret = telling_begin(&telling, plan, err);
	if (!ret)
		ret = load_run(plan, telling_watcher(&telling), result, err);
	return telling_end(&telling, err) && !ret ? -err->code : ret;
}

/* What was measured is told even where something went wrong then. */
static int measure(const struct load_plan *plan, struct load_result *result)
{
	struct load_found found;
	struct err err = {}, ignored = {}, before = { .text = "ended before it began: nothing was asked" };
	int ret = run(plan, &found, result, &err), status = FAILED;
	bool searched = result->found && found.search.nr_runs;

	if (result->no_connection) {
		fprintf(stderr, "load: cannot connect to %s: %s; is the server running?\n", plan->server.name,
			strerror(result->no_connection));
		return FAILED;
	}
	if (!ret && !result->settled_ns && !searched)
		return complain(&before, FAILED);
	if (result->window_ns || !ret || searched)
		status = report(plan, result, ret ? &ignored : &err);
	return ret || err.code ? complain(&err, FAILED) : status;
}

int main(int argc, char **argv)
{
	struct load_plan plan = {};
	struct load_result *result = NULL;
	struct err err = {};
	int status = USAGE, ret = load_options_parse(&plan, argc, argv, &err);

	if (!ret)
		ret = load_limits_apply(&plan, &err);
	if (ret < 0)
		complain(&err, USAGE);
	if (ret > 0)
		status = DONE;
	if (!ret) {
		load_run_catch_signals();
		result = calloc(1, sizeof(*result));
		status = FAILED;
		if (result)
			status = measure(&plan, result);
		else
			fputs("load: out of memory\n", stderr);
	}
	free(result);
	load_plan_free(&plan);
	return status;
}
