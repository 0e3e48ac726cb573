// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/target.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h, the same since 2.6.27 */

static int add(struct target_set *set, uint32_t pid, struct err *err)
{
	uint32_t *bigger;

	for (size_t i = 0; i < set->nr_pids; i++)
		if (set->pids[i] == pid)
			return 0;
	bigger = realloc(set->pids, (set->nr_pids + 1) * sizeof(*bigger));
	if (!bigger)
		return err_set(err, ENOMEM, "cannot watch process %u: out of memory", pid);
	set->pids = bigger;
	set->pids[set->nr_pids++] = pid;
	return 0;
}

/* The fields of /proc/PID/stat behind the name, which may itself hold spaces and brackets. */
static bool read_stat(uint32_t pid, char *state, unsigned *flags)
{
	char path[40], line[1024], *after;
	FILE *file;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	ok = fgets(line, sizeof(line), file) && (after = strrchr(line, ')')) &&
	     sscanf(after + 1, " %c %*d %*d %*d %*d %*d %u", state, flags) == 2;
	fclose(file);
	return ok;
}

static uint32_t read_status_id(uint32_t pid, const char *key)
{
	char path[40], line[256];
	uint32_t value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			value = (uint32_t)strtoul(line + strlen(key), NULL, 10);
	if (file)
		fclose(file);
	return value;
}

int target_by_pid(struct target_set *set, const char *text, struct err *err)
{
	unsigned long number;
	unsigned flags;
	uint32_t pid, leader;
	char state, *end;

	number = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || !number || number > INT32_MAX)
		return err_set(err, EINVAL, "'%s' is no process id; give a number, --port or --name",
			       text);
	pid = (uint32_t)number;
	if (!read_stat(pid, &state, &flags))
		return err_set(err, ESRCH, "cannot watch process %u: no such process", pid);
	if (pid == (uint32_t)getpid())
		return err_set(err, EINVAL, "cannot watch process %u: that is the agent itself", pid);
	if (flags & PF_KTHREAD)
		return err_set(err, EINVAL, "cannot watch process %u: it is a thread of the kernel, "
			       "not a program", pid);
	if (state == 'Z' || state == 'X')
		return err_set(err, ESRCH, "cannot watch process %u: it has ended already", pid);
	leader = read_status_id(pid, "Tgid:");
	if (leader && leader != pid)
		return err_set(err, EINVAL, "cannot watch %u: it is a thread of process %u; watch that",
			       pid, leader);
	return add(set, pid, err);
}

/* Call VISIT for each process in /proc until it returns non-zero; returns that. */
static int each_process(int (*visit)(uint32_t pid, void *context), void *context)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int ret = 0;

	while (dir && !ret && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			ret = visit((uint32_t)strtoul(entry->d_name, NULL, 10), context);
	if (dir)
		closedir(dir);
	return ret;
}

struct search {
	struct target_set *set;
	struct err *err;
	const char *name;
	unsigned long inodes[64]; /* of the listening sockets; SO_REUSEPORT makes several */
	size_t nr_inodes;
};

static void find_listeners(const char *path, uint32_t port, struct search *search)
{
	FILE *file = fopen(path, "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		unsigned local_port, state;
		unsigned long inode;

		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*d %*d %lu",
			   &local_port, &state, &inode) == 3 &&
		    local_port == port && state == 10 /* TCP_LISTEN */ &&
		    search->nr_inodes < sizeof(search->inodes) / sizeof(search->inodes[0]))
			search->inodes[search->nr_inodes++] = inode;
	}
	if (file)
		fclose(file);
}

static bool holds_listener(uint32_t pid, const struct search *search)
{
	char path[300], link[64];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		unsigned long inode;
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/%u/fd/%s", pid, entry->d_name);
		length = readlink(path, link, sizeof(link) - 1);
		if (length <= 0)
			continue;
		link[length] = '\0';
		if (sscanf(link, "socket:[%lu]", &inode) != 1)
			continue;
		for (size_t i = 0; i < search->nr_inodes; i++)
			found |= search->inodes[i] == inode;
	}
	if (dir)
		closedir(dir);
	return found;
}

static int visit_port(uint32_t pid, void *context)
{
	struct search *search = context;

	return holds_listener(pid, search) ? add(search->set, pid, search->err) : 0;
}

int target_by_port(struct target_set *set, uint32_t port, struct err *err)
{
	struct search search = { .set = set, .err = err };
	size_t before = set->nr_pids;
	int ret;

	if (!port || port > 65535)
		return err_set(err, EINVAL, "--port takes a number from 1 to 65535, not %u", port);
	find_listeners("/proc/net/tcp", port, &search);
	find_listeners("/proc/net/tcp6", port, &search);
	if (!search.nr_inodes)
		return err_set(err, ESRCH, "cannot find a target: nobody listens on TCP port %u here",
			       port);
	ret = each_process(visit_port, &search);
	if (!ret && set->nr_pids == before)
		return err_set(err, EACCES, "cannot find who listens on TCP port %u: no process that "
			       "this user may look into holds the socket; run it with sudo", port);
	return ret;
}

static int visit_name(uint32_t pid, void *context)
{
	struct search *search = context;
	char comm[COMM_BYTES];

	target_comm(pid, comm);
	if (strcmp(comm, search->name) || pid == (uint32_t)getpid())
		return 0;
	return add(search->set, pid, search->err);
}

int target_by_name(struct target_set *set, const char *name, struct err *err)
{
	struct search search = { .set = set, .err = err, .name = name };
	size_t before = set->nr_pids;
	int ret = each_process(visit_name, &search);

	if (!ret && set->nr_pids == before)
		return err_set(err, ESRCH, "cannot find a target: no process is named '%s' (names are "
			       "cut at %d letters)", name, COMM_BYTES - 1);
	return ret;
}

void target_set_fini(struct target_set *set)
{
	free(set->pids);
	memset(set, 0, sizeof(*set));
}

void target_comm(uint32_t pid, char comm[COMM_BYTES])
{
	char path[40];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	file = fopen(path, "re");
	if (!file || !fgets(comm, COMM_BYTES, file))
		strcpy(comm, "?");
	comm[strcspn(comm, "\n")] = '\0';
	if (file)
		fclose(file);
}

uint32_t target_cpus_allowed(uint32_t pid)
{
	/* Room for 8192 CPUs, the most that Linux can be built for; a smaller mask is refused. */
	size_t bytes = CPU_ALLOC_SIZE(8192);
	cpu_set_t *set = CPU_ALLOC(8192);
	uint32_t count = 0;

	if (set && !sched_getaffinity((pid_t)pid, bytes, set))
		count = (uint32_t)CPU_COUNT_S(bytes, set);
	CPU_FREE(set);
	return count;
}
