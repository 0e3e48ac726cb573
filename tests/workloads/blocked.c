// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * blocked WAY SECONDS: the main thread blocks in one WAY over and over, about 2 ms at a time, and a
 * helper process (so that its own waits are not the target's when it is not followed) lets it go on.
 * What is asked of the kernel is asked by the system call itself where libc might choose another.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FILE_BYTES (1 << 20)
#define PAGE_BYTES 4096

static struct timespec nap = { 0, 2000000 };
static int ends[2]; /* what is read from here ... */
static time_t stop_at;
static pid_t helped; /* the process that blocks */

static int go_on(void)
{
	return time(NULL) < stop_at;
}

static void need(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

/* A child that does ROUND again every 2 ms, until that fails or we die. */
static void help(int (*round)(void))
{
	helped = getpid();
	if (fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == helped && !round())
		nanosleep(&nap, NULL);
	_exit(0);
}

/* ... is written there. */
static int write_byte(void)
{
	return write(ends[1], "x", 1) != 1;
}

static void feed(void)
{
	help(write_byte);
	close(ends[1]);
}

static void take_byte(void)
{
	char byte;

	need(read(ends[0], &byte, 1) == 1, "read");
}

static void make_pipe(void)
{
	need(!pipe(ends), "pipe");
	feed();
}

static void block_pipe(void)
{
	make_pipe();
	while (go_on())
		take_byte();
}

static void block_pair(void)
{
	need(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
	feed();
	while (go_on())
		take_byte();
}

static int listen_here(struct sockaddr_in *address)
{
	socklen_t bytes = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	need(fd >= 0 && !bind(fd, (struct sockaddr *)address, bytes) && !listen(fd, 16) &&
		     !getsockname(fd, (struct sockaddr *)address, &bytes),
	     "listen");
	return fd;
}

static void block_tcp(void)
{
	struct sockaddr_in address;
	int listener = listen_here(&address);
	char byte;

	ends[1] = socket(AF_INET, SOCK_STREAM, 0);
	need(!connect(ends[1], (struct sockaddr *)&address, sizeof(address)), "connect");
	ends[0] = accept(listener, NULL, NULL);
	feed();
	while (go_on())
		need(recv(ends[0], &byte, 1, 0) == 1, "recv");
}

static struct sockaddr_in listening;

static int connect_once(void)
{
	const struct linger at_once = { 1, 0 }; /* a reset leaves nothing behind */
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int failed = connect(fd, (struct sockaddr *)&listening, sizeof(listening));

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	return failed;
}

static void block_accept(void)
{
	int listener = listen_here(&listening);

	help(connect_once);
	while (go_on())
		close(accept(listener, NULL, NULL));
}

static void block_poll(void)
{
	struct pollfd fd = { .events = POLLIN };

	make_pipe();
	fd.fd = ends[0];
	while (go_on()) {
		poll(&fd, 1, -1);
		take_byte();
	}
}

static void block_select(void)
{
	make_pipe();
	while (go_on()) {
		fd_set set;

		FD_ZERO(&set);
		FD_SET(ends[0], &set);
		select(ends[0] + 1, &set, NULL, NULL, NULL);
		take_byte();
	}
}

static void block_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = epoll_create1(0);

	make_pipe();
	need(!epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], &event), "epoll_ctl");
	while (go_on()) {
		epoll_wait(fd, &event, 1, -1);
		take_byte();
	}
}

static void block_futex(void)
{
	int word = 0;

	while (go_on())
		syscall(SYS_futex, &word, FUTEX_WAIT, 0, &nap, NULL, 0);
}

/* What libc's condition variables and joins use: an absolute end. */
static void block_futex_bitset(void)
{
	int word = 0;

	while (go_on()) {
		struct timespec end;

		clock_gettime(CLOCK_MONOTONIC, &end);
		end.tv_nsec += nap.tv_nsec;
		end.tv_sec += end.tv_nsec / 1000000000;
		end.tv_nsec %= 1000000000;
		syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &end, NULL, FUTEX_BITSET_MATCH_ANY);
	}
}

static void block_nanosleep(void)
{
	while (go_on())
		syscall(SYS_nanosleep, &nap, NULL);
}

static void block_clock_nanosleep(void)
{
	while (go_on())
		syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &nap, NULL);
}

static void ignore(int number)
{
	(void)number;
}

static int signal_parent(void)
{
	return kill(helped, SIGUSR1);
}

/* A sleep that signals end early: it fails with EINTR, and is begun again by the program. */
static void block_interrupted(void)
{
	const struct sigaction action = { .sa_handler = ignore };
	const struct timespec hour = { 3600, 0 };

	sigaction(SIGUSR1, &action, NULL);
	help(signal_parent);
	while (go_on())
		syscall(SYS_nanosleep, &hour, NULL);
}

static int continue_parent(void)
{
	return kill(helped, SIGCONT);
}

static void block_stopped(void)
{
	help(continue_parent);
	while (go_on())
		raise(SIGSTOP);
}

static int stop_and_continue_parent(void)
{
	if (kill(helped, SIGSTOP))
		return 1;
	nanosleep(&nap, NULL);
	return kill(helped, SIGCONT);
}

/* Stopped half of the time, in sleeps that the kernel begins again after each stop (restart_syscall). */
static void block_restarted(void)
{
	const struct timespec longer = { 0, 10 * nap.tv_nsec };

	help(stop_and_continue_parent);
	while (go_on())
		syscall(SYS_nanosleep, &longer, NULL);
}

static void block_wait4(void)
{
	while (go_on()) {
		pid_t child = fork();

		if (!child) {
			nanosleep(&nap, NULL);
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
}

/* A file on a disk whose pages can be dropped from memory. */
static int cold_file(void)
{
	const char *dir = getenv("WHYLATE_DISK") ? getenv("WHYLATE_DISK") : ".";
	static char block[FILE_BYTES];
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/whylate-disk-XXXXXX", dir);
	fd = mkstemp(path);
	need(fd >= 0 && write(fd, block, sizeof(block)) == sizeof(block), path);
	unlink(path);
	fsync(fd);
	return fd;
}

static off_t random_page(void)
{
	return rand() % (FILE_BYTES / PAGE_BYTES) * PAGE_BYTES;
}

static void block_disk(void)
{
	char page[PAGE_BYTES];
	int fd = cold_file();

	while (go_on()) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		need(pread(fd, page, sizeof(page), random_page()) == sizeof(page), "pread");
	}
}

static void block_mapping(void)
{
	int fd = cold_file();
	char *file = mmap(NULL, FILE_BYTES, PROT_READ, MAP_SHARED, fd, 0);

	need(file != MAP_FAILED, "mmap");
	while (go_on()) {
		madvise(file, FILE_BYTES, MADV_DONTNEED); /* mapped pages cannot be dropped */
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		(void)*(volatile char *)(file + random_page());
	}
}

static void *resolve_faults(void *argument)
{
	int fd = *(int *)argument;
	static char page[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
	struct uffd_msg message;

	while (read(fd, &message, sizeof(message)) == sizeof(message)) {
		struct uffdio_copy copy = {
			.dst = message.arg.pagefault.address & ~(PAGE_BYTES - 1ull),
			.src = (unsigned long)page,
			.len = PAGE_BYTES,
		};

		nanosleep(&nap, NULL);
		ioctl(fd, UFFDIO_COPY, &copy);
	}
	return NULL;
}

/* A fault that waits for something other than the disk. */
static void block_fault(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = { .api = UFFD_API };
	char *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register range = { .range = { (unsigned long)page, PAGE_BYTES },
					 .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;

	need(fd >= 0 && !ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &range) &&
		     !pthread_create(&thread, NULL, resolve_faults, &fd),
	     "userfaultfd");
	while (go_on()) {
		(void)*(volatile char *)page;
		madvise(page, PAGE_BYTES, MADV_DONTNEED);
	}
}

static void ring_wait(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;

	need(io_uring_submit(ring) == 1 && !io_uring_wait_cqe(ring, &cqe), "io_uring");
	io_uring_cqe_seen(ring, cqe);
}

static void block_ring_timeout(void)
{
	struct __kernel_timespec end = { 0, nap.tv_nsec };
	struct io_uring ring;

	need(!io_uring_queue_init(4, &ring, 0), "io_uring_queue_init");
	while (go_on()) {
		io_uring_prep_timeout(io_uring_get_sqe(&ring), &end, 0, 0);
		ring_wait(&ring);
	}
}

static void ring_read(unsigned flags)
{
	unsigned most_workers[] = { 1, 1 }; /* or a second one may begin where the first is not back yet */
	struct io_uring ring;
	char byte;

	make_pipe();
	need(!io_uring_queue_init(4, &ring, 0), "io_uring_queue_init");
	need(!io_uring_register_iowq_max_workers(&ring, most_workers), "io_uring_register_iowq_max_workers");
	while (go_on()) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		io_uring_prep_read(sqe, ends[0], &byte, 1, 0);
		sqe->flags |= flags;
		ring_wait(&ring);
	}
}

static void block_ring_read(void)
{
	ring_read(0);
}

/* By the ring's own worker threads, which are threads of the target too. */
static void block_ring_worker(void)
{
	ring_read(IOSQE_ASYNC);
}

static const struct {
	const char *name;
	void (*block)(void);
} ways[] = {
	{ "futex", block_futex },
	{ "futex-bitset", block_futex_bitset },
	{ "poll", block_poll },
	{ "select", block_select },
	{ "epoll", block_epoll },
	{ "socket-pair", block_pair },
	{ "socket-tcp", block_tcp },
	{ "accept", block_accept },
	{ "pipe", block_pipe },
	{ "disk", block_disk },
	{ "mapping", block_mapping },
	{ "nanosleep", block_nanosleep },
	{ "clock_nanosleep", block_clock_nanosleep },
	{ "interrupted", block_interrupted },
	{ "restarted", block_restarted },
	{ "fault", block_fault },
	{ "ring-timeout", block_ring_timeout },
	{ "ring-read", block_ring_read },
	{ "ring-worker", block_ring_worker },
	{ "wait4", block_wait4 },
	{ "stopped", block_stopped },
};

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";

	stop_at = time(NULL) + (argc > 2 ? atoi(argv[2]) : 1);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(way, ways[i].name))
			continue;
		puts("ready");
		fflush(stdout);
		ways[i].block();
		return 0;
	}
	fprintf(stderr, "blocked: no way '%s'\n", way);
	return 2;
}
