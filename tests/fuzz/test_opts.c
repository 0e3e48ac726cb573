// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any command line, its words parted by newlines: refused with one sentence, or each word has one place. */
#include <errno.h>

#include "tests/fuzz/fuzz.h"
#include "user/base/opts.h"

bool fuzz_reached;

#define WORDS 32

static struct {
	bool flag, on;
	const char *text;
	uint32_t number;
	uint64_t time_ns;
	struct opt_list words;
} got;

static const struct opt table[] = {
	{ "flag", OPT_FLAG, &got.flag, NULL, "a flag" },
	{ "no-flag", OPT_NO_FLAG, &got.on, NULL, "the reverse of one" },
	{ "text", OPT_STRING, &got.text, "WORD", "a word" },
	{ "number", OPT_UINT, &got.number, "N", "a number" },
	{ "n", OPT_LETTER, NULL, NULL, NULL },
	{ "word", OPT_LIST, &got.words, "WORD", "again and again" },
	{ "w", OPT_LETTER, NULL, NULL, NULL },
	{ "duration", OPT_DURATION, &got.time_ns, "T", "a time" },
	{},
};

/* Where WORD is among WORDS, -1 if it is none of them. */
static int place_of(const char *word, char *const *words, int nr)
{
	for (int i = 0; i < nr; i++)
		if (words[i] == word)
			return i;
	return -1;
}

static void require_places(int argc, char *const *words, char *const *argv, int nr_left, char *const *command,
			   int dashes)
{
	int at = 0;

	REQUIRE(nr_left >= 0 && nr_left < argc, "%d of %d words left", nr_left, argc);
	for (int i = 1; i <= nr_left; i++) {
		int place = place_of(argv[i], words, argc);

		REQUIRE(place > at, "word %d stands for word %d, behind %d", i, place, at);
		at = place;
	}
	if (command)
		REQUIRE(command - argv == dashes + 1 && command[0] == words[dashes + 1],
			"command at %d, not %d", (int)(command - argv), dashes + 1);
	if (got.text)
		REQUIRE(strlen(got.text) < 1000000, "a text that ends");
	REQUIRE(got.words.nr < WORDS, "%u words in a list", got.words.nr);
	for (uint32_t i = 0; i < got.words.nr; i++)
		REQUIRE(strlen(got.words.texts[i]) < 1000000, "a text that ends");
}

static void parse(char *const *words, int argc, bool with_command)
{
	char *argv[WORDS + 1], **command = NULL;
	int nr_left = -1, ret, dashes;
	struct err err = {};

	memcpy(argv, words, sizeof(argv));
	free(got.words.texts);
	memset(&got, 0, sizeof(got));
	ret = opts_parse(argc, argv, table, &nr_left, with_command ? &command : NULL, &err);
	REQUIRE(ret == -err.code && (!ret || ret == -EINVAL), "returns %d with the code %d", ret, err.code);
	REQUIRE(!ret == !*err.text, "a sentence for each refusal: '%s'", err.text);
	if (ret)
		return;
	fuzz_reached |= got.text && got.time_ns;
	/* `--` as an option's value is a value. */
	dashes = command ? (int)(command - argv) - 1 : 0;
	REQUIRE(!command || (dashes > 0 && !strcmp(words[dashes], "--")), "the command stands behind --");
	require_places(argc, words, argv, nr_left, command, dashes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *save, *words[WORDS + 1] = { "agent" };
	int argc = 1;

	for (char *word = strtok_r(text, "\n", &save); word && argc < WORDS;
	     word = strtok_r(NULL, "\n", &save))
		words[argc++] = word;
	parse(words, argc, true);
	parse(words, argc, false);
	free(got.words.texts);
	got.words = (struct opt_list){};
	free(text);
	return 0;
}
