/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a fuzz target needs.  A target is one function of bytes (libFuzzer's own name, below) that ends
 * the program if something is wrong.  `make fuzz` links it with libFuzzer; the plain tests with replay.c,
 * which feeds it its corpus.
 */
#ifndef WHYLATE_TESTS_FUZZ_H
#define WHYLATE_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Set by the target once an input has got past all checks: a corpus without such a one tests little. */
extern bool fuzz_reached;

/* The program's end unless OK; the format says what is wrong with which values. */
#define REQUIRE(ok, ...)                                                               \
	do {                                                                           \
		if (!(ok)) {                                                           \
			fprintf(stderr, "%s:%d: not (%s): ", __FILE__, __LINE__, #ok); \
			fprintf(stderr, __VA_ARGS__);                                  \
			fputc('\n', stderr);                                           \
			abort();                                                       \
		}                                                                      \
	} while (0)

/* Nothing that a terminal would do something else with than show it. */
static inline bool fuzz_is_plain(const char *text)
{
	for (; *text; text++)
		if (*text != '\n' && (*text < ' ' || *text > '~'))
			return false;
	return true;
}

/* The input as a text of its own, so that a read past its end is seen.  Free it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	REQUIRE(text, "out of memory");
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

#endif /* WHYLATE_TESTS_FUZZ_H */
