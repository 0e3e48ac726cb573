// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/green_cost.h"

#include <errno.h>
#include <stdlib.h>

#include "servers/green.h"
#include "user/base/clock.h"

/* As servers/peers has it.  So short that most batches end before the kernel interrupts; one is not counted. */
#define BATCHES	 201u
#define SWITCHES 1000u

/* The two share one worker, so that nothing here is looked at by two threads at once. */
static struct {
	uint64_t last; /* who ran before */
	uint32_t nr_switches, nr_batches;
	uint64_t began_ns, took_ns[BATCHES + 1];
	bool other_ended;
} game;

static void end_batch(void)
{
	uint64_t now_ns = clock_monotonic_ns();

	game.took_ns[game.nr_batches++] = now_ns - game.began_ns;
	game.began_ns = now_ns;
	game.nr_switches = 0;
}

/* A yield that came back to who yielded is no switch, and is not counted as one. */
static void play(uint64_t own)
{
	while (game.nr_batches <= BATCHES) {
		if (game.last != own) {
			game.last = own;
			if (++game.nr_switches == SWITCHES)
				end_batch();
		}
		green_yield();
	}
}

static void play_other(uint64_t own)
{
	play(own);
	game.other_ended = true;
}

static void play_all(uint64_t own)
{
	bool has_other;

	game.last = own;
	has_other = green_spawn(play_other, own + 1);
	game.began_ns = clock_monotonic_ns();
	if (has_other)
		play(own);
	while (has_other && !game.other_ended)
		green_yield();
	green_finish();
}

static int compare(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

int green_cost_ns(double *ns, struct stats *stats, struct err *err)
{
	int ret = green_begin(1, 1, stats, play_all, err);

	if (ret)
		return ret;
	green_wait_until_finished();
	green_end();
	if (!game.nr_batches)
		return err_set(err, ENOMEM, "out of memory");
	qsort(game.took_ns + 1, BATCHES, sizeof(game.took_ns[0]), compare);
	*ns = (double)game.took_ns[1 + BATCHES / 2] / SWITCHES;
	return 0;
}
