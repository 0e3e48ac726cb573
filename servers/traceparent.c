// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/traceparent.h"

#include <string.h>

#define PARENT_ID_BYTES 8u
/* VERSION-TRACE_ID-PARENT_ID-FLAGS; versions after 00 may have more behind a dash. */
#define LENGTH 55u

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NR bytes in hexadecimal at *AT, and goes behind them.  Returns false if they are none. */
static bool take_bytes(const char **at, uint8_t *bytes, size_t nr)
{
	for (size_t i = 0; i < nr; i++, *at += 2) {
		int high = digit((*at)[0]), low = digit((*at)[1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool all_zero(const uint8_t *bytes, size_t nr)
{
	while (nr && !bytes[nr - 1])
		nr--;
	return !nr;
}

struct traceparent traceparent_parse(const char *value, size_t nr)
{
	const struct traceparent none = {};
	struct traceparent trace = { .is_known = true };
	uint8_t version, parent_id[PARENT_ID_BYTES];
	const char *at = value;

	if (nr < LENGTH || !take_bytes(&at, &version, 1) || version == 0xff)
		return none;
	if (nr > LENGTH && (!version || value[LENGTH] != '-'))
		return none;
	if (*at++ != '-' || !take_bytes(&at, trace.trace_id, TRACE_ID_BYTES) || *at++ != '-' ||
	    !take_bytes(&at, parent_id, PARENT_ID_BYTES) || *at++ != '-' || !take_bytes(&at, &trace.flags, 1))
		return none;
	if (all_zero(trace.trace_id, TRACE_ID_BYTES) || all_zero(parent_id, PARENT_ID_BYTES))
		return none;
	return trace;
}
