// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/base/base64.h"

void base64_encode(char *out, const uint8_t *bytes, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < size; i += 3) {
		uint32_t three = (uint32_t)bytes[i] << 16;

		if (i + 1 < size)
			three |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < size)
			three |= bytes[i + 2];
		for (size_t j = 0; j < 4; j++)
			*out++ = i + j > size ? '=' : digits[three >> (18 - 6 * j) & 63];
	}
	*out = '\0';
}
