// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * httpc ADDRESS:PORT|unix:PATH PATH CONNECTIONS REQUESTS [--rate R] [--pipeline N] [--close] [--slow-read]
 *       [--partial] [--head] [--post BYTES] [--expect]: sends exactly REQUESTS requests, reads every
 * answer to its end, closes, and prints one line of JSON.
 *
 * One thread.  REQUESTS are divided over CONNECTIONS, each of which sends its next when it has the answer
 * to the last, and ends with its last; with --rate, R a second are sent, each on the connection that is
 * idle for longest, or when one becomes idle.  --pipeline sends N at once; --close asks the server to close,
 * and connects anew for each; --slow-read takes 4 KiB a millisecond; --partial sends in two parts, 2 ms
 * apart; --expect waits for 100 Continue before the body of a --post.
 *
 * Latency is from the send of a request, for the first on a connection from before its connect (what
 * the accept queue costs is the server's too), to the last byte of its answer; its histogram and quantiles
 * are those of the agent.  `known` sums the answers' X-Known-ns.  Requests whose connection ends, or
 * brings something else, before their answer is whole are `failed`; sent = answered + failed.
 * Exit: 0 if all were answered, else 1; 2 for wrong usage.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "address.h"
#include "httpc.h"
#include "user/analysis/quantile.h"
#include "work.h"

#define EVENTS	      64
#define PART_DELAY_NS 2000000u
#define SLOW_BYTES    4096
#define SLOW_NS	      1000000u
#define PATIENCE_NS   30000000000u /* without any progress */

struct connection {
	int fd;		      /* -1: not connected */
	unsigned outstanding; /* requests without a whole answer; all were sent at once */
	uint64_t quota;	      /* still to be sent on it; 0 with --rate */
	uint64_t began_ns;
	size_t sent_bytes, part_bytes, all_bytes; /* up to part_bytes may be sent now */
	uint64_t resume_at_ns; /* for the next part, or the next slow read; 0: not waiting */
	uint32_t armed;
	struct answer answer;
	struct connection *next_idle;
};

static struct {
	struct address address;
	const char *path;
	unsigned connections, pipeline;
	uint64_t requests, rate, post_bytes;
	bool close, slow_read, partial, head, expect;
	char *text; /* of `pipeline` requests */
	size_t request_bytes, head_bytes;
} options = { .pipeline = 1 };

static struct {
	uint64_t sent, failed, answered, statuses[600], connects, stray_bytes;
	uint64_t buckets[HIST_BUCKETS], latency_ns, max_ns;
	uint64_t known_ns; /* sum of the X-Known-ns */
} figures;

static int epoll_fd;
static struct connection *connections, *idle, **idle_end = &idle;
static uint64_t progress_at_ns;

static void die(const char *what)
{
	fprintf(stderr, "httpc: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void usage(const char *why, const char *word)
{
	fprintf(stderr,
		"httpc: %s '%s'; httpc ADDRESS:PORT|unix:PATH PATH CONNECTIONS REQUESTS [--rate R] "
		"[--pipeline N] "
		"[--close] [--slow-read] [--partial] [--head] [--post BYTES] [--expect]\n",
		why, word);
	exit(2);
}

static uint64_t number(const char *text, uint64_t most)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (end == text || *end || !value || value > most)
		usage("out of range:", text);
	return value;
}

/* Writes one request to OUT, or only says how long it is; its body is zeroes. */
static size_t write_request(char *out, size_t size)
{
	const char *method = options.head ? "HEAD" : options.post_bytes ? "POST" : "GET";
	char length[64] = "";

	if (options.post_bytes)
		snprintf(length, sizeof(length), "Content-Length: %lu\r\n", options.post_bytes);
	return (size_t)snprintf(out, size, "%s %s HTTP/1.1\r\nHost: httpd\r\n%s%s%s\r\n", method,
				options.path, length, options.expect ? "Expect: 100-continue\r\n" : "",
				options.close ? "Connection: close\r\n" : "");
}

static void prepare_text(void)
{
	options.head_bytes = write_request(NULL, 0);
	options.request_bytes = options.head_bytes + options.post_bytes;
	options.text = calloc(options.pipeline, options.request_bytes + 1);
	if (!options.text)
		die("calloc");
	for (unsigned i = 0; i < options.pipeline; i++) {
		write_request(options.text + i * options.request_bytes, options.head_bytes + 1);
		options.text[i * options.request_bytes + options.head_bytes] = '\0';
	}
}

static void disconnect(struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->resume_at_ns = 0;
	c->answer = (struct answer){ 0 };
}

static void arm(struct connection *c, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = c };

	if (c->armed != events && epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event))
		die("epoll_ctl");
	c->armed = events;
}

/* Returns 0, or -1 with errno: then nothing is left of it. */
static int connect_to_server(struct connection *c)
{
	/* A UNIX socket does not connect by and by: it waits for the accept queue, or fails. */
	int later = options.address.any.sa_family == AF_UNIX ? 0 : SOCK_NONBLOCK;
	struct epoll_event event = { .events = c->armed = EPOLLIN, .data.ptr = c };
	const int small = 4 * SLOW_BYTES;

	c->fd = socket(options.address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | later, 0);
	if (c->fd < 0)
		die("socket");
	if (options.slow_read)
		setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	address_no_delay(c->fd, &options.address);
	figures.connects++;
	if ((connect(c->fd, &options.address.any, options.address.bytes) && errno != EINPROGRESS) ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event)) {
		disconnect(c);
		return -1;
	}
	return 0;
}

static void fail(struct connection *c)
{
	figures.failed += c->outstanding;
	c->outstanding = 0;
	disconnect(c);
}

/* Sends what may be sent now. */
static void flush_out(struct connection *c)
{
	while (c->sent_bytes < c->part_bytes) {
		ssize_t sent = send(c->fd, options.text + c->sent_bytes, c->part_bytes - c->sent_bytes,
				    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EAGAIN) {
			arm(c, EPOLLIN | EPOLLOUT);
			return;
		}
		if (sent < 0) {
			fail(c);
			return;
		}
		c->sent_bytes += (size_t)sent;
	}
	arm(c, EPOLLIN);
	if (c->part_bytes < c->all_bytes && !options.expect)
		c->resume_at_ns = now_ns(CLOCK_MONOTONIC) + PART_DELAY_NS;
}

static void send_rest(struct connection *c)
{
	c->part_bytes = c->all_bytes;
	flush_out(c);
}

/* Sends NR requests at once. */
static void begin(struct connection *c, unsigned nr)
{
	c->began_ns = now_ns(CLOCK_MONOTONIC);
	c->outstanding = nr;
	figures.sent += nr;
	c->sent_bytes = 0;
	c->all_bytes = nr * options.request_bytes;
	c->part_bytes = options.expect	? options.head_bytes :
			options.partial ? c->all_bytes / 2 :
					  c->all_bytes;
	if (c->fd < 0 && connect_to_server(c))
		fail(c);
	else
		flush_out(c);
}

/* What comes next on a connection that owes nothing: in the end all are closed. */
static void go_on(struct connection *c)
{
	while (!c->outstanding && c->quota) {
		unsigned nr = c->quota < options.pipeline ? (unsigned)c->quota : options.pipeline;

		c->quota -= nr;
		begin(c, nr);
	}
	if (c->outstanding)
		return;
	if (options.rate && figures.sent < options.requests) {
		c->next_idle = NULL;
		*idle_end = c;
		idle_end = &c->next_idle;
	} else {
		disconnect(c);
	}
}

static void book(struct connection *c)
{
	uint64_t at_ns = now_ns(CLOCK_MONOTONIC), latency_ns = at_ns - c->began_ns;

	progress_at_ns = at_ns;
	figures.answered++;
	figures.statuses[c->answer.status]++;
	figures.buckets[hist_bucket(latency_ns)]++;
	figures.latency_ns += latency_ns;
	if (latency_ns > figures.max_ns)
		figures.max_ns = latency_ns;
	figures.known_ns += c->answer.known_ns;
	c->outstanding--;
}

/* A whole answer: whether the connection can be used further. */
static bool finish(struct connection *c)
{
	bool over = c->answer.close || options.close || (!c->outstanding && c->sent_bytes < c->all_bytes);

	c->answer = (struct answer){ 0 };
	if (over)
		fail(c);
	return !over;
}

static void take(struct connection *c, const char *data, size_t bytes)
{
	while (bytes) {
		size_t taken;

		if (!c->outstanding) {
			figures.stray_bytes += bytes;
			return;
		}
		switch (answer_take(&c->answer, data, bytes, &taken, options.head)) {
		case ANSWER_BAD:
			fail(c);
			return;
		case ANSWER_INTERIM:
			if (options.expect)
				send_rest(c);
			break;
		case ANSWER_WHOLE:
			book(c);
			if (!finish(c))
				return;
			break;
		case ANSWER_MORE:
			break;
		}
		if (c->fd < 0)
			return;
		data += taken;
		bytes -= taken;
	}
}

static void on_readable(struct connection *c)
{
	static char data[65536];
	unsigned owed = c->outstanding;
	ssize_t got = recv(c->fd, data, options.slow_read ? SLOW_BYTES : sizeof(data), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0) {
		progress_at_ns = now_ns(CLOCK_MONOTONIC);
		take(c, data, (size_t)got);
	} else {
		if (!got && owed && answer_ends_here(&c->answer))
			book(c);
		fail(c);
	}
	if (options.slow_read && c->outstanding) {
		c->resume_at_ns = now_ns(CLOCK_MONOTONIC) + SLOW_NS;
		arm(c, 0);
	}
	if (owed && !c->outstanding)
		go_on(c);
}

/* Ends the waits that are over; returns when the next one is, at most AT_NS. */
static uint64_t resume(uint64_t at_ns)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC);

	for (unsigned i = 0; i < options.connections && (options.partial || options.slow_read); i++) {
		struct connection *c = &connections[i];

		if (c->resume_at_ns && c->resume_at_ns <= now) {
			c->resume_at_ns = 0;
			arm(c, EPOLLIN);
			send_rest(c);
			if (!c->outstanding)
				go_on(c);
		}
		if (c->resume_at_ns && c->resume_at_ns < at_ns)
			at_ns = c->resume_at_ns;
	}
	return at_ns;
}

/* Sends what is due by --rate; returns when something is to be done next, at most AT_NS. */
static uint64_t send_due(uint64_t started_ns, uint64_t at_ns)
{
	while (idle && figures.sent < options.requests) {
		uint64_t due_ns =
			started_ns + (uint64_t)((unsigned __int128)figures.sent * 1000000000u / options.rate);
		struct connection *c = idle;

		if (due_ns > now_ns(CLOCK_MONOTONIC))
			return due_ns < at_ns ? due_ns : at_ns;
		if (!(idle = c->next_idle))
			idle_end = &idle;
		begin(c, 1);
		if (!c->outstanding)
			go_on(c);
	}
	return at_ns;
}

static void wait_for_events(uint64_t until_ns)
{
	struct epoll_event events[EVENTS];
	uint64_t now = now_ns(CLOCK_MONOTONIC);
	const struct timespec patience = timespec_of(until_ns > now ? until_ns - now : 0);
	int nr = epoll_pwait2(epoll_fd, events, EVENTS, &patience, NULL);

	if (nr < 0 && errno != EINTR)
		die("epoll_pwait2");
	for (int i = 0; i < nr; i++) {
		struct connection *c = events[i].data.ptr;

		if (c->fd >= 0 && events[i].events & EPOLLOUT) {
			flush_out(c);
			if (!c->outstanding)
				go_on(c);
		}
		if (c->fd >= 0 && events[i].events & ~EPOLLOUT)
			on_readable(c);
	}
}

static void run(void)
{
	uint64_t started_ns = progress_at_ns = now_ns(CLOCK_MONOTONIC);

	for (unsigned i = 0; i < options.connections; i++) {
		struct connection *c = &connections[i];

		c->fd = -1;
		c->quota = options.rate ? 0 :
					  options.requests / options.connections +
						  (i < options.requests % options.connections);
		go_on(c);
	}
	while (figures.answered + figures.failed < options.requests) {
		uint64_t until_ns = progress_at_ns + PATIENCE_NS;

		if (now_ns(CLOCK_MONOTONIC) > until_ns) {
			fprintf(stderr, "httpc: nothing came for %u s: giving up\n",
				(unsigned)(PATIENCE_NS / 1000000000));
			break;
		}
		if (options.rate)
			until_ns = send_due(started_ns, until_ns);
		wait_for_events(resume(until_ns));
	}
	for (unsigned i = 0; i < options.connections; i++)
		fail(&connections[i]);
}

static void print(uint64_t wall_ns)
{
	static const char *const names[QUANTILES] = { "p50_ns", "p90_ns", "p99_ns", "p999_ns" };
	const char *comma = "";

	printf("{\"sent\": %lu, \"answered\": {", figures.sent);
	for (unsigned i = 0; i < sizeof(figures.statuses) / sizeof(figures.statuses[0]); i++) {
		if (!figures.statuses[i])
			continue;
		printf("%s\"%u\": %lu", comma, i, figures.statuses[i]);
		comma = ", ";
	}
	printf("}, \"failed\": %lu, \"connections\": %lu, \"stray_bytes\": %lu, \"known_ns\": %lu, "
	       "\"latency\": {\"count\": %lu, "
	       "\"total_ns\": %lu, \"max_ns\": %lu",
	       figures.failed, figures.connects, figures.stray_bytes, figures.known_ns, figures.answered,
	       figures.latency_ns, figures.max_ns);
	for (unsigned i = 0; i < QUANTILES; i++)
		printf(", \"%s\": %lu", names[i],
		       quantile_ns(figures.buckets, figures.answered, quantile_list[i]));
	printf("}, \"wall_ns\": %lu}\n", wall_ns);
}

static void parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "rate", required_argument, NULL, 'r' },
		{ "pipeline", required_argument, NULL, 'n' },
		{ "close", no_argument, NULL, 'c' },
		{ "slow-read", no_argument, NULL, 's' },
		{ "partial", no_argument, NULL, 'p' },
		{ "head", no_argument, NULL, 'h' },
		{ "post", required_argument, NULL, 'b' },
		{ "expect", no_argument, NULL, 'e' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == '?')
			usage("unknown:", argv[optind - 1]);
		options.rate = option == 'r' ? number(optarg, 1000000000) : options.rate;
		options.pipeline = option == 'n' ? (unsigned)number(optarg, 1024) : options.pipeline;
		options.post_bytes = option == 'b' ? number(optarg, 1u << 30) : options.post_bytes;
		options.close |= option == 'c';
		options.slow_read |= option == 's';
		options.partial |= option == 'p';
		options.head |= option == 'h';
		options.expect |= option == 'e';
	}
	if (optind + 4 != argc)
		usage("expected an address, a path, connections and requests after", argv[0]);
	if (address_parse(&options.address, argv[optind]))
		usage("no address:", argv[optind]);
	options.path = argv[optind + 1];
	options.connections = (unsigned)number(argv[optind + 2], 1000000);
	options.requests = number(argv[optind + 3], UINT64_MAX);
	if (options.pipeline > 1 && (options.rate || options.close || options.expect))
		usage("not together with --rate, --close or --expect:", "--pipeline");
	if (options.expect && (!options.post_bytes || options.partial))
		usage("needs --post, and no --partial:", "--expect");
}

int main(int argc, char **argv)
{
	uint64_t started_ns;

	parse_options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	prepare_text();
	connections = calloc(options.connections, sizeof(*connections));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!connections || epoll_fd < 0)
		die("epoll_create1");
	started_ns = now_ns(CLOCK_MONOTONIC);
	run();
	print(now_ns(CLOCK_MONOTONIC) - started_ns);
	free(connections);
	free(options.text);
	return figures.answered == options.requests && !figures.stray_bytes ? 0 : 1;
}
