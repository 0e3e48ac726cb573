// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/render/text_flow.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "user/render/text_parts.h"

static size_t without_spaces(const char *text, size_t length)
{
	while (length && text[length - 1] == ' ')
		length--;
	return length;
}

void text_list_add(struct text_list *list, const char *item)
{
	const char *separator = list->separator;
	size_t indent = strlen(list->label), length = without_spaces(separator, strlen(separator));

	if (!list->column) {
		fputs(list->label, list->out);
		list->column = indent;
	} else if (list->column + strlen(separator) + strlen(item) + length > TEXT_COLUMNS) {
		/* The separator's own end would be invisible there. */
		fprintf(list->out, "%.*s\n%*s", (int)length, separator, (int)indent, "");
		list->column = indent;
	} else {
		fputs(separator, list->out);
		list->column += strlen(separator);
	}
	fputs(item, list->out);
	list->column += strlen(item);
}

void text_list_end(const struct text_list *list)
{
	if (list->column)
		fputc('\n', list->out);
}

void text_say(struct text_paragraph *paragraph, const char *format, ...)
{
	size_t room = sizeof(paragraph->text) - paragraph->length;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(paragraph->text + paragraph->length, room, format, args);
	va_end(args);
	if (length > 0)
		paragraph->length += (size_t)length < room ? (size_t)length : room - 1;
}

/* Where the line that begins at TEXT ends: at its last good space, if it has one. */
static size_t line_length(const char *text)
{
	size_t end = strlen(text), at;

	if (end <= TEXT_COLUMNS)
		return end;
	for (at = TEXT_COLUMNS; at > 0; at--)
		if (text[at] == ' ' && !isdigit((unsigned char)text[at - 1]))
			return at;
	return TEXT_COLUMNS;
}

void text_paragraph(const struct text_paragraph *paragraph, FILE *out)
{
	const char *at = paragraph->text;

	while (*at) {
		size_t length = line_length(at);

		fprintf(out, "%.*s\n", (int)length, at);
		at += length;
		while (*at == ' ')
			at++;
	}
}
