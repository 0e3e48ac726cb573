// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The client's quantiles beside the server's, and what lies between them. */
#include "user/render/text_requests.h"

#include <string.h>

#include "user/base/plain.h"
#include "user/render/text_parts.h"

/* The tail goes last, and the middle before it. */
static bool has_row(int quantile, unsigned most)
{
	if (most >= QUANTILES)
		return true;
	return quantile == TAIL_QUANTILE || (most > 1 && quantile == 0);
}

static void heading(const struct report_requests *r, FILE *out)
{
	const struct report_client *client = &r->client;
	const char *slash = strrchr(client->file, '/');
	char file[33], counted[UNITS_TEXT_BYTES], answered[UNITS_TEXT_BYTES];

	plain_text(file, sizeof(file), slash && slash[1] ? slash + 1 : client->file);
	fprintf(out, "\n  by %s: %s requests, %s answered here\n", file, count_text(counted, client->count),
		count_text(answered, r->count));
	fprintf(out, "  %-5s %10s", "", strcmp(client->source, "from_due") ? "client" : "from due");
	if (client->has_sent)
		fprintf(out, " %10s", "from send");
	fprintf(out, " %10s %10s\n", "here", "difference");
}

/* By more than what two buckets can be off: they are not the same requests, or not in ns. */
static bool is_below(uint64_t client_ns, uint64_t server_ns)
{
	return hist_bucket(client_ns) + 1 < hist_bucket(server_ns);
}

/* TEXT, which AT_LEAST makes a lower bound, in a column of its own. */
static void column(const char *text, bool at_least, FILE *out)
{
	char bound[2 + SIGNED_TEXT_BYTES];

	snprintf(bound, sizeof(bound), "%s%s", at_least ? "> " : "", text);
	fprintf(out, " %10s", bound);
}

void text_client(const struct report_requests *r, unsigned most, FILE *out)
{
	const struct report_client *client = &r->client;
	bool below = false;

	if (!client->present || !most)
		return;
	heading(r, out);
	for (int i = 0; i < QUANTILES; i++) {
		uint64_t server_ns = r->quantiles[i].latency_ns;
		char name[UNITS_TEXT_BYTES], text[SIGNED_TEXT_BYTES];

		below |= is_below(client->ns[i], server_ns);
		if (!has_row(i, most))
			continue;
		text_quantile(name, i);
		fprintf(out, "  %-5s", name);
		column(ns_text(text, client->ns[i]), client->at_least[i], out);
		if (client->has_sent)
			column(ns_text(text, client->sent_ns[i]), client->sent_at_least[i], out);
		column(ns_text(text, server_ns), false, out);
		column(signed_ns_text(text, (int64_t)(client->ns[i] - server_ns)), client->at_least[i], out);
		fputc('\n', out);
	}
	if (below)
		fputs("  The client cannot have been faster: these are other requests, or not in ns.\n", out);
	else
		fprintf(out, "  In between: %sthe network, and until the client has read it.\n",
			strcmp(client->source, "from_due") ? "" : "until it is sent, ");
}
