// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/base/plain.h"

void plain_text(char *out, size_t size, const char *text)
{
	size_t i;

	for (i = 0; i < size - 1 && text[i]; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	out[i] = '\0';
}
