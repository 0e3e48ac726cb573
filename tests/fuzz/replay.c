// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Feed a fuzz target the files of its corpus, without libFuzzer: the part of fuzzing that belongs in
 * every test run.  Arguments: files, instead of the corpus (to look at a crash).
 */
#include <glob.h>

#include "tests/fuzz/fuzz.h"

static void feed(const char *path)
{
	FILE *file = fopen(path, "re");
	uint8_t *data;
	long size;

	REQUIRE(file && !fseek(file, 0, SEEK_END) && (size = ftell(file)) >= 0, "cannot read %s", path);
	rewind(file);
	data = malloc((size_t)size);
	REQUIRE((data || !size) && fread(data, 1, (size_t)size, file) == (size_t)size, "cannot read %s",
		path);
	fclose(file);
	printf("%s\n", path); /* the last one printed is the one that fails */
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
}

int main(int argc, char **argv)
{
	glob_t corpus = {};

	for (int i = 1; i < argc; i++)
		feed(argv[i]);
	if (argc > 1)
		return 0;
	REQUIRE(!glob(CORPUS "/*", 0, NULL, &corpus), "no file in %s", CORPUS);
	for (size_t i = 0; i < corpus.gl_pathc; i++)
		feed(corpus.gl_pathv[i]);
	printf("%zu files\n", corpus.gl_pathc);
	globfree(&corpus);
	REQUIRE(fuzz_reached, "no file in %s gets past the first checks: renew it", CORPUS);
	return 0;
}
