// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list args;

	if (err->code)
		return -err->code;
	err->code = code;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	return -code;
}

void err_clear(struct err *err)
{
	memset(err, 0, sizeof(*err));
}

const char *err_name(int code)
{
	static __thread char other[24];
	const char *name = strerrorname_np(abs(code));

	if (name)
		return name;
	snprintf(other, sizeof(other), "errno %d", abs(code));
	return other;
}
