// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/report/client.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/analysis/check_parts.h"
#include "user/base/plain.h"
#include "user/report/hlog.h"
#include "user/report/report_json_parts.h"

#define LOAD_SCHEMA_VERSION 1

static void fill_quantiles(const struct report_dist *dist, uint64_t ns[QUANTILES])
{
	for (int i = 0; i < QUANTILES; i++)
		ns[i] = quantile_ns(dist->buckets, dist->count, quantile_list[i]);
}

/* Which quantiles of LATENCY's KEY are lower bounds, by the generator's own list of them. */
static void read_bounds(json_t *latency, const char *key, bool at_least[QUANTILES])
{
	json_t *one;
	size_t number;

	json_array_foreach(json_object_get(json_object_get(latency, key), "quantiles"), number, one)
	{
		double q = json_number_value(json_object_get(one, "q"));

		for (int i = 0; i < QUANTILES; i++)
			if (q == quantile_list[i])
				at_least[i] = json_is_true(json_object_get(one, "at_least"));
	}
}

/* LATENCY's KEY into DIST; false where it is not there. */
static bool read_one(struct reader *reader, json_t *latency, const char *key, struct report_dist *dist)
{
	struct check_broken broken;
	char path[32];

	memset(dist, 0, sizeof(*dist));
	if (!json_object_get(latency, key) || json_is_null(json_object_get(latency, key)))
		return false;
	report_json_read_dist(reader, latency, key, dist);
	snprintf(path, sizeof(path), "latency.%s", key);
	if (!reader->err->code && !check_dist(dist, path, CHECK_ALWAYS, &broken))
		reader_refuse(reader, NULL, broken.path, broken.what);
	return true;
}

static void read_latency(struct reader *reader, json_t *root, struct report_client *out)
{
	json_t *latency = reader_object(reader, root, "latency");
	struct report_dist dist;

	out->has_sent = read_one(reader, latency, "from_send", &dist);
	fill_quantiles(&dist, out->sent_ns);
	read_bounds(latency, "from_send", out->sent_at_least);
	if (read_one(reader, latency, "from_due", &dist)) {
		strcpy(out->source, "from_due");
		out->count = dist.count;
		fill_quantiles(&dist, out->ns);
		read_bounds(latency, "from_due", out->at_least);
		return;
	}
	/* A closed loop: nothing is due before it is sent. */
	if (!out->has_sent)
		reader_refuse(reader, latency, "from_send", "is missing");
	read_one(reader, latency, "from_send", &dist);
	strcpy(out->source, "from_send");
	out->count = dist.count;
	memcpy(out->ns, out->sent_ns, sizeof(out->ns));
	memcpy(out->at_least, out->sent_at_least, sizeof(out->at_least));
	out->has_sent = false;
	memset(out->sent_ns, 0, sizeof(out->sent_ns));
	memset(out->sent_at_least, 0, sizeof(out->sent_at_least));
}

static int read_json(const char *text, size_t size, const char *name, struct report_client *out,
		     struct err *err)
{
	struct reader reader = { .name = name,
				 .advice = "is it what the load generator stored?",
				 .err = err };
	json_error_t why;
	json_t *root, *version;

	errno = 0;
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
	if (!root && errno == ENOMEM)
		return err_set(err, ENOMEM, "cannot read %s: out of memory", name);
	if (!root) {
		plain_text(why.text, sizeof(why.text), why.text);
		return err_set(err, EINVAL, "cannot read %s: it is no JSON (line %d: %s)", name, why.line,
			       why.text);
	}
	reader.root = root;
	version = json_object_get(root, "schema_version");
	if (!json_is_integer(version) || !json_object_get(root, "latency"))
		err_set(err, EINVAL,
			"cannot read %s: it is JSON, but not what a load generator stores: it has no "
			"schema_version, or no latency",
			name);
	else if (json_integer_value(version) != LOAD_SCHEMA_VERSION)
		err_set(err, EINVAL, "cannot read %s: its schema version is %lld, this agent reads %d", name,
			(long long)json_integer_value(version), LOAD_SCHEMA_VERSION);
	else
		read_latency(&reader, root, out);
	json_decref(root);
	if (!err->code && !out->count)
		err_set(err, EINVAL, "cannot read %s: it holds no latency", name);
	return -err->code;
}

static int read_log(const char *text, size_t size, const char *name, struct report_client *out,
		    struct err *err)
{
	struct report_dist dist = {};
	int ret = hlog_read(text, size, name, &dist, err);

	if (ret)
		return ret;
	strcpy(out->source, "hlog");
	out->count = dist.count;
	fill_quantiles(&dist, out->ns);
	return 0;
}

int client_read(const char *text, size_t size, const char *name, struct report_client *out, struct err *err)
{
	size_t at = 0;
	int ret;

	memset(out, 0, sizeof(*out));
	while (at < size && isspace((unsigned char)text[at]))
		at++;
	if (at < size && text[at] == '{')
		ret = read_json(text, size, name, out, err);
	else
		ret = read_log(text, size, name, out, err);
	if (ret) {
		memset(out, 0, sizeof(*out));
		return ret;
	}
	out->present = true;
	snprintf(out->file, sizeof(out->file), "%s", name);
	return 0;
}
