// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/base/opts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/units.h"

static const struct opt *find(const struct opt *table, const char *name, size_t length)
{
	for (; table->name; table++)
		if (table->type != OPT_LETTER && strlen(table->name) == length &&
		    !strncmp(table->name, name, length))
			return table;
	return NULL;
}

/* The letter of OPT, 0 if it has none. */
static char letter_of(const struct opt *opt)
{
	return opt[1].name && opt[1].type == OPT_LETTER ? *opt[1].name : 0;
}

static const struct opt *find_letter(const struct opt *table, char letter)
{
	for (; table->name; table++)
		if (letter_of(table) == letter)
			return table;
	return NULL;
}

/* The longest common beginning: enough to tell a typing error from a foreign option. */
static const char *nearest(const struct opt *table, const char *name, size_t length)
{
	const char *best = NULL;
	size_t best_length = 1;

	for (; table->name; table++) {
		size_t same = 0;

		while (same < length && table->name[same] && table->name[same] == name[same])
			same++;
		if (same > best_length) {
			best_length = same;
			best = table->name;
		}
	}
	return best;
}

static int set_uint(const struct opt *opt, const char *text, struct err *err)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || number > UINT32_MAX)
		return err_set(err, EINVAL, "--%s takes a whole number, not '%s'", opt->name, text);
	*(uint32_t *)opt->value = (uint32_t)number;
	return 0;
}

static int set_port(const struct opt *opt, const char *text, struct err *err)
{
	int ret = set_uint(opt, text, err);
	uint32_t port = *(uint32_t *)opt->value;

	if (ret || (port && port <= 65535))
		return ret;
	return err_set(err, EINVAL, "--%s takes a number from 1 to 65535, not %u", opt->name, port);
}

static int set_duration(const struct opt *opt, const char *text, struct err *err)
{
	int ret = units_parse_duration(text, opt->value);

	if (ret == -ERANGE)
		return err_set(err, EINVAL, "--%s '%s' is too long; 584 years are the most", opt->name, text);
	if (ret)
		return err_set(err, EINVAL, "--%s takes a time with its unit (10s, 500ms, 2m), not '%s'",
			       opt->name, text);
	if (!*(uint64_t *)opt->value && opt->type != OPT_DURATION_OR_0)
		return err_set(err, EINVAL, "--%s must be more than 0, not '%s'", opt->name, text);
	return 0;
}

static int add_text(const struct opt *opt, const char *text, struct err *err)
{
	struct opt_list *list = opt->value;

	if (!(list->nr & (list->nr - 1))) { /* as many as there is room for: none, or a power of two */
		size_t room = list->nr ? 2 * (size_t)list->nr : 1;
		const char **more = realloc(list->texts, room * sizeof(*more));

		if (!more)
			return err_set(err, ENOMEM, "cannot take --%s: out of memory", opt->name);
		list->texts = more;
	}
	list->texts[list->nr++] = text;
	return 0;
}

static int set_value(const struct opt *opt, const char *text, struct err *err)
{
	switch (opt->type) {
	case OPT_STRING:
		*(const char **)opt->value = text;
		return 0;
	case OPT_LIST:
		return add_text(opt, text, err);
	case OPT_UINT:
		return set_uint(opt, text, err);
	case OPT_PORT:
		return set_port(opt, text, err);
	case OPT_DURATION:
	case OPT_DURATION_OR_0:
		return set_duration(opt, text, err);
	default:
		return 0;
	}
}

/* OPT is given, with VALUE if that is not NULL; else its value is the word behind *AT, which moves there. */
static int take_opt(const struct opt *opt, const char *value, int argc, char **argv, int *at, struct err *err)
{
	if (opt->type == OPT_FLAG || opt->type == OPT_NO_FLAG) {
		if (value)
			return err_set(err, EINVAL, "--%s takes no value", opt->name);
		*(bool *)opt->value = opt->type == OPT_FLAG;
		return 0;
	}
	if (value)
		return set_value(opt, value, err);
	if (*at + 1 >= argc)
		return err_set(err, EINVAL, "--%s needs a value (%s)", opt->name, opt->metavar);
	return set_value(opt, argv[++*at], err);
}

/* ARGV[*AT] begins with two dashes. */
static int take_name(int argc, char **argv, int *at, const struct opt *table, struct err *err)
{
	const char *name = argv[*at] + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct opt *opt = find(table, name, length);
	const char *near;

	if (opt)
		return take_opt(opt, equals ? equals + 1 : NULL, argc, argv, at, err);
	near = nearest(table, name, length);
	return err_set(err, EINVAL, "unknown option %s%s%s%s; see --help", argv[*at],
		       near ? " (did you mean --" : "", near ? near : "", near ? "?)" : "");
}

/* ARGV[*AT] begins with one. */
static int take_letter(int argc, char **argv, int *at, const struct opt *table, struct err *err)
{
	const char *word = argv[*at];
	const struct opt *opt = find_letter(table, word[1]);

	if (!opt)
		return err_set(err, EINVAL, "unknown option %s; see --help", word);
	return take_opt(opt, word[2] ? word + 2 : NULL, argc, argv, at, err);
}

/* Who asks for help gets it, whatever is wrong with the rest. */
static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

int opts_parse(int argc, char **argv, const struct opt *table, int *nr_left, char ***command, struct err *err)
{
	const struct opt *help = find(table, "help", strlen("help"));
	int ret = 0;

	*nr_left = 0;
	if (help && asks_for_help(argc, argv)) {
		*(bool *)help->value = true;
		return 0;
	}
	for (int i = 1; i < argc && !ret; i++) {
		if (!strcmp(argv[i], "--")) {
			if (command)
				*command = &argv[i + 1];
			else
				while (++i < argc)
					argv[++*nr_left] = argv[i];
			break;
		}
		if (!strncmp(argv[i], "--", 2))
			ret = take_name(argc, argv, &i, table, err);
		else if (argv[i][0] == '-' && argv[i][1])
			ret = take_letter(argc, argv, &i, table, err);
		else
			argv[++*nr_left] = argv[i];
	}
	return ret;
}

void opts_help(FILE *out, const char *usage, const struct opt *table, const char *examples)
{
	bool letters = false;

	for (const struct opt *opt = table; opt->name; opt++)
		letters |= opt->type == OPT_LETTER;
	fprintf(out, "usage: %s\n\n", usage);
	for (; table->name; table++) {
		char letter[] = "-?, ", left[40];

		if (table->type == OPT_LETTER)
			continue;
		letter[1] = letter_of(table);
		snprintf(left, sizeof(left), "%s--%s%s%s",
			 letter[1] ? letter :
			 letters   ? "    " :
				     "",
			 table->name, table->metavar ? " " : "", table->metavar ? table->metavar : "");
		fprintf(out, "  %-*s %s\n", letters ? 24 : 20, left, table->help);
	}
	fprintf(out, "\n%s", examples);
}
