// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/render/shares.h"

void shares_of(const uint64_t *parts_ns, size_t nr, unsigned *tenths)
{
	unsigned __int128 whole = 0, left[SHARES_MOST];
	unsigned missing = 1000;

	for (size_t i = 0; i < nr; i++)
		whole += parts_ns[i];
	for (size_t i = 0; i < nr; i++) {
		unsigned __int128 thousandfold = (unsigned __int128)parts_ns[i] * 1000;

		tenths[i] = whole ? (unsigned)(thousandfold / whole) : 0;
		left[i] = whole ? thousandfold % whole : 0;
		missing -= tenths[i];
	}
	for (; whole && missing; missing--) {
		size_t most = 0;

		for (size_t i = 1; i < nr; i++)
			if (left[i] > left[most])
				most = i;
		tenths[most]++;
		left[most] = 0;
	}
}
