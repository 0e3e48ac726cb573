// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* pingpong SECONDS: two processes that pass one byte over two pipes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
	int there[2], back[2];
	char byte = 0;
	pid_t child;

	if (pipe(there) || pipe(back))
		return 1;
	child = fork();
	if (!child) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
			;
		return 0;
	}
	close(there[0]);
	puts("ready");
	fflush(stdout);
	alarm(seconds + 30); /* a lost child must not keep us */
	signal(SIGPIPE, SIG_IGN);
	for (time_t end = time(NULL) + seconds; time(NULL) < end;)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			break;
	close(there[1]);
	waitpid(child, NULL, 0);
	return 0;
}
