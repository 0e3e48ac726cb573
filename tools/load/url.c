// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/base/plain.h"

#define FORM "http://HOST[:PORT][/PATH]"

static int refuse(const char *text, const char *why, struct err *err)
{
	char plain[200];

	plain_text(plain, sizeof(plain), text);
	return err_set(err, EINVAL, "cannot ask '%s': %s; a URL here is " FORM, plain, why);
}

/* What stands before the port, in AUTHORITY of NR bytes; returns how many, 0 if it is no host. */
static size_t take_host(struct load_url *url, const char *authority, size_t nr)
{
	const char *host = authority, *end;
	size_t length;
	struct in6_addr v6;

	url->is_v6 = nr && *authority == '[';
	end = memchr(authority, url->is_v6 ? ']' : ':', nr);
	if (url->is_v6 && !end)
		return 0;
	host += url->is_v6;
	length = end ? (size_t)(end - host) : nr;
	if (!length || length >= sizeof(url->host))
		return 0;
	memcpy(url->host, host, length);
	url->host[length] = '\0';
	if (url->is_v6)
		return inet_pton(AF_INET6, url->host, &v6) == 1 ? length + 2 : 0;
	for (const char *at = url->host; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("-._", *at))
			return 0;
	return length;
}

static bool take_port(struct load_url *url, const char *port, size_t nr)
{
	uint32_t number = 0;

	url->port = 80;
	if (!nr)
		return true;
	if (*port != ':' || nr < 2 || nr > 6)
		return false;
	for (size_t i = 1; i < nr; i++) {
		if (port[i] < '0' || port[i] > '9')
			return false;
		number = number * 10 + (uint32_t)(port[i] - '0');
	}
	url->port = (uint16_t)number;
	return number && number <= UINT16_MAX;
}

int load_url_check_path(const char *path, struct err *err)
{
	char plain[200];

	plain_text(plain, sizeof(plain), path);
	if (*path != '/')
		return err_set(err, EINVAL, "cannot ask for '%s': a path begins with a '/'", plain);
	for (const char *at = path; *at; at++)
		if (*at <= ' ' || *at > '~')
			return err_set(err, EINVAL, "cannot ask for '%s': byte %zu must be written as %%%02X",
				       plain, (size_t)(at - path) + 1, (unsigned char)*at);
	return 0;
}

int load_url_parse(struct load_url *url, const char *text, struct err *err)
{
	const char *authority = text + strlen("http://");
	size_t nr, host_bytes;

	if (!strncasecmp(text, "https://", strlen("https://")))
		return refuse(text, "TLS is not spoken here; ask what stands behind it", err);
	if (strncasecmp(text, "http://", strlen("http://")) != 0)
		return refuse(text, "it does not begin with http://", err);
	nr = strcspn(authority, "/?#");
	if (memchr(authority, '@', nr))
		return refuse(text, "a user is told by --header 'Authorization: ...'", err);
	host_bytes = take_host(url, authority, nr);
	if (!host_bytes)
		return refuse(text, "it names no host (a name, 127.0.0.1 or [::1])", err);
	if (!take_port(url, authority + host_bytes, nr - host_bytes))
		return refuse(text, "its port is not a number from 1 to 65535", err);
	url->target = authority + nr;
	url->target_bytes = strcspn(url->target, "#");
	return 0;
}
