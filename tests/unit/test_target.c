// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From a PID, a port or a name to processes, on a made-up /proc. */
#include <setjmp.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_root.h"
#include "user/trace/target.h"

#define KERNEL_THREAD 0x00200040u
#define PROGRAM 0x00400100u

/* A process (or, with another LEADER, a thread) as the kernel shows it. */
static void make_task(uint32_t pid, uint32_t leader, const char *comm, char state, unsigned flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fake_file(path, "%u (%s) %c 1 1 1 0 -1 %u 0 0 0 0\n", pid, comm, state, flags);
	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	fake_file(path, "Name:\t%s\nUmask:\t0022\nState:\t%c\nTgid:\t%u\nNgid:\t0\nPid:\t%u\n",
		  comm, state, leader, pid);
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fake_file(path, "%s\n", comm);
}

static void make_socket(uint32_t pid, unsigned fd, unsigned inode)
{
	char path[64], to[64];

	snprintf(path, sizeof(path), "/proc/%u/fd/%u", pid, fd);
	snprintf(to, sizeof(to), "socket:[%u]", inode);
	fake_link(path, to);
}

/* Each refusal: nothing added, the code, and the words that tell it from the others. */
static void expect_refused(const char *pid, int code, const char *words)
{
	struct target_set set = {};
	struct err err = {};

	assert_int_equal(target_by_pid(&set, pid, &err), -code);
	assert_int_equal(err.code, code);
	assert_int_equal(set.nr_pids, 0);
	if (!strstr(err.text, words))
		fail_msg("'%s' does not say '%s'", err.text, words);
	if (!strstr(err.text, pid))
		fail_msg("'%s' does not name '%s'", err.text, pid);
	target_set_fini(&set);
}

static void pid_is_taken_once(void **state)
{
	struct target_set set = {};
	struct err err = {};

	(void)state;
	make_task(42, 42, "server", 'S', PROGRAM);
	make_task(7, 7, "other", 'R', PROGRAM);
	assert_int_equal(target_by_pid(&set, "42", &err), 0);
	assert_int_equal(target_by_pid(&set, "7", &err), 0);
	assert_int_equal(target_by_pid(&set, "42", &err), 0);
	assert_int_equal(err.code, 0);
	assert_int_equal(set.nr_pids, 2);
	assert_int_equal(set.pids[0], 42);
	assert_int_equal(set.pids[1], 7);
	target_set_fini(&set);
	assert_int_equal(set.nr_pids, 0);
	assert_null(set.pids);
}

/* A name may hold all that delimits the fields behind it. */
static void name_cannot_pass_for_fields(void **state)
{
	struct target_set set = {};
	struct err err = {};

	(void)state;
	make_task(42, 42, "a) Z 1 1 1 (b", 'S', PROGRAM);
	assert_int_equal(target_by_pid(&set, "42", &err), 0);
	assert_int_equal(set.nr_pids, 1);
	target_set_fini(&set);
	make_task(43, 43, "x) R 1 1 1 (y z", 'Z', PROGRAM);
	expect_refused("43", ESRCH, "has ended");
}

static void what_is_no_target_is_refused(void **state)
{
	char self[16];

	(void)state;
	make_task(2, 2, "kthreadd", 'S', KERNEL_THREAD);
	make_task(42, 42, "server", 'S', PROGRAM);
	make_task(43, 42, "server", 'S', PROGRAM);
	make_task(50, 50, "gone", 'Z', PROGRAM);
	make_task((uint32_t)getpid(), (uint32_t)getpid(), "agent", 'R', PROGRAM);
	snprintf(self, sizeof(self), "%d", getpid());
	expect_refused("99", ESRCH, "no such process");
	expect_refused("2", EINVAL, "thread of the kernel");
	expect_refused("43", EINVAL, "thread of process 42");
	expect_refused("50", ESRCH, "has ended");
	expect_refused(self, EINVAL, "the agent itself");
}

static void what_is_no_number_is_refused(void **state)
{
	static const char *const texts[] = { "",	   "0",		 "-1",
					     "+42",	   " 42",	 "42x",
					     "4 2",	   "0x2a",	 "nginx",
					     "2147483648", "4294967338", "18446744073709551658" };

	(void)state;
	make_task(42, 42, "server", 'S', PROGRAM);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_refused(texts[i], EINVAL, "is no process id");
}

static const char tcp_head[] = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
			       "retrnsmt   uid  timeout inode\n";

/* 8080 (1F90): one listener in each family, a connection (01), and another port's listener. */
static void make_listeners(void)
{
	fake_file("/proc/net/tcp",
		  "%s"
		  "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     "
		  "0        "
		  "0 1001 1 0000000000000000 100 0 0 10 0\n"
		  "   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     "
		  "0        "
		  "0 1002 1 0000000000000000 20 4 30 10 -1\n"
		  "   2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000    "
		  "33        "
		  "0 1003 1 0000000000000000 100 0 0 10 0\n"
		  "   3: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     "
		  "0        "
		  "0 1004 1 0000000000000000 20 4 30 10 -1\n",
		  tcp_head);
	fake_file("/proc/net/tcp6",
		  "%s"
		  "   0: 00000000000000000000000000000000:1F90 "
		  "00000000000000000000000000000000:0000 0A "
		  "00000000:00000000 00:00000000 00000000     0        0 1005 1 0000000000000000 "
		  "100 0 0 10 "
		  "0\n",
		  tcp_head);
}

static bool set_has(const struct target_set *set, uint32_t pid)
{
	for (size_t i = 0; i < set->nr_pids; i++)
		if (set->pids[i] == pid)
			return true;
	return false;
}

static void port_finds_all_who_listen(void **state)
{
	struct target_set set = {};
	struct err err = {};

	(void)state;
	make_listeners();
	make_socket(10, 3, 1001); /* a parent and its child share a listener */
	make_socket(11, 3, 1001);
	make_socket(11, 4, 1002);
	make_socket(12, 9, 1005);  /* IPv6 only */
	make_socket(13, 3, 1003);  /* another port */
	make_socket(14, 3, 1002);  /* a connection, handed over */
	make_socket(15, 3, 1004);  /* the client */
	make_socket(16, 3, 10010); /* digits in front alike */
	fake_link("/proc/17/fd/0", "pipe:[1001]");
	assert_int_equal(target_by_port(&set, 8080, &err), 0);
	assert_int_equal(set.nr_pids, 3);
	assert_true(set_has(&set, 10));
	assert_true(set_has(&set, 11));
	assert_true(set_has(&set, 12));
	target_set_fini(&set);
}

static void port_without_a_target_is_told(void **state)
{
	struct target_set set = {};
	struct err nobody = {}, hidden = {}, zero = {}, large = {};

	(void)state;
	make_listeners();
	make_socket(10, 3, 1003);
	assert_int_equal(target_by_port(&set, 50000, &nobody), -ESRCH); /* C350: only a client's */
	assert_non_null(strstr(nobody.text, "nobody listens on TCP port 50000"));
	assert_int_equal(target_by_port(&set, 8080, &hidden), -EACCES);
	assert_non_null(strstr(hidden.text, "sudo"));
	assert_int_equal(target_by_port(&set, 0, &zero), -EINVAL);
	assert_int_equal(target_by_port(&set, 65536, &large), -EINVAL);
	assert_int_equal(set.nr_pids, 0);
}

static void name_finds_all_but_ourselves(void **state)
{
	struct target_set set = {};
	struct err err = {}, none = {};

	(void)state;
	make_task(10, 10, "fifteen letters", 'S', PROGRAM);
	make_task(11, 11, "fifteen letter", 'S', PROGRAM);
	make_task(12, 12, "fifteen letters", 'R', PROGRAM);
	make_task((uint32_t)getpid(), (uint32_t)getpid(), "fifteen letters", 'R', PROGRAM);
	assert_int_equal(target_by_name(&set, "fifteen letters", &err), 0);
	assert_int_equal(set.nr_pids, 2);
	assert_true(set_has(&set, 10));
	assert_true(set_has(&set, 12));
	target_set_fini(&set);
	assert_int_equal(target_by_name(&set, "fifteen", &none), -ESRCH);
	assert_non_null(strstr(none.text, "'fifteen'"));
	assert_int_equal(set.nr_pids, 0);
}

static void name_of_a_process_that_is_gone_is_unknown(void **state)
{
	char comm[COMM_BYTES];

	(void)state;
	make_task(10, 10, "a) (b", 'S', PROGRAM);
	target_comm(10, comm);
	assert_string_equal(comm, "a) (b");
	target_comm(11, comm);
	assert_string_equal(comm, "?");
}

/* The one that asks the real kernel: our own mask, narrowed to one CPU of those that we have. */
static void allowed_cpus_are_the_affinity(void **state)
{
	cpu_set_t before, one;
	int cpu = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(target_cpus_allowed((uint32_t)getpid()), CPU_COUNT(&before));
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(target_cpus_allowed((uint32_t)getpid()), 1);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(target_cpus_allowed(INT32_MAX), 0); /* above every pid_max */
}

#define ON_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_FAKE(pid_is_taken_once),
		ON_FAKE(name_cannot_pass_for_fields),
		ON_FAKE(what_is_no_target_is_refused),
		ON_FAKE(what_is_no_number_is_refused),
		ON_FAKE(port_finds_all_who_listen),
		ON_FAKE(port_without_a_target_is_told),
		ON_FAKE(name_finds_all_but_ourselves),
		ON_FAKE(name_of_a_process_that_is_gone_is_unknown),
		cmocka_unit_test(allowed_cpus_are_the_affinity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
