// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any file to replay: refused with one sentence that names a line, or entries in their order, each with the
 * request that was made for it. */
#include <ctype.h>
#include <errno.h>

#include "tests/fuzz/fuzz.h"
#include "tools/load/replay.h"

bool fuzz_reached;

static uint32_t nr_added;

/* Numbers them; refuses some, as one that looks at paths does. */
static int add(struct load_plan *plan, const char *method, const char *path, uint32_t *index, struct err *err)
{
	(void)plan;
	REQUIRE(*path == '/' && !strpbrk(path, " \t\r\n"), "'%s' is no path", path);
	REQUIRE(!method || (*method && *method != '/' && !strpbrk(method, " \t\r\n")), "'%s' is no method",
		method);
	if (path[1] == '!')
		return err_set(err, EINVAL, "cannot ask for such a path");
	*index = nr_added++;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	FILE *file = size ? fmemopen(text, size, "r") : fopen("/dev/null", "r");
	struct load_plan plan = {};
	struct err err = {};
	int ret;

	REQUIRE(file, "no file of %zu bytes", size);
	nr_added = 0;
	ret = load_replay_read(&plan, file, "FILE", add, &err);
	REQUIRE(ret == -err.code && (!ret || ret == -EINVAL), "returns %d with the code %d", ret, err.code);
	REQUIRE(!ret == !*err.text && fuzz_is_plain(err.text), "a sentence for each refusal: '%s'", err.text);
	if (!ret) {
		REQUIRE(plan.nr_replay == nr_added && nr_added, "%u entries", nr_added);
		REQUIRE(!plan.replay[0].due_ns, "the first is the start");
		for (uint32_t i = 0; i < nr_added; i++)
			REQUIRE(plan.replay[i].request == i &&
					(!i || plan.replay[i].due_ns >= plan.replay[i - 1].due_ns),
				"entry %u", i);
		fuzz_reached |= nr_added > 2 && plan.replay[2].due_ns;
	}
	free(plan.replay);
	fclose(file);
	free(text);
	return 0;
}
