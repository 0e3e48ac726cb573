// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One epoll instance over an eventfd for signals, three timerfds and a pidfd per process. */
#include "user/trace/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* What an epoll event is about: one of these, or a pidfd above them. */
enum { SOURCE_SIGNAL, SOURCE_DURATION, SOURCE_INTERVAL, SOURCE_LOOK, SOURCE_CALL, SOURCE_PROCESS };

#define FILES_SPARED 32 /* of those that may be open: what reads the figures opens some, too */

#define SIGNALS 3u /* that end the watching */

struct watch {
	rlim_t files_most; /* that may be open */
	int epoll_fd;
	int signal_fd;
	int duration_fd;
	int interval_fd;
	int look_fd;
	size_t living;	    /* processes added that have not ended */
	bool heeds_signals; /* what was done before is to be put back */
	struct sigaction before[SIGNALS];
	sigset_t mask_before;
};

/* What a signal's handler may touch. */
static volatile sig_atomic_t told, told_fd;

static const int signals[SIGNALS] = { SIGINT, SIGTERM, SIGHUP };

/* Who presses Ctrl-C twice means it, whatever we wait for: at the second the default action is taken. */
static void on_signal(int number)
{
	int saved = errno;

	if (told) {
		signal(number, SIG_DFL);
		raise(number);
	}
	told = 1;
	eventfd_write(told_fd, 1);
	errno = saved;
}

static int add_source(struct watch *watch, int fd, uint32_t source, struct err *err)
{
	struct epoll_event event = {
		.events = EPOLLIN,
		.data.u64 = (uint64_t)source << 32 | (uint32_t)fd,
	};

	if (epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return err_set(err, errno, "cannot wait for the target: %s", strerror(errno));
	return 0;
}

/* Calls that they interrupt go on. */
static void heed_signals(struct watch *watch)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigset_t mask;

	sigemptyset(&mask);
	told = 0;
	told_fd = watch->signal_fd;
	for (size_t i = 0; i < SIGNALS; i++) {
		sigaction(signals[i], NULL, &watch->before[i]);
		/* nohup(1) ignores it for us. */
		if (signals[i] == SIGHUP && watch->before[i].sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &action, NULL);
		sigaddset(&mask, signals[i]);
	}
	sigprocmask(SIG_UNBLOCK, &mask, &watch->mask_before);
	watch->heeds_signals = true;
}

static void give_signals_back(const struct watch *watch)
{
	sigprocmask(SIG_SETMASK, &watch->mask_before, NULL);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &watch->before[i], NULL);
}

/*
 * One file for each process may be more than programs are given without asking.  A command of ours has been
 * started before, and keeps what it was given.  Returns how many there may be.
 */
static rlim_t raise_files(void)
{
	struct rlimit files, most;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return RLIM_INFINITY;
	most = files;
	most.rlim_cur = most.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &most) ? files.rlim_cur : most.rlim_cur;
}

int watch_open(struct watch **out, struct err *err)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	*out = NULL;
	if (!watch)
		return err_set(err, ENOMEM, "cannot wait for the target: out of memory");
	watch->files_most = raise_files();
	watch->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	watch->signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watch->duration_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	watch->interval_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	watch->look_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (watch->epoll_fd < 0 || watch->signal_fd < 0 || watch->duration_fd < 0 || watch->interval_fd < 0 ||
	    watch->look_fd < 0)
		err_set(err, errno, "cannot wait for the target: %s", strerror(errno));
	else if (!add_source(watch, watch->signal_fd, SOURCE_SIGNAL, err) &&
		 !add_source(watch, watch->duration_fd, SOURCE_DURATION, err) &&
		 !add_source(watch, watch->interval_fd, SOURCE_INTERVAL, err) &&
		 !add_source(watch, watch->look_fd, SOURCE_LOOK, err)) {
		*out = watch;
		return 0;
	}
	watch_close(watch);
	return -err->code;
}

static int arm(int fd, uint64_t first_ns, uint64_t again_ns, struct err *err)
{
	const uint64_t second_ns = 1000000000;
	struct itimerspec spec = {
		.it_value = { (time_t)(first_ns / second_ns), (long)(first_ns % second_ns) },
		.it_interval = { (time_t)(again_ns / second_ns), (long)(again_ns % second_ns) },
	};

	if (timerfd_settime(fd, 0, &spec, NULL))
		return err_set(err, errno, "cannot set a timer: %s", strerror(errno));
	return 0;
}

int watch_start(struct watch *watch, uint64_t duration_ns, uint64_t interval_ns, uint64_t look_ns,
		struct err *err)
{
	int ret = arm(watch->duration_fd, duration_ns, 0, err);

	heed_signals(watch);
	if (!ret)
		ret = arm(watch->interval_fd, interval_ns, interval_ns, err);
	return ret ? ret : arm(watch->look_fd, look_ns, look_ns, err);
}

int watch_add(struct watch *watch, uint32_t pid, struct err *err)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int ret;

	if (fd >= 0 && (rlim_t)fd + FILES_SPARED >= watch->files_most) {
		close(fd);
		fd = -1;
		errno = EMFILE;
	}
	if (fd < 0 && errno == ESRCH)
		return 0;
	if (fd < 0 && errno == EMFILE)
		return err_set(err, EMFILE,
			       "cannot wait for process %u: too many open files; raise the limit (ulimit -n)",
			       pid);
	if (fd < 0)
		return err_set(err, errno, "cannot wait for process %u: %s", pid, strerror(errno));
	ret = add_source(watch, fd, SOURCE_PROCESS, err);
	if (ret)
		close(fd);
	else
		watch->living++;
	return ret;
}

int watch_add_call(struct watch *watch, int fd, struct err *err)
{
	return add_source(watch, fd, SOURCE_CALL, err);
}

static bool take(struct watch *watch, const struct epoll_event *ready, enum watch_event *event)
{
	int fd = (int)(uint32_t)ready->data.u64;
	uint64_t expirations;

	switch (ready->data.u64 >> 32) {
	case SOURCE_SIGNAL:
		*event = WATCH_SIGNAL;
		return true;
	case SOURCE_DURATION:
		*event = WATCH_DURATION;
		return true;
	case SOURCE_INTERVAL:
		if (read(fd, &expirations, sizeof(expirations)) <= 0)
			return false;
		/* The last interval ends with the run; it is not to leave an empty one behind it. */
		*event = read(watch->duration_fd, &expirations, sizeof(expirations)) > 0 ? WATCH_DURATION :
											   WATCH_INTERVAL;
		return true;
	case SOURCE_LOOK:
		*event = WATCH_LOOK;
		return read(fd, &expirations, sizeof(expirations)) > 0;
	case SOURCE_CALL:
		*event = WATCH_CALL;
		return true;
	default:
		close(fd); /* leaves the epoll set with it */
		watch->living--;
		*event = WATCH_EXITED;
		return !watch->living;
	}
}

int watch_next(struct watch *watch, enum watch_event *event, struct err *err)
{
	struct epoll_event ready;

	if (!watch->living) {
		*event = WATCH_EXITED;
		return 0;
	}
	for (;;) {
		int nr = epoll_wait(watch->epoll_fd, &ready, 1, -1);

		if (nr < 0 && errno == EINTR)
			continue;
		if (nr < 0)
			return err_set(err, errno, "cannot wait for the target: %s", strerror(errno));
		if (nr == 1 && take(watch, &ready, event))
			return 0;
	}
}

void watch_close(struct watch *watch)
{
	const int fds[] = { watch ? watch->epoll_fd : -1, watch ? watch->signal_fd : -1,
			    watch ? watch->duration_fd : -1, watch ? watch->interval_fd : -1,
			    watch ? watch->look_fd : -1 };

	if (!watch)
		return;
	if (watch->heeds_signals)
		give_signals_back(watch);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(watch);
}
