/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Answers as bytes. */
#ifndef WHYLATE_SERVERS_RESPONSE_H
#define WHYLATE_SERVERS_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESPONSE_CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

struct response {
	uint16_t status;
	const char *content_type;
	const char *allow; /* NULL: no such field */
	const char *body;
	size_t body_bytes;
	bool no_body; /* the head alone, as if it were followed by the body */
	bool close;
	bool says_keep_alive; /* to who would not take it for granted */
};

/* The statuses that there are, ascending. */
#define RESPONSE_STATUSES 15
extern const uint16_t response_statuses[RESPONSE_STATUSES];

/* The place of STATUS among them; it is one of them. */
unsigned response_index(uint16_t status);

const char *response_reason(uint16_t status);

/* *BYTES of head and body, in memory to be freed; NULL if there is none. */
char *response_make(const struct response *response, size_t *bytes);

/* RESPONSE_CONTINUE, likewise. */
char *response_continue(void);

#endif /* WHYLATE_SERVERS_RESPONSE_H */
