// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What must hold of the slowest requests, one by one. */
#include <stdio.h>

#include "user/analysis/check_parts.h"

static bool components_sum(const struct report_exemplar *e)
{
	return SUM(i, COMPONENTS, e->components_ns[i]) == e->latency_ns;
}

static bool blame_sums(const struct report_exemplar *e)
{
	return SUM(i, BLAME_KINDS, e->blame_ns[i]) == wide_blamed_ns(e->components_ns);
}

static bool segments_cover(const struct report_exemplar *e)
{
	uint64_t until_ns = 0;

	for (size_t i = 0; i < e->nr_segments; i++) {
		if (e->segments[i].from_ns != until_ns || e->segments[i].to_ns <= until_ns)
			return false;
		until_ns = e->segments[i].to_ns;
	}
	return until_ns == e->latency_ns;
}

static const struct exemplar_identity {
	const char *key, *what;
	bool (*holds)(const struct report_exemplar *exemplar);
} identities[] = {
	{ "components_ns", "do not sum to latency_ns", components_sum },
	{ "blame_ns", "does not sum to the run-queue time", blame_sums },
	{ "segments", "do not cover the latency, one after another", segments_cover },
};

static bool check_one(const struct report_exemplars *exemplars, size_t at, struct check_broken *broken)
{
	for (size_t i = 0; i < NR_OF(identities); i++) {
		if (identities[i].holds(&exemplars->of[at]))
			continue;
		snprintf(broken->path, sizeof(broken->path), "exemplars[%zu].%s", at, identities[i].key);
		broken->what = identities[i].what;
		return false;
	}
	return true;
}

bool check_exemplars(const struct report_exemplars *exemplars, struct check_broken *broken)
{
	for (size_t i = 0; i < exemplars->nr; i++) {
		if (!check_one(exemplars, i, broken))
			return false;
		if (i && exemplars->of[i].latency_ns > exemplars->of[i - 1].latency_ns) {
			snprintf(broken->path, sizeof(broken->path), "exemplars[%zu].latency_ns", i);
			broken->what = "is more than that of the one before";
			return false;
		}
	}
	return true;
}
