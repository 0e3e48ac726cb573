/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes as text (RFC 4648, 4). */
#ifndef WHYLATE_BASE_BASE64_H
#define WHYLATE_BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* SIZE BYTES into OUT, which has room for (SIZE + 2) / 3 * 4 + 1: with padding and a zero at the end. */
void base64_encode(char *out, const uint8_t *bytes, size_t size);

#endif /* WHYLATE_BASE_BASE64_H */
