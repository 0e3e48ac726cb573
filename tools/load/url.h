/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* http://HOST[:PORT][/PATH][?QUERY] in its parts (RFC 3986, RFC 9110, 4.2).  Pure. */
#ifndef WHYLATE_LOAD_URL_H
#define WHYLATE_LOAD_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/base/err.h"

struct load_url {
	char host[256]; /* an IPv6 address without its brackets */
	bool is_v6;
	uint16_t port;
	/* Path and query, in the text that was parsed and not yet checked; they may lack the first '/'. */
	const char *target;
	size_t target_bytes;
};

/*
 * TEXT must outlive URL.  What stands behind a '#' is left out, as it is never sent.  Returns 0, or -EINVAL
 * with a sentence.
 */
int load_url_parse(struct load_url *url, const char *text, struct err *err);

/* Whether PATH, with its query, may stand in a request's first line: the same. */
int load_url_check_path(const char *path, struct err *err);

#endif /* WHYLATE_LOAD_URL_H */
