// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who had the CPU while the target waited for it. */
#include "user/render/text_parts.h"

#include "user/base/plain.h"
#include "user/render/shares.h"

/* The first rows and, behind them, what is left. */
struct blame_shares {
	size_t rows;
	uint64_t left_ns;
	unsigned tenths[SHARES_MOST];
};

/* MOST: the lines for them; the first has a share even if there is none, for the headline. */
static void find_shares(const struct report *report, unsigned most, struct blame_shares *out)
{
	uint64_t rows_ns[SHARES_MOST] = {};

	out->rows = rows_shown(report->nr_blame, most ? most : 1);
	for (size_t i = 0; i < report->nr_blame; i++)
		rows_ns[i < out->rows ? i : out->rows] += report->blame[i].ns;
	out->left_ns = rows_ns[out->rows];
	shares_of(rows_ns, out->rows + 1, out->tenths);
}

void text_who(char *buf, size_t size, const struct report *report, const struct report_blame *row)
{
	static const char *const words[BLAME_KINDS] = {
		[BLAME_SELF] = "itself (its own threads)", [BLAME_PROCESS] = "other processes",
		[BLAME_KERNEL] = "kernel threads",	   [BLAME_IDLE] = "nobody (the wakeup's own way)",
		[BLAME_QUOTA] = "its CPU quota (cgroup)",  [BLAME_OTHER] = "not known",
	};

	char comm[COMM_BYTES];

	plain_text(comm, sizeof(comm), row->comm);
	if (row->pid && row->kind == BLAME_PROCESS)
		snprintf(buf, size, "%s (process %u)", comm, row->pid);
	else if (row->pid)
		snprintf(buf, size, "%s (kernel thread %u)", comm, row->pid);
	else if (*comm && row->kind <= BLAME_KERNEL)
		snprintf(buf, size, "%s (%s)", comm, words[row->kind]);
	else if (row->kind == BLAME_SELF && threads_in(report) < 2)
		snprintf(buf, size, "itself");
	else
		snprintf(buf, size, "%s", words[row->kind < BLAME_KINDS ? row->kind : BLAME_OTHER]);
}

/* True of the kinds that are nobody, too. */
void text_foremost(const struct report *report, unsigned most, FILE *out)
{
	const struct report_blame *row = &report->blame[0];
	struct blame_shares shares;
	unsigned whole, tenth;
	char who[96];

	if (!report->nr_blame || !row->ns)
		return;
	find_shares(report, most, &shares);
	whole = shares.tenths[0] / 10;
	tenth = shares.tenths[0] % 10;
	switch (row->kind) {
	case BLAME_IDLE:
		fprintf(out, "%u.%u %% of the waiting was the wakeup's own way to a CPU: nobody else ran.\n",
			whole, tenth);
		break;
	case BLAME_QUOTA:
		fprintf(out, "%u.%u %% of the waiting was for the CPU quota of its cgroup.\n", whole, tenth);
		break;
	case BLAME_OTHER:
		fprintf(out, "Who had the CPU during %u.%u %% of the waiting is not known.\n", whole, tenth);
		break;
	default:
		text_who(who, sizeof(who), report, row);
		fprintf(out, "Of all waiting, %u.%u %% was behind %s.\n", whole, tenth, who);
	}
}

void text_blame_row(unsigned tenths, uint64_t ns, const char *who, FILE *out)
{
	char text[UNITS_TEXT_BYTES];

	fprintf(out, "  %3u.%u %% %9s  %s\n", tenths / 10, tenths % 10, ns_text(text, ns), who);
}

void text_blame(const struct report *report, unsigned most, FILE *out)
{
	struct blame_shares shares;
	char who[96];
	size_t i;

	if (!report->nr_blame || !most)
		return;
	find_shares(report, most, &shares);
	fputs("\n  who had the CPU during the waits\n", out);
	for (i = 0; i < shares.rows; i++) {
		text_who(who, sizeof(who), report, &report->blame[i]);
		text_blame_row(shares.tenths[i], report->blame[i].ns, who, out);
	}
	if (i < report->nr_blame) {
		snprintf(who, sizeof(who), "%zu more", report->nr_blame - i);
		text_blame_row(shares.tenths[i], shares.left_ns, who, out);
	}
}
