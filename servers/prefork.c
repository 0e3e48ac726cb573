// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * prefork: a fixed number of processes, each with one connection at a time.
 *
 *     connections   o o o o o o o o          those without a process wait in the accept queue
 *                   | | | [ accept ]
 *                   | | |
 *     process 1  <--+ | |     recv ..... work, send, recv ....  until its connection ends: an idle one
 *     process 2  <----+ |     recv . work, send ...             holds the process as well
 *     process 3  <------+     recv ...
 *
 *     master:   starts them, starts one anew that died, and waits for the signal to end
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "servers/blocking.h"
#include "servers/listen.h"
#include "user/base/clock.h"

#define TICK_MS 20

/* In memory that all share. */
struct shared {
	bool draining;	 /* atomic */
	uint32_t open;	 /* atomic: connections */
	int32_t waiting; /* atomic: to be accepted once it drains; those who come later could go on forever */
	struct child {
		pid_t pid;     /* the master's; 0: none */
		bool has_open; /* atomic: a connection, which nobody else will close if this one is killed */
	} children[];
};

static void on_wake(int number)
{
	(void)number; /* that it ends a recv or an accept is all that it is for */
}

static void serve_one(struct blocking *b, const struct server *server, struct shared *shared, int fd)
{
	uint32_t open = __atomic_fetch_add(&shared->open, 1, __ATOMIC_RELAXED);

	if (server_admit(server, open) == SERVER_SERVE) {
		conn_init(&b->conn, &server->conn, clock_monotonic_ns());
	} else {
		stats_count(b->io.slot, STATS_REFUSED);
		conn_init_refused(&b->conn, &server->conn, clock_monotonic_ns());
	}
	blocking_serve(b);
	conn_fini(&b->conn);
	close(fd);
	__atomic_sub_fetch(&shared->open, 1, __ATOMIC_RELAXED);
	stats_count(b->io.slot, STATS_CLOSED);
}

/* Whether another connection is to be accepted. */
static bool goes_on(struct shared *shared)
{
	return !__atomic_load_n(&shared->draining, __ATOMIC_ACQUIRE) ||
	       __atomic_fetch_sub(&shared->waiting, 1, __ATOMIC_RELAXED) > 0;
}

/* A process of its own, until the listener has nobody left and never will have. */
static void run_child(const struct server *server, struct shared *shared, uint32_t number)
{
	struct sigaction wake = { .sa_handler = on_wake }; /* without SA_RESTART */
	struct stats_slot *slot = stats_slot(server->stats, number);
	struct child *self = &shared->children[number];
	const struct timespec pause = clock_timespec(SERVER_PAUSE_NS);
	struct blocking b;
	int fd;

	sigaction(SIGTERM, &wake, NULL);
	signal(SIGINT, SIG_IGN); /* a terminal sends it to all; it is for the master to say what follows */
	while (goes_on(shared)) {
		fd = listen_accept(server->listener, 0);
		if (fd == -EAGAIN)
			break;
		if (fd < 0) {
			nanosleep(&pause, NULL); /* no files, or no memory */
			continue;
		}
		__atomic_store_n(&self->has_open, true, __ATOMIC_RELAXED);
		stats_count(slot, STATS_ACCEPTED);
		blocking_init(&b, server, slot, fd, &shared->draining);
		serve_one(&b, server, shared, fd);
		__atomic_store_n(&self->has_open, false, __ATOMIC_RELAXED);
	}
}

/* Returns 0 or -errno. */
static int start_child(const struct server *server, struct shared *shared, uint32_t number)
{
	pid_t master = getpid(), pid = fork();
	sigset_t none;

	if (pid < 0)
		return -errno;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* without its master nobody would ever end it */
		if (getppid() != master)
			_exit(EXIT_FAILURE);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		run_child(server, shared, number);
		_exit(EXIT_SUCCESS); /* what is to be done at an exit is the master's */
	}
	shared->children[number].pid = pid;
	stats_set_process(stats_slot(server->stats, number), (uint32_t)pid);
	return 0;
}

/* CHILD has ended, and whatever it held has ended with it. */
static void bury(const struct server *server, struct shared *shared, uint32_t number,
		 const struct rusage *usage)
{
	struct stats_slot *slot = stats_slot(server->stats, number);
	struct child *child = &shared->children[number];

	child->pid = 0;
	stats_set_process(slot, 0);
	stats_add_ended(slot, (uint64_t)usage->ru_nvcsw, (uint64_t)usage->ru_nivcsw);
	if (__atomic_exchange_n(&child->has_open, false, __ATOMIC_RELAXED)) {
		stats_count(slot, STATS_CLOSED);
		__atomic_sub_fetch(&shared->open, 1, __ATOMIC_RELAXED);
	}
}

/* Returns how many are left; where RESTART, those that ended are started anew. */
static uint32_t reap(const struct server *server, struct shared *shared, bool restart)
{
	uint32_t left = 0;
	struct rusage usage;

	for (uint32_t i = 0; i < server->workers; i++) {
		pid_t pid = shared->children[i].pid;

		if (pid && wait4(pid, NULL, WNOHANG, &usage) == pid)
			bury(server, shared, i, &usage);
		if (!shared->children[i].pid && restart)
			start_child(server, shared, i); /* or at the next tick */
		left += shared->children[i].pid != 0;
	}
	return left;
}

static void signal_all(const struct server *server, const struct shared *shared, int number)
{
	for (uint32_t i = 0; i < server->workers; i++)
		if (shared->children[i].pid)
			kill(shared->children[i].pid, number);
}

/* And wait for it: after the master's end nothing of the server is left, neither the address nor a process. */
static void kill_all(const struct server *server, const struct shared *shared)
{
	signal_all(server, shared, SIGKILL);
	while (wait(NULL) > 0 || errno == EINTR)
		;
}

/* As in thread_per_connection.c, a signal that comes just before a recv is lost: they are sent again. */
static int drain(struct server *server, struct shared *shared, int chld_fd)
{
	uint64_t until_ns = server_drain_until_ns(server);
	struct signalfd_siginfo info;
	uint32_t left;

	/* First this, so that an accept that begins after its signal returns too. */
	fcntl(server->listener, F_SETFL, fcntl(server->listener, F_GETFL) | O_NONBLOCK);
	__atomic_store_n(&shared->waiting, (int32_t)listen_waiting(server->listener), __ATOMIC_RELAXED);
	__atomic_store_n(&shared->draining, true, __ATOMIC_RELEASE);
	while ((left = reap(server, shared, false)) && clock_monotonic_ns() < until_ns) {
		struct pollfd wait = { chld_fd, POLLIN, 0 };

		signal_all(server, shared, SIGTERM);
		if (poll(&wait, 1, TICK_MS) > 0 && read(chld_fd, &info, sizeof(info)) < 0)
			break;
	}
	left = __atomic_load_n(&shared->open, __ATOMIC_RELAXED);
	kill_all(server, shared);
	close(server->listener);
	return (int)left;
}

/* Start those that are missing until the end is asked for. */
static int watch(struct server *server, struct shared *shared, int chld_fd, struct err *err)
{
	struct pollfd wait[] = { { server->stop_fd, POLLIN, 0 }, { chld_fd, POLLIN, 0 } };
	struct signalfd_siginfo info;
	int ret = 0;

	for (uint32_t i = 0; i < server->workers && !ret; i++)
		ret = start_child(server, shared, i);
	if (ret) {
		kill_all(server, shared);
		return err_set(err, -ret, "cannot start %u processes: %s; see --workers", server->workers,
			       strerror(-ret));
	}
	server_ready(server);
	while (!wait[0].revents) {
		bool all = reap(server, shared, true) == server->workers;

		if (poll(wait, 2, all ? -1 : TICK_MS) > 0 && wait[1].revents &&
		    read(chld_fd, &info, sizeof(info)) < 0)
			return err_set(err, errno, "cannot wait for processes: %s", strerror(errno));
	}
	return drain(server, shared, chld_fd);
}

static int serve(struct server *server, struct err *err)
{
	size_t bytes = sizeof(struct shared) + server->workers * sizeof(struct child);
	struct shared *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sigset_t chld;
	int chld_fd;

	if (shared == MAP_FAILED)
		return err_set(err, errno, "cannot map %zu bytes: %s", bytes, strerror(errno));
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	chld_fd = signalfd(-1, &chld, SFD_CLOEXEC);
	if (chld_fd < 0)
		return err_set(err, errno, "cannot open a signalfd: %s", strerror(errno));
	/* The kernel wakes one of those who block in accept, and all of those who poll. */
	fcntl(server->listener, F_SETFL, fcntl(server->listener, F_GETFL) & ~O_NONBLOCK);
	return watch(server, shared, chld_fd, err);
}

const struct model model = {
	.name = "prefork",
	.summary = "A fixed number of processes, each with one connection at a time.",
	.workers_max = 4096,
	.serve = serve,
};
