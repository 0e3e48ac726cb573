// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the command line only names: the server, the requests, and a file to replay. */
#include <errno.h>
#include <stdlib.h>

#include "tools/load/options.h"
#include "tools/load/replay.h"

/* The file has the times: they are what --duration says elsewhere. */
static int replay(struct load_plan *plan, const char *path, struct err *err)
{
	uint64_t last_ns;
	int ret = load_replay_open(plan, path, load_targets_add, err);

	if (ret)
		return ret;
	last_ns = plan->replay[plan->nr_replay - 1].due_ns;
	if (plan->warmup_ns > last_ns)
		return err_set(err, EINVAL, "--warmup takes all of %s: nothing would be measured", path);
	plan->duration_ns = last_ns + 1 - plan->warmup_ns;
	return 0;
}

int load_options_resolve(const struct load_options *options, struct load_plan *plan, struct err *err)
{
	int ret = load_targets_parse(plan, &options->target, err);

	if (!ret && options->replay_path)
		ret = replay(plan, options->replay_path, err);
	return ret;
}

int load_options_parse(struct load_plan *plan, int argc, char **argv, struct err *err)
{
	struct load_options options;
	int ret = load_options_read(&options, plan, argc, argv, err);

	if (!ret)
		ret = load_options_resolve(&options, plan, err);
	load_options_free(&options);
	return ret;
}

void load_plan_free(struct load_plan *plan)
{
	load_targets_free(plan);
	free(plan->segments);
	free(plan->replay);
	free(plan->sources);
	free(plan->command);
}
