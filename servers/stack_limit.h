/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How many stacks with a guard a process can have, for models that give one to each connection. */
#ifndef WHYLATE_SERVERS_STACK_LIMIT_H
#define WHYLATE_SERVERS_STACK_LIMIT_H

#include "servers/server.h"

/* Where it may have MAPS mappings, and a guard parts one in two: two each, and some are kept for others. */
uint32_t stack_limit(uint64_t maps);

/* The same for this machine, by vm.max_map_count. */
uint32_t stack_limit_here(void);

/*
 * SERVER has room for the stacks of MOST connections and of those who are told that there is no more: says so
 * if that is fewer than its files allow.  Returns 0, or -ENOMEM with a sentence in ERR if more were asked for.
 */
int stack_limit_connections(struct server *server, uint32_t most, struct err *err);

#endif /* WHYLATE_SERVERS_STACK_LIMIT_H */
