// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Bytes are not kept, so a line may come in any number of pieces: each step below takes what it understands
 * and says what comes next.  What does not matter - most of an answer - is passed over as fast as memchr()
 * goes.  docs/decisions/0014-load-generator.md: why our own.
 *
 * A client may be lenient (RFC 9112, 2.2): LF alone ends a line, a CR elsewhere is a blank, and so is the
 * beginning of a folded line.
 */
#include "tools/load/response.h"

#include <string.h>

#define LONGEST_CONTENT (1ull << 63)

enum step {
	STEP_VERSION,
	STEP_STATUS_BLANK, /* before the status */
	STEP_STATUS,
	STEP_STATUS_END, /* a blank, or the line's end */
	STEP_REASON,
	STEP_LINE, /* at its first byte */
	STEP_LAST_LF,
	STEP_WORD, /* a field's name that may be one of those that matter */
	STEP_NAME, /* another */
	STEP_VALUE,
	STEP_LENGTH,
	STEP_LIST,
	STEP_HEAD_END, /* or that of the trailers */
	STEP_CHUNKS,
	STEP_CONTENT_LENGTH,
	STEP_UNTIL_CLOSE,
	/* In the order of enum response_state. */
	STEP_WHOLE,
	STEP_MALFORMED,
	STEP_TOO_LONG,
};

/*
 * All words that matter: names, then members of values.  As long as what has come is the beginning of the
 * next one too, it may still be that.
 */
static const struct {
	const char *text;
	uint8_t same; /* how many bytes it begins with as the one before it does */
} words[] = { { "connection", 0 }, { "content-length", 3 }, { "transfer-encoding", 0 },
	      { "chunked", 0 },	   { "close", 1 },	    { "keep-alive", 0 } };
enum { WORD_CONNECTION, WORD_LENGTH, WORD_CODING, WORD_CHUNKED, WORD_CLOSE, WORD_KEEP_ALIVE, WORD_NONE };

/* The bytes at hand. */
struct piece {
	const char *at, *end;
};

void response_begin(struct response *r, bool is_head)
{
	*r = (struct response){ .is_head = is_head };
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* A CR that ends no line counts as a blank, and before the LF blanks do not count. */
static bool is_space(char byte)
{
	return http_is_blank(byte) || byte == '\r';
}

/* FIRST of those that it may be. */
static void begin_word(struct response *r, uint8_t first)
{
	r->word = first;
	r->word_bytes = 0;
	r->gap = false;
}

static bool is_word(const struct response *r, unsigned word)
{
	return r->word == word && !words[word].text[r->word_bytes];
}

static char to_lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

/* What is the word that it seems to be: all of it, as a rule. */
static void take_same(struct response *r, struct piece *p)
{
	const char *word = r->word == WORD_NONE || r->gap ? "" : words[r->word].text + r->word_bytes;
	const char *at = p->at;

	while (at < p->end && *word && to_lower(*at) == *word) {
		at++;
		word++;
	}
	r->word_bytes += (uint8_t)(at - p->at);
	p->at = at;
}

static void add_to_word(struct response *r, char byte)
{
	char lower = to_lower(byte);

	if (r->gap || !lower)
		r->word = WORD_NONE;
	while (r->word < WORD_NONE && words[r->word].text[r->word_bytes] != lower)
		if (++r->word < WORD_NONE && words[r->word].same < r->word_bytes)
			r->word = WORD_NONE;
	if (r->word < WORD_NONE)
		r->word_bytes++;
}

/* A byte of a word, or of the blanks around it. */
static void take_word_byte(struct response *r, char byte)
{
	if (!is_space(byte))
		add_to_word(r, byte);
	else if (r->word_bytes || r->word == WORD_NONE)
		r->gap = true;
}

static void end_member(struct response *r)
{
	if (r->field == WORD_CONNECTION) {
		r->says_close |= is_word(r, WORD_CLOSE);
		r->says_keep_alive |= is_word(r, WORD_KEEP_ALIVE);
	} else if (r->word_bytes || r->word == WORD_NONE) {
		r->has_coding = true;
		r->is_chunked = is_word(r, WORD_CHUNKED); /* the last one counts */
	}
	begin_word(r, WORD_CHUNKED);
}

static void begin_number(struct response *r)
{
	r->number = 0;
	r->word_bytes = 0;
	r->gap = false;
}

/* More than one is a mistake that many make; more than one value is none to be mended. */
static void end_number(struct response *r)
{
	r->bad_length |= !r->word_bytes || (r->has_length && r->length != r->number);
	r->length = r->number;
	r->has_length = true;
	begin_number(r);
}

static void take_number_byte(struct response *r, char byte)
{
	if (is_space(byte)) {
		r->gap = r->word_bytes;
	} else if (!is_digit(byte) || r->gap || r->number > LONGEST_CONTENT / 10) {
		r->bad_length = true;
	} else {
		r->number = r->number * 10 + (uint64_t)(byte - '0');
		r->bad_length |= r->number > LONGEST_CONTENT;
		r->word_bytes = 1;
	}
}

/* All of a field has come: what follows is no folded line of it. */
static void end_field(struct response *r)
{
	if (r->field == WORD_LENGTH)
		end_number(r);
	else if (r->field != WORD_NONE)
		end_member(r);
	r->field = WORD_NONE;
}

/* "HTTP/1.", a digit, and what parts it from the status. */
static void take_version(struct response *r, struct piece *p)
{
	static const char version[] = "HTTP/1.";
	const size_t length = sizeof(version) - 1;

	if (!r->word_bytes && (size_t)(p->end - p->at) > length && !memcmp(p->at, version, length)) {
		r->word_bytes = (uint8_t)length;
		p->at += length;
	}
	for (; p->at < p->end && r->step == STEP_VERSION; p->at++) {
		if (r->word_bytes < length ? *p->at != version[r->word_bytes] : !is_digit(*p->at)) {
			r->step = STEP_MALFORMED;
			return;
		}
		r->http11 = *p->at != '0';
		if (++r->word_bytes > length)
			r->step = STEP_STATUS_BLANK;
	}
	if (r->step == STEP_STATUS_BLANK)
		r->word_bytes = 0;
}

static void take_status(struct response *r, struct piece *p)
{
	for (; p->at < p->end && r->step != STEP_STATUS_END; p->at++) {
		if (r->step == STEP_STATUS_BLANK && http_is_blank(*p->at)) {
			r->word_bytes = 1;
		} else if (r->word_bytes && is_digit(*p->at)) {
			r->step = ++r->word_bytes < 4 ? STEP_STATUS : STEP_STATUS_END;
			r->number = r->number * 10 + (uint64_t)(*p->at - '0');
		} else {
			r->step = STEP_MALFORMED;
			return;
		}
	}
}

static void end_status_line(struct response *r)
{
	r->is_interim = r->number < 200 && r->number != 101;
	if (!r->is_interim)
		r->status = (uint16_t)r->number;
	r->field = WORD_NONE;
	r->step = STEP_LINE;
}

/* Up to and with the LF; false: it has not come. */
static bool skip_line(struct piece *p)
{
	const char *lf = memchr(p->at, '\n', (size_t)(p->end - p->at));

	p->at = lf ? lf + 1 : p->end;
	return lf;
}

static void take_reason(struct response *r, struct piece *p)
{
	if (r->step == STEP_STATUS_END && (r->number < 100 || (!is_space(*p->at) && *p->at != '\n'))) {
		r->step = STEP_MALFORMED;
		return;
	}
	r->step = STEP_REASON;
	if (skip_line(p))
		end_status_line(r);
}

/* The first byte of a line tells whether it is folded, the last one, or which fields it can be. */
static void take_line(struct response *r, struct piece *p)
{
	char byte = *p->at;

	if (http_is_blank(byte)) {
		r->step = r->field == WORD_LENGTH ? STEP_LENGTH :
			  r->field == WORD_NONE	  ? STEP_VALUE :
						    STEP_LIST;
		return;
	}
	end_field(r);
	if (byte == '\r' || byte == '\n') {
		r->step = byte == '\r' ? STEP_LAST_LF : STEP_HEAD_END;
		p->at++;
	} else if (byte == ':') {
		r->step = STEP_MALFORMED;
	} else {
		byte |= 0x20;
		r->step = (byte == 'c' || byte == 't') && !r->in_trailers ? STEP_WORD : STEP_NAME;
		begin_word(r, WORD_CONNECTION);
	}
}

static void take_last_lf(struct response *r, struct piece *p)
{
	r->step = *p->at == '\n' ? STEP_HEAD_END : STEP_MALFORMED;
	p->at += *p->at == '\n';
}

/* Blanks before the colon are a mistake that is understood by all. */
static void take_word(struct response *r, struct piece *p)
{
	for (take_same(r, p); p->at < p->end && *p->at != ':' && *p->at != '\n'; take_same(r, p)) {
		take_word_byte(r, *p->at++);
		if (r->word == WORD_NONE)
			break;
	}
	if (r->word == WORD_NONE) {
		r->step = STEP_NAME;
		return;
	}
	if (p->at == p->end)
		return;
	r->step = *p->at == '\n'	      ? STEP_MALFORMED :
		  is_word(r, WORD_LENGTH)     ? STEP_LENGTH :
		  is_word(r, WORD_CODING)     ? STEP_LIST :
		  is_word(r, WORD_CONNECTION) ? STEP_LIST :
						STEP_VALUE;
	if (r->step == STEP_MALFORMED)
		return;
	p->at++;
	if (r->step != STEP_VALUE)
		r->field = r->word;
	if (r->step == STEP_LENGTH)
		begin_number(r);
	else
		begin_word(r, WORD_CHUNKED);
}

/* Of a field that does not matter only that there is a colon, and the line's end. */
static void take_name(struct response *r, struct piece *p)
{
	const char *lf = memchr(p->at, '\n', (size_t)(p->end - p->at)), *end = lf ? lf : p->end;
	const char *colon = memchr(p->at, ':', (size_t)(end - p->at));

	p->at = end;
	if (!colon) {
		r->step = lf ? STEP_MALFORMED : STEP_NAME;
		return;
	}
	r->step = lf ? STEP_LINE : STEP_VALUE;
	p->at += lf != NULL;
}

/* The value of a field that matters: members, parted by commas. */
static void take_list(struct response *r, struct piece *p)
{
	for (take_same(r, p); p->at < p->end && *p->at != '\n'; take_same(r, p)) {
		if (*p->at == ',')
			end_member(r);
		else
			take_word_byte(r, *p->at);
		p->at++;
	}
	r->step = skip_line(p) ? STEP_LINE : STEP_LIST;
}

static void take_length(struct response *r, struct piece *p)
{
	for (; p->at < p->end && *p->at != '\n'; p->at++) {
		if (*p->at == ',')
			end_number(r);
		else
			take_number_byte(r, *p->at);
	}
	r->step = skip_line(p) ? STEP_LINE : STEP_LENGTH;
}

static void take_lines(struct response *r, struct piece *p)
{
	while (p->at < p->end && r->step < STEP_HEAD_END) {
		switch (r->step) {
		case STEP_VERSION:
			take_version(r, p);
			break;
		case STEP_STATUS_BLANK:
		case STEP_STATUS:
			take_status(r, p);
			break;
		case STEP_STATUS_END:
		case STEP_REASON:
			take_reason(r, p);
			break;
		case STEP_LINE:
			take_line(r, p);
			break;
		case STEP_LAST_LF:
			take_last_lf(r, p);
			break;
		case STEP_WORD:
			take_word(r, p);
			break;
		case STEP_NAME:
			take_name(r, p);
			break;
		case STEP_VALUE:
			r->step = skip_line(p) ? STEP_LINE : STEP_VALUE;
			break;
		case STEP_LENGTH:
			take_length(r, p);
			break;
		default:
			take_list(r, p);
		}
	}
}

/* How the content is framed (RFC 9112, 6.3), in that order. */
static uint8_t content_step(struct response *r)
{
	if (r->is_head || r->status == 101 || r->status == 204 || r->status == 304)
		return STEP_WHOLE;
	if (r->has_coding && r->is_chunked)
		return STEP_CHUNKS;
	if (r->has_coding)
		return STEP_UNTIL_CLOSE;
	if (r->bad_length)
		return STEP_MALFORMED;
	if (!r->has_length)
		return STEP_UNTIL_CLOSE;
	r->chunk.left = r->length;
	return r->length ? STEP_CONTENT_LENGTH : STEP_WHOLE;
}

static void end_head(struct response *r)
{
	bool two_framings = r->has_coding && (r->has_length || !r->http11);

	if (r->is_interim) {
		response_begin(r, r->is_head);
		r->begun = true;
		return;
	}
	r->head_bytes = 0;
	r->step = r->in_trailers ? STEP_WHOLE : content_step(r);
	r->keep_alive = !r->says_close && (r->http11 || r->says_keep_alive) && !two_framings &&
			r->status != 101 && r->step != STEP_UNTIL_CLOSE;
}

/* The frame of a chunk; its last one is followed by trailers, which are lines as a head has them. */
static void take_frame(struct response *r, struct piece *p)
{
	while (p->at < p->end && r->chunk.state != HTTP_CHUNK_DATA && r->chunk.state != HTTP_CHUNK_LAST) {
		if (http_chunk_take(&r->chunk, *p->at, false)) {
			r->step = STEP_MALFORMED;
			return;
		}
		p->at++;
	}
}

static void take_head(struct response *r, struct piece *p)
{
	size_t room = RESPONSE_HEAD_BYTES - r->head_bytes, nr = (size_t)(p->end - p->at);
	struct piece part = { p->at, p->at + (nr < room ? nr : room) };

	if (r->step == STEP_CHUNKS)
		take_frame(r, &part);
	else
		take_lines(r, &part);
	r->head_bytes += (uint32_t)(part.at - p->at);
	p->at = part.at;
	if (r->step == STEP_HEAD_END) {
		end_head(r);
	} else if (r->step == STEP_CHUNKS && r->chunk.state == HTTP_CHUNK_DATA) {
		r->head_bytes = 0;
	} else if (r->step == STEP_CHUNKS && r->chunk.state == HTTP_CHUNK_LAST) {
		r->head_bytes = 0;
		r->in_trailers = true;
		r->step = STEP_LINE;
	} else if (r->head_bytes == RESPONSE_HEAD_BYTES && r->step < STEP_WHOLE) {
		r->step = STEP_TOO_LONG;
	}
}

static void pass_content(struct response *r, struct piece *p)
{
	size_t nr = (size_t)(p->end - p->at);

	if (r->step != STEP_UNTIL_CLOSE) {
		nr = nr < r->chunk.left ? nr : (size_t)r->chunk.left;
		http_chunk_pass(&r->chunk, nr);
		if (r->step == STEP_CONTENT_LENGTH && !r->chunk.left)
			r->step = STEP_WHOLE;
	}
	r->content += nr;
	p->at += nr;
}

static enum response_state state_of(const struct response *r)
{
	return r->step < STEP_WHOLE ? RESPONSE_MORE :
				      (enum response_state)(r->step - STEP_WHOLE + RESPONSE_WHOLE);
}

enum response_state response_take(struct response *r, const char *bytes, size_t nr, size_t *used)
{
	struct piece p = { bytes, bytes + nr };

	r->begun |= nr > 0;
	while (p.at < p.end && r->step < STEP_WHOLE) {
		if (r->step > STEP_CHUNKS || (r->step == STEP_CHUNKS && r->chunk.state == HTTP_CHUNK_DATA))
			pass_content(r, &p);
		else
			take_head(r, &p);
	}
	*used = (size_t)(p.at - bytes);
	return state_of(r);
}

enum response_state response_end(struct response *r)
{
	if (r->step < STEP_WHOLE)
		r->step = r->step == STEP_UNTIL_CLOSE ? STEP_WHOLE : STEP_MALFORMED;
	return state_of(r);
}
