/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the server is. */
#ifndef WHYLATE_LOAD_ADDRESS_H
#define WHYLATE_LOAD_ADDRESS_H

#include <stdbool.h>

#include "tools/load/plan.h"
#include "tools/load/url.h"
#include "user/base/err.h"

/*
 * Fill in the address and name of SERVER by the host and port of URL, or by UNIX_PATH if that is not NULL.  A
 * host with several addresses has its first IPv4 one, else its first.  Any but one of this machine's loopback
 * is refused unless IS_REMOTE.  Returns 0, -EINVAL for what cannot be, or -ENOENT for a name that nobody
 * knows.
 */
int load_address_find(struct load_server *server, const struct load_url *url, const char *unix_path,
		      bool is_remote, struct err *err);

#endif /* WHYLATE_LOAD_ADDRESS_H */
