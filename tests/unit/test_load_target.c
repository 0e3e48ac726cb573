// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The load generator's requests, from words to bytes, and whom they are sent to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/un.h>

#include <cmocka.h>

#include "tools/load/template.h"
#include "tools/load/target.h"
#include "version.h"

#define AGENT "User-Agent: whylate-load/" WHYLATE_VERSION "\r\n"
#define CLOSE "Connection: close\r\n"
#define LOCAL "http://127.0.0.1:8080"

#define LIST(...)             \
	(const char *const[]) \
	{                     \
		__VA_ARGS__   \
	}
#define COUNT(...)   (sizeof(LIST(__VA_ARGS__)) / sizeof(char *))
#define URLS(...)    .urls = LIST(__VA_ARGS__), .nr_urls = COUNT(__VA_ARGS__)
#define TARGETS(...) .targets = LIST(__VA_ARGS__), .nr_targets = COUNT(__VA_ARGS__)
#define HEADERS(...) .headers = LIST(__VA_ARGS__), .nr_headers = COUNT(__VA_ARGS__)

static struct load_plan plan;
static struct err err;

static int parse(struct load_target_options options)
{
	load_targets_free(&plan);
	plan = (struct load_plan){};
	err_clear(&err);
	return load_targets_parse(&plan, &options, &err);
}

static int parse_url(const char *url)
{
	return parse((struct load_target_options){ .urls = &url, .nr_urls = 1 });
}

static int teardown(void **state)
{
	(void)state;
	load_targets_free(&plan);
	return 0;
}

static void expect_bytes(const char *bytes, size_t nr, const char *expected)
{
	if (nr != strlen(expected) || memcmp(bytes, expected, nr) != 0)
		fail_msg("'%.*s', not '%s'", (int)nr, bytes, expected);
}

static void expect_request(uint32_t index, const char *expected, const char *expected_last)
{
	assert_true(index < plan.nr_requests);
	expect_bytes(plan.requests[index].bytes, plan.requests[index].nr_bytes, expected);
	expect_bytes(plan.requests[index].close_bytes, plan.requests[index].nr_close_bytes, expected_last);
}

static void expect_refusal(int ret, int error, const char *says)
{
	if (ret != -error || !strstr(err.text, says))
		fail_msg("%d and '%s', not %d and '%s'", ret, err.text, -error, says);
	for (const char *at = err.text; *at; at++)
		if (*at < ' ' || *at > '~')
			fail_msg("byte 0x%02x in '%s'", (unsigned char)*at, err.text);
}

static void urls_become_requests(void **state)
{
	static const struct {
		const char *url, *path, *host, *name;
	} cases[] = {
		{ "http://127.0.0.1", "/", "127.0.0.1", "127.0.0.1:80" },
		{ "http://127.0.0.1:80/", "/", "127.0.0.1", "127.0.0.1:80" },
		{ "HTTP://127.0.0.1:8080/a/b?c=/d&e", "/a/b?c=/d&e", "127.0.0.1:8080", "127.0.0.1:8080" },
		{ "http://127.255.0.9:65535?c", "/?c", "127.255.0.9:65535", "127.255.0.9:65535" },
		{ "http://127.0.0.1:1#d/e", "/", "127.0.0.1:1", "127.0.0.1:1" },
		{ "http://127.0.0.1/a%20b?[]|#d", "/a%20b?[]|", "127.0.0.1", "127.0.0.1:80" },
		{ "http://[::1]:8080/a", "/a", "[::1]:8080", "[::1]:8080" },
		{ "http://[0:0::1]", "/", "[0:0::1]", "[::1]:80" },
		{ "http://[::ffff:127.0.0.2]:9", "/", "[::ffff:127.0.0.2]:9", "[::ffff:127.0.0.2]:9" },
		{ "http://localhost:8080", "/", "localhost:8080", "127.0.0.1:8080" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[300], last[300];

		snprintf(expected, sizeof(expected), "GET %s HTTP/1.1\r\nHost: %s\r\n" AGENT "\r\n",
			 cases[i].path, cases[i].host);
		snprintf(last, sizeof(last), "GET %s HTTP/1.1\r\nHost: %s\r\n" AGENT CLOSE "\r\n",
			 cases[i].path, cases[i].host);
		if (parse_url(cases[i].url))
			fail_msg("%s: %s", cases[i].url, err.text);
		assert_int_equal(plan.nr_requests, 1);
		expect_request(0, expected, last);
		assert_int_equal(plan.requests[0].weight, 1);
		assert_int_equal(plan.weights, 1);
		assert_false(plan.requests[0].is_head);
		assert_string_equal(plan.server.host, cases[i].host);
		assert_string_equal(plan.server.name, cases[i].name);
	}
}

static void bad_urls_are_refused(void **state)
{
	static const struct {
		const char *url, *says;
	} cases[] = {
		{ "https://127.0.0.1/", "TLS" },
		{ "127.0.0.1:80", "does not begin with http://" },
		{ "ftp://127.0.0.1", "does not begin with http://" },
		{ "", "does not begin with http://" },
		{ "http://", "names no host" },
		{ "http:///a", "names no host" },
		{ "http://:80/", "names no host" },
		{ "http://a b/", "names no host" },
		{ "http://a\r\nX: y/", "names no host" },
		{ "http://[::1/", "names no host" },
		{ "http://[]/", "names no host" },
		{ "http://[a]/", "names no host" },
		{ "http://[127.0.0.1]/", "names no host" },
		{ "http://[::1]a/", "port" },
		{ "http://u:p@127.0.0.1/", "Authorization" },
		{ "http://127.0.0.1:/", "port" },
		{ "http://127.0.0.1:0/", "port" },
		{ "http://127.0.0.1:65536/", "port" },
		{ "http://127.0.0.1:184467440737095516/", "port" },
		{ "http://127.0.0.1:8a/", "port" },
		{ "http://127.0.0.1:-8/", "port" },
		{ "http://::1/", "names no host" },
		{ "http://127.0.0.1/a b", "byte 3 must be written as %20" },
		{ "http://127.0.0.1/a\r\nX: y", "%0D" },
		{ "http://127.0.0.1/\xc3\xa9", "%C3" },
		{ "http://10.0.0.1:80/", "10.0.0.1:80 is not an address of this machine's loopback" },
		{ "http://0.0.0.0/", "--remote" },
		{ "http://[::2]/", "--remote" },
		{ "http://[::ffff:10.0.0.1]/", "--remote" },
		{ "http://[7f00::]/", "--remote" },
	};
	char longest[400] = "http://";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_refusal(parse_url(cases[i].url), EINVAL, cases[i].says);
	memset(longest + 7, 'a', 256);
	expect_refusal(parse_url(longest), EINVAL, "names no host");
	longest[7 + 100] = '\0'; /* no name has a part that long, so nobody is asked for it */
	expect_refusal(parse_url(longest), ENOENT, "cannot find the host 'aaaa");
	expect_refusal(parse((struct load_target_options){}), EINVAL, "give a URL");
}

static void others_are_asked_with_remote_alone(void **state)
{
	(void)state;
	assert_int_equal(parse((struct load_target_options){ URLS("http://192.0.2.7:81/"), .remote = true }),
			 0);
	assert_string_equal(plan.server.name, "192.0.2.7:81");
	assert_int_equal(plan.server.address.ss_family, AF_INET);
	assert_int_equal(((struct sockaddr_in *)&plan.server.address)->sin_port, htons(81));
}

static void a_unix_socket_needs_no_address(void **state)
{
	struct load_target_options options = { URLS("http://no-such-host.invalid/a"), .unix_path = "/tmp/"
												   "\x1bx" };
	const struct sockaddr_un *local = (const struct sockaddr_un *)&plan.server.address;
	char longest[200];

	(void)state;
	assert_int_equal(parse(options), 0);
	assert_int_equal(local->sun_family, AF_UNIX);
	assert_string_equal(local->sun_path, "/tmp/\x1bx");
	assert_int_equal(plan.server.address_bytes, sizeof(*local));
	assert_string_equal(plan.server.name, "unix:/tmp/?x");
	assert_string_equal(plan.server.host, "no-such-host.invalid");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	options.unix_path = longest;
	expect_refusal(parse(options), EINVAL, "1 to 107 bytes");
	longest[107] = '\0';
	assert_int_equal(parse(options), 0);
	options.unix_path = "";
	expect_refusal(parse(options), EINVAL, "1 to 107 bytes");
}

static void headers_are_added_or_take_the_place_of_ours(void **state)
{
	(void)state;
	assert_int_equal(
		parse((struct load_target_options){ URLS(LOCAL), HEADERS("X-A:b", "Y:", "z: \tc: d ") }), 0);
	expect_request(0,
		       "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-A: b\r\nY: \r\nz: c: d \r\n" AGENT "\r\n",
		       "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-A: b\r\nY: \r\nz: c: d \r\n" AGENT CLOSE
		       "\r\n");
	assert_int_equal(
		parse((struct load_target_options){
			URLS(LOCAL), HEADERS("host: a:1", "USER-AGENT: me", "connection: keep-alive") }),
		0);
	expect_request(0, "GET / HTTP/1.1\r\nHost: a:1\r\nUSER-AGENT: me\r\nconnection: keep-alive\r\n\r\n",
		       "GET / HTTP/1.1\r\nHost: a:1\r\nUSER-AGENT: me\r\n" CLOSE "\r\n");
	assert_string_equal(plan.server.host, "a:1");
	assert_string_equal(plan.server.name, "127.0.0.1:8080");
}

static void bad_headers_are_refused(void **state)
{
	static const struct {
		const char *headers[2], *says;
	} cases[] = {
		{ { "X" }, "takes 'Name: value', not 'X'" },
		{ { "" }, "takes 'Name: value'" },
		{ { ": y" }, "takes 'Name: value'" },
		{ { "X : y" }, "takes 'Name: value'" },
		{ { " X: y" }, "takes 'Name: value'" },
		{ { "X\r\nY: y" }, "takes 'Name: value'" },
		{ { "X: a\nY: b" }, "byte 5 of 'X: ...' is a control byte (0x0a)" },
		{ { "X: a\r" }, "0x0d" },
		{ { "X: \x7f" }, "0x7f" },
		{ { "content-LENGTH: 5" }, "content-LENGTH: it follows from --body" },
		{ { "Transfer-Encoding: chunked" }, "Transfer-Encoding: it follows from --body" },
		{ { "Host: a", "host: b" }, "Host twice: 'a' and 'b'" },
		{ { "Host: a b" }, "names no host" },
		{ { "Host: a/b" }, "names no host" },
	};
	char longest[400] = "Host: ";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_refusal(
			parse((struct load_target_options){ URLS(LOCAL), .headers = cases[i].headers,
							    .nr_headers = cases[i].headers[1] ? 2 : 1 }),
			EINVAL, cases[i].says);
	memset(longest + 6, 'a', 300);
	expect_refusal(parse((struct load_target_options){ URLS(LOCAL), HEADERS(longest) }), EINVAL,
		       "more than 299 bytes");
}

static void methods(void **state)
{
	struct load_target_options options = { URLS(LOCAL) };
	static const char *const bad[] = { "", "G T", "GET\r\n", "G/", "CONNECT" };

	(void)state;
	options.method = "HEAD";
	assert_int_equal(parse(options), 0);
	assert_true(plan.requests[0].is_head);
	assert_memory_equal(plan.requests[0].bytes, "HEAD / HTTP/1.1\r\n", 17);
	options.method = "head"; /* is another: methods are case-sensitive */
	assert_int_equal(parse(options), 0);
	assert_false(plan.requests[0].is_head);
	options.method = "PUT";
	assert_int_equal(parse(options), 0);
	assert_non_null(strstr(plan.requests[0].bytes, "\r\nContent-Length: 0\r\n"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		options.method = bad[i];
		expect_refusal(parse(options), EINVAL, "cannot ask with");
	}
}

/* A file of NR bytes; its path is in PATH, its bytes are not text. */
static void make_body(char path[64], size_t nr)
{
	FILE *file;
	int fd;

	strcpy(path, "/tmp/test_load_target.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	for (size_t i = 0; i < nr; i++)
		putc((int)(i % 251), file);
	assert_int_equal(fclose(file), 0);
}

static void bodies(void **state)
{
	static const size_t sizes[] = { 0, 1, 8191, 8192, 100000, TEMPLATE_BODY_BYTES };
	struct load_target_options options = { URLS(LOCAL) };
	char path[64], head[200];

	(void)state;
	options.body_path = path;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t head_bytes;

		make_body(path, sizes[i]);
		assert_int_equal(parse(options), 0);
		unlink(path);
		head_bytes = (size_t)snprintf(head, sizeof(head),
					      "POST / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n" AGENT "Content-"
					      "Length: "
					      "%zu\r\n\r"
					      "\n",
					      sizes[i]);
		assert_int_equal(plan.requests[0].nr_bytes, head_bytes + sizes[i]);
		assert_memory_equal(plan.requests[0].bytes, head, head_bytes);
		for (size_t at = 0; at < sizes[i]; at++)
			if ((unsigned char)plan.requests[0].bytes[head_bytes + at] != at % 251)
				fail_msg("byte %zu of %zu", at, sizes[i]);
		assert_int_equal(plan.requests[0].nr_close_bytes, plan.requests[0].nr_bytes + strlen(CLOSE));
	}
	make_body(path, TEMPLATE_BODY_BYTES + 1);
	expect_refusal(parse(options), EINVAL, "longer than 16 MiB");
	unlink(path);
	expect_refusal(parse(options), ENOENT, "cannot read the file '/tmp/test_load_target.");
	options.body_path = "/";
	expect_refusal(parse(options), EISDIR, "cannot read the file '/' of --body");
}

static void weights(void **state)
{
	static const char *const bad[] = { LOCAL,
					   "=" LOCAL,
					   "0=" LOCAL,
					   "1000001=" LOCAL,
					   "-1=" LOCAL,
					   "1.5=" LOCAL,
					   "99999999999999999999=" LOCAL,
					   "a=" LOCAL,
					   "" };

	(void)state;
	assert_int_equal(parse((struct load_target_options){ URLS(LOCAL "/a", LOCAL "/b", LOCAL "/a#x"),
							     TARGETS("5=" LOCAL "/c?d=e", "7=" LOCAL "/b") }),
			 0);
	assert_int_equal(plan.nr_requests, 3);
	assert_int_equal(plan.requests[0].weight, 2);
	assert_int_equal(plan.requests[1].weight, 8);
	assert_int_equal(plan.requests[2].weight, 5);
	assert_int_equal(plan.weights, 15);
	assert_memory_equal(plan.requests[2].bytes, "GET /c?d=e HTTP", 15);
	assert_int_equal(parse((struct load_target_options){ TARGETS("9=" LOCAL) }), 0);
	assert_int_equal(plan.weights, 9);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_refusal(parse((struct load_target_options){ .targets = &bad[i], .nr_targets = 1 }),
			       EINVAL, "--target takes WEIGHT=URL");
}

static void weights_have_a_sum(void **state)
{
	static const char *targets[4295];

	(void)state;
	for (size_t i = 0; i < 4295; i++)
		targets[i] = "1000000=" LOCAL;
	assert_int_equal(parse((struct load_target_options){ .targets = targets, .nr_targets = 4294 }), 0);
	assert_int_equal(plan.weights, 4294000000u);
	assert_int_equal(plan.requests[0].weight, 4294000000u);
	expect_refusal(parse((struct load_target_options){ .targets = targets, .nr_targets = 4295 }), EINVAL,
		       "together more than 4294967295");
}

static void all_urls_name_one_server(void **state)
{
	static const char *const others[] = { "http://127.0.0.1:8081/", "http://127.0.0.2:8080/",
					      "http://localhost:8080/", "http://[::1]:8080/" };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		expect_refusal(parse((struct load_target_options){ URLS(LOCAL, others[i]) }), EINVAL,
			       "the first URL names 127.0.0.1, port 8080");
	assert_int_equal(parse((struct load_target_options){ URLS("http://localhost/", "http://"
										       "LOCALHOST:80/") }),
			 0);
}

static void paths_of_a_replay_share_their_requests(void **state)
{
	enum { PATHS = 10000, LINES = 1000000 };
	char path[64], line[80];
	uint32_t index, other;

	(void)state;
	assert_int_equal(parse_url(LOCAL "/3"), 0);
	for (uint32_t i = 0; i < LINES; i++) {
		snprintf(path, sizeof(path), "/%u", i * 7919u % PATHS);
		assert_int_equal(load_targets_add(&plan, NULL, path, &index, &err), 0);
		assert_true(index < plan.nr_requests);
		snprintf(line, sizeof(line), "GET %s HTTP/1.1\r\n", path);
		if (memcmp(plan.requests[index].bytes, line, strlen(line)) != 0)
			fail_msg("%u is another than %s", index, path);
	}
	assert_int_equal(plan.nr_requests, PATHS);
	assert_int_equal(plan.weights, PATHS);
	assert_int_equal(load_targets_add(&plan, "HEAD", "/3", &other, &err), 0);
	assert_int_equal(other, PATHS);
	assert_true(plan.requests[other].is_head);
	assert_int_equal(load_targets_add(&plan, "GET", "/3", &index, &err), 0);
	assert_int_equal(index, 0);
	expect_refusal(load_targets_add(&plan, NULL, "a", &index, &err), EINVAL, "begins with a '/'");
	err_clear(&err);
	expect_refusal(load_targets_add(&plan, NULL, "/a b", &index, &err), EINVAL, "%20");
	err_clear(&err);
	expect_refusal(load_targets_add(&plan, "CONNECT", "/a", &index, &err), EINVAL, "CONNECT");
	err_clear(&err);
	assert_int_equal(plan.nr_requests, PATHS + 1);
}

static void a_body_goes_with_the_method_of_the_options(void **state)
{
	struct load_target_options options = { URLS(LOCAL), .method = "PUT" };
	char path[64];
	uint32_t index;

	(void)state;
	make_body(path, 3);
	options.body_path = path;
	assert_int_equal(parse(options), 0);
	unlink(path);
	assert_int_equal(load_targets_add(&plan, "GET", "/a", &index, &err), 0);
	expect_bytes(plan.requests[index].bytes, plan.requests[index].nr_bytes,
		     "GET /a HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n" AGENT "\r\n");
	assert_int_equal(load_targets_add(&plan, NULL, "/a", &index, &err), 0);
	assert_memory_equal(plan.requests[index].bytes + plan.requests[index].nr_bytes - 5, "\r\n\0\1\2", 5);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(urls_become_requests),
	cmocka_unit_test(bad_urls_are_refused),
	cmocka_unit_test(others_are_asked_with_remote_alone),
	cmocka_unit_test(a_unix_socket_needs_no_address),
	cmocka_unit_test(headers_are_added_or_take_the_place_of_ours),
	cmocka_unit_test(bad_headers_are_refused),
	cmocka_unit_test(methods),
	cmocka_unit_test(bodies),
	cmocka_unit_test(weights),
	cmocka_unit_test(weights_have_a_sum),
	cmocka_unit_test(all_urls_name_one_server),
	cmocka_unit_test(paths_of_a_replay_share_their_requests),
	cmocka_unit_test(a_body_goes_with_the_method_of_the_options),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, teardown);
}
