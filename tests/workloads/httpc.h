/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An answer as it comes in, for httpc. */
#ifndef WHYLATE_WORKLOADS_HTTPC_H
#define WHYLATE_WORKLOADS_HTTPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum answer_event {
	ANSWER_MORE,	/* everything was taken, and it is not whole */
	ANSWER_INTERIM, /* a 1xx is whole; the final one follows */
	ANSWER_WHOLE,
	ANSWER_BAD, /* not HTTP/1.x */
};

/* All zeroes before the first byte, and again after ANSWER_WHOLE. */
struct answer {
	enum { IN_HEAD, IN_BODY, IN_CHUNK_SIZE, IN_CHUNK, IN_CHUNK_END, IN_TRAILER, UNTIL_CLOSED } state;
	unsigned status;
	bool close; /* the server will close the connection after it */
	bool chunked, has_length;
	uint64_t left;	   /* bytes of the body, or of this chunk */
	uint64_t known_ns; /* X-Known-ns */
	char line[512];	   /* the line that is being read; longer ones are cut */
	size_t line_bytes;
};

/* Takes up to BYTES of DATA until something happens; *TAKEN says how many. HEAD_ONLY: no body will come. */
enum answer_event answer_take(struct answer *a, const char *data, size_t bytes, size_t *taken,
			      bool head_only);
/* Whether an answer that the end of the connection cuts here is whole. */
bool answer_ends_here(const struct answer *a);

#endif /* WHYLATE_WORKLOADS_HTTPC_H */
