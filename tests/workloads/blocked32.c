// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * blocked32 WAY SECONDS: as blocked, but a 32-bit x86 program, whose system calls have other numbers.
 * Without libc, so that no 32-bit libraries are needed to build it.  It takes a WAY by its first letter:
 * futex, nanosleep, poll, pipe (say Pipe), socket.
 */
enum { /* arch/x86/entry/syscalls/syscall_32.tbl */
       NR_EXIT = 1,
       NR_FORK = 2,
       NR_READ = 3,
       NR_WRITE = 4,
       NR_CLOSE = 6,
       NR_TIME = 13,
       NR_PIPE = 42,
       NR_SOCKETCALL = 102,
       NR_NANOSLEEP = 162,
       NR_POLL = 168,
       NR_FUTEX = 240,
};
enum { SOCKETCALL_PAIR = 8, SOCKETCALL_RECV = 10 };

static long call(long number, long a, long b, long c, long d)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
	return result;
}

static const struct {
	long seconds, ns;
} nap = { 0, 2000000 };
static int ends[2];

/* A child that writes a byte every 2 ms; the broken pipe ends it. */
static void feed(void)
{
	if (call(NR_FORK, 0, 0, 0, 0))
		return;
	call(NR_CLOSE, ends[0], 0, 0, 0);
	for (int i = 0; i < 60 * 500; i++) {
		call(NR_NANOSLEEP, (long)&nap, 0, 0, 0);
		call(NR_WRITE, ends[1], (long)"x", 1, 0);
	}
	call(NR_EXIT, 0, 0, 0, 0);
}

static void block(char way)
{
	static int word;
	char byte;
	long receive[] = { ends[0], (long)&byte, 1, 0 };

	if (way == 'f')
		call(NR_FUTEX, (long)&word, 0 /* FUTEX_WAIT */, 0, (long)&nap);
	else if (way == 'n')
		call(NR_NANOSLEEP, (long)&nap, 0, 0, 0);
	else if (way == 'p')
		call(NR_POLL, 0, 0, 2, 0);
	else if (way == 'P')
		call(NR_READ, ends[0], (long)&byte, 1, 0);
	else
		call(NR_SOCKETCALL, SOCKETCALL_RECV, (long)receive, 0, 0);
}

__attribute__((used)) static void run(long *stack)
{
	const char *way = (const char *)stack[2], *seconds = (const char *)stack[3];
	long pair[] = { 1 /* AF_UNIX */, 1 /* SOCK_STREAM */, 0, (long)ends };
	long end = call(NR_TIME, 0, 0, 0, 0) + (*seconds - '0');

	if (*way == 'P')
		call(NR_PIPE, (long)ends, 0, 0, 0);
	else if (*way == 's')
		call(NR_SOCKETCALL, SOCKETCALL_PAIR, (long)pair, 0, 0);
	if (ends[1])
		feed();
	call(NR_WRITE, 1, (long)"ready\n", 6, 0);
	while (call(NR_TIME, 0, 0, 0, 0) < end)
		block(*way);
	call(NR_EXIT, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start: mov %esp, %eax\n push %eax\n call run\n");
