// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/client_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/report/client.h"

/* A day of histograms, one a second, is some tens of MB. */
#define CLIENT_FILE_MAX (256u << 20)
#define CHUNK		(64u << 10)

/* All of IN into *TEXT, which is the caller's to free in any case. */
static int read_all(FILE *in, const char *path, char **text, size_t *size, struct err *err)
{
	size_t room = 0, got;

	do {
		if (room - *size < CHUNK) {
			char *more = realloc(*text, room = 2 * room + CHUNK);

			if (!more)
				return err_set(err, ENOMEM, "cannot read %s: out of memory", path);
			*text = more;
		}
		got = fread(*text + *size, 1, room - *size, in);
		*size += got;
		if (*size > CLIENT_FILE_MAX)
			return err_set(err, EFBIG, "cannot read %s: it has more than %u MiB", path,
				       CLIENT_FILE_MAX >> 20);
	} while (got);
	if (ferror(in))
		return err_set(err, errno ? errno : EIO, "cannot read %s: %s", path,
			       strerror(errno ? errno : EIO));
	return *size ? 0 : err_set(err, EINVAL, "cannot read %s: it is empty", path);
}

int client_file_add(struct report *report, const char *path, struct err *err)
{
	struct report_client client;
	char *text = NULL;
	size_t size = 0;
	FILE *in;
	int ret;

	if (!report->requests.watched || !report->requests.count)
		return err_set(err, EINVAL, "cannot compare with %s: %s", path,
			       report->requests.watched ? "no request was answered" :
							  "the requests were not watched");
	in = fopen(path, "re");
	if (!in)
		return err_set(err, errno, "cannot read %s: %s", path, strerror(errno));
	errno = 0;
	ret = read_all(in, path, &text, &size, err);
	fclose(in);
	if (!ret)
		ret = client_read(text, size, path, &client, err);
	free(text);
	if (!ret)
		report->requests.client = client;
	return ret;
}
