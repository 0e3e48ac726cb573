// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/base/quote.h"

#include <stdlib.h>
#include <string.h>

/* Write WORD to OUT so that a shell reads it as one word again; returns the end. */
static char *quote_word(char *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "%+,-./:=@_";

	if (*word && !word[strspn(word, plain)])
		return stpcpy(out, word);
	*out++ = '\'';
	for (; *word; word++) {
		if (*word == '\'')
			out = stpcpy(out, "'\\''");
		else
			*out++ = *word;
	}
	return stpcpy(out, "'");
}

char *quote_command(const char *program, int nr, char *const *words)
{
	size_t bytes = strlen(program) + 1;
	char *text, *end;

	for (int i = 0; i < nr; i++)
		bytes += strlen(" ''") + strlen("'\\''") * strlen(words[i]);
	text = malloc(bytes);
	if (!text)
		return NULL;
	end = stpcpy(text, program);
	for (int i = 0; i < nr; i++)
		end = quote_word(stpcpy(end, " "), words[i]);
	return text;
}
