/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text that flows over as many lines as it takes, none wider than TEXT_COLUMNS. */
#ifndef WHYLATE_RENDER_TEXT_FLOW_H
#define WHYLATE_RENDER_TEXT_FLOW_H

#include <stddef.h>
#include <stdio.h>

/* Items behind a label; a further line begins below the first item.  Without an item nothing is printed. */
struct text_list {
	FILE *out;
	const char *label, *separator; /* before the first item; between two */
	size_t column;		       /* 0: no item yet */
};

void text_list_add(struct text_list *list, const char *item);
/* Ends the line. */
void text_list_end(const struct text_list *list);

/* Sentences that are put together before they are printed; what does not fit is cut. */
struct text_paragraph {
	char text[1024];
	size_t length;
};

void text_say(struct text_paragraph *paragraph, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Breaks lines at spaces, but none behind a digit: "12.3 ms" and "64.0 %" stay together. */
void text_paragraph(const struct text_paragraph *paragraph, FILE *out);

#endif /* WHYLATE_RENDER_TEXT_FLOW_H */
