// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * multitude server TABLES: an HTTP server of TABLES threads, each with a file table of its own, so that
 * it may hold TABLES times as many connections as RLIMIT_NOFILE allows.
 * multitude client TABLES PORT CONNECTIONS: so many connections to it.  For each line N on stdin it makes N
 * requests, over all connections in turn, and prints how many were answered.
 *
 * Both print `ready PORT` when they are: the server when it listens, the client when all are connected.  Each
 * thread of the client has source addresses of its own, since one has but the ephemeral ports.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define TABLES_MAX	   64
#define SOURCE_CONNECTIONS 20000 /* from one address: fewer than there are ephemeral ports */
#define BATCH		   16	 /* requests that one thread asks at once */

static const char request[] = "GET / HTTP/1.1\r\nHost: multitude\r\n\r\n";
static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static unsigned long nr_tables, nr_connections;
static unsigned long port;    /* of the server, on the loopback address */
static pthread_barrier_t met; /* of all threads of the client, with the main one */

static struct table {
	unsigned long number;
	int epoll, *fds;
	unsigned long nr, next, wanted, answered;
} tables[TABLES_MAX];

static void die(const char *what)
{
	fprintf(stderr, "multitude: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in address_of(uint32_t host, unsigned long its_port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)its_port),
				     .sin_addr.s_addr = htonl(host) };
}

static void begin(struct table *table)
{
	if (unshare(CLONE_FILES))
		die("unshare(CLONE_FILES)");
	table->epoll = epoll_create1(0);
	if (table->epoll < 0)
		die("epoll_create1");
}

static void watch(const struct table *table, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(table->epoll, EPOLL_CTL_ADD, fd, &event))
		die("epoll_ctl");
}

static void set(int fd, int level, int option)
{
	const int on = 1;

	if (setsockopt(fd, level, option, &on, sizeof(on)))
		die("setsockopt");
}

/* Bound to the port that all listeners share; the first, to any that is free, which the others take then. */
static int bind_port(void)
{
	struct sockaddr_in here = address_of(INADDR_LOOPBACK, port);
	socklen_t bytes = sizeof(here);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		die("socket");
	set(fd, SOL_SOCKET, SO_REUSEADDR);
	set(fd, SOL_SOCKET, SO_REUSEPORT);
	if (bind(fd, (const struct sockaddr *)&here, sizeof(here)) ||
	    getsockname(fd, (struct sockaddr *)&here, &bytes))
		die("bind");
	if (!port) /* before there are threads */
		port = ntohs(here.sin_port);
	return fd;
}

static void accept_all(const struct table *table, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
		watch(table, fd);
	if (errno != EAGAIN && errno != ECONNABORTED)
		die("accept");
}

static void serve_one(int fd)
{
	char text[512];
	ssize_t length = read(fd, text, sizeof(text));

	if (length < 0 && errno == EAGAIN)
		return;
	if (length <= 0 || write(fd, answer, sizeof(answer) - 1) != sizeof(answer) - 1)
		close(fd);
}

static void *serve(void *arg)
{
	struct table *table = arg;
	struct epoll_event events[64];
	int listener;

	begin(table);
	listener = bind_port();
	if (listen(listener, 4096))
		die("listen");
	watch(table, listener);
	pthread_barrier_wait(&met);
	for (;;) {
		int nr = epoll_wait(table->epoll, events, 64, -1);

		for (int i = 0; i < nr; i++)
			if (events[i].data.fd == listener)
				accept_all(table, listener);
			else
				serve_one(events[i].data.fd);
	}
	return NULL;
}

/* The N-th connection of TABLE. */
static int connect_from(const struct table *table, unsigned long n)
{
	const unsigned long source = table->number * 256 + n / SOURCE_CONNECTIONS;
	const struct sockaddr_in here = address_of(0x7f010001u + (uint32_t)source, 0);
	const struct sockaddr_in there = address_of(INADDR_LOOPBACK, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	set(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT);
	set(fd, SOL_TCP, TCP_NODELAY);
	if (bind(fd, (const struct sockaddr *)&here, sizeof(here)) ||
	    connect(fd, (const struct sockaddr *)&there, sizeof(there)))
		die("connecting");
	return fd;
}

/* So many at once, each on another connection, and all their answers. */
static void ask_batch(struct table *table, unsigned long nr)
{
	struct epoll_event events[BATCH];
	char text[512];

	for (unsigned long i = 0; i < nr; i++) {
		if (write(table->fds[table->next], request, sizeof(request) - 1) != sizeof(request) - 1)
			die("asking");
		table->next = (table->next + 1) % table->nr;
	}
	while (nr) {
		int ready = epoll_wait(table->epoll, events, BATCH, -1);

		for (int i = 0; i < ready; i++) {
			/* So short an answer comes in one piece. */
			if (read(events[i].data.fd, text, sizeof(text)) != sizeof(answer) - 1)
				die("reading an answer");
			table->answered++;
			nr--;
		}
	}
}

static void ask_wanted(struct table *table)
{
	const unsigned long most = table->nr < BATCH ? table->nr : BATCH;

	for (table->answered = 0; table->answered < table->wanted;) {
		unsigned long left = table->wanted - table->answered;

		ask_batch(table, left < most ? left : most);
	}
}

static void *ask(void *arg)
{
	struct table *table = arg;

	begin(table);
	table->nr = nr_connections / nr_tables + (table->number < nr_connections % nr_tables);
	table->fds = calloc(table->nr + 1, sizeof(*table->fds));
	if (!table->fds)
		die("calloc");
	for (unsigned long i = 0; i < table->nr; i++) {
		table->fds[i] = connect_from(table, i);
		watch(table, table->fds[i]);
	}
	pthread_barrier_wait(&met);
	for (;;) {
		pthread_barrier_wait(&met); /* it has been said how many */
		ask_wanted(table);
		pthread_barrier_wait(&met);
	}
	return NULL;
}

static void run_rounds(void)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		unsigned long wanted = strtoul(line, NULL, 10), answered = 0;

		for (unsigned long i = 0; i < nr_tables; i++)
			tables[i].wanted = wanted / nr_tables + (i < wanted % nr_tables);
		pthread_barrier_wait(&met);
		pthread_barrier_wait(&met);
		for (unsigned long i = 0; i < nr_tables; i++)
			answered += tables[i].answered;
		printf("%lu\n", answered);
	}
}

static void start(void *(*run)(void *))
{
	pthread_t thread;

	if (pthread_barrier_init(&met, NULL, (unsigned)nr_tables + 1))
		die("pthread_barrier_init");
	for (unsigned long i = 0; i < nr_tables; i++) {
		tables[i].number = i;
		errno = pthread_create(&thread, NULL, run, &tables[i]);
		if (errno)
			die("pthread_create");
	}
	pthread_barrier_wait(&met);
	printf("ready %lu\n", port);
}

int main(int argc, char **argv)
{
	const int is_client = argc == 5 && !strcmp(argv[1], "client");
	struct rlimit files;

	if (!is_client && (argc != 3 || strcmp(argv[1], "server"))) {
		fprintf(stderr, "usage: multitude server TABLES | client TABLES PORT CONNECTIONS\n");
		return 2;
	}
	nr_tables = strtoul(argv[2], NULL, 10);
	port = is_client ? strtoul(argv[3], NULL, 10) : 0;
	nr_connections = is_client ? strtoul(argv[4], NULL, 10) : 0;
	if (!nr_tables || nr_tables > TABLES_MAX || (is_client && nr_connections < nr_tables)) {
		fprintf(stderr, "multitude: 1 to %d tables, and a connection for each\n", TABLES_MAX);
		return 2;
	}
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!is_client)
		bind_port(); /* never listens: it holds the port for those that do */
	start(is_client ? ask : serve);
	if (is_client)
		run_rounds();
	else
		pause();
	return 0;
}
