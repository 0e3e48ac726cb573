// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* forkstorm SECONDS: processes and threads that are born, run a little, and die. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *work(void *unused)
{
	for (volatile int i = 0; i < 20000; i++)
		;
	return unused;
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 1;
	unsigned born = 0;

	puts("ready");
	fflush(stdout);
	for (time_t end = time(NULL) + seconds; time(NULL) < end; born += 2) {
		pthread_t thread;
		pid_t child = fork();

		if (!child) {
			work(NULL);
			_exit(0);
		}
		if (child < 0 || pthread_create(&thread, NULL, work, NULL))
			return 1;
		pthread_join(thread, NULL);
		waitpid(child, NULL, 0);
	}
	printf("%u born\n", born);
	return 0;
}
