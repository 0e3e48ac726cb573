// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Any command line of the load generator, its words parted by newlines: refused with one sentence, or a plan
 * whose parts fit each other and whose timetable goes forward to its end.
 */
#include <errno.h>

#include "tests/fuzz/fuzz.h"
#include "tools/load/options.h"
#include "tools/load/timetable.h"

bool fuzz_reached;

#define WORDS 32
#define STEPS 1000 /* of a timetable, which may be for years */

static void check_segments(const struct load_plan *plan)
{
	uint64_t sum_ns = 0;

	for (uint32_t i = 0; i < plan->nr_segments; i++) {
		const struct load_segment *segment = &plan->segments[i];

		REQUIRE(segment->from_rate > 0 && segment->from_rate <= 1e9 && segment->to_rate > 0 &&
				segment->to_rate <= 1e9 && segment->duration_ns,
			"segment %u: %g to %g", i, segment->from_rate, segment->to_rate);
		sum_ns += segment->duration_ns;
	}
	REQUIRE(sum_ns == plan->warmup_ns + plan->duration_ns, "%llu ns of segments",
		(unsigned long long)sum_ns);
}

static void check_timetable(const struct load_plan *plan)
{
	uint64_t before_ns = 0, nr = 0;
	struct timetable t;

	for (timetable_begin(&t, plan, 0, 1); t.due_ns != TIMETABLE_OVER && nr < STEPS;
	     timetable_next(&t), nr++) {
		REQUIRE(t.number == nr && t.due_ns >= before_ns, "request %llu", (unsigned long long)nr);
		REQUIRE(t.due_ns < plan->warmup_ns + plan->duration_ns, "due behind the end");
		before_ns = t.due_ns;
	}
	if (plan->arrivals == ARRIVALS_CONSTANT) {
		uint64_t total, last_ns;

		timetable_total(plan, &total, &last_ns);
		REQUIRE(nr == (total < STEPS ? total : STEPS), "%llu requests", (unsigned long long)total);
		REQUIRE(last_ns >= before_ns && (total > STEPS || last_ns == before_ns), "the last one's "
											 "time");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *save, *words[WORDS + 1] = { "load" };
	struct load_options options;
	struct load_plan plan = {};
	struct err err = {};
	int argc = 1, ret;

	for (char *word = strtok_r(text, "\n", &save); word && argc < WORDS;
	     word = strtok_r(NULL, "\n", &save))
		if (strcmp(word, "--help") && strcmp(word, "-h")) /* which print */
			words[argc++] = word;
	ret = load_options_read(&options, &plan, argc, words, &err);
	REQUIRE(ret == -err.code && (!ret || ret == -EINVAL), "returns %d with the code %d", ret, err.code);
	REQUIRE(!ret == !*err.text, "a sentence for each refusal: '%s'", err.text);
	if (!ret) {
		REQUIRE(plan.connections && plan.threads <= plan.connections, "%u threads", plan.threads);
		REQUIRE(options.target.nr_urls + options.target.nr_targets, "nobody to ask");
		REQUIRE((plan.mode == LOAD_RATE) == !!plan.nr_segments, "%u segments", plan.nr_segments);
		if (plan.nr_segments) {
			check_segments(&plan);
			check_timetable(&plan);
		}
		fuzz_reached |= plan.nr_segments > 2;
	}
	load_options_free(&options);
	free(plan.segments);
	free(plan.sources);
	free(plan.command);
	free(text);
	return 0;
}
