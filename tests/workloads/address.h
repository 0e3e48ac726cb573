/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ADDRESS:PORT (IPv6 in brackets) and unix:PATH, to and from a socket's address. */
#ifndef WHYLATE_WORKLOADS_ADDRESS_H
#define WHYLATE_WORKLOADS_ADDRESS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local;
	};
	socklen_t bytes;
};

static inline int address_parse_local(struct address *out, const char *path)
{
	if (strlen(path) >= sizeof(out->local.sun_path) || !*path)
		return -1;
	out->local.sun_family = AF_UNIX;
	strcpy(out->local.sun_path, path);
	out->bytes = sizeof(out->local);
	return 0;
}

/* Returns 0, or -1 if TEXT is no address. */
static inline int address_parse(struct address *out, const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[64], *end;
	unsigned long port;
	size_t length;

	memset(out, 0, sizeof(*out));
	if (!strncmp(text, "unix:", 5))
		return address_parse_local(out, text + 5);
	if (!colon || (length = (size_t)(colon - text)) >= sizeof(host))
		return -1;
	memcpy(host, text, length);
	host[length] = '\0';
	port = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || *end || port > 65535)
		return -1;
	if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons((uint16_t)port);
		out->bytes = sizeof(out->v6);
		return inet_pton(AF_INET6, host + 1, &out->v6.sin6_addr) == 1 ? 0 : -1;
	}
	out->v4.sin_family = AF_INET;
	out->v4.sin_port = htons((uint16_t)port);
	out->bytes = sizeof(out->v4);
	return inet_pton(AF_INET, host, &out->v4.sin_addr) == 1 ? 0 : -1;
}

static inline void address_print(const struct address *address)
{
	char host[INET6_ADDRSTRLEN];

	if (address->any.sa_family == AF_UNIX)
		printf("unix:%s", address->local.sun_path);
	else if (address->any.sa_family == AF_INET6)
		printf("[%s]:%d", inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host)),
		       ntohs(address->v6.sin6_port));
	else
		printf("%s:%d", inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host)),
		       ntohs(address->v4.sin_port));
}

/* Small answers to small questions must not wait for each other. */
static inline void address_no_delay(int fd, const struct address *address)
{
	const int on = 1;

	if (address->any.sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

#endif /* WHYLATE_WORKLOADS_ADDRESS_H */
