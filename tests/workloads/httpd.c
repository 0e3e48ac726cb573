// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * httpd MODE ADDRESS:PORT|unix:PATH [--workers N] [--upstream ADDRESS:PORT] [--answer-by-reader]
 *       [--reader-burns US] [--async] [--sqpoll] [--spin] [--direct] [--accept-delay US] [--send-buffer BYTES]
 *       [--directory DIR] [--record KIND]: an HTTP/1.1 server whose requests ask for known work.
 *
 * Says `ready ADDRESS:PORT` (or `ready unix:PATH`) when it accepts, and runs until it is killed.  MODE:
 *   threads  a thread for each connection
 *   prefork  N processes, each with one connection at a time until that ends
 *   loop     one thread and epoll, which does all work itself
 *   pool     a thread reads by epoll and hands requests to N threads, which answer; with
 *            --answer-by-reader they hand them back through an eventfd instead; with --reader-burns the
 *            thread that reads uses its CPU for so long each time before it waits again
 *   io-uring one thread, which accepts, reads, sends and sleeps by io_uring and does the rest itself; with
 *            --async the kernel's workers do what they can of that, with --sqpoll its polling thread; with
 *            --spin the thread never waits in the ring, but writes to /dev/null until there is something;
 * with
 *            --direct its connections are descriptors of the ring's, and no files of the process, so that
 * nothing goes to them by a call: neither a 100 nor a 400
 *
 *   /            nothing                      /upstream?us=N      asks --upstream for /sleep?us=N
 *   /burn?us=N   burns CPU time               /size?bytes=N       an answer by several writes
 *   /sleep?us=N  sleeps                       /sendfile?bytes=N   its body by sendfile
 *   /lock?us=N   waits for a mutex            /chunks?n=K&us=N    chunked, and a sleep before each chunk
 *   /contend?us=N      waits for a mutex that all such requests share, and sleeps in it
 *   /file?pages=N      reads a cold file in --directory by one read
 *   /fault?pages=N     touches its pages, one by one, in a mapping
 *   /userfault?us=N    waits in a page fault that another thread resolves
 *   /count       answers so far, by all processes, without those to /count
 *
 * The header X-Known-ns says what the work took: CPU time of a burn; of /file and /fault the time without
 * a CPU; of /contend the wait by the clock; else all by that.  In loop, only /upstream lets other connections
 * go on meanwhile, in io-uring only /sleep; that sends all bodies alike.
 * --accept-delay lets connections wait for so long before each is accepted, but in io-uring.  --send-buffer
 * bounds what the kernel takes before the client has read it.  With --record, threads of
 * pool publish what they work for (docs/thread-context.md): KIND `right`, or `plain` without its state,
 * `same` as that with one trace id for all; else a lie: `garbage` and `unmapped` pointers, `moving` copies,
 * `random` ids, times in the `future` or the `past`, or `waited` for ever.  An answer counts as given when
 * its first byte is taken.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "httpd.h"

struct options options = { .workers = 4 };
uint64_t *answered;

static const struct {
	const char *name;
	void (*serve)(void);
} modes[] = {
	{ "threads", serve_threads }, { "prefork", serve_prefork },   { "loop", serve_loop },
	{ "pool", serve_pool },	      { "io-uring", serve_io_uring },
};

void die(const char *what)
{
	fprintf(stderr, "httpd: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void usage(const char *why, const char *word)
{
	fprintf(stderr,
		"httpd: %s '%s'; httpd threads|prefork|loop|pool|io-uring ADDRESS:PORT|unix:PATH [--workers "
		"N] "
		"[--upstream ADDRESS:PORT] [--answer-by-reader] [--reader-burns US] [--async] [--sqpoll] "
		"[--spin] "
		"[--direct] [--accept-delay US] [--send-buffer BYTES] [--directory DIR] [--record KIND]\n",
		why, word);
	exit(2);
}

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (end == text || *end || value < least || value > most)
		usage("out of range:", text);
	return value;
}

int connect_upstream(int socket_flags)
{
	int fd = socket(options.upstream.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | socket_flags, 0);

	if (fd < 0 || (connect(fd, &options.upstream.any, options.upstream.bytes) && errno != EINPROGRESS))
		die("connecting to the upstream");
	address_no_delay(fd, &options.upstream);
	return fd;
}

static void start_listening(void)
{
	const int on = 1;

	options.listener = socket(options.address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (options.listener < 0)
		die("socket");
	setsockopt(options.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (options.send_buffer_bytes)
		setsockopt(options.listener, SOL_SOCKET, SO_SNDBUF, &options.send_buffer_bytes,
			   sizeof(options.send_buffer_bytes));
	if (bind(options.listener, &options.address.any, options.address.bytes) ||
	    listen(options.listener, 4096) ||
	    getsockname(options.listener, &options.address.any, &options.address.bytes))
		die("listening");
}

static void parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "workers", required_argument, NULL, 'w' },
		{ "upstream", required_argument, NULL, 'u' },
		{ "answer-by-reader", no_argument, NULL, 'r' },
		{ "async", no_argument, NULL, 'y' },
		{ "sqpoll", no_argument, NULL, 'q' },
		{ "spin", no_argument, NULL, 'p' },
		{ "direct", no_argument, NULL, 't' },
		{ "accept-delay", required_argument, NULL, 'a' },
		{ "send-buffer", required_argument, NULL, 's' },
		{ "directory", required_argument, NULL, 'd' },
		{ "reader-burns", required_argument, NULL, 'b' },
		{ "record", required_argument, NULL, 'R' },
		{ 0 },
	};
	int option;

	options.directory = getenv("WHYLATE_DISK") ? getenv("WHYLATE_DISK") : ".";
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'w')
			options.workers = (unsigned)number(optarg, 1, 1024);
		else if (option == 'u' && address_parse(&options.upstream, optarg))
			usage("no address:", optarg);
		else if (option == 'r')
			options.answer_by_reader = true;
		else if (option == 'y')
			options.async = true;
		else if (option == 'q')
			options.sqpoll = true;
		else if (option == 'p')
			options.spin = true;
		else if (option == 't')
			options.direct = true;
		else if (option == 'a')
			options.accept_delay_us = number(optarg, 0, 60000000);
		else if (option == 'b')
			options.reader_burns_us = number(optarg, 0, 60000000);
		else if (option == 's')
			options.send_buffer_bytes = (int)number(optarg, 1, 1 << 30);
		else if (option == 'd')
			options.directory = optarg;
		else if (option == 'R' && !record_as(optarg))
			usage("no such record:", optarg);
		else if (option == '?')
			usage("unknown:", argv[optind - 1]);
	}
	if (optind + 2 != argc)
		usage("expected a mode and an address after", argv[0]);
	options.mode = argv[optind];
	if (address_parse(&options.address, argv[optind + 1]))
		usage("no address:", argv[optind + 1]);
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(options.mode, modes[i].name))
			continue;
		signal(SIGPIPE, SIG_IGN);
		answered = mmap(NULL, sizeof(*answered), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				-1, 0);
		if (answered == MAP_FAILED)
			die("mmap");
		start_listening();
		printf("ready ");
		address_print(&options.address);
		printf("\n");
		fflush(stdout);
		modes[i].serve();
		return 0;
	}
	usage("no mode", options.mode);
}
