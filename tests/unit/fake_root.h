/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A made-up /proc and /sys for tests of code that reads them.
 *
 * This program's own fopen, opendir and readlink stand before libc's, so the code under test is the
 * code that ships, with the paths that it ships with.  Include it in one file of a test only.
 */
#ifndef WHYLATE_TESTS_FAKE_ROOT_H
#define WHYLATE_TESTS_FAKE_ROOT_H

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAKE_PATH_BYTES 8192

static char fake_root[64]; /* empty: the real ones */

static const char *fake_path(const char *path, char *buffer)
{
	bool ours = !strncmp(path, "/proc", 5) || !strncmp(path, "/sys", 4);

	if (!*fake_root || !ours)
		return path;
	snprintf(buffer, FAKE_PATH_BYTES, "%s%s", fake_root, path);
	return buffer;
}

FILE *fopen(const char *path, const char *mode)
{
	FILE *(*next)(const char *, const char *) = dlsym(RTLD_NEXT, "fopen");
	char buffer[FAKE_PATH_BYTES];

	return next(fake_path(path, buffer), mode);
}

DIR *opendir(const char *path)
{
	DIR *(*next)(const char *) = dlsym(RTLD_NEXT, "opendir");
	char buffer[FAKE_PATH_BYTES];

	return next(fake_path(path, buffer));
}

ssize_t readlink(const char *path, char *text, size_t size)
{
	ssize_t (*next)(const char *, char *, size_t) = dlsym(RTLD_NEXT, "readlink");
	char buffer[FAKE_PATH_BYTES];

	return next(fake_path(path, buffer), text, size);
}

static void fake_fail(const char *what, const char *path)
{
	fprintf(stderr, "cannot %s %s: %s\n", what, path, strerror(errno));
	abort();
}

static void fake_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			fake_fail("make", path);
		*slash = '/';
	}
}

/* Make the file PATH (as the code under test names it) with that text, and what it lies in. */
__attribute__((format(printf, 2, 3), unused)) static void fake_file(const char *path, const char *fmt, ...)
{
	char buffer[FAKE_PATH_BYTES];
	va_list args;
	FILE *file;

	fake_path(path, buffer);
	fake_parents(buffer);
	file = fopen(buffer, "we");
	if (!file)
		fake_fail("write", buffer);
	va_start(args, fmt);
	vfprintf(file, fmt, args);
	va_end(args);
	if (fclose(file))
		fake_fail("write", buffer);
}

__attribute__((unused)) static void fake_link(const char *path, const char *to)
{
	char buffer[FAKE_PATH_BYTES];

	fake_path(path, buffer);
	fake_parents(buffer);
	if (symlink(to, buffer))
		fake_fail("link", buffer);
}

__attribute__((unused)) static void fake_unlink(const char *path)
{
	char buffer[FAKE_PATH_BYTES];

	if (unlink(fake_path(path, buffer)))
		fake_fail("remove", path);
}

/* cmocka's setup and teardown: a fresh root for each test. */
static int fake_setup(void **state)
{
	(void)state;
	strcpy(fake_root, "/tmp/whylate-test-XXXXXX");
	return mkdtemp(fake_root) ? 0 : -1;
}

static int fake_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int fake_teardown(void **state)
{
	char root[sizeof(fake_root)];

	(void)state;
	strcpy(root, fake_root);
	*fake_root = '\0';
	return nftw(root, fake_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif /* WHYLATE_TESTS_FAKE_ROOT_H */
