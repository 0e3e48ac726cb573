// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Answers that the load generator reads.  The first byte says whether to a HEAD and whether the connection
 * then ends, the next two how the rest is cut: what is decided must not depend on that, nor on what comes
 * behind.
 */
#include "tests/fuzz/fuzz.h"
#include "tools/load/response.h"

bool fuzz_reached;

struct outcome {
	struct response response;
	enum response_state state;
	size_t used;
};

/* One of 1 to 64, or now and then of up to 4,096 bytes; SEED 0: all at once. */
static size_t next_piece(uint32_t *seed, size_t left)
{
	size_t piece;

	if (!*seed)
		return left;
	*seed = *seed * 1664525u + 1013904223u;
	*seed += !*seed;
	piece = *seed >> 30 ? (*seed >> 16) % 64 + 1 : (*seed >> 16) % 4096 + 1;
	return piece < left ? piece : left;
}

static struct outcome take(const uint8_t *data, size_t size, bool is_head, uint32_t seed)
{
	struct outcome o = { .state = RESPONSE_MORE };
	size_t used;

	response_begin(&o.response, is_head);
	for (size_t at = 0, nr; at < size && o.state == RESPONSE_MORE; at += nr) {
		char *piece;

		nr = next_piece(&seed, size - at);
		piece = malloc(nr); /* of its own, so that a read past it is seen */
		REQUIRE(piece, "out of memory");
		memcpy(piece, data + at, nr);
		o.state = response_take(&o.response, piece, nr, &used);
		free(piece);
		REQUIRE(o.state == RESPONSE_MORE ? used == nr : used <= nr, "%zu used of %zu", used, nr);
		o.used += used;
	}
	return o;
}

static void require_same(const struct outcome *a, const struct outcome *b, const char *what)
{
	const struct response *x = &a->response, *y = &b->response;

	REQUIRE(a->state == b->state, "%d, but %d %s", a->state, b->state, what);
	REQUIRE(a->used == b->used, "%zu used, but %zu %s", a->used, b->used, what);
	REQUIRE(x->status == y->status, "status %u, but %u %s", x->status, y->status, what);
	REQUIRE(x->content == y->content, "another content %s", what);
	REQUIRE(a->state != RESPONSE_WHOLE || x->keep_alive == y->keep_alive, "may it go on, %s", what);
}

static void check(const struct outcome *o, size_t size, bool is_head)
{
	const struct response *r = &o->response;

	REQUIRE(r->begun == (size > 0), "begun %d", r->begun);
	REQUIRE(r->content <= o->used, "content is among what was used");
	REQUIRE(!r->status || r->status == 101 || (r->status >= 200 && r->status <= 999), "status %u",
		r->status);
	REQUIRE(!r->content || (!is_head && r->status >= 200), "content of %u", r->status);
	REQUIRE(o->state != RESPONSE_WHOLE || r->status, "whole without a status");
	REQUIRE(o->state != RESPONSE_TOO_LONG || o->used >= RESPONSE_HEAD_BYTES, "too long at %zu", o->used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, cut, alone;
	bool is_head, ends;
	uint32_t seed;

	if (size < 3)
		return 0;
	is_head = data[0] & 1;
	ends = data[0] & 2;
	seed = (uint32_t)data[1] << 8 | data[2] | 0x10000u;
	data += 3;
	size -= 3;
	whole = take(data, size, is_head, 0);
	cut = take(data, size, is_head, seed);
	check(&whole, size, is_head);
	require_same(&whole, &cut, "in pieces");
	if (whole.state == RESPONSE_WHOLE) {
		alone = take(data, whole.used, is_head, 0);
		require_same(&whole, &alone, "with nothing behind it");
		alone = take(data, whole.used - 1, is_head, 0);
		REQUIRE(alone.state == RESPONSE_MORE, "whole a byte too early");
		fuzz_reached |= whole.response.keep_alive && whole.response.content &&
				whole.response.is_chunked;
	}
	if (ends) {
		enum response_state before = whole.state;

		whole.state = response_end(&whole.response);
		cut.state = response_end(&cut.response);
		require_same(&whole, &cut, "in pieces, ended");
		REQUIRE(whole.state != RESPONSE_MORE, "more is wanted of an ended connection");
		REQUIRE(before == RESPONSE_MORE || before == whole.state, "%d became %d", before,
			whole.state);
	}
	return 0;
}
