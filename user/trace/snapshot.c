// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/snapshot.h"

#include <stdlib.h>
#include <string.h>

void snapshot_fini(struct snapshot *snapshot)
{
	free(snapshot->threads);
	free(snapshot->names);
	memset(snapshot, 0, sizeof(*snapshot));
}
