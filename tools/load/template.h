/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What all requests of a run have in common, and a request made of it. */
#ifndef WHYLATE_LOAD_TEMPLATE_H
#define WHYLATE_LOAD_TEMPLATE_H

#include <stddef.h>

#include "tools/load/plan.h"
#include "user/base/err.h"

/* More is for a benchmark of uploads. */
#define TEMPLATE_BODY_BYTES (16u << 20)

struct load_template {
	char *method;
	char *host;	  /* the value of the field */
	char *fields;	  /* lines of the head, each with its end; Host and Connection are not among them */
	char *connection; /* the lines of Connection, which the last request of a connection has its own of */
	char *body;
	size_t body_bytes;
};

/*
 * By the options METHOD, BODY_PATH and HEADERS, as in struct load_target_options; HOST stands where no header
 * says another.  Returns 0, or with a sentence -EINVAL for what cannot be, another -errno for a body that
 * cannot be read.  load_template_free() is due in either case.
 */
int load_template_make(struct load_template *template, const char *method, const char *body_path,
		       const char *const *headers, uint32_t nr_headers, const char *host, struct err *err);

/* Whether METHOD can be asked with: 0, or -EINVAL with a sentence. */
int load_template_check_method(const char *method, struct err *err);

/* Make the bytes of REQUEST, which are the caller's to free, of what was checked.  0, or -ENOMEM. */
int load_template_render(const struct load_template *template, const char *method, const char *path,
			 struct load_request *request, struct err *err);

void load_template_free(struct load_template *template);

#endif /* WHYLATE_LOAD_TEMPLATE_H */
