// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <cmocka.h>

#include "tools/load/limits.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define S	      1000000000ull

static struct load_segment segment;
static struct load_plan plan;
static struct load_machine machine;
static struct err err;

static void server_is(const char *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&plan.server.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&plan.server.address;

	snprintf(plan.server.name, sizeof(plan.server.name), "%s", address);
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1)
		plan.server.address.ss_family = AF_INET;
	else
		plan.server.address.ss_family = inet_pton(AF_INET6, address, &v6->sin6_addr) == 1 ? AF_INET6 :
												    AF_UNIX;
}

/* A machine as there are many, and a plan that fits it. */
static int begin(void **state)
{
	(void)state;
	segment = (struct load_segment){ 1000, 1000, 10 * S };
	plan = (struct load_plan){
		.segments = &segment, .nr_segments = 1, .duration_ns = 10 * S, .connections = 64
	};
	server_is("127.0.0.1");
	machine = (struct load_machine){ .files = 1024, .ports = 28232, .memory_bytes = 1000000000 };
	CPU_SET(0, &machine.cpus);
	CPU_SET(3, &machine.cpus);
	err_clear(&err);
	return 0;
}

static int end(void **state)
{
	(void)state;
	free(plan.sources);
	return 0;
}

static int fit(void)
{
	free(plan.sources);
	plan.sources = NULL;
	plan.nr_sources = 0;
	plan.threads = 0;
	err_clear(&err);
	return load_limits_fit(&plan, &machine, &err);
}

static void refused(int ret, const char *says)
{
	assert_int_equal(ret, -EINVAL);
	if (!strstr(err.text, says))
		fail_msg("'%s' does not say '%s'", err.text, says);
}

static void what_fits_is_left_alone(void **state)
{
	(void)state;
	assert_int_equal(fit(), 0);
	assert_int_equal(plan.threads, 1);
	assert_int_equal(plan.nr_sources, 0);
	plan.threads = 64;
	assert_int_equal(load_limits_fit(&plan, &machine, &err), 0);
	assert_int_equal(plan.threads, 64);
}

static void threads_are_as_many_as_the_files_need(void **state)
{
	(void)state;
	plan.connections = 1024 - LOAD_FILES_OTHER - 2;
	assert_int_equal(fit(), 0);
	assert_int_equal(plan.threads, 1);
	plan.connections++;
	assert_int_equal(fit(), 0);
	assert_int_equal(plan.threads, 2);
	plan.connections = 100000;
	machine.files = 20000;
	assert_int_equal(fit(), 0);
	assert_int_equal(plan.threads, 6);
	plan.threads = 5;
	refused(load_limits_fit(&plan, &machine, &err), "--connections 100000 in 5 threads need 20042 open "
							"files each, and 20000 are allowed; raise ulimit "
							"-n, or leave -t out: 6 threads would do");
	machine.files = LOAD_FILES_OTHER + 2;
	refused(fit(), "more than any number of threads could hold with 34 open files each");
}

static void sources_are_as_many_as_the_ports_need(void **state)
{
	const struct sockaddr_in *sources;

	(void)state;
	machine.files = 20000;
	plan.connections = 28232 / 2;
	assert_int_equal(fit(), 0);
	assert_int_equal(plan.nr_sources, 0);
	plan.connections++;
	assert_int_equal(fit(), 0);
	assert_int_equal(plan.nr_sources, 2);
	plan.connections = 100000;
	assert_int_equal(fit(), 0);
	assert_int_equal(plan.nr_sources, 8);
	sources = (const struct sockaddr_in *)&plan.sources[7];
	assert_int_equal(sources->sin_family, AF_INET);
	assert_int_equal(sources->sin_addr.s_addr, htonl(0x7f000008));
	assert_int_equal(sources->sin_port, 0);
	server_is("/socket");
	assert_int_equal(fit(), 0);
	assert_int_equal(plan.nr_sources, 0);
}

static void more_connections_than_ports_are_refused(void **state)
{
	struct sockaddr_storage given[] = { { .ss_family = AF_INET }, { .ss_family = AF_INET } };

	(void)state;
	machine.files = 100000;
	plan.connections = 28233;
	server_is("::1");
	refused(fit(), "--connections 28233 to ::1 are more than the 28232 ports of 1 source address "
		       "(net.ipv4.ip_local_port_range); 2 of them would do, or 127.0.0.1");
	server_is("192.0.2.1");
	refused(fit(), "2 of them would do, given by --source");
	plan.connections = 28232;
	assert_int_equal(fit(), 0);
	assert_int_equal(plan.nr_sources, 0);
	/* What is given is taken as it is. */
	server_is("127.0.0.1");
	plan.sources = given;
	plan.nr_sources = 2;
	plan.connections = 2 * 28232;
	assert_int_equal(load_limits_fit(&plan, &machine, &err), 0);
	assert_int_equal(plan.nr_sources, 2);
	plan.connections++;
	refused(load_limits_fit(&plan, &machine, &err), "28232 ports of 2 source addresses");
	err_clear(&err);
	given[1].ss_family = AF_INET6;
	refused(load_limits_fit(&plan, &machine, &err), "--source: one is IPv6, and 127.0.0.1 is not");
	plan.sources = NULL;
	plan.nr_sources = 0;
}

static void cpus_must_be_allowed(void **state)
{
	(void)state;
	plan.has_cpus = true;
	CPU_SET(3, &plan.cpus);
	assert_int_equal(fit(), 0);
	CPU_SET(1, &plan.cpus);
	refused(fit(), "--cpus names CPUs that are not here or not allowed");
}

static void threads_are_no_more_than_connections(void **state)
{
	(void)state;
	plan.threads = 65;
	refused(load_limits_fit(&plan, &machine, &err), "--threads 65 are more than the 64 --connections");
}

static void memory_must_be_there(void **state)
{
	(void)state;
	machine.files = 1000000;
	plan.connections = 100000;
	assert_int_equal(fit(), 0);
	plan.connections = 200000;
	refused(fit(), "of memory, and 1000 MB are available; use fewer");
}

static void rates_are_what_threads_can_time(void **state)
{
	(void)state;
	segment.to_rate = 1000000;
	assert_int_equal(fit(), 0);
	segment.to_rate = 1000001;
	refused(fit(), "1000001 requests a second are more than 1 thread can time (1000000 each); use -t 2 "
		       "or more");
	segment = (struct load_segment){ 3000000, 1, S };
	plan.threads = 2;
	err_clear(&err);
	refused(load_limits_fit(&plan, &machine, &err), "more than 2 threads can time (1000000 each); use -t "
							"3 or more");
	plan.threads = 3;
	err_clear(&err);
	assert_int_equal(load_limits_fit(&plan, &machine, &err), 0);
	plan.nr_segments = 0;
	plan.mode = LOAD_REPLAY;
	plan.nr_replay = 20000000;
	refused(fit(), "2000000 requests a second are more than 1 thread can time");
	plan.nr_replay = 1000000; /* though all might be due at once */
	plan.duration_ns = 1;
	assert_int_equal(fit(), 0);
}

static void this_machine_is_read(void **state)
{
	(void)state;
	memset(&machine, 0, sizeof(machine));
	assert_int_equal(load_machine_read(&machine, &err), 0);
	assert_true(machine.files >= 64 && machine.memory_bytes > 1000000);
	assert_in_range(machine.ports, 1, 65535);
	assert_true(CPU_COUNT(&machine.cpus) > 0);
	assert_int_equal(load_limits_apply(&plan, &err), 0);
	plan.sources = calloc(1, sizeof(*plan.sources));
	plan.nr_sources = 1;
	*(struct sockaddr_in *)plan.sources = (struct sockaddr_in){ .sin_family = AF_INET };
	inet_pton(AF_INET, "192.0.2.1",
		  &((struct sockaddr_in *)plan.sources)->sin_addr); /* documentation's, RFC 5737 */
	assert_int_equal(load_limits_apply(&plan, &err), -EADDRNOTAVAIL);
	assert_string_equal(err.text, "cannot connect from --source 192.0.2.1: Cannot assign requested "
				      "address");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_fits_is_left_alone),
		TEST(threads_are_as_many_as_the_files_need),
		TEST(sources_are_as_many_as_the_ports_need),
		TEST(more_connections_than_ports_are_refused),
		TEST(cpus_must_be_allowed),
		TEST(threads_are_no_more_than_connections),
		TEST(memory_must_be_there),
		TEST(rates_are_what_threads_can_time),
		TEST(this_machine_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
