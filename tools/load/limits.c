// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/limits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/load/books.h"

/*
 * Of the ports of an address that the generator chose: connect() looks among the even ones first (net/ipv4/
 * inet_hashtables.c: __inet_hash_connect), and once these are taken, at each of them in vain: 100,000
 * connections from addresses that were full took 67 s where they take 2 from twice as many.
 */
#define PORTS_USED(ports) ((ports) / 2)

static int read_numbers(const char *path, const char *format, unsigned long *first, unsigned long *second,
			struct err *err)
{
	FILE *file = fopen(path, "re");
	char line[128];
	int ret = -1;

	*second = 0;
	while (file && ret < 1 && fgets(line, sizeof(line), file))
		ret = sscanf(line, format, first, second);
	if (file)
		fclose(file);
	return ret >= 1 ? 0 : err_set(err, EIO, "cannot read %s", path);
}

int load_machine_read(struct load_machine *machine, struct err *err)
{
	static const char ports[] = "/proc/sys/net/ipv4/ip_local_port_range";
	unsigned long first, second;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return err_set(err, errno, "cannot read the limit of open files: %s", strerror(errno));
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) || getrlimit(RLIMIT_NOFILE, &files))
		return err_set(err, errno, "cannot raise the limit of open files: %s", strerror(errno));
	machine->files = files.rlim_cur;
	if (read_numbers(ports, "%lu %lu", &first, &second, err))
		return -err->code;
	machine->ports = (uint32_t)(second - first + 1);
	if (read_numbers("/proc/meminfo", "MemAvailable: %lu", &first, &second, err))
		return -err->code;
	machine->memory_bytes = first * 1024;
	if (sched_getaffinity(0, sizeof(machine->cpus), &machine->cpus))
		return err_set(err, errno, "cannot read which CPUs are allowed: %s", strerror(errno));
	return 0;
}

static uint64_t up(uint64_t nr, uint64_t by)
{
	return (nr + by - 1) / by;
}

/* Files of the table of a thread that has its share of the connections of THREADS. */
static uint64_t files_needed(const struct load_plan *plan, uint64_t threads)
{
	return up(plan->connections, threads) + LOAD_FILES_OTHER + 2 * threads;
}

/* As few threads as the files allow; 0: no number of them would do. */
static uint32_t threads_for_files(const struct load_plan *plan, uint64_t files)
{
	for (uint64_t threads = 1; threads <= plan->connections && 2 * threads < files; threads++)
		if (files_needed(plan, threads) <= files)
			return (uint32_t)threads;
	return 0;
}

static int fit_threads(struct load_plan *plan, const struct load_machine *machine, struct err *err)
{
	unsigned long files = machine->files;
	uint32_t least = threads_for_files(plan, machine->files);

	if (!least)
		return err_set(err, EINVAL,
			       "--connections %u are more than any number of threads could hold with %lu "
			       "open files "
			       "each; raise ulimit -n",
			       plan->connections, files);
	if (!plan->threads)
		plan->threads = least;
	if (plan->threads > plan->connections)
		return err_set(err, EINVAL,
			       "--threads %u are more than the %u --connections; each has at least one",
			       plan->threads, plan->connections);
	if (files_needed(plan, plan->threads) > machine->files)
		return err_set(err, EINVAL,
			       "--connections %u in %u threads need %lu open files each, and %lu are "
			       "allowed; raise "
			       "ulimit -n, or leave -t out: %u threads would do",
			       plan->connections, plan->threads,
			       (unsigned long)files_needed(plan, plan->threads), files, least);
	return 0;
}

static bool is_loopback_v4(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET &&
	       ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* 127.0.0.1 and those behind it. */
static int choose_sources(struct load_plan *plan, uint32_t nr, struct err *err)
{
	plan->sources = calloc(nr, sizeof(*plan->sources));
	if (!plan->sources)
		return err_set(err, ENOMEM, "out of memory");
	plan->nr_sources = nr;
	for (uint32_t i = 0; i < nr; i++)
		*(struct sockaddr_in *)&plan->sources[i] = (struct sockaddr_in){
			.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i),
		};
	return 0;
}

static int fit_sources(struct load_plan *plan, const struct load_machine *machine, struct err *err)
{
	const struct sockaddr_storage *server = &plan->server.address;
	uint64_t nr_sources = plan->nr_sources ? plan->nr_sources : 1;

	if (server->ss_family == AF_UNIX)
		return 0;
	for (uint32_t i = 0; i < plan->nr_sources; i++)
		if (plan->sources[i].ss_family != server->ss_family)
			return err_set(err, EINVAL, "--source: one is IPv%c, and %s is not",
				       plan->sources[i].ss_family == AF_INET ? '4' : '6', plan->server.name);
	if (!plan->nr_sources && is_loopback_v4(server) && plan->connections > PORTS_USED(machine->ports))
		return choose_sources(plan, (uint32_t)up(plan->connections, PORTS_USED(machine->ports)), err);
	if (plan->connections <= nr_sources * machine->ports)
		return 0;
	return err_set(err, EINVAL,
		       "--connections %u to %s are more than the %u ports of %lu source address%s "
		       "(net.ipv4.ip_local_port_range); %lu of them would do%s",
		       plan->connections, plan->server.name, machine->ports, (unsigned long)nr_sources,
		       nr_sources > 1 ? "es" : "", (unsigned long)up(plan->connections, machine->ports),
		       server->ss_family == AF_INET6 ? ", or 127.0.0.1, which has as many as are needed" :
						       ", given by --source");
}

static int check_memory(const struct load_plan *plan, const struct load_machine *machine, struct err *err)
{
	/* Each thread's books, their sums, and those a second ago. */
	uint64_t need = (plan->threads + 3ull) * sizeof(struct load_books) +
			(uint64_t)plan->connections * LOAD_CONNECTION_BYTES;

	if (need <= machine->memory_bytes)
		return 0;
	return err_set(err, EINVAL,
		       "--connections %u and --threads %u need %lu MB of memory, and %lu MB are available; "
		       "use fewer",
		       plan->connections, plan->threads, (unsigned long)(need / 1000000),
		       (unsigned long)(machine->memory_bytes / 1000000));
}

static double most_rate(const struct load_plan *plan)
{
	double most = 0;

	for (uint32_t i = 0; i < plan->nr_segments; i++) {
		const struct load_segment *segment = &plan->segments[i];

		most = segment->from_rate > most ? segment->from_rate : most;
		most = segment->to_rate > most ? segment->to_rate : most;
	}
	if (plan->mode == LOAD_REPLAY)
		most = (double)plan->nr_replay * 1e9 / (double)(plan->warmup_ns + plan->duration_ns);
	return most;
}

static int check_rate(const struct load_plan *plan, struct err *err)
{
	double most = most_rate(plan), threads = most / LOAD_RATE_MOST;

	/* A file of less than a second says little of a rate. */
	if (plan->mode == LOAD_REPLAY && plan->nr_replay <= LOAD_RATE_MOST)
		return 0;
	if (threads <= plan->threads)
		return 0;
	return err_set(err, EINVAL,
		       "%.0f requests a second are more than %u thread%s can time (%u each); use -t %.0f or "
		       "more, or "
		       "a lower rate",
		       most, plan->threads, plan->threads > 1 ? "s" : "", LOAD_RATE_MOST, ceil(threads));
}

int load_limits_fit(struct load_plan *plan, const struct load_machine *machine, struct err *err)
{
	cpu_set_t here;

	CPU_AND(&here, &plan->cpus, &machine->cpus);
	if (plan->has_cpus && !CPU_EQUAL(&here, &plan->cpus))
		return err_set(err, EINVAL, "--cpus names CPUs that are not here or not allowed");
	if (fit_threads(plan, machine, err) || fit_sources(plan, machine, err) ||
	    check_memory(plan, machine, err) || check_rate(plan, err))
		return -err->code;
	return 0;
}

/* By a socket that takes it and is closed again. */
static int try_source(const struct sockaddr_storage *source, struct err *err)
{
	socklen_t bytes = source->ss_family == AF_INET ? sizeof(struct sockaddr_in) :
							 sizeof(struct sockaddr_in6);
	int fd = socket(source->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), ret = 0;
	char text[INET6_ADDRSTRLEN] = "";

	if (fd < 0)
		return err_set(err, errno, "cannot make a socket: %s", strerror(errno));
	if (bind(fd, (const struct sockaddr *)source, bytes)) {
		ret = errno;
		inet_ntop(source->ss_family,
			  source->ss_family == AF_INET ?
				  (const void *)&((const struct sockaddr_in *)source)->sin_addr :
				  (const void *)&((const struct sockaddr_in6 *)source)->sin6_addr,
			  text, sizeof(text));
		ret = err_set(err, ret, "cannot connect from --source %s: %s", text, strerror(ret));
	}
	close(fd);
	return ret;
}

int load_limits_apply(struct load_plan *plan, struct err *err)
{
	struct load_machine machine;
	int ret = load_machine_read(&machine, err);

	for (uint32_t i = 0; i < plan->nr_sources && !ret; i++)
		ret = try_source(&plan->sources[i], err);
	return ret ? ret : load_limits_fit(plan, &machine, err);
}
