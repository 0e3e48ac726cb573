// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int set(int fd, int level, int option)
{
	const int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on)) ? -errno : 0;
}

static socklen_t bytes_of(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* The port is chosen at the connect, when it need only differ from others to the same server (ip(7)). */
static int bind_source(int fd, const struct sockaddr_storage *source)
{
	int ret = set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);

	if (!ret && bind(fd, (const struct sockaddr *)source, bytes_of(source)))
		ret = -errno;
	return ret;
}

static int prepare(int fd, const struct load_plan *plan, uint64_t number)
{
	int ret = 0;

	if (plan->server.address.ss_family != AF_UNIX) {
		ret = set(fd, IPPROTO_TCP, TCP_NODELAY);
		if (!ret)
			ret = set(fd, SOL_SOCKET, SO_TIMESTAMPNS);
		if (!ret && plan->nr_sources)
			ret = bind_source(fd, &plan->sources[number % plan->nr_sources]);
	}
	return ret;
}

int load_socket_connect(const struct load_plan *plan, uint64_t number, bool *connected)
{
	const struct load_server *server = &plan->server;
	int fd = socket(server->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), ret;

	*connected = false;
	if (fd < 0)
		return -errno;
	ret = prepare(fd, plan, number);
	if (!ret && connect(fd, (const struct sockaddr *)&server->address, server->address_bytes))
		ret = errno == EINPROGRESS ? 1 : -errno;
	if (ret < 0) {
		close(fd);
		return ret;
	}
	*connected = !ret;
	return fd;
}

/* Where nobody listens, and the server's port is one that the kernel may choose for us (RFC 9293, 3.5). */
static bool is_to_itself(int fd, const struct load_server *server)
{
	struct sockaddr_storage own = {};
	socklen_t bytes = sizeof(own);
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&server->address,
				 *own_v4 = (const struct sockaddr_in *)&own;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&server->address,
				  *own_v6 = (const struct sockaddr_in6 *)&own;

	if (server->address.ss_family == AF_UNIX || getsockname(fd, (struct sockaddr *)&own, &bytes))
		return false;
	if (server->address.ss_family == AF_INET)
		return own_v4->sin_port == v4->sin_port && own_v4->sin_addr.s_addr == v4->sin_addr.s_addr;
	return own_v6->sin6_port == v6->sin6_port && IN6_ARE_ADDR_EQUAL(&own_v6->sin6_addr, &v6->sin6_addr);
}

int load_socket_error(int fd, const struct load_server *server)
{
	socklen_t bytes = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes))
		return -errno;
	if (!error && is_to_itself(fd, server))
		return -ECONNREFUSED;
	return -error;
}

ssize_t load_socket_read(int fd, void *buffer, size_t bytes, uint64_t *arrival_ns)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	struct iovec part = { buffer, bytes };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t ret = recvmsg(fd, &message, 0);
	const struct cmsghdr *header = ret > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	struct timespec when;

	*arrival_ns = 0;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_TIMESTAMPNS) {
		memcpy(&when, CMSG_DATA(header), sizeof(when));
		*arrival_ns = (uint64_t)when.tv_sec * 1000000000u + (uint64_t)when.tv_nsec;
	}
	return ret;
}
