// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/load/address.h"
#include "tools/load/template.h"
#include "tools/load/url.h"
#include "user/base/plain.h"

#define WEIGHT_MAX 1000000u
/* Of all requests together: what is sent lies ready in memory. */
#define TARGETS_BYTES (1ull << 30)

struct load_targets {
	struct load_template template;
	uint32_t capacity;  /* of the plan's requests */
	uint32_t *places;   /* open addressing, by method and path: index of a request + 1; 0: free */
	uint32_t nr_places; /* a power of two, at least twice as many as requests */
	uint64_t bytes;
};

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash(uint64_t sum, const char *bytes, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		sum = (sum ^ (unsigned char)bytes[i]) * 0x100000001b3ull;
	return sum;
}

static uint64_t hash_of(const char *method, const char *path)
{
	uint64_t sum = hash(0xcbf29ce484222325ull, method, strlen(method));

	return hash(hash(sum, " ", 1), path, strlen(path));
}

/* Of a request that is there: up to the blank behind its path. */
static uint64_t hash_of_line(const char *line)
{
	size_t method_bytes = strcspn(line, " ");

	return hash(0xcbf29ce484222325ull, line, method_bytes + 1 + strcspn(line + method_bytes + 1, " "));
}

static bool asks_for(const struct load_request *request, const char *method, const char *path)
{
	size_t method_bytes = strlen(method), path_bytes = strlen(path);
	const char *at = request->bytes;

	return request->nr_bytes > method_bytes + path_bytes + 2 && !memcmp(at, method, method_bytes) &&
	       at[method_bytes] == ' ' && !memcmp(at + method_bytes + 1, path, path_bytes) &&
	       at[method_bytes + 1 + path_bytes] == ' ';
}

/* Where the request stands, or would stand. */
static uint32_t *find_place(const struct load_plan *plan, const char *method, const char *path)
{
	const struct load_targets *t = plan->targets;
	uint64_t at = hash_of(method, path);

	for (;; at++) {
		uint32_t *place = &t->places[at & (t->nr_places - 1)];

		if (!*place || asks_for(&plan->requests[*place - 1], method, path))
			return place;
	}
}

static int grow(struct load_plan *plan, struct err *err)
{
	struct load_targets *t = plan->targets;
	uint32_t capacity = t->capacity ? 2 * t->capacity : 16;
	struct load_request *requests = realloc(plan->requests, capacity * sizeof(*requests));
	uint32_t *places = calloc(2 * capacity, sizeof(*places));

	plan->requests = requests ? requests : plan->requests;
	if (!requests || !places) {
		free(places);
		return err_set(err, ENOMEM, "out of memory for the requests");
	}
	free(t->places);
	t->places = places;
	t->nr_places = 2 * capacity;
	t->capacity = capacity;
	for (uint32_t i = 0; i < plan->nr_requests; i++) {
		uint64_t at = hash_of_line(requests[i].bytes);

		while (places[at & (t->nr_places - 1)])
			at++;
		places[at & (t->nr_places - 1)] = i + 1;
	}
	return 0;
}

/* A request that is not there yet. */
static int add(struct load_plan *plan, const char *method, const char *path, struct err *err)
{
	struct load_targets *t = plan->targets;
	struct load_request request;
	int ret = load_url_check_path(path, err);

	if (!ret)
		ret = load_template_check_method(method, err);
	if (!ret && plan->nr_requests == t->capacity)
		ret = grow(plan, err);
	if (!ret)
		ret = load_template_render(&t->template, method, path, &request, err);
	if (ret)
		return ret;
	plan->requests[plan->nr_requests++] = request;
	*find_place(plan, method, path) = plan->nr_requests;
	t->bytes += request.nr_bytes + request.nr_close_bytes;
	if (t->bytes > TARGETS_BYTES)
		return err_set(err, EINVAL,
			       "the requests, of which there are %u up to '%s', take more than 1 GiB: ask "
			       "for fewer "
			       "paths, or with a shorter body",
			       plan->nr_requests, path);
	return 0;
}

/* METHOD and PATH with WEIGHT more; 0: with as much as is needed to be one. */
static int add_weight(struct load_plan *plan, const char *method, const char *path, uint32_t weight,
		      uint32_t *index, struct err *err)
{
	uint32_t place = plan->targets->nr_places ? *find_place(plan, method, path) : 0;
	int ret = place ? 0 : add(plan, method, path, err);

	if (ret)
		return ret;
	*index = place ? place - 1 : plan->nr_requests - 1;
	if (!weight && !plan->requests[*index].weight)
		weight = 1;
	if (plan->weights + weight > UINT32_MAX)
		return err_set(err, EINVAL, "the weights of all targets are together more than %u",
			       UINT32_MAX);
	plan->requests[*index].weight += weight;
	plan->weights += weight;
	return 0;
}

int load_targets_add(struct load_plan *plan, const char *method, const char *path, uint32_t *index,
		     struct err *err)
{
	return add_weight(plan, method ? method : plan->targets->template.method, path, 0, index, err);
}

/* The one server of all URLs is FIRST's. */
static int check_same(const struct load_url *first, const struct load_url *url, const char *text,
		      struct err *err)
{
	char plain[200];

	if (first->port == url->port && first->is_v6 == url->is_v6 && !strcasecmp(first->host, url->host))
		return 0;
	plain_text(plain, sizeof(plain), text);
	return err_set(err, EINVAL,
		       "cannot ask '%s' too: a run asks one server, and the first URL names %s, port %u",
		       plain, first->host, first->port);
}

static int add_url(struct load_plan *plan, const struct load_url *first, const char *text, uint32_t weight,
		   struct err *err)
{
	struct load_url url;
	uint32_t index;
	char *path;
	int ret = load_url_parse(&url, text, err);

	if (!ret)
		ret = check_same(first, &url, text, err);
	if (ret)
		return ret;
	if (asprintf(&path, "%s%.*s", url.target_bytes && *url.target == '/' ? "" : "/",
		     (int)url.target_bytes, url.target) < 0)
		return err_set(err, ENOMEM, "out of memory for the requests");
	ret = add_weight(plan, plan->targets->template.method, path, weight, &index, err);
	free(path);
	return ret;
}

/* "WEIGHT=URL" */
static int split_target(const char *text, uint32_t *weight, const char **url, struct err *err)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long number = digits && digits < 8 ? strtoul(text, NULL, 10) : 0;
	char plain[200];

	plain_text(plain, sizeof(plain), text);
	if (text[digits] != '=' || !number || number > WEIGHT_MAX)
		return err_set(err, EINVAL,
			       "--target takes WEIGHT=URL, a whole number from 1 to %u before it, not '%s'",
			       WEIGHT_MAX, plain);
	*weight = (uint32_t)number;
	*url = text + digits + 1;
	return 0;
}

static int add_all(struct load_plan *plan, const struct load_target_options *options,
		   const struct load_url *first, struct err *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < options->nr_urls && !ret; i++)
		ret = add_url(plan, first, options->urls[i], 1, err);
	for (uint32_t i = 0; i < options->nr_targets && !ret; i++) {
		uint32_t weight;
		const char *url;

		ret = split_target(options->targets[i], &weight, &url, err);
		if (!ret)
			ret = add_url(plan, first, url, weight, err);
	}
	return ret;
}

static int parse_first(const struct load_target_options *options, struct load_url *first, struct err *err)
{
	const char *url = options->nr_urls ? options->urls[0] : NULL;
	uint32_t weight;
	int ret = 0;

	if (!options->nr_urls && !options->nr_targets)
		return err_set(err, EINVAL, "nobody to ask: give a URL, as http://127.0.0.1:8080/");
	if (!url)
		ret = split_target(options->targets[0], &weight, &url, err);
	return ret ? ret : load_url_parse(first, url, err);
}

/* As a URL has it: the port only where it is another than usual (RFC 9110, 4.2.3). */
static void host_of(const struct load_url *url, char *host, size_t size)
{
	char port[8] = "";

	if (url->port != 80)
		snprintf(port, sizeof(port), ":%u", url->port);
	snprintf(host, size, url->is_v6 ? "[%s]%s" : "%s%s", url->host, port);
}

int load_targets_parse(struct load_plan *plan, const struct load_target_options *options, struct err *err)
{
	struct load_url first;
	char host[sizeof(first.host) + 10];
	int ret = parse_first(options, &first, err);

	if (ret)
		return ret;
	plan->targets = calloc(1, sizeof(*plan->targets));
	if (!plan->targets)
		return err_set(err, ENOMEM, "out of memory for the requests");
	host_of(&first, host, sizeof(host));
	ret = load_template_make(&plan->targets->template, options->method, options->body_path,
				 options->headers, options->nr_headers, host, err);
	if (!ret && strlen(plan->targets->template.host) >= sizeof(plan->server.host))
		ret = err_set(err, EINVAL, "--header gives a Host of more than %zu bytes",
			      sizeof(plan->server.host) - 1);
	if (!ret)
		ret = add_all(plan, options, &first, err);
	if (ret)
		return ret;
	strcpy(plan->server.host, plan->targets->template.host);
	return load_address_find(&plan->server, &first, options->unix_path, options->remote, err);
}

void load_targets_free(struct load_plan *plan)
{
	for (uint32_t i = 0; i < plan->nr_requests; i++) {
		free(plan->requests[i].bytes);
		free(plan->requests[i].close_bytes);
	}
	free(plan->requests);
	if (plan->targets) {
		load_template_free(&plan->targets->template);
		free(plan->targets->places);
		free(plan->targets);
	}
	plan->requests = NULL;
	plan->targets = NULL;
	plan->nr_requests = 0;
	plan->weights = 0;
}
