// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* --client FILE, with any file: refused with one sentence, or quantiles that a report may hold. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "user/report/client.h"

bool fuzz_reached;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct report_client client;
	struct err err = {};
	char *text = malloc(size); /* a read past its end is seen */
	int ret;

	REQUIRE(text || !size, "out of memory");
	if (size)
		memcpy(text, data, size);
	ret = client_read(text, size, "FILE", &client, &err);
	free(text);
	REQUIRE(ret == -err.code, "returns %d with the code %d", ret, err.code);
	REQUIRE(!ret == !*err.text && !strchr(err.text, '\n') && fuzz_is_plain(err.text), "one sentence: %s",
		err.text);
	REQUIRE(client.present == !ret, "what was refused is not there");
	for (int i = 0; i < QUANTILES; i++) {
		REQUIRE(client.ns[i] == quantile_of_bucket_ns(client.ns[i]), "no bucket's: %lu",
			client.ns[i]);
		REQUIRE(!i || client.ns[i] >= client.ns[i - 1], "quantiles fall");
		REQUIRE(client.has_sent || !client.sent_ns[i], "from_send without one");
	}
	REQUIRE(ret || (client.count && client.count <= INT64_MAX), "count %lu", client.count);
	fuzz_reached |= !ret;
	return 0;
}
