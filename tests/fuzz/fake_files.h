/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A /proc and /sys that the input of a fuzz target describes, held in memory.
 *
 * The input is text.  A line "@PATH" begins the file PATH, the lines up to the next one are what it holds;
 * a directory is there if something lies in it, and a link holds what it points to.   This program's
 * own fopen, opendir and so on stand before libc's (tests/unit/fake_root.h does the same on disk).
 */
#ifndef WHYLATE_TESTS_FAKE_FILES_H
#define WHYLATE_TESTS_FAKE_FILES_H

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>

#include "tests/fuzz/fuzz.h"

#define FAKE_FILES 64

static struct fake_file {
	const char *path, *text;
	size_t length;
} fake_files[FAKE_FILES];
static size_t nr_fake_files;

/* Cuts TEXT up, which must outlive the files. */
static void fake_files_set(char *text)
{
	char *at = text;

	nr_fake_files = 0;
	while (*at && *at != '@')
		at = strchr(at, '\n') ? strchr(at, '\n') + 1 : "";
	while (*at == '@' && nr_fake_files < FAKE_FILES) {
		struct fake_file *file = &fake_files[nr_fake_files++];
		char *end = strchr(at, '\n'), *next;

		file->path = at + 1;
		file->text = end ? end + 1 : "";
		next = end ? strstr(end, "\n@") : NULL;
		file->length = next ? (size_t)(next + 1 - file->text) : strlen(file->text);
		if (end)
			*end = '\0';
		at = next ? next + 1 : "";
	}
}

static const struct fake_file *fake_find(const char *path)
{
	for (size_t i = 0; i < nr_fake_files; i++)
		if (!strcmp(fake_files[i].path, path))
			return &fake_files[i];
	return NULL;
}

static bool fake_is_ours(const char *path)
{
	return !strncmp(path, "/proc/", 6) || !strcmp(path, "/proc") || !strncmp(path, "/sys/", 5);
}

FILE *fopen(const char *path, const char *mode)
{
	FILE *(*next)(const char *, const char *) = dlsym(RTLD_NEXT, "fopen");
	const struct fake_file *file;

	if (!nr_fake_files || !fake_is_ours(path)) /* libFuzzer's own, or the sanitizers' */
		return next(path, mode);
	file = fake_find(path);
	if (file)
		return fmemopen((void *)file->text, file->length, "r");
	errno = ENOENT;
	return NULL;
}

ssize_t readlink(const char *path, char *out, size_t size)
{
	ssize_t (*next)(const char *, char *, size_t) = dlsym(RTLD_NEXT, "readlink");
	const struct fake_file *file;
	size_t length;

	if (!nr_fake_files || !fake_is_ours(path))
		return next(path, out, size);
	file = fake_find(path);
	if (!file) {
		errno = ENOENT;
		return -1;
	}
	length = file->length && file->text[file->length - 1] == '\n' ? file->length - 1 : file->length;
	length = length < size ? length : size;
	memcpy(out, file->text, length);
	return (ssize_t)length;
}

/* One that lists the files below a path, each under the next part of its name, as often as it has files. */
struct fake_dir {
	char path[512];
	size_t at;
	struct dirent entry;
};

static struct fake_dir *fake_dirs[8]; /* open ones; others are libc's */

static struct fake_dir **fake_dir_slot(const void *dir)
{
	for (size_t i = 0; i < sizeof(fake_dirs) / sizeof(fake_dirs[0]); i++)
		if (fake_dirs[i] == dir)
			return &fake_dirs[i];
	return NULL;
}

DIR *opendir(const char *path)
{
	DIR *(*next)(const char *) = dlsym(RTLD_NEXT, "opendir");
	struct fake_dir *dir, **slot = fake_dir_slot(NULL);

	if (!nr_fake_files || !fake_is_ours(path))
		return next(path);
	REQUIRE(slot, "directories are closed again");
	dir = calloc(1, sizeof(*dir));
	REQUIRE(dir, "out of memory");
	snprintf(dir->path, sizeof(dir->path), "%s/", path);
	*slot = dir;
	return (DIR *)dir;
}

struct dirent *readdir(DIR *opaque)
{
	struct dirent *(*next)(DIR *) = dlsym(RTLD_NEXT, "readdir");
	struct fake_dir **slot = fake_dir_slot(opaque), *dir;

	if (!slot)
		return next(opaque);
	for (dir = *slot; dir->at < nr_fake_files; dir->at++) {
		const char *path = fake_files[dir->at].path;
		size_t length = strlen(dir->path);

		if (strncmp(path, dir->path, length) || !path[length])
			continue;
		snprintf(dir->entry.d_name, sizeof(dir->entry.d_name), "%.*s",
			 (int)strcspn(path + length, "/"), path + length);
		dir->at++;
		return &dir->entry;
	}
	return NULL;
}

int closedir(DIR *opaque)
{
	int (*next)(DIR *) = dlsym(RTLD_NEXT, "closedir");
	struct fake_dir **slot = fake_dir_slot(opaque);

	if (!slot)
		return next(opaque);
	free(*slot);
	*slot = NULL;
	return 0;
}

#endif /* WHYLATE_TESTS_FAKE_FILES_H */
