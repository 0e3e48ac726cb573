// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cmd_output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "user/cmd.h"
#include "user/render/render.h"
#include "user/report/report_json.h"

static bool wants_text(const struct output *output)
{
	return output->json != stdout;
}

int output_open(struct output *output, const char *path, bool stream, bool full, struct err *err)
{
	int fd;

	memset(output, 0, sizeof(*output));
	output->path = path;
	output->stream = stream;
	output->full = full;
	if (!path)
		return 0;
	if (!strcmp(path, "-")) {
		output->json = stdout;
		return 0;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	output->json = fd < 0 ? NULL : fdopen(fd, "w");
	if (output->json)
		return 0;
	err_set(err, errno, "cannot write %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -err->code;
}

static void json_failed(struct output *output, int code)
{
	err_set(&output->json_err, code, "cannot write %s: %s", output->path, strerror(code));
}

void output_begin(struct output *output)
{
	/* EINVAL: a pipe or a device, which has nothing to empty. */
	if (output->json && wants_text(output) && ftruncate(fileno(output->json), 0) && errno != EINVAL)
		json_failed(output, errno);
}

int output_put(const struct report *report, void *context, struct err *err)
{
	struct output *output = context;
	bool text = wants_text(output);

	output->lost |= report_has_losses(report);
	if (text && !output->text_err.code) {
		if (output->begun)
			putchar('\n'); /* between two reports */
		render_text(report, output->full, stdout, &output->text_err);
	}
	if (output->json && !output->json_err.code) {
		struct err json_err = {};

		if (report_json_write(report, output->json, output->stream, &json_err))
			json_failed(output, json_err.code);
	}
	output->begun = true;
	if ((text && !output->text_err.code) || (output->json && !output->json_err.code))
		return 0;
	*err = text ? output->text_err : output->json_err;
	return -err->code;
}

bool output_close(struct output *output)
{
	if (output->json && wants_text(output) && fclose(output->json) && !output->json_err.code)
		json_failed(output, errno);
	if (output->text_err.code)
		cmd_fail(&output->text_err, EXIT_FAILED);
	if (output->json_err.code)
		cmd_fail(&output->json_err, EXIT_FAILED);
	output->json = NULL;
	return !output->text_err.code && !output->json_err.code;
}
