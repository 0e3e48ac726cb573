// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/replay.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/plain.h"
#include "user/base/units.h"

static const char blanks[] = " \t\r\n";

struct reader {
	struct load_plan *plan;
	const char *name;
	uint64_t line;
	uint64_t room;	   /* of plan->replay, in entries */
	uint64_t first_ns; /* the time of the first entry, as it stands in the file */
};

/* "in FILE, line N: WHAT 'WORD'", WORD made fit to be seen. */
static int refuse(const struct reader *reader, const char *what, const char *word, struct err *err)
{
	char plain[80];

	plain_text(plain, sizeof(plain), word);
	return err_set(err, EINVAL, "%s, line %llu: %s, not '%s'", reader->name,
		       (unsigned long long)reader->line, what, plain);
}

static int parse_seconds(const struct reader *reader, const char *word, uint64_t *ns, struct err *err)
{
	char text[48]; /* longer ones are no time that fits */

	if (strlen(word) + sizeof("s") > sizeof(text) || word[strspn(word, "0123456789.")])
		return refuse(reader, "a line begins with a time in seconds, as in 1.25", word, err);
	stpcpy(stpcpy(text, word), "s");
	if (units_parse_duration(text, ns))
		return refuse(reader, "a time in seconds has at most nine digits behind its point, and fits",
			      word, err);
	return 0;
}

static int make_room(struct reader *reader, struct err *err)
{
	struct load_plan *plan = reader->plan;
	uint64_t room = reader->room ? 2 * reader->room : 1024;
	struct load_arrival *more;

	if (plan->nr_replay < reader->room)
		return 0;
	more = realloc(plan->replay, room * sizeof(*more));
	if (!more)
		return err_set(err, ENOMEM, "cannot read %s: out of memory at line %llu", reader->name,
			       (unsigned long long)reader->line);
	plan->replay = more;
	reader->room = room;
	return 0;
}

static int add_arrival(struct reader *reader, const char *seconds, uint64_t at_ns, uint32_t request,
		       struct err *err)
{
	struct load_plan *plan = reader->plan;

	if (!plan->nr_replay)
		reader->first_ns = at_ns;
	if (at_ns < reader->first_ns ||
	    (plan->nr_replay && at_ns - reader->first_ns < plan->replay[plan->nr_replay - 1].due_ns))
		return refuse(reader,
			      "the times must not decrease; this one must not be below that of the line "
			      "above",
			      seconds, err);
	if (make_room(reader, err))
		return -err->code;
	plan->replay[plan->nr_replay++] = (struct load_arrival){ at_ns - reader->first_ns, request };
	return 0;
}

/* What ADD says against it gets the line's number. */
static int add_request(const struct reader *reader, const char *method, const char *path, replay_add add,
		       uint32_t *request, struct err *err)
{
	struct err why = {};

	if (!add(reader->plan, method, path, request, &why))
		return 0;
	plain_text(why.text, sizeof(why.text), why.text);
	return err_set(err, why.code, "%s, line %llu: %.300s", reader->name, (unsigned long long)reader->line,
		       why.text);
}

/* LINE is cut into its words. */
static int take_line(struct reader *reader, char *line, replay_add add, struct err *err)
{
	char *save, *seconds = strtok_r(line, blanks, &save), *method = NULL, *path, *more;
	uint32_t request;
	uint64_t at_ns;
	int ret;

	if (!seconds || *seconds == '#')
		return 0;
	if (parse_seconds(reader, seconds, &at_ns, err))
		return -err->code;
	path = strtok_r(NULL, blanks, &save);
	more = path ? strtok_r(NULL, blanks, &save) : NULL;
	if (more && *path != '/') {
		method = path;
		path = more;
		more = strtok_r(NULL, blanks, &save);
	}
	if (!path || *path != '/')
		return refuse(reader,
			      "behind the time comes a path, as in /index.html, or a method and a path",
			      path ? path : "", err);
	if (more && *more != '#')
		return refuse(reader, "behind the path the line ends", more, err);
	ret = add_request(reader, method, path, add, &request, err);
	return ret ? ret : add_arrival(reader, seconds, at_ns, request, err);
}

/* What there is room for beyond the entries is given back. */
static void trim(struct load_plan *plan)
{
	struct load_arrival *less = realloc(plan->replay, plan->nr_replay * sizeof(*less));

	if (less)
		plan->replay = less;
}

int load_replay_read(struct load_plan *plan, FILE *file, const char *name, replay_add add, struct err *err)
{
	struct reader reader = { .plan = plan, .name = name };
	char *line = NULL;
	size_t size = 0;
	ssize_t bytes;
	int ret = 0;

	plan->replay = NULL;
	plan->nr_replay = 0;
	while (!ret && (bytes = getline(&line, &size, file)) >= 0) {
		reader.line++;
		if (strlen(line) != (size_t)bytes)
			ret = refuse(&reader, "a line is text, without a byte of 0", line, err);
		else
			ret = take_line(&reader, line, add, err);
	}
	if (!ret && ferror(file))
		ret = err_set(err, errno, "cannot read %s: %s", name, strerror(errno));
	free(line);
	if (ret)
		return ret;
	if (!plan->nr_replay)
		return err_set(err, EINVAL, "%s has no line to replay; `SECONDS PATH` is one", name);
	trim(plan);
	return 0;
}

int load_replay_open(struct load_plan *plan, const char *path, replay_add add, struct err *err)
{
	FILE *file = fopen(path, "re");
	int ret;

	if (!file)
		return err_set(err, errno, "cannot read --replay %s: %s", path, strerror(errno));
	ret = load_replay_read(plan, file, path, add, err);
	fclose(file);
	return ret;
}
