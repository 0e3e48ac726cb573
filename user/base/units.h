/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The only place that turns quantities into words and words into quantities. */
#ifndef WHYLATE_BASE_UNITS_H
#define WHYLATE_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* Enough for any result of the functions below. */
#define UNITS_TEXT_BYTES 32

/*
 * "10s", "500ms", "1.5m", "2h", "100us", "7ns": a number and a unit, nothing else.
 * Returns 0 with *NS set; -EINVAL for anything else; -ERANGE if it does not fit.
 */
int units_parse_duration(const char *text, uint64_t *ns);

/*
 * "2026-11-24T06:56:56.652435Z": RFC 3339 in UTC, with a Z and any fraction of a second.
 * Returns 0 with *SINCE_1970_NS set; -EINVAL for anything else; -ERANGE if no clock of the kernel's tells
 * it: before 1970, or more than 2^63 - 1 ns after (in 2262).
 */
int units_parse_utc(const char *text, uint64_t *since_1970_ns);

/* The same back, cut to microseconds.  Returns BUF. */
char *units_format_utc(char *buf, size_t size, uint64_t since_1970_ns);

/* "1.23 ms": three significant digits, ns to h.  Returns BUF. */
char *units_format_ns(char *buf, size_t size, uint64_t ns);

/* "12,345".  Returns BUF. */
char *units_format_count(char *buf, size_t size, uint64_t count);

/* "1.23 MB" (powers of 1000).  Returns BUF. */
char *units_format_bytes(char *buf, size_t size, uint64_t bytes);

#endif /* WHYLATE_BASE_UNITS_H */
