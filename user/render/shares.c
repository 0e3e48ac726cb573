// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/render/shares.h"

void shares_among(unsigned whole, const uint64_t *parts_ns, size_t nr, unsigned *shares)
{
	unsigned __int128 sum = 0, left[SHARES_MOST];
	unsigned missing = whole;

	for (size_t i = 0; i < nr; i++)
		sum += parts_ns[i];
	for (size_t i = 0; i < nr; i++) {
		unsigned __int128 product = (unsigned __int128)parts_ns[i] * whole;

		shares[i] = sum ? (unsigned)(product / sum) : 0;
		left[i] = sum ? product % sum : 0;
		missing -= shares[i];
	}
	for (; sum && missing; missing--) {
		size_t most = 0;

		for (size_t i = 1; i < nr; i++)
			if (left[i] > left[most])
				most = i;
		shares[most]++;
		left[most] = 0;
	}
}

void shares_of(const uint64_t *parts_ns, size_t nr, unsigned *tenths)
{
	shares_among(1000, parts_ns, nr, tenths);
}
