// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/report/exemplars.h"

#include <string.h>

#include "user/report/requests.h"

static const char *const activity_names[ACTIVITIES - COMPONENTS] = {
	[ACTIVITY_BUSY - COMPONENTS] = "busy",	     [ACTIVITY_RUN_QUEUE - COMPONENTS] = "run_queue",
	[ACTIVITY_BLOCKED - COMPONENTS] = "blocked", [ACTIVITY_UNKNOWN - COMPONENTS] = "unknown",
	[ACTIVITY_MIXED - COMPONENTS] = "mixed",
};

const char *report_activity_name(uint32_t activity)
{
	if (activity < COMPONENTS)
		return report_component_name(activity);
	return activity < ACTIVITIES ? activity_names[activity - COMPONENTS] : "?";
}

bool report_is_trace_id(const char *text)
{
	return strspn(text, "0123456789abcdef") == 2 * TRACE_ID_BYTES && !text[2 * TRACE_ID_BYTES];
}
