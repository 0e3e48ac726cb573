// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/trace/target.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
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

/* What /proc/PID/stat says of a process. */
struct stat_fields {
	char state;
	unsigned flags;
	int nr_threads; /* a leader that has ended, or been waited for, still counts as one */
};

/* The fields behind the name, which may itself hold spaces and brackets. */
static bool read_stat(uint32_t pid, struct stat_fields *stat)
{
	char path[40], line[1024], *after;
	FILE *file;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	ok = fgets(line, sizeof(line), file) && (after = strrchr(line, ')')) &&
	     sscanf(after + 1, " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d",
		    &stat->state, &stat->flags, &stat->nr_threads) == 3;
	fclose(file);
	return ok;
}

/* A leader may end (pthread_exit) and leave its process to the other threads. */
static bool has_ended(const struct stat_fields *stat)
{
	return (stat->state == 'Z' || stat->state == 'X') && stat->nr_threads < 2;
}

bool target_has_ended(uint32_t pid)
{
	struct stat_fields stat;

	return !read_stat(pid, &stat) || has_ended(&stat);
}

int target_check_proc(struct err *err)
{
	char self[16];
	ssize_t length = readlink("/proc/self", self, sizeof(self) - 1);

	self[length > 0 ? length : 0] = '\0';
	if (strtol(self, NULL, 10) == (long)getpid())
		return 0;
	if (length < 0 && access("/proc/version", F_OK))
		return err_set(err, ENOENT,
			       "cannot look at processes: /proc is not mounted; "
			       "mount it (mount -t proc proc /proc)");
	/* A namespace that we are not in has no name for us. */
	return err_set(err, ESRCH,
		       "cannot look at processes: /proc is another PID namespace's, where this is process "
		       "%s and not %d; mount this one's (unshare --mount-proc)",
		       length > 0 ? self : "nothing", (int)getpid());
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

int target_parse_pid(const char *text, uint32_t *pid, struct err *err)
{
	unsigned long number;
	char *end;

	number = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || !number || number > INT32_MAX)
		return err_set(err, EINVAL, "'%s' is no process id; give a number, --port or --name", text);
	*pid = (uint32_t)number;
	return 0;
}

int target_by_pid(struct target_set *set, const char *text, struct err *err)
{
	struct stat_fields stat;
	uint32_t pid, leader;

	if (target_parse_pid(text, &pid, err))
		return -err->code;
	if (!read_stat(pid, &stat))
		return err_set(err, ESRCH, "cannot watch process %u: no such process", pid);
	if (pid == (uint32_t)getpid())
		return err_set(err, EINVAL, "cannot watch process %u: that is the agent itself", pid);
	if (stat.flags & PF_KTHREAD)
		return err_set(err, EINVAL,
			       "cannot watch process %u: it is a thread of the kernel, "
			       "not a program",
			       pid);
	if (has_ended(&stat))
		return err_set(err, ESRCH, "cannot watch process %u: it has ended already", pid);
	leader = read_status_id(pid, "Tgid:");
	if (leader && leader != pid)
		return err_set(err, EINVAL, "cannot watch %u: it is a thread of process %u; watch that", pid,
			       leader);
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

/* Numbers of inodes, in a set that grows. */
struct inodes {
	unsigned long *numbers; /* owned; sorted before they are looked up */
	size_t nr;
};

static int inodes_add(struct inodes *inodes, unsigned long number, struct err *err)
{
	/* Twice the room each time that a power of two is full. */
	if (!(inodes->nr & (inodes->nr - 1))) {
		size_t room = inodes->nr ? inodes->nr * 2 : 1;
		unsigned long *bigger = realloc(inodes->numbers, room * sizeof(*bigger));

		if (!bigger)
			return err_set(err, ENOMEM, "cannot search /proc: out of memory");
		inodes->numbers = bigger;
	}
	inodes->numbers[inodes->nr++] = number;
	return 0;
}

static int by_number(const void *left, const void *right)
{
	unsigned long a = *(const unsigned long *)left, b = *(const unsigned long *)right;

	return a < b ? -1 : a > b;
}

static bool inodes_have(const struct inodes *inodes, unsigned long number)
{
	return inodes->nr && bsearch(&number, inodes->numbers, inodes->nr, sizeof(number), by_number);
}

/* The inode behind a link such as socket:[123] or net:[456]; 0 if it is none of KIND. */
static unsigned long read_inode(const char *path, const char *kind)
{
	size_t kind_length = strlen(kind);
	char link[64];
	ssize_t length = readlink(path, link, sizeof(link) - 1);

	if (length <= 0)
		return 0;
	link[length] = '\0';
	if (strncmp(link, kind, kind_length) || strncmp(link + kind_length, ":[", 2))
		return 0;
	return strtoul(link + kind_length + 2, NULL, 10);
}

struct port_search {
	struct target_set *set;
	struct err *err;
	uint32_t port;
	struct inodes listeners;    /* SO_REUSEPORT makes several */
	struct inodes namespaces;   /* other network namespaces that were looked at, unsorted */
	size_t nr_listening;	    /* those of them where somebody listens on the port */
	uint32_t listening_pids[2]; /* a process in each of the first two */
	uint32_t manager;	    /* holds it, and is no target; 0: none */
};

static int find_listeners(const char *path, struct port_search *search)
{
	FILE *file = fopen(path, "re");
	char line[512];
	int ret = 0;

	while (file && !ret && fgets(line, sizeof(line), file)) {
		unsigned local_port, state;
		unsigned long inode;

		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*d %*d %lu",
			   &local_port, &state, &inode) == 3 &&
		    local_port == search->port && state == 10 /* TCP_LISTEN */)
			ret = inodes_add(&search->listeners, inode, search->err);
	}
	if (file)
		fclose(file);
	return ret;
}

/* Look at the network namespace of process PID, if no process before it was in the same. */
static int visit_namespace(uint32_t pid, void *context)
{
	struct port_search *search = context;
	size_t before = search->listeners.nr;
	unsigned long inode;
	char path[40];
	int ret;

	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	inode = read_inode(path, "net");
	if (!inode)
		return 0;
	for (size_t i = 0; i < search->namespaces.nr; i++)
		if (search->namespaces.numbers[i] == inode)
			return 0;
	ret = inodes_add(&search->namespaces, inode, search->err);
	snprintf(path, sizeof(path), "/proc/%u/net/tcp", pid);
	if (!ret)
		ret = find_listeners(path, search);
	snprintf(path, sizeof(path), "/proc/%u/net/tcp6", pid);
	if (!ret)
		ret = find_listeners(path, search);
	if (search->listeners.nr == before)
		return ret;
	if (search->nr_listening < 2)
		search->listening_pids[search->nr_listening] = pid;
	search->nr_listening++;
	return ret;
}

/* Does the file table at DIR (a /proc/.../fd) hold one of the listeners?  *NR_FILES: how many it holds. */
static bool table_has_listener(const char *dir_path, const struct port_search *search, size_t *nr_files)
{
	DIR *dir = opendir(dir_path);
	struct dirent *entry;
	bool found = false;

	*nr_files = 0;
	while (dir && !found && (entry = readdir(dir))) {
		char path[400];

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		(*nr_files)++;
		snprintf(path, sizeof(path), "%s/%s", dir_path, entry->d_name);
		found = inodes_have(&search->listeners, read_inode(path, "socket"));
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool holds_listener(uint32_t pid, const struct port_search *search)
{
	struct dirent *entry;
	bool found, more = true;
	size_t nr_files;
	char path[300];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	found = table_has_listener(path, search, &nr_files);
	if (found || nr_files)
		return found;
	/* The table of a leader that has ended is empty; its threads share the one that is in use. */
	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(path);
	while (dir && more && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%u/task/%s/fd", pid, entry->d_name);
		found = table_has_listener(path, search, &nr_files);
		more = !found && !nr_files;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* It keeps a listener for a service (systemd.socket(5)), answers nothing, and all others descend from it. */
static bool is_manager(uint32_t pid)
{
	char comm[COMM_BYTES];

	target_comm(pid, comm);
	return !strcmp(comm, "systemd");
}

static int visit_port(uint32_t pid, void *context)
{
	struct port_search *search = context;

	if (!holds_listener(pid, search))
		return 0;
	if (is_manager(pid)) {
		search->manager = pid;
		return 0;
	}
	return add(search->set, pid, search->err);
}

/*
 * Our own network namespace first.  If nobody listens there, the one other in which somebody does; with
 * several of them (containers have the same port each) the user must choose.
 */
static int find_all_listeners(struct port_search *search)
{
	struct err *err = search->err;
	unsigned long own = read_inode("/proc/self/ns/net", "net");
	int ret = find_listeners("/proc/net/tcp", search);

	if (!ret)
		ret = find_listeners("/proc/net/tcp6", search);
	if (ret || search->listeners.nr)
		return ret;
	if (own)
		ret = inodes_add(&search->namespaces, own, err);
	if (!ret)
		ret = each_process(visit_namespace, search);
	if (ret)
		return ret;
	if (!search->nr_listening)
		return err_set(err, ESRCH, "cannot find a target: nobody listens on TCP port %u here",
			       search->port);
	if (search->nr_listening > 1)
		return err_set(err, ENOTUNIQ,
			       "cannot choose a target: TCP port %u is listened on in %zu other network "
			       "namespaces, e.g. those of the processes %u and %u; give a PID",
			       search->port, search->nr_listening, search->listening_pids[0],
			       search->listening_pids[1]);
	return 0;
}

int target_by_port(struct target_set *set, uint32_t port, struct err *err)
{
	struct port_search search = { .set = set, .err = err, .port = port };
	size_t before = set->nr_pids;
	int ret;

	if (!port || port > 65535)
		return err_set(err, EINVAL, "--port takes a number from 1 to 65535, not %u", port);
	ret = find_all_listeners(&search);
	if (!ret) {
		qsort(search.listeners.numbers, search.listeners.nr, sizeof(unsigned long), by_number);
		ret = each_process(visit_port, &search);
	}
	if (!ret && set->nr_pids == before && search.manager)
		err_set(err, ESRCH,
			"cannot find a target: systemd (process %u) holds TCP port %u for a service "
			"that does not run yet; send it a request, or give a PID",
			search.manager, port);
	else if (!ret && set->nr_pids == before)
		err_set(err, EACCES,
			"cannot find who listens on TCP port %u: no process that "
			"this user may look into holds the socket; run it with sudo",
			port);
	free(search.listeners.numbers);
	free(search.namespaces.numbers);
	return ret ? ret : -err->code;
}

struct name_search {
	struct target_set *set;
	struct err *err;
	const char *name;
	uint32_t kernel_thread, ended; /* one of that name that cannot be watched */
};

static int visit_name(uint32_t pid, void *context)
{
	struct name_search *search = context;
	struct stat_fields stat;
	char comm[COMM_BYTES];

	target_comm(pid, comm);
	if (strcmp(comm, search->name) || pid == (uint32_t)getpid() || !read_stat(pid, &stat))
		return 0;
	if (stat.flags & PF_KTHREAD)
		search->kernel_thread = pid;
	else if (has_ended(&stat))
		search->ended = pid;
	else
		return add(search->set, pid, search->err);
	return 0;
}

int target_by_name(struct target_set *set, const char *name, struct err *err)
{
	struct name_search search = { .set = set, .err = err, .name = name };
	size_t before = set->nr_pids;
	int ret = each_process(visit_name, &search);

	if (ret || set->nr_pids > before)
		return ret;
	if (search.kernel_thread)
		return err_set(err, EINVAL,
			       "cannot watch '%s' (process %u): it is a thread of the "
			       "kernel, not a program",
			       name, search.kernel_thread);
	if (search.ended)
		return err_set(err, ESRCH, "cannot watch '%s' (process %u): it has ended already", name,
			       search.ended);
	return err_set(err, ESRCH,
		       "cannot find a target: no process is named '%s' (names are "
		       "cut at %d letters)",
		       name, COMM_BYTES - 1);
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
