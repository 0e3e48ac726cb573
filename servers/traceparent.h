/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The header field traceparent of W3C Trace Context: which trace a request is part of. */
#ifndef WHYLATE_SERVERS_TRACEPARENT_H
#define WHYLATE_SERVERS_TRACEPARENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_ID_BYTES 16u

struct traceparent {
	bool is_known;
	uint8_t flags;
	uint8_t trace_id[TRACE_ID_BYTES];
};

/* VALUE of NR bytes; is_known says whether it is a valid one, since others are to be passed over. */
struct traceparent traceparent_parse(const char *value, size_t nr);

#endif /* WHYLATE_SERVERS_TRACEPARENT_H */
