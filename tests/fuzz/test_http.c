// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the first bytes look like.  The input is a message; what lies behind its valid bytes is its own
 * rest, or the same with every bit turned, and has no say.  What is decided stays so, however much more
 * there is.
 */
#include "bpf/http.h"
#include "tests/fuzz/fuzz.h"

bool fuzz_reached;

/* A judgement: of a request's beginning, or of a response's with its status. */
struct judged {
	uint32_t begins;
	uint32_t status;
};

static struct judged look(const uint8_t *bytes, uint32_t length, bool response)
{
	struct judged judged = {};

	if (response)
		judged.begins = http_look_response(bytes, length, &judged.status);
	else
		judged.begins = http_look_request(bytes, length);
	return judged;
}

static void check_one(struct judged judged, uint32_t length, bool response)
{
	bool is_response = judged.begins == HTTP_RESPONSE;

	REQUIRE(judged.begins <= HTTP_NOT, "%u is no judgement", judged.begins);
	REQUIRE(length || judged.begins == HTTP_UNDECIDED, "%u of nothing", judged.begins);
	REQUIRE(length < HTTP_LOOK_BYTES || judged.begins != HTTP_UNDECIDED, "all is there, and undecided");
	REQUIRE(response ? is_response || judged.begins == HTTP_UNDECIDED || judged.begins == HTTP_NOT :
			   !is_response,
		"%u %s a response", judged.begins, response ? "of" : "of what is not");
	REQUIRE(is_response ? judged.status >= 100 && judged.status <= 599 : !judged.status, "status %u",
		judged.status);
	REQUIRE(is_response == (http_status_class(judged.status) != STATUS_UNKNOWN), "the class of status %u",
		judged.status);
}

static void check_prefixes(const uint8_t *data, uint32_t size, bool response)
{
	struct judged before = {};

	for (uint32_t length = 0; length <= size; length++) {
		uint8_t *bytes = aligned_alloc(8, HTTP_LOOK_BYTES); /* so that a read past it is seen */
		struct judged judged, other;

		REQUIRE(bytes, "out of memory");
		memset(bytes, 0, HTTP_LOOK_BYTES);
		memcpy(bytes, data, size);
		judged = look(bytes, length, response);
		for (uint32_t i = length; i < HTTP_LOOK_BYTES; i++)
			bytes[i] ^= 0xff;
		other = look(bytes, length, response);
		free(bytes);
		REQUIRE(judged.begins == other.begins && judged.status == other.status,
			"%u (%u) of %u bytes, and %u (%u) with others behind them", judged.begins,
			judged.status, length, other.begins, other.status);
		check_one(judged, length, response);
		REQUIRE(before.begins == HTTP_UNDECIDED ||
				(judged.begins == before.begins && judged.status == before.status),
			"%u (%u) of %u bytes, and %u (%u) of one more", before.begins, before.status,
			length - 1, judged.begins, judged.status);
		before = judged;
	}
	fuzz_reached |= before.begins != HTTP_UNDECIDED && before.begins != HTTP_NOT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t looked_at = size < HTTP_LOOK_BYTES ? (uint32_t)size : HTTP_LOOK_BYTES;

	check_prefixes(data, looked_at, false);
	check_prefixes(data, looked_at, true);
	return 0;
}
