// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/base/opts.h"

static struct {
	bool flag, on;
	const char *text;
	uint32_t number, port;
	uint64_t time_ns, wait_ns;
	struct opt_list words;
} got;

static const struct opt table[] = {
	{ "flag", OPT_FLAG, &got.flag, NULL, "a flag" },
	{ "off", OPT_NO_FLAG, &got.on, NULL, "the reverse of one" },
	{ "text", OPT_STRING, &got.text, "WORD", "a word" },
	{ "number", OPT_UINT, &got.number, "N", "a number" },
	{ "port", OPT_PORT, &got.port, "N", "a port" },
	{ "duration", OPT_DURATION, &got.time_ns, "T", "a time" },
	{},
};

/* What not every table has. */
static const struct opt more[] = {
	{ "number", OPT_UINT, &got.number, "N", "a number" },
	{ "n", OPT_LETTER, NULL, NULL, NULL },
	{ "word", OPT_LIST, &got.words, "WORD", "again and again" },
	{ "w", OPT_LETTER, NULL, NULL, NULL },
	{ "wait", OPT_DURATION_OR_0, &got.wait_ns, "T", "a time" },
	{ "flag", OPT_FLAG, &got.flag, NULL, "a flag" },
	{ "f", OPT_LETTER, NULL, NULL, NULL },
	{},
};

static char *argv_left[16];
static int nr_left;
static char **command;
static struct err err;

/* WORDS are separated by '|'. */
static int parse_with(const struct opt *options, const char *words, bool with_command)
{
	static char copy[256];
	int argc = 0;

	free(got.words.texts);
	memset(&got, 0, sizeof(got));
	got.on = true;
	memset(argv_left, 0, sizeof(argv_left));
	err_clear(&err);
	command = NULL;
	argv_left[argc++] = "cmd";
	strcpy(copy, words);
	for (char *word = strtok(copy, "|"); word; word = strtok(NULL, "|"))
		argv_left[argc++] = word;
	return opts_parse(argc, argv_left, options, &nr_left, with_command ? &command : NULL, &err);
}

static int parse(const char *words, bool with_command)
{
	return parse_with(table, words, with_command);
}

static void every_type_in_both_forms(void **state)
{
	(void)state;
	assert_int_equal(parse("--flag|--off|--text|a|--number=4294967295|--duration|1.5s", true), 0);
	assert_true(got.flag);
	assert_false(got.on);
	assert_string_equal(got.text, "a");
	assert_int_equal(got.number, UINT32_MAX);
	assert_int_equal(got.time_ns, 1500000000);
	assert_int_equal(nr_left, 0);
	assert_null(command);
	assert_int_equal(parse("--port|1", true), 0);
	assert_int_equal(got.port, 1);
	assert_int_equal(parse("--port=65535", true), 0);
	assert_int_equal(got.port, 65535);
	assert_int_equal(parse("--text=a=b|--number|7|--duration=2ms", true), 0);
	assert_string_equal(got.text, "a=b");
	assert_int_equal(got.number, 7);
	assert_int_equal(got.time_ns, 2000000);
	assert_false(got.flag);
	assert_true(got.on);
}

static void letters_take_their_value_apart_or_not(void **state)
{
	(void)state;
	assert_int_equal(parse_with(more, "-n|12|one|-f", true), 0);
	assert_int_equal(got.number, 12);
	assert_true(got.flag);
	assert_int_equal(nr_left, 1);
	assert_int_equal(parse_with(more, "-n12|--number=13", true), 0);
	assert_int_equal(got.number, 13);
	assert_int_equal(parse_with(more, "-w-n|-w|-n", true), 0); /* a value may look like an option */
	assert_int_equal(got.words.nr, 2);
	assert_string_equal(got.words.texts[0], "-n");
	assert_string_equal(got.words.texts[1], "-n");
	assert_int_equal(got.number, 0);
	assert_int_equal(parse_with(more, "--|-n12", false), 0);
	assert_int_equal(got.number, 0);
	assert_string_equal(argv_left[1], "-n12");
}

static void a_list_keeps_all_in_their_order(void **state)
{
	static const char words[] = "-w0|--word|1|--word=2|-w3|-w|4|--word=5|-w6|-w7|-w8";

	(void)state;
	assert_int_equal(parse_with(more, words, true), 0);
	assert_int_equal(got.words.nr, 9);
	for (uint32_t i = 0; i < 9; i++)
		assert_int_equal(got.words.texts[i][0], '0' + i);
	assert_int_equal(parse_with(more, "-f", true), 0);
	assert_int_equal(got.words.nr, 0);
}

static void a_time_may_be_nothing_where_that_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(parse_with(more, "--wait|2s", true), 0);
	assert_int_equal(got.wait_ns, 2000000000);
	assert_int_equal(parse_with(more, "--wait=2s|--wait=0s", true), 0);
	assert_int_equal(got.wait_ns, 0);
	assert_int_equal(parse_with(more, "--wait=0", true), -EINVAL);
}

static void what_is_wrong_with_letters_is_named(void **state)
{
	static const struct {
		const char *words, *says;
	} cases[] = {
		{ "-x", "unknown option -x; see --help" },
		{ "-xn", "unknown option -xn; see --help" },
		{ "-n", "--number needs a value (N)" },
		{ "-n=1", "--number takes a whole number, not '=1'" },
		{ "-fn", "--flag takes no value" },
		{ "-w", "--word needs a value (WORD)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse_with(more, cases[i].words, true), -EINVAL);
		assert_string_equal(err.text, cases[i].says);
	}
}

static void options_and_the_rest_may_mix(void **state)
{
	(void)state;
	assert_int_equal(parse("one|--flag|two|--text|a|-|three", true), 0);
	assert_int_equal(nr_left, 4);
	assert_string_equal(argv_left[1], "one");
	assert_string_equal(argv_left[2], "two");
	assert_string_equal(argv_left[3], "-");
	assert_string_equal(argv_left[4], "three");
}

static void two_dashes_end_the_options(void **state)
{
	(void)state;
	assert_int_equal(parse("one|--|ls|--flag|--nonsense", true), 0);
	assert_int_equal(nr_left, 1);
	assert_false(got.flag);
	assert_non_null(command);
	assert_string_equal(command[0], "ls");
	assert_string_equal(command[2], "--nonsense");
	assert_null(command[3]);
	/* A command that takes no command keeps what follows. */
	assert_int_equal(parse("one|--|--flag|two", false), 0);
	assert_int_equal(nr_left, 3);
	assert_string_equal(argv_left[2], "--flag");
	assert_string_equal(argv_left[3], "two");
	assert_false(got.flag);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *words, *says;
	} cases[] = {
		{ "--duratoin|3s", "unknown option --duratoin (did you mean --duration?)" },
		{ "--numbre=3", "unknown option --numbre=3 (did you mean --number?)" },
		{ "--zzz", "unknown option --zzz; see --help" },
		{ "-x", "unknown option -x" },
		{ "--fla", "unknown option --fla (did you mean --flag?)" },
		{ "--flag=1", "--flag takes no value" },
		{ "--text", "--text needs a value (WORD)" },
		{ "--number|x", "--number takes a whole number, not 'x'" },
		{ "--number|-1", "--number takes a whole number, not '-1'" },
		{ "--number|4294967296", "--number takes a whole number" },
		{ "--number|1x", "--number takes a whole number, not '1x'" },
		{ "--number=", "--number takes a whole number, not ''" },
		{ "--duration|3", "--duration takes a time with its unit (10s, 500ms, 2m), not '3'" },
		{ "--port|0", "--port takes a number from 1 to 65535, not 0" },
		{ "--port|65536", "--port takes a number from 1 to 65535, not 65536" },
		{ "--port|http", "--port takes a whole number, not 'http'" },
		{ "--duration|0s", "--duration must be more than 0, not '0s'" },
		{ "--duration|0.0ms", "--duration must be more than 0, not '0.0ms'" },
		{ "--duration|5124096h", "--duration '5124096h' is too long" },
		{ "--duration|-1s", "not '-1s'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].words, true), -EINVAL);
		if (!strstr(err.text, cases[i].says))
			fail_msg("%s: '%s' does not say '%s'", cases[i].words, err.text, cases[i].says);
	}
}

static void help_wins_over_what_is_wrong_before_the_command(void **state)
{
	static const char *const asks[] = { "--help", "-h", "--zzz|-h|one", "--number|--help",
					    "--number|x|-h|--|a" };
	static const char *const asks_not[] = { "--number|7|--|--help", "one|--|-h" };
	bool help;
	const struct opt with_help[] = {
		{ "number", OPT_UINT, &got.number, "N", "a number" },
		{ "help", OPT_FLAG, &help, NULL, "this text" },
		{},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		help = false;
		assert_int_equal(parse_with(with_help, asks[i], true), 0);
		if (!help || nr_left || command)
			fail_msg("%s: no help, or more than that", asks[i]);
	}
	for (size_t i = 0; i < sizeof(asks_not) / sizeof(asks_not[0]); i++) {
		help = false;
		assert_int_equal(parse_with(with_help, asks_not[i], true), 0);
		if (help || !command)
			fail_msg("%s: help, but it is the command's", asks_not[i]);
	}
	assert_int_equal(parse("-h", true), -EINVAL); /* a table without it */
}

static void help_of(const struct opt *options, const char *want)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	opts_help(out, "cmd [options]", options, "examples:\n  cmd\n");
	fclose(out);
	assert_string_equal(text, want);
	free(text);
}

static void help_has_every_option_on_one_line(void **state)
{
	(void)state;
	help_of(table, "usage: cmd [options]\n\n"
		       "  --flag               a flag\n"
		       "  --off                the reverse of one\n"
		       "  --text WORD          a word\n"
		       "  --number N           a number\n"
		       "  --port N             a port\n"
		       "  --duration T         a time\n"
		       "\nexamples:\n  cmd\n");
	help_of(more, "usage: cmd [options]\n\n"
		      "  -n, --number N           a number\n"
		      "  -w, --word WORD          again and again\n"
		      "      --wait T             a time\n"
		      "  -f, --flag               a flag\n"
		      "\nexamples:\n  cmd\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_in_both_forms),
		cmocka_unit_test(letters_take_their_value_apart_or_not),
		cmocka_unit_test(a_list_keeps_all_in_their_order),
		cmocka_unit_test(a_time_may_be_nothing_where_that_is_allowed),
		cmocka_unit_test(what_is_wrong_with_letters_is_named),
		cmocka_unit_test(options_and_the_rest_may_mix),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(help_wins_over_what_is_wrong_before_the_command),
		cmocka_unit_test(help_has_every_option_on_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
