/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* SHA-256, by OpenSSL: the CPU work of every server, with the same bytes and results in each. */
#ifndef WHYLATE_SERVERS_SHA_H
#define WHYLATE_SERVERS_SHA_H

#include <stddef.h>
#include <stdint.h>

#include "user/base/err.h"

#define SHA_BYTES	32u
#define SHA_BLOCK_BYTES 16384u

/* Once, before any other.  Returns 0 or -errno with a sentence in ERR. */
int sha_init(struct err *err);

/* Returns 0, or -ENOMEM. */
int sha_digest(const void *bytes, size_t nr, uint8_t digest[SHA_BYTES]);

/*
 * The step `sha`: ROUNDS digests of a block of SHA_BLOCK_BYTES, in which byte i is i modulo 251 and then, but
 * for the first round, the digest of the round before stands over the beginning.  PAUSE is called between two
 * rounds; NULL: nothing.  Returns 0, or -ENOMEM.
 */
int sha_chain(uint32_t rounds, uint8_t digest[SHA_BYTES], void (*pause)(void));

#endif /* WHYLATE_SERVERS_SHA_H */
