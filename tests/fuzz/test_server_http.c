// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A connection of the reference servers.  The first byte says how the rest is cut, whether the server is
 * draining, and whether more comes before it has answered; the answers must not depend on the cuts, nor on
 * that, and no input holds more memory than its limits.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/server_talk.h"

bool fuzz_reached;

/* The Date may be another a moment later. */
static void blank_dates(char *text)
{
	for (char *at = text; at && (at = strstr(at, "\r\nDate: ")); at += 8)
		memset(at + 8, '-', strlen("Thu, 01 Jan 1970 00:00:00"));
}

static void check(const struct talk *t, size_t size)
{
	const struct conn *conn = &t->conn;
	enum conn_need need = conn_need(conn);

	REQUIRE(need == CONN_RECEIVE || need == CONN_DISCARD || need == CONN_CLOSE, "%d is left to do", need);
	REQUIRE(conn->in_bytes < HTTP_HEAD_BYTES || need != CONN_RECEIVE, "%u bytes kept", conn->in_bytes);
	REQUIRE(conn->in_bytes <= size, "%u bytes kept of %zu", conn->in_bytes, size);
	REQUIRE(!conn->out, "an answer is left");
	REQUIRE(need == CONN_RECEIVE || t->shut || conn->draining || need == CONN_CLOSE, "ended without a "
											 "word");
	REQUIRE(!conn_is_idle(conn) || (!conn->content && conn->in_bytes <= 2), "idle, and holds memory");
}

/* PIECE 0: at once.  LATE: one step of an answer for each piece that comes, and the rest in the end. */
static void run(struct talk *t, const uint8_t *data, size_t size, size_t piece, bool drains, bool late)
{
	talk_begin(t);
	if (drains)
		conn_drain(&t->conn);
	talk_feed_as(t, (const char *)data, size, piece, late);
	talk_go_on(t, piece);
	check(t, size);
	blank_dates(t->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct talk whole, cut;
	size_t piece;
	bool drains, late;

	if (size < 2 || size > CONN_LINGER_BYTES)
		return 0;
	piece = (data[0] & 63u) + 1u;
	late = data[0] >> 6 & 1;
	/* What a draining server still answers is what it has read: that does depend on the cuts. */
	drains = data[0] >> 7;
	run(&whole, data + 1, size - 1, drains ? piece : 0, drains, false);
	run(&cut, data + 1, size - 1, piece, drains, late);
	/* Whether a 100 is sent depends on whether the body is there already. */
	if ((!whole.text || !strstr(whole.text, " 100 ")) && (!cut.text || !strstr(cut.text, " 100 "))) {
		REQUIRE(whole.bytes == cut.bytes &&
				(!whole.bytes || !memcmp(whole.text, cut.text, cut.bytes)),
			"in pieces of %zu:\n%s\nand whole:\n%s", piece, cut.text ? cut.text : "",
			whole.text ? whole.text : "");
		REQUIRE(whole.shut == cut.shut, "ended %d, and in pieces %d", whole.shut, cut.shut);
		REQUIRE(conn_is_idle(&whole.conn) == conn_is_idle(&cut.conn), "idle or not");
	}
	fuzz_reached |= whole.text && strstr(whole.text, "HTTP/1.1 200 OK");
	talk_end(&whole);
	talk_end(&cut);
	return 0;
}
