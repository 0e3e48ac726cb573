// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * blocked REASON SECONDS: the main thread blocks in REASON over and over, about 2 ms at a time, and a
 * helper process (so that its own waits are not the target's when it is not followed) lets it go on.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct timespec nap = { 0, 2000000 };
static int ends[2]; /* what is read from here ... */
static time_t stop_at;

static int go_on(void)
{
	return time(NULL) < stop_at;
}

/* ... is written there, by a child, every 2 ms. */
static void feed(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (fork())
		return;
	close(ends[0]);
	for (int i = 0; i < 60 * 500 && write(ends[1], "x", 1) == 1; i++)
		nanosleep(&nap, NULL);
	_exit(0);
}

static void block_read(int wait_first)
{
	struct pollfd fd = { .fd = ends[0], .events = POLLIN };
	char byte;

	feed();
	while (go_on()) {
		if (wait_first)
			poll(&fd, 1, -1);
		if (read(ends[0], &byte, 1) < 0)
			exit(1);
	}
}

static void block_futex(void)
{
	int word = 0;

	while (go_on())
		syscall(SYS_futex, &word, FUTEX_WAIT, 0, &nap, NULL, 0);
}

static void block_sleep(void)
{
	while (go_on())
		nanosleep(&nap, NULL);
}

static void block_other(void)
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

static void block_disk(void)
{
	const char *dir = getenv("WHYLATE_DISK") ? getenv("WHYLATE_DISK") : ".";
	static char block[1 << 20];
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/whylate-disk-XXXXXX", dir);
	fd = mkstemp(path);
	if (fd < 0 || write(fd, block, sizeof(block)) != sizeof(block))
		exit(1);
	unlink(path);
	fsync(fd);
	while (go_on()) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		if (pread(fd, block, 4096, (rand() % 256) * 4096) != 4096)
			exit(1);
	}
}

static void *resolve_faults(void *argument)
{
	int fd = *(int *)argument;
	static char page[4096] __attribute__((aligned(4096)));
	struct uffd_msg message;

	while (read(fd, &message, sizeof(message)) == sizeof(message)) {
		struct uffdio_copy copy = {
			.dst = message.arg.pagefault.address & ~4095ull,
			.src = (unsigned long)page,
			.len = 4096,
		};

		nanosleep(&nap, NULL);
		ioctl(fd, UFFDIO_COPY, &copy);
	}
	return NULL;
}

static void block_fault(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = { .api = UFFD_API };
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register range = { .range = { (unsigned long)page, 4096 },
					 .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &range) ||
	    pthread_create(&thread, NULL, resolve_faults, &fd))
		exit(1);
	while (go_on()) {
		(void)*(volatile char *)page;
		madvise(page, 4096, MADV_DONTNEED);
	}
}

int main(int argc, char **argv)
{
	const char *reason = argc > 1 ? argv[1] : "";

	stop_at = time(NULL) + (argc > 2 ? atoi(argv[2]) : 1);
	if (!strcmp(reason, "socket") ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends))
		return 1;
	puts("ready");
	fflush(stdout);
	if (!strcmp(reason, "futex"))
		block_futex();
	else if (!strcmp(reason, "poll"))
		block_read(1);
	else if (!strcmp(reason, "socket") || !strcmp(reason, "pipe"))
		block_read(0);
	else if (!strcmp(reason, "sleep"))
		block_sleep();
	else if (!strcmp(reason, "disk"))
		block_disk();
	else if (!strcmp(reason, "fault"))
		block_fault();
	else if (!strcmp(reason, "other"))
		block_other();
	else
		return 2;
	return 0;
}
