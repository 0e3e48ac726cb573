// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From a PID, a port or a name to processes, on a made-up /proc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_root.h"
#include "user/trace/target.h"

#define KERNEL_THREAD 0x00200040u
#define PROGRAM	      0x00400100u

/* A process (or, with another LEADER, a thread) as the kernel shows it. */
static void make_threads(uint32_t pid, uint32_t leader, const char *comm, char state, unsigned flags,
			 int nr_threads)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fake_file(path, "%u (%s) %c 1 1 1 0 -1 %u 7 7 7 7 8 8 8 8 20 0 %d 0 99 0\n", pid, comm, state, flags,
		  nr_threads);
	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	fake_file(path, "Name:\t%s\nUmask:\t0022\nState:\t%c\nTgid:\t%u\nNgid:\t0\nPid:\t%u\n", comm, state,
		  leader, pid);
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fake_file(path, "%s\n", comm);
}

static void make_task(uint32_t pid, uint32_t leader, const char *comm, char state, unsigned flags)
{
	make_threads(pid, leader, comm, state, flags, 1);
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

static void end_of_a_process_is_that_of_all_its_threads(void **state)
{
	(void)state;
	make_task(42, 42, "server", 'S', PROGRAM);
	make_task(50, 50, "gone", 'Z', PROGRAM);
	make_threads(51, 51, "leaderless", 'Z', PROGRAM, 2);
	assert_false(target_has_ended(42));
	assert_true(target_has_ended(50));
	assert_false(target_has_ended(51));
	assert_true(target_has_ended(99));
}

/* Its leader has called pthread_exit; the process goes on. */
static void process_may_outlive_its_leader(void **state)
{
	struct target_set set = {};
	struct err err = {};

	(void)state;
	make_threads(42, 42, "server", 'Z', PROGRAM, 3);
	assert_int_equal(target_by_pid(&set, "42", &err), 0);
	assert_int_equal(set.nr_pids, 1);
	target_set_fini(&set);
	assert_int_equal(target_by_name(&set, "server", &err), 0);
	assert_int_equal(set.nr_pids, 1);
	target_set_fini(&set);
}

static void what_is_no_number_is_refused(void **state)
{
	static const char *const texts[] = { "",      "0",	    "-1",	  "+42",
					     " 42",   "42x",	    "4 2",	  "0x2a",
					     "nginx", "2147483648", "4294967338", "18446744073709551658" };

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

/* SO_REUSEPORT: a socket for each of many workers, the last as good as the first. */
static void port_with_many_listeners(void **state)
{
	enum { LISTENERS = 300 };
	struct target_set set = {};
	struct err err = {};
	char *table = calloc(LISTENERS + 1, 200);
	size_t length = (size_t)sprintf(table, "%s", tcp_head);

	(void)state;
	for (unsigned i = 0; i < LISTENERS; i++) {
		/* As in the kernel's table, in no order of inodes. */
		unsigned inode = 5000 + i * 7 % LISTENERS;

		length += (size_t)sprintf(table + length,
					  " %3u: 00000000:1F90 00000000:0000 0A 00000000:00000000 "
					  "00:00000000 00000000     0        0 %u 1 0 100 0 0 10 0\n",
					  i, inode);
		make_socket(100 + i, 3, 5000 + i);
	}
	fake_file("/proc/net/tcp", "%s", table);
	free(table);
	make_socket(99, 3, 4999);
	make_socket(500, 3, 5000 + LISTENERS);
	assert_int_equal(target_by_port(&set, 8080, &err), 0);
	assert_int_equal(set.nr_pids, LISTENERS);
	assert_false(set_has(&set, 99));
	assert_false(set_has(&set, 500));
	target_set_fini(&set);
}

static void make_namespace(uint32_t pid, unsigned inode)
{
	char path[64], to[64];

	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	snprintf(to, sizeof(to), "net:[%u]", inode);
	fake_link(path, to);
}

static void make_other_listener(uint32_t pid, unsigned inode)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/net/tcp6", pid);
	fake_file(path,
		  "%s   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A "
		  "00000000:00000000 00:00000000 00000000     0        0 %u 1 0 100 0 0 10 0\n",
		  tcp_head, inode);
}

/* A container's server: its socket is in no table of ours. */
static void port_in_another_namespace(void **state)
{
	struct target_set set = {};
	struct err one = {}, two = {}, own = {};

	(void)state;
	fake_file("/proc/net/tcp", "%s", tcp_head);
	fake_link("/proc/self/ns/net", "net:[1]");
	make_namespace(10, 1);
	make_other_listener(10, 666); /* our own namespace: not to be looked at again */
	make_namespace(20, 2);
	make_other_listener(20, 2001);
	make_namespace(21, 2);
	make_other_listener(21, 2001);
	make_socket(21, 3, 2001);
	assert_int_equal(target_by_port(&set, 8080, &one), 0);
	assert_int_equal(set.nr_pids, 1);
	assert_int_equal(set.pids[0], 21);
	target_set_fini(&set);

	make_namespace(30, 3);
	make_other_listener(30, 3001);
	make_socket(30, 3, 3001);
	assert_int_equal(target_by_port(&set, 8080, &two), -ENOTUNIQ);
	assert_non_null(strstr(two.text, "2 other network namespaces"));
	assert_non_null(strstr(two.text, " 30"));
	assert_int_equal(set.nr_pids, 0);

	make_listeners(); /* who listens here goes first */
	make_socket(10, 3, 1001);
	assert_int_equal(target_by_port(&set, 8080, &own), 0);
	assert_int_equal(set.nr_pids, 1);
	assert_int_equal(set.pids[0], 10);
	target_set_fini(&set);
}

/* The file table of a leader that has ended is empty. */
static void port_of_a_process_without_its_leader(void **state)
{
	struct target_set set = {};
	struct err err = {};

	(void)state;
	make_listeners();
	fake_file("/proc/10/fd/.keep", "%s", "");
	fake_file("/proc/10/task/10/fd/.keep", "%s", "");
	fake_link("/proc/10/task/11/fd/3", "socket:[1001]");
	assert_int_equal(target_by_port(&set, 8080, &err), 0);
	assert_int_equal(set.nr_pids, 1);
	assert_int_equal(set.pids[0], 10);
	target_set_fini(&set);
}

/* What has the name but is no program to watch is left out, and named if there is nothing else. */
static void name_leaves_out_what_is_no_target(void **state)
{
	struct target_set set = {};
	struct err err = {}, kernel = {}, ended = {};

	(void)state;
	make_task(10, 10, "worker", 'S', PROGRAM);
	make_task(11, 11, "worker", 'S', KERNEL_THREAD);
	make_task(12, 12, "worker", 'Z', PROGRAM);
	make_task(20, 20, "kernel only", 'I', KERNEL_THREAD);
	make_task(30, 30, "ended only", 'Z', PROGRAM);
	assert_int_equal(target_by_name(&set, "worker", &err), 0);
	assert_int_equal(set.nr_pids, 1);
	assert_int_equal(set.pids[0], 10);
	target_set_fini(&set);
	assert_int_equal(target_by_name(&set, "kernel only", &kernel), -EINVAL);
	assert_non_null(strstr(kernel.text, "(process 20): it is a thread of the kernel"));
	assert_int_equal(target_by_name(&set, "ended only", &ended), -ESRCH);
	assert_non_null(strstr(ended.text, "(process 30): it has ended"));
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

#define ON_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_FAKE(pid_is_taken_once),
		ON_FAKE(name_cannot_pass_for_fields),
		ON_FAKE(what_is_no_target_is_refused),
		ON_FAKE(end_of_a_process_is_that_of_all_its_threads),
		ON_FAKE(process_may_outlive_its_leader),
		ON_FAKE(what_is_no_number_is_refused),
		ON_FAKE(port_finds_all_who_listen),
		ON_FAKE(port_without_a_target_is_told),
		ON_FAKE(port_with_many_listeners),
		ON_FAKE(port_in_another_namespace),
		ON_FAKE(port_of_a_process_without_its_leader),
		ON_FAKE(name_leaves_out_what_is_no_target),
		ON_FAKE(name_finds_all_but_ourselves),
		ON_FAKE(name_of_a_process_that_is_gone_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
