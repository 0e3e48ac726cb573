// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "user/base/clock.h"

#define BACKLOG 65535 /* the kernel lowers it to net.core.somaxconn */
/* A server that was killed leaves its address a moment after its end: its ring and its processes end later. */
#define TAKEN_NS      500000000u
#define TAKEN_TICK_NS 5000000u

int listen_address(struct sockaddr_storage *out, socklen_t *bytes, const char *host, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	size_t length = strlen(host);
	char bare[64];

	memset(out, 0, sizeof(*out));
	if (length >= sizeof(bare))
		return -EINVAL;
	strcpy(bare, host);
	if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
		bare[length - 1] = '\0';
		memmove(bare, bare + 1, length - 1);
	}
	if (inet_pton(AF_INET, bare, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*bytes = sizeof(*v4);
		return 0;
	}
	if (inet_pton(AF_INET6, bare, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*bytes = sizeof(*v6);
		return 0;
	}
	return -EINVAL;
}

static int address_of(const struct options *options, struct sockaddr_storage *out, socklen_t *bytes,
		      struct err *err)
{
	struct sockaddr_un *local = (struct sockaddr_un *)out;

	if (!options->unix_path) {
		if (listen_address(out, bytes, options->address, (uint16_t)options->port))
			return err_set(err, EINVAL,
				       "--address takes an address in numbers, as 127.0.0.1 or ::1, not '%s'",
				       options->address);
		return 0;
	}
	memset(local, 0, sizeof(*local));
	if (!*options->unix_path || strlen(options->unix_path) >= sizeof(local->sun_path))
		return err_set(err, EINVAL, "--unix takes a path of 1 to %zu bytes, not '%s'",
			       sizeof(local->sun_path) - 1, options->unix_path);
	local->sun_family = AF_UNIX;
	strcpy(local->sun_path, options->unix_path);
	*bytes = sizeof(*local);
	return 0;
}

static int fail(const struct options *options, int error, struct err *err)
{
	if (options->unix_path)
		return err_set(err, error,
			       "cannot listen on unix:%s: %s; is another server there, or its socket left?",
			       options->unix_path, strerror(error));
	return err_set(err, error, "cannot listen on %s, port %u: %s; --port 0 takes any that is free",
		       options->address, options->port, strerror(error));
}

/* A socket of ADDRESS, bound; -errno.  IS_MORE: beside one that was bound so before. */
static int bind_one(const struct sockaddr_storage *address, socklen_t bytes, bool is_more)
{
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), ret;
	const int on = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (is_more)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	/* Inherited by what is accepted: our answers are one send each, so nothing is gained by waiting. */
	if (address->ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!bind(fd, (const struct sockaddr *)address, bytes))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

/*
 * The first is bound alone, so that another server at this address, even one that would share it, is in the
 * way; the port that it got is the others' too.  Returns 0 or -errno; *NR_OPEN are open in either case.
 */
static int open_all(struct sockaddr_storage *address, socklen_t bytes, int *fds, uint32_t nr,
		    uint32_t *nr_open)
{
	bool is_unix = address->ss_family == AF_UNIX;
	const int on = 1;

	for (uint32_t i = 0; i < nr; i++) {
		fds[i] = i && is_unix ? fcntl(fds[0], F_DUPFD_CLOEXEC, 0) : bind_one(address, bytes, i > 0);
		if (fds[i] < 0)
			return i && is_unix ? -errno : fds[i];
		*nr_open = i + 1;
		if (!i && nr > 1 && !is_unix &&
		    (setsockopt(fds[0], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
		     getsockname(fds[0], (struct sockaddr *)address, &bytes)))
			return -errno;
		if (listen(fds[i], BACKLOG))
			return -errno;
	}
	return 0;
}

/* The same, or none is left open. */
static int open_all_or_none(struct sockaddr_storage *address, socklen_t bytes, int *fds, uint32_t nr)
{
	uint32_t nr_open = 0;
	int ret = open_all(address, bytes, fds, nr, &nr_open);

	while (ret && nr_open)
		close(fds[--nr_open]);
	return ret;
}

int listen_open(const struct options *options, int *fds, uint32_t nr, struct err *err)
{
	const struct timespec tick = clock_timespec(TAKEN_TICK_NS);
	uint64_t until_ns = clock_monotonic_ns() + TAKEN_NS;
	struct sockaddr_storage address;
	socklen_t bytes;
	int ret = address_of(options, &address, &bytes, err);

	if (ret)
		return ret;
	ret = open_all_or_none(&address, bytes, fds, nr);
	while (ret == -EADDRINUSE && !options->unix_path && clock_monotonic_ns() < until_ns) {
		nanosleep(&tick, NULL);
		ret = open_all_or_none(&address, bytes, fds, nr);
	}
	return ret ? fail(options, -ret, err) : 0;
}

void listen_only_first(int fd)
{
	struct sock_filter first[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	const struct sock_fprog program = { 1, first };

	/* Where there is but one socket this fails, and nothing is to be done. */
	setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
}

void listen_name(int fd, char *out, size_t size)
{
	struct sockaddr_storage address = {};
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
	socklen_t bytes = sizeof(address);
	char host[INET6_ADDRSTRLEN] = "";

	getsockname(fd, (struct sockaddr *)&address, &bytes);
	if (address.ss_family == AF_UNIX) {
		snprintf(out, size, "unix:%s", ((const struct sockaddr_un *)&address)->sun_path);
	} else if (address.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(out, size, "[%s]:%u", host, ntohs(v6->sin6_port));
	} else {
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(out, size, "%s:%u", host, ntohs(v4->sin_port));
	}
}

uint32_t listen_waiting(int fd)
{
	struct tcp_info info = {};
	socklen_t bytes = sizeof(info);

	if (!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes))
		return info.tcpi_unacked; /* of a listener it is that */
	return BACKLOG;
}

int listen_accept(int fd, int socket_flags)
{
	for (;;) {
		int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | socket_flags);

		if (accepted >= 0)
			return accepted;
		/* Who has gone meanwhile, or was broken on the way, is no failure of ours. */
		if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO && errno != EPERM)
			return -errno;
	}
}
