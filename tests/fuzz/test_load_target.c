// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * URLs, targets, methods and headers of the load generator, a word a line; its first byte says what it is,
 * and 'p' a path that is added later.  Each is refused with a sentence, or the bytes that would be sent are
 * one whole request in the eyes of the reference servers, which are strict.
 */
#include <errno.h>

#include "servers/http.h"
#include "tests/fuzz/fuzz.h"
#include "tools/load/target.h"

bool fuzz_reached;

#define WORDS 32

struct words {
	const char *of[WORDS];
	uint32_t nr;
};

static void put(struct words *words, const char *word)
{
	if (words->nr < WORDS)
		words->of[words->nr++] = word;
}

static void check_bytes(const char *bytes, size_t nr, bool is_last)
{
	struct http_request head;
	struct http_body body;
	int head_bytes;

	http_request_init(&head);
	head_bytes = http_parse_head(&head, bytes, nr);
	/* Limits and abilities of these servers, not of HTTP. */
	if (head_bytes == -414 || head_bytes == -431 || head_bytes == -417)
		return;
	REQUIRE(head_bytes > 0, "answered %d:\n%.*s", -head_bytes, (int)nr, bytes);
	http_body_init(&body, &head);
	REQUIRE((size_t)head_bytes == nr && body.state == HTTP_BODY_WHOLE, "%d of %zu bytes:\n%.*s",
		head_bytes, nr, (int)nr, bytes);
	REQUIRE(!is_last || !head.keep_alive, "the last one does not say so:\n%.*s", (int)nr, bytes);
}

static void check(const struct load_plan *plan)
{
	uint64_t weights = 0;

	REQUIRE(plan->nr_requests, "nothing to be sent");
	for (uint32_t i = 0; i < plan->nr_requests; i++) {
		const struct load_request *request = &plan->requests[i];

		check_bytes(request->bytes, request->nr_bytes, false);
		check_bytes(request->close_bytes, request->nr_close_bytes, true);
		REQUIRE(request->weight, "a request that is never sent");
		weights += request->weight;
	}
	REQUIRE(weights == plan->weights, "weights");
	REQUIRE(strlen(plan->server.host) < sizeof(plan->server.host), "a host that ends");
}

static void require_sentence(int ret, const struct err *err)
{
	REQUIRE(ret == -err->code && !ret == !*err->text, "%d with the code %d: '%s'", ret, err->code,
		err->text);
	REQUIRE(!ret || ret == -EINVAL, "%d", ret);
	REQUIRE(fuzz_is_plain(err->text) && !strchr(err->text, '\n'), "one line: '%s'", err->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *save;
	struct words urls = {}, targets = {}, headers = {}, paths = {};
	/* No host is looked for. */
	struct load_target_options options = { .unix_path = "/x" };
	struct load_plan plan = {};
	struct err err = {};
	int ret;

	for (char *word = strtok_r(text, "\n", &save); word; word = strtok_r(NULL, "\n", &save)) {
		if (*word == 'm')
			options.method = word + 1;
		else
			put(*word == 'u' ? &urls :
			    *word == 't' ? &targets :
			    *word == 'p' ? &paths :
					   &headers,
			    word + 1);
	}
	options.urls = urls.of;
	options.nr_urls = urls.nr;
	options.targets = targets.of;
	options.nr_targets = targets.nr;
	options.headers = headers.of;
	options.nr_headers = headers.nr;
	ret = load_targets_parse(&plan, &options, &err);
	require_sentence(ret, &err);
	for (uint32_t i = 0; i < paths.nr && !ret; i++) {
		uint32_t index = UINT32_MAX;

		require_sentence(load_targets_add(&plan, i % 2 ? "PUT" : NULL, paths.of[i], &index, &err),
				 &err);
		REQUIRE(err.code || index < plan.nr_requests, "request %u of %u", index, plan.nr_requests);
		err_clear(&err);
	}
	if (!ret)
		check(&plan);
	fuzz_reached |= !ret && plan.nr_requests > 1 && headers.nr;
	load_targets_free(&plan);
	free(text);
	return 0;
}
