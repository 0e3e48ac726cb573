// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgroup v2: cpu.max ("QUOTA PERIOD" in us, "max": none) and cpu.stat (throttled_usec).
 * cgroup v1: cpu.cfs_quota_us (-1: none), cpu.cfs_period_us and cpu.stat (throttled_time in ns).
 */
#include "user/trace/quota.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES QUOTA_PATH_BYTES

static bool begins_with(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return !strncmp(path, directory, length) && (!path[length] || path[length] == '/');
}

/*
 * Make PATH one below ROOT, which is what a mount shows of the hierarchy.  False: it is not in there, as a
 * cgroup outside the agent's own cgroup namespace, whose path begins with "/.." (cgroup_namespaces(7)).
 */
static bool make_relative(char *path, const char *root)
{
	size_t length = strcmp(root, "/") ? strlen(root) : 0;

	if (length && !begins_with(path, root))
		return false;
	memmove(path, path + length, strlen(path + length) + 1);
	if (!*path)
		strcpy(path, "/");
	return !begins_with(path, "/..");
}

/* Whether what follows " - " of a line of mountinfo is of the hierarchy with the cpu controller. */
static bool is_of_cpu(const char *type, bool v2)
{
	if (v2)
		return !strncmp(type, " - cgroup2 ", 11);
	return !strncmp(type, " - cgroup ", 10) && (strstr(type, ",cpu,") || strstr(type, ",cpu\n"));
}

/* Where that hierarchy is mounted, as far as PATH is in it, which becomes relative; false: nowhere. */
static bool find_mount(bool v2, char path[PATH_BYTES], char mount[PATH_BYTES])
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[PATH_BYTES], root[PATH_BYTES], below[PATH_BYTES];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		char *type = strstr(line, " - ");

		if (!type || !is_of_cpu(type, v2) ||
		    sscanf(line, "%*d %*d %*s %4095s %4095s", root, mount) != 2)
			continue;
		memcpy(below, path, PATH_BYTES);
		found = make_relative(below, root);
	}
	if (found)
		memcpy(path, below, PATH_BYTES);
	if (file)
		fclose(file);
	return found;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && !strcmp(text + length - end_length, end);
}

/* The path of PID's cgroup inside that hierarchy. */
static bool find_cgroup(uint32_t pid, bool v2, char path[PATH_BYTES])
{
	char name[40], line[PATH_BYTES];
	bool found = false;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%u/cgroup", pid);
	file = fopen(name, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		char *controllers = strchr(line, ':');
		char *where = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!where)
			continue;
		*where++ = '\0';
		controllers++;
		where[strcspn(where, "\n")] = '\0';
		if (v2)
			found = !*controllers;
		else
			for (char *save, *one = strtok_r(controllers, ",", &save); one && !found;
			     one = strtok_r(NULL, ",", &save))
				found = !strcmp(one, "cpu");
		if (found)
			snprintf(path, PATH_BYTES, "%s", where);
	}
	if (file)
		fclose(file);
	return found;
}

static bool read_file(const char *dir, const char *name, char *text, size_t size)
{
	char path[2 * PATH_BYTES + 32];
	size_t got;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	got = fread(text, 1, size - 1, file);
	text[got] = '\0';
	fclose(file);
	return got > 0;
}

static uint64_t stat_value(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* The quota of the one cgroup at DIR. */
static bool read_one(const char *dir, bool v2, struct snapshot_quota *out)
{
	char text[1024];
	int64_t quota_us = -1, period_us = 0;

	if (v2) {
		if (!read_file(dir, "cpu.max", text, sizeof(text)) ||
		    sscanf(text, "%" SCNd64 " %" SCNd64, &quota_us, &period_us) != 2)
			return false;
	} else {
		if (!read_file(dir, "cpu.cfs_quota_us", text, sizeof(text)))
			return false;
		quota_us = strtoll(text, NULL, 10);
		if (read_file(dir, "cpu.cfs_period_us", text, sizeof(text)))
			period_us = strtoll(text, NULL, 10);
	}
	if (quota_us <= 0 || period_us <= 0 || !read_file(dir, "cpu.stat", text, sizeof(text)))
		return false;
	out->present = true;
	out->quota_ns = (uint64_t)quota_us * 1000u;
	out->period_ns = (uint64_t)period_us * 1000u;
	out->periods = stat_value(text, "nr_periods ");
	out->throttled_periods = stat_value(text, "nr_throttled ");
	out->throttled_ns = v2 ? stat_value(text, "throttled_usec ") * 1000u :
				 stat_value(text, "throttled_time ");
	return true;
}

static bool is_tighter(const struct snapshot_quota *one, const struct snapshot_quota *other)
{
	return !other->present || (double)one->quota_ns / (double)one->period_ns <
					  (double)other->quota_ns / (double)other->period_ns;
}

static void read_chain(const char *mount, char *path, bool v2, struct snapshot_quota *out)
{
	for (;;) {
		struct snapshot_quota one = {};
		char dir[2 * PATH_BYTES];
		char *slash;

		snprintf(dir, sizeof(dir), "%s%s", mount, path);
		if (read_one(dir, v2, &one) && is_tighter(&one, out)) {
			*out = one;
			snprintf(out->cgroup, sizeof(out->cgroup), "%.255s", path);
		}
		slash = strrchr(path, '/');
		if (!slash || !path[1])
			return;
		slash[slash == path] = '\0'; /* keep the root's own slash for the last round */
	}
}

void quota_find(uint32_t pid, struct quota_place *place)
{
	for (int v2 = 0; v2 <= 1; v2++) {
		char mount[PATH_BYTES], path[PATH_BYTES];

		if (!find_cgroup(pid, v2, path) || !find_mount(v2, path, mount))
			continue;
		/* Version 1 shows what is dying, and a zombie, in the root; version 2 that its cgroup is
		 * gone. */
		if (*place->path[v2] && (v2 ? ends_with(path, " (deleted)") : !strcmp(path, "/")))
			continue;
		memcpy(place->mount[v2], mount, sizeof(mount));
		memcpy(place->path[v2], path, sizeof(path));
	}
}

bool quota_is_gone(const struct quota_place *place)
{
	bool known = false;

	for (int v2 = 0; v2 <= 1; v2++) {
		char dir[2 * PATH_BYTES], text[16];

		if (!*place->path[v2])
			continue;
		known = true;
		snprintf(dir, sizeof(dir), "%s%s", place->mount[v2], place->path[v2]);
		if (read_file(dir, "cpu.stat", text, sizeof(text)))
			return false;
	}
	return known;
}

void quota_read(const struct quota_place *place, struct snapshot_quota *out)
{
	memset(out, 0, sizeof(*out));
	for (int v2 = 0; v2 <= 1; v2++) {
		char path[PATH_BYTES];

		if (!*place->path[v2])
			continue;
		memcpy(path, place->path[v2], sizeof(path)); /* shortened on the way up */
		read_chain(place->mount[v2], path, v2, out);
	}
}
