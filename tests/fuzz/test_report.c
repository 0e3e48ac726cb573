// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * agent report FILE, with any file: refused with one sentence, or a report that is written as it was read
 * and rendered.  The input may hold several, as a run with --interval stores them.
 */
#include "tests/fuzz/round_trip.h"

bool fuzz_reached;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *in = fmemopen((void *)data, size, "r");
	int ret = 0;

	REQUIRE(in, "no memory for %zu bytes", size);
	for (int i = 0; i < 3 && !ret; i++) {
		struct report report;
		struct err err = {};

		ret = report_json_read(in, "FILE", &report, &err);
		REQUIRE(ret == -err.code, "returns %d with the code %d", ret, err.code);
		REQUIRE(!ret == !*err.text && !strchr(err.text, '\n') && fuzz_is_plain(err.text),
			"one sentence: %s", err.text);
		if (ret)
			REQUIRE(!report.threads && !report.blame && !report.target.pids &&
					!report.agent.command && !report.requests.buckets,
				"what was refused owns nothing");
		else
			round_trip(&report, true);
		fuzz_reached |= !ret;
		report_fini(&report);
	}
	fclose(in);
	return 0;
}
