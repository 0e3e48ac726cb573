/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the first bytes of a message look like: HTTP/1.x, what replaces it on a connection, or neither.
 *
 * A judgement of a beginning holds for every longer one; with all HTTP_LOOK_BYTES there, there is one.
 * Nothing behind the valid bytes has a say.  It is a look and no parser: what it takes for a request,
 * the server may still refuse.
 *
 * Pure C, compiled for the kernel and for the host's tests.  The bytes are compared as words, and where
 * they must be looked at one by one they are shifted through a register: no index for the verifier.
 */
#ifndef WHYLATE_BPF_HTTP_H
#define WHYLATE_BPF_HTTP_H

#include "request_abi.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a word's lowest byte is the first in memory");

#define HTTP_LOOK_BYTES 16

enum http_begins {
	HTTP_UNDECIDED, /* too short to tell, or empty */
	HTTP_REQUEST,
	HTTP_CONNECT, /* a request by CONNECT */
	HTTP_RESPONSE,
	HTTP_TLS,	/* a TLS record */
	HTTP_2_PREFACE, /* "PRI * HTTP/2.0" */
	HTTP_PROXY,	/* what a proxy says of its client, and a request, or another of these, behind it */
	HTTP_NOT,
};

struct http_words {
	__u64 low; /* the first eight bytes; what is not valid is 0 */
	__u64 high;
};

#define HTTP_WORD(a, b, c, d, e, f, g, h)                                                        \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

#define HTTP_EACH 0x0101010101010101ull /* times a byte: that one, eight times */

/* The first NR bytes of a word. */
static __always_inline __u64 http_mask(__u32 nr)
{
	return nr >= 8 ? ~0ull : (1ull << (8 * nr)) - 1;
}

/* What of the second word is valid. */
static __always_inline __u64 http_high_mask(__u32 length)
{
	return length > 8 ? http_mask(length - 8) : 0;
}

static __always_inline struct http_words http_words(const __u8 *bytes, __u32 length)
{
	const __u64 *words = __builtin_assume_aligned(bytes, sizeof(*words));
	struct http_words valid = {};

	__builtin_memcpy(&valid.low, words, sizeof(valid.low));
	__builtin_memcpy(&valid.high, words + 1, sizeof(valid.high));
	valid.low &= http_mask(length);
	valid.high &= http_high_mask(length);
	return valid;
}

/* The eight bytes from byte NR on; NR is below HTTP_LOOK_BYTES. */
static __always_inline __u64 http_from(struct http_words words, __u32 nr)
{
	if (nr >= 8)
		return words.high >> (8 * (nr - 8));
	return words.low >> (8 * nr) | words.high << 8 << (56 - 8 * nr);
}

/* The top bit of each byte that is from FIRST to LAST, which are from 1 to 127. */
static __always_inline __u64 http_between(__u64 word, __u8 first, __u8 last)
{
	__u64 bits7 = word & HTTP_EACH * 0x7f, from = bits7 + HTTP_EACH * (0x80u - first),
	      above = bits7 + HTTP_EACH * (0x7fu - last);

	return from & ~above & ~word & HTTP_EACH * 0x80;
}

/* How many bytes come before the first that http_between() did not find; 8 if it found all. */
static __always_inline __u32 http_count_found(__u64 found)
{
	__u64 other = ~found & HTTP_EACH * 0x80, lowest = (other & -other) >> 7;

	/* One less than the lowest bit of a byte is all ones in the bytes before it: their sum. */
	return (__u32)(((lowest - 1) & HTTP_EACH) * HTTP_EACH >> 56);
}

/* The methods of RFC 9110 and PATCH, whatever their target is; HTTP_UNDECIDED: none of them. */
static __always_inline __u32 http_known_method(__u64 low)
{
	__u32 first4 = (__u32)low;
	__u64 first5 = low & http_mask(5), first6 = low & http_mask(6);

	if (first4 == HTTP_WORD('G', 'E', 'T', ' ', 0, 0, 0, 0) ||
	    first5 == HTTP_WORD('P', 'O', 'S', 'T', ' ', 0, 0, 0) ||
	    first4 == HTTP_WORD('P', 'U', 'T', ' ', 0, 0, 0, 0) ||
	    first5 == HTTP_WORD('H', 'E', 'A', 'D', ' ', 0, 0, 0) ||
	    first6 == HTTP_WORD('P', 'A', 'T', 'C', 'H', ' ', 0, 0) ||
	    (low & http_mask(7)) == HTTP_WORD('D', 'E', 'L', 'E', 'T', 'E', ' ', 0) ||
	    low == HTTP_WORD('O', 'P', 'T', 'I', 'O', 'N', 'S', ' ') ||
	    first6 == HTTP_WORD('T', 'R', 'A', 'C', 'E', ' ', 0, 0))
		return HTTP_REQUEST;
	if (low == HTTP_WORD('C', 'O', 'N', 'N', 'E', 'C', 'T', ' '))
		return HTTP_CONNECT;
	return HTTP_UNDECIDED;
}

/*
 * What follows the method and its space, LEFT bytes of it: a target is a path, "*", or a URL.  Other
 * protocols have commands in capitals too (EHLO host), so "h" alone is not enough while there is more.
 */
static __always_inline __u32 http_look_target(__u64 low, __u32 left, __u32 full)
{
	__u8 first = (__u8)low;
	__u64 mask = http_mask(left < 4 ? left : 4);

	if (first == '/' || first == '*')
		return HTTP_REQUEST;
	if ((low & mask) != (HTTP_WORD('h', 't', 't', 'p', 0, 0, 0, 0) & mask))
		return HTTP_NOT;
	if (left >= 4 || (full && left))
		return HTTP_REQUEST;
	return full ? HTTP_NOT : HTTP_UNDECIDED;
}

/* The bytes that a method of any name is made of here. */
static __always_inline __u32 http_count_method(__u64 word)
{
	return http_count_found(http_between(word, 'A', 'Z') | http_between(word, '0', '9') |
				http_between(word, '-', '-') | http_between(word, '_', '_'));
}

/* Any method: 3 to 14 capitals, digits, '-' and '_', and a target. */
static __always_inline __u32 http_look_method(struct http_words words, __u32 length, __u32 full)
{
	__u32 nr = http_count_method(words.low);
	__u64 rest;

	if (nr == 8)
		nr += http_count_method(words.high);
	if (nr >= length)
		return full ? HTTP_NOT : HTTP_UNDECIDED;
	rest = http_from(words, nr);
	if (nr < 3 || (__u8)rest != ' ')
		return HTTP_NOT;
	return http_look_target(rest >> 8, length - nr - 1, full);
}

/* HTTP/2 that is spoken without being asked for; HTTP_NOT: it is not, and will not become it. */
static __always_inline __u32 http_look_preface(struct http_words words, __u32 length)
{
	const __u64 low = HTTP_WORD('P', 'R', 'I', ' ', '*', ' ', 'H', 'T'),
		    high = HTTP_WORD('T', 'P', '/', '2', '.', '0', 0, 0);

	if (words.low != (low & http_mask(length)) ||
	    (words.high & http_mask(6)) != (high & http_high_mask(length)))
		return HTTP_NOT;
	return length >= 14 ? HTTP_2_PREFACE : HTTP_UNDECIDED;
}

/*
 * The header of the PROXY protocol (HAProxy's doc/proxy-protocol.txt, 2.1 and 2.2): "PROXY TCP4 ...", with
 * TCP6 or UNKNOWN, or twelve bytes that begin with two empty lines.  HTTP_NOT: it is not, or too short for
 * that to say more than what the bytes are otherwise.
 */
static __always_inline __u32 http_look_proxy(struct http_words words, __u32 length)
{
	const __u64 text = HTTP_WORD('P', 'R', 'O', 'X', 'Y', ' ', 'T', 0),
		    low = HTTP_WORD('\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q'),
		    high = HTTP_WORD('U', 'I', 'T', '\n', 0, 0, 0, 0);

	/* 'T' and 'U' differ in one bit. */
	if (length > 6 && (words.low & http_mask(7) & ~(1ull << 48)) == text)
		return HTTP_PROXY;
	if (length < 5 || words.low != (low & http_mask(length)) ||
	    (words.high & http_mask(4)) != (high & http_high_mask(length)))
		return HTTP_NOT;
	return length >= 12 ? HTTP_PROXY : HTTP_UNDECIDED;
}

/* Records of the types 20 to 23, of any version from SSL 3.0 to what TLS 1.3 leaves in that place. */
static __always_inline __u32 http_look_tls(__u64 low, __u32 length)
{
	__u8 type = (__u8)low, major = (__u8)(low >> 8), minor = (__u8)(low >> 16);

	if (type < 0x14 || type > 0x17 || (length > 1 && major != 3) || minor > 4)
		return HTTP_NOT;
	return length > 2 ? HTTP_TLS : HTTP_UNDECIDED;
}

/* Of the ciphers that are in use, those with the longest MAC and padding need 85 bytes for an alert. */
#define HTTP_TLS_ALERT_BYTES_MAX 96

/*
 * Whether a message of SIZE bytes, of which LENGTH are valid, is an alert of TLS.  1.3 has it look like
 * data: two bytes, the type of what is inside, and the tag.
 */
static __always_inline __u32 http_is_tls_alert(const __u8 bytes[HTTP_LOOK_BYTES], __u32 length, __u32 size)
{
	__u64 low = http_words(bytes, length).low;
	__u8 type = (__u8)low, major = (__u8)(low >> 8);
	__u32 record_bytes = (__u32)(low >> 16 & 0xff00) | (__u8)(low >> 32);

	if (length < 5 || major != 3 || size != 5 + record_bytes)
		return 0;
	return type == 0x15 || (type == 0x17 && record_bytes == 2 + 1 + 16);
}

/* How many bytes of empty lines there are before the request line (RFC 9112 2.2): here, two lines at most. */
static __always_inline __u32 http_count_empty(__u32 first4)
{
	__u8 first = (__u8)first4;

	if (first != '\r' && first != '\n')
		return 0;
	return http_count_found(http_between(first4, '\r', '\r') | http_between(first4, '\n', '\n'));
}

/*
 * What a server reads first.  LENGTH of the BYTES are valid, at most HTTP_LOOK_BYTES; BYTES lie at a
 * multiple of 8.  Returns an enum http_begins; never HTTP_RESPONSE.
 */
static __always_inline __u32 http_look_request(const __u8 bytes[HTTP_LOOK_BYTES], __u32 length)
{
	struct http_words words = http_words(bytes, length);
	__u32 empty = http_count_empty((__u32)words.low), known;

	if (!length)
		return HTTP_UNDECIDED;
	known = http_look_proxy(words, length);
	if (known != HTTP_NOT)
		return known;
	if (empty) {
		words.low = http_from(words, empty);
		words.high >>= 8 * empty;
	}
	known = http_known_method(words.low);
	if (known != HTTP_UNDECIDED)
		return known;
	if (!empty) {
		known = http_look_tls(words.low, length);
		if (known == HTTP_NOT)
			known = http_look_preface(words, length);
		if (known != HTTP_NOT)
			return known;
	}
	return http_look_method(words, length - empty, length == HTTP_LOOK_BYTES);
}

/*
 * What a server sends first; bytes and length as above.  Returns HTTP_RESPONSE with *STATUS from 100 to
 * 599, HTTP_UNDECIDED or HTTP_NOT; *STATUS is 0 with these.
 */
static __always_inline __u32 http_look_response(const __u8 bytes[HTTP_LOOK_BYTES], __u32 length,
						__u32 *status)
{
	const __u64 version = HTTP_WORD('H', 'T', 'T', 'P', '/', '1', '.', '0');
	struct http_words words = http_words(bytes, length);
	__u8 space = (__u8)words.high, hundreds = (__u8)(words.high >> 8), tens = (__u8)(words.high >> 16),
	     ones = (__u8)(words.high >> 24);

	*status = 0;
	/* HTTP/1.0 and HTTP/1.1 differ in one bit. */
	if ((words.low & ~(1ull << 56)) != (version & http_mask(length)))
		return HTTP_NOT;
	if ((length > 8 && space != ' ') || (length > 9 && (hundreds < '1' || hundreds > '5')) ||
	    (length > 10 && (tens < '0' || tens > '9')) || (length > 11 && (ones < '0' || ones > '9')))
		return HTTP_NOT;
	if (length < 12)
		return HTTP_UNDECIDED;
	*status = (hundreds - '0') * 100u + (tens - '0') * 10u + (ones - '0');
	return HTTP_RESPONSE;
}

/* The class of a final response's status, an enum request_status; of 1xx, only 101 is final. */
static __always_inline __u32 http_status_class(__u32 status)
{
	_Static_assert(STATUS_1XX == 1 && STATUS_5XX == 5, "the class is the first digit");

	return status < 100 || status > 599 ? STATUS_UNKNOWN : status / 100;
}

#endif /* WHYLATE_BPF_HTTP_H */
