// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * multitude server TABLES: an HTTP server of TABLES threads, each with a file table of its own, so that
 * it may hold TABLES times as many connections as RLIMIT_NOFILE allows.
 * multitude client TABLES PORT CONNECTIONS [PATH BODY]: so many connections to it, or to another server whose
 * answer to PATH has that BODY.  For each line N on stdin it makes N requests, over all connections in turn,
 * and prints `ANSWERED RECONNECTS FAILED`: one that is not answered is made anew and asked once more, then it
 * failed.
 *
 * Both print `ready PORT` when they are.  The client connects when it first asks on a connection, so that
 * none is open for long without a request.  Each thread of it has source addresses of its own, since one has
 * but the ephemeral ports.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
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

#define TRIES	   2	 /* of a request */
#define SILENCE_MS 30000 /* after this, nobody is answered any more */

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
static const char good[] = "HTTP/1.1 200 "; /* how the answer to the client begins, */
static char good_end[256];		    /* and how it ends */
static char request[256];
static size_t request_bytes;

static unsigned long nr_tables, nr_connections;
static unsigned long port;    /* of the server, on the loopback address */
static pthread_barrier_t met; /* of all threads of the client, with the main one */

struct connection {
	int fd;	    /* -1: it has ended, or */
	bool begun; /* never was */
	unsigned tries;
	bool waits; /* for an answer */
};

static struct table {
	unsigned long number;
	int epoll;
	struct connection *connections;
	unsigned long nr, next, wanted;
	unsigned long asked, answered, reconnects, failed;
	unsigned long waiting; /* connections that do */
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

static void watch(const struct table *table, int fd, uint64_t tag)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = tag };

	if (epoll_ctl(table->epoll, EPOLL_CTL_ADD, fd, &event))
		die("epoll_ctl");
}

static void set_to(int fd, int level, int option, const void *value, socklen_t bytes)
{
	if (setsockopt(fd, level, option, value, bytes))
		die("setsockopt");
}

static void set(int fd, int level, int option)
{
	const int on = 1;

	set_to(fd, level, option, &on, sizeof(on));
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
		watch(table, fd, (uint64_t)fd);
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
	watch(table, listener, (uint64_t)listener);
	pthread_barrier_wait(&met);
	for (;;) {
		int nr = epoll_wait(table->epoll, events, 64, -1);

		for (int i = 0; i < nr; i++)
			if ((int)events[i].data.u64 == listener)
				accept_all(table, listener);
			else
				serve_one((int)events[i].data.u64);
	}
	return NULL;
}

/* The N-th connection of TABLE; what the server may be the reason of leaves it ended. */
static void connect_from(const struct table *table, unsigned long n)
{
	const unsigned long source = table->number * 256 + n / SOURCE_CONNECTIONS;
	const struct sockaddr_in here = address_of(0x7f010001u + (uint32_t)source, 0);
	const struct sockaddr_in there = address_of(INADDR_LOOPBACK, port);
	const struct linger at_once = { .l_onoff = 1 }; /* so that none is in TIME-WAIT when others follow */
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	set(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT);
	set(fd, SOL_TCP, TCP_NODELAY);
	set_to(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (bind(fd, (const struct sockaddr *)&here, sizeof(here)))
		die("bind");
	if (!connect(fd, (const struct sockaddr *)&there, sizeof(there))) {
		table->connections[n].fd = fd;
		watch(table, fd, n);
		return;
	}
	if (errno != ECONNREFUSED && errno != ECONNRESET && errno != ETIMEDOUT)
		die("connecting");
	close(fd);
}

static void drop(struct table *table, struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	table->waiting -= c->waits;
	c->waits = false;
}

/* Ask on the N-th connection, if it was not tried too often. */
static void ask_on(struct table *table, unsigned long n)
{
	struct connection *c = &table->connections[n];

	while (c->tries++ < TRIES) {
		if (c->fd < 0) {
			table->reconnects += c->begun;
			c->begun = true;
			connect_from(table, n);
		}
		if (c->fd >= 0 && write(c->fd, request, request_bytes) == (ssize_t)request_bytes) {
			c->waits = true;
			table->waiting++;
			return;
		}
		drop(table, c);
	}
	table->failed++;
}

/* So short an answer comes in one piece. */
static bool is_good(const char *text, size_t bytes)
{
	size_t end = strlen(good_end);

	return bytes >= sizeof(good) - 1 + end && !memcmp(text, good, sizeof(good) - 1) &&
	       !memcmp(text + bytes - end, good_end, end);
}

/* There is something to read on the N-th connection: its answer, or it has ended. */
static void on_readable(struct table *table, unsigned long n)
{
	struct connection *c = &table->connections[n];
	bool waits = c->waits;
	char text[1024];
	ssize_t bytes;

	if (c->fd < 0)
		return;
	bytes = read(c->fd, text, sizeof(text));
	if (waits && bytes > 0 && is_good(text, (size_t)bytes)) {
		c->waits = false;
		table->waiting--;
		table->answered++;
		return;
	}
	drop(table, c);
	if (waits)
		ask_on(table, n);
}

static void give_up(struct table *table)
{
	for (unsigned long n = 0; n < table->nr; n++) {
		table->failed += table->connections[n].waits;
		if (table->connections[n].waits)
			drop(table, &table->connections[n]);
	}
}

/* So many at once, each on another connection, and all their answers. */
static void ask_batch(struct table *table, unsigned long nr)
{
	struct epoll_event events[BATCH];

	for (unsigned long i = 0; i < nr; i++) {
		table->connections[table->next].tries = 0;
		ask_on(table, table->next);
		table->next = (table->next + 1) % table->nr;
	}
	while (table->waiting) {
		int ready = epoll_wait(table->epoll, events, BATCH, SILENCE_MS);

		for (int i = 0; i < ready; i++)
			on_readable(table, events[i].data.u64);
		if (!ready)
			give_up(table);
	}
}

static void ask_wanted(struct table *table)
{
	const unsigned long most = table->nr < BATCH ? table->nr : BATCH;

	table->asked = table->answered = table->reconnects = table->failed = 0;
	while (table->asked < table->wanted) {
		unsigned long left = table->wanted - table->asked;
		unsigned long nr = left < most ? left : most;

		ask_batch(table, nr);
		table->asked += nr;
	}
}

static void *ask(void *arg)
{
	struct table *table = arg;

	begin(table);
	table->nr = nr_connections / nr_tables + (table->number < nr_connections % nr_tables);
	table->connections = calloc(table->nr, sizeof(*table->connections));
	if (!table->connections)
		die("calloc");
	for (unsigned long i = 0; i < table->nr; i++)
		table->connections[i].fd = -1;
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
		unsigned long wanted = strtoul(line, NULL, 10), answered = 0, reconnects = 0, failed = 0;

		for (unsigned long i = 0; i < nr_tables; i++)
			tables[i].wanted = wanted / nr_tables + (i < wanted % nr_tables);
		pthread_barrier_wait(&met);
		pthread_barrier_wait(&met);
		for (unsigned long i = 0; i < nr_tables; i++) {
			answered += tables[i].answered;
			reconnects += tables[i].reconnects;
			failed += tables[i].failed;
		}
		printf("%lu %lu %lu\n", answered, reconnects, failed);
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

/* Returns 0, or -1 if they are too long. */
static int expect(const char *path, const char *body)
{
	int ret = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: multitude\r\n\r\n", path);
	int end = snprintf(good_end, sizeof(good_end), "\r\n\r\n%s", body);

	request_bytes = (size_t)ret;
	return ret < (int)sizeof(request) && end < (int)sizeof(good_end) ? 0 : -1;
}

int main(int argc, char **argv)
{
	const int is_client = (argc == 5 || argc == 7) && !strcmp(argv[1], "client");
	struct rlimit files;

	if ((!is_client && (argc != 3 || strcmp(argv[1], "server"))) ||
	    expect(argc == 7 ? argv[5] : "/", argc == 7 ? argv[6] : "ok")) {
		fprintf(stderr, "usage: multitude server TABLES | client TABLES PORT CONNECTIONS [PATH "
				"BODY]\n");
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
