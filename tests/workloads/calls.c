// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * calls ADDRESS:PORT|unix:PATH: an HTTP/1.1 server that takes each request by another system call than the
 * one before, and answers it so too: read and write, readv and writev, recvfrom and sendto, recvmsg and
 * sendmsg, recvmmsg and sendmmsg, the same with the body in a message of its own, read and sendfile, read and
 * splice; then from the front.
 *
 * Says `ready ADDRESS` when it accepts, and runs until it is killed.  One connection after the other; each
 * request must come in one piece.  An answer is `ok`; one of splice and sendfile goes by that as a whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "address.h"

#define WAYS 8
#define HEAD (sizeof(answer) - 3) /* bytes of it */

static char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
static char in[8192];
static int answer_fd, pipe_fds[2];

static void die(const char *what)
{
	fprintf(stderr, "calls: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* In two pieces where there can be more than one. */
static ssize_t take(int fd, unsigned way)
{
	struct iovec pieces[] = { { in, 5 }, { in + 5, sizeof(in) - 5 } };
	struct mmsghdr messages = { .msg_hdr = { .msg_iov = pieces, .msg_iovlen = 2 } };

	switch (way) {
	case 1:
		return readv(fd, pieces, 2);
	case 2:
		return recvfrom(fd, in, sizeof(in), 0, NULL, NULL);
	case 3:
		return recvmsg(fd, &messages.msg_hdr, 0);
	case 4:
	case 5:
		return recvmmsg(fd, &messages, 1, 0, NULL) == 1 ? (ssize_t)messages.msg_len : -1;
	default:
		return read(fd, in, sizeof(in));
	}
}

/* The head by one message and the body by the next. */
static ssize_t give_messages(int fd)
{
	struct iovec head = { answer, HEAD }, body = { answer + HEAD, sizeof(answer) - 1 - HEAD };
	struct mmsghdr messages[] = { { .msg_hdr = { .msg_iov = &head, .msg_iovlen = 1 } },
				      { .msg_hdr = { .msg_iov = &body, .msg_iovlen = 1 } } };

	if (sendmmsg(fd, messages, 2, 0) != 2)
		return -1;
	return (ssize_t)messages[0].msg_len + (ssize_t)messages[1].msg_len;
}

static ssize_t give(int fd, unsigned way, size_t bytes)
{
	struct iovec pieces[] = { { answer, 20 }, { answer + 20, bytes - 20 } };
	struct mmsghdr messages = { .msg_hdr = { .msg_iov = pieces, .msg_iovlen = 2 } };
	off_t offset = 0;

	switch (way) {
	case 1:
		return writev(fd, pieces, 2);
	case 2:
		return sendto(fd, answer, bytes, 0, NULL, 0);
	case 3:
		return sendmsg(fd, &messages.msg_hdr, 0);
	case 4:
		return sendmmsg(fd, &messages, 1, 0) == 1 ? (ssize_t)messages.msg_len : -1;
	case 5:
		return give_messages(fd);
	case 6:
		return sendfile(fd, answer_fd, &offset, bytes);
	case 7:
		if (write(pipe_fds[1], answer, bytes) != (ssize_t)bytes)
			return -1;
		return splice(pipe_fds[0], NULL, fd, NULL, bytes, 0);
	default:
		return write(fd, answer, bytes);
	}
}

static void serve(int fd)
{
	static unsigned way;
	ssize_t got;

	while ((got = take(fd, way)) > 0) {
		if (give(fd, way, sizeof(answer) - 1) != (ssize_t)sizeof(answer) - 1)
			die("answering");
		way = (way + 1) % WAYS;
	}
	close(fd);
}

int main(int argc, char **argv)
{
	struct address address;
	int listener;

	if (argc != 2 || address_parse(&address, argv[1])) {
		fprintf(stderr, "calls: expected an address: calls ADDRESS:PORT|unix:PATH\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	answer_fd = memfd_create("answer", MFD_CLOEXEC);
	if (answer_fd < 0 || write(answer_fd, answer, sizeof(answer) - 1) < 0 || pipe(pipe_fds))
		die("preparing the answer");
	listener = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, &address.any, address.bytes) || listen(listener, 16) ||
	    getsockname(listener, &address.any, &address.bytes))
		die("listening");
	printf("ready ");
	address_print(&address);
	printf("\n");
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			die("accept");
		address_no_delay(fd, &address);
		serve(fd);
	}
}
