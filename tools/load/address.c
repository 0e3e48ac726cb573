// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "user/base/plain.h"

static int find_unix(struct load_server *server, const char *path, struct err *err)
{
	struct sockaddr_un *local = (struct sockaddr_un *)&server->address;
	size_t length = strlen(path);
	char plain[200];

	plain_text(plain, sizeof(plain), path);
	if (!length || length >= sizeof(local->sun_path))
		return err_set(err, EINVAL, "--unix takes a path of 1 to %zu bytes, not '%s'",
			       sizeof(local->sun_path) - 1, plain);
	local->sun_family = AF_UNIX;
	memcpy(local->sun_path, path, length + 1);
	server->address_bytes = sizeof(*local);
	strcpy(server->name, "unix:");
	plain_text(server->name + strlen("unix:"), sizeof(server->name) - strlen("unix:"), path);
	return 0;
}

static bool is_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
}

/* Many names have both, and servers that listen on IPv4 alone are more than those on IPv6 alone. */
static void choose(struct load_server *server, const struct addrinfo *all)
{
	const struct addrinfo *one = all;

	while (one && one->ai_family != AF_INET)
		one = one->ai_next;
	one = one ? one : all;
	memcpy(&server->address, one->ai_addr, one->ai_addrlen);
	server->address_bytes = one->ai_addrlen;
}

static void name(struct load_server *server)
{
	char host[INET6_ADDRSTRLEN + 1 + 16], port[8];

	if (getnameinfo((const struct sockaddr *)&server->address, server->address_bytes, host, sizeof(host),
			port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	snprintf(server->name, sizeof(server->name),
		 server->address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

int load_address_find(struct load_server *server, const struct load_url *url, const char *unix_path,
		      bool is_remote, struct err *err)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
					.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_NUMERICSERV };
	struct addrinfo *all = NULL;
	char port[8];
	int ret;

	if (unix_path)
		return find_unix(server, unix_path, err);
	snprintf(port, sizeof(port), "%u", url->port);
	ret = getaddrinfo(url->host, port, &hints, &all);
	if (ret)
		return err_set(err, ENOENT, "cannot find the host '%s': %s", url->host, gai_strerror(ret));
	choose(server, all);
	freeaddrinfo(all);
	name(server);
	if (is_remote || is_loopback(&server->address))
		return 0;
	return err_set(err, EINVAL,
		       "%s is not an address of this machine's loopback (127.0.0.0/8 or ::1): if its owner "
		       "wants "
		       "this load, say --remote",
		       server->name);
}
