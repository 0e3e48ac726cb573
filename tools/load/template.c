// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/load/template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/base/http_syntax.h"
#include "user/base/plain.h"
#include "version.h"

static int no_memory(struct err *err)
{
	return err_set(err, ENOMEM, "out of memory for the requests");
}

int load_template_check_method(const char *method, struct err *err)
{
	bool is_token = *method;
	char plain[80];

	plain_text(plain, sizeof(plain), method);
	for (const char *at = method; *at; at++)
		is_token &= http_is_token((unsigned char)*at);
	if (!is_token)
		return err_set(err, EINVAL, "cannot ask with the method '%s': it is no word, as GET is",
			       plain);
	if (!strcmp(method, "CONNECT"))
		return err_set(err, EINVAL, "cannot ask with CONNECT: what follows it is no HTTP");
	return 0;
}

static bool is_named(const char *header, const char *name)
{
	return !strncasecmp(header, name, strlen(name)) && header[strlen(name)] == ':';
}

static int check_header(const char *header, struct err *err)
{
	size_t name_bytes = strcspn(header, ":");
	bool is_token = name_bytes > 0;
	char plain[200];

	plain_text(plain, sizeof(plain), header);
	for (size_t i = 0; i < name_bytes; i++)
		is_token &= http_is_token((unsigned char)header[i]);
	if (!is_token || !header[name_bytes])
		return err_set(err, EINVAL, "--header takes 'Name: value', not '%s'", plain);
	for (const char *at = header + name_bytes + 1; *at; at++)
		if (http_is_control((unsigned char)*at))
			return err_set(err, EINVAL,
				       "--header takes one line, and byte %zu of '%.*s: ...' is a control "
				       "byte "
				       "(0x%02x)",
				       (size_t)(at - header) + 1, (int)name_bytes, header,
				       (unsigned char)*at);
	if (is_named(header, "content-length") || is_named(header, "transfer-encoding"))
		return err_set(err, EINVAL, "--header cannot set %.*s: it follows from --body",
			       (int)name_bytes, header);
	return 0;
}

static const char *value_of(const char *header)
{
	header = strchr(header, ':') + 1;
	while (http_is_blank(*header))
		header++;
	return header;
}

/* HEADER names another host than the URL does. */
static int take_host(struct load_template *template, const char *header, struct err *err)
{
	const char *value = value_of(header);
	char plain[200];

	plain_text(plain, sizeof(plain), value);
	if (template->host)
		return err_set(err, EINVAL, "--header gives Host twice: '%s' and '%s'", template->host,
			       plain);
	for (const char *at = value; *at; at++)
		if (!http_is_host((unsigned char)*at))
			return err_set(err, EINVAL, "--header 'Host: %s' names no host", plain);
	template->host = strdup(value);
	return template->host ? 0 : no_memory(err);
}

/* The lines of all headers, to FIELDS or CONNECTION. */
static int write_headers(struct load_template *template, const char *const *headers, uint32_t nr,
			 FILE *fields, FILE *connection, struct err *err)
{
	bool has_agent = false;
	int ret = 0;

	for (uint32_t i = 0; i < nr && !ret; i++) {
		ret = check_header(headers[i], err);
		if (ret)
			break;
		has_agent |= is_named(headers[i], "user-agent");
		if (is_named(headers[i], "host"))
			ret = take_host(template, headers[i], err);
		else
			fprintf(is_named(headers[i], "connection") ? connection : fields, "%.*s: %s\r\n",
				(int)strcspn(headers[i], ":"), headers[i], value_of(headers[i]));
	}
	if (!has_agent)
		fprintf(fields, "User-Agent: whylate-load/" WHYLATE_VERSION "\r\n");
	return ret;
}

static int make_fields(struct load_template *template, const char *const *headers, uint32_t nr,
		       struct err *err)
{
	size_t bytes;
	FILE *fields = open_memstream(&template->fields, &bytes);
	FILE *connection = open_memstream(&template->connection, &bytes);
	bool is_bad = !fields || !connection;
	int ret = is_bad ? 0 : write_headers(template, headers, nr, fields, connection, err);

	is_bad |= fields && fclose(fields);
	is_bad |= connection && fclose(connection);
	return is_bad ? no_memory(err) : ret;
}

static int read_all(struct load_template *template, FILE *file)
{
	size_t capacity = 4096;

	do {
		char *body;

		capacity *= 2;
		body = realloc(template->body, capacity);
		if (!body)
			return ENOMEM;
		template->body = body;
		template->body_bytes +=
			fread(body + template->body_bytes, 1, capacity - template->body_bytes, file);
	} while (template->body_bytes == capacity && capacity <= TEMPLATE_BODY_BYTES);
	return ferror(file) ? errno : 0;
}

static int read_body(struct load_template *template, const char *path, struct err *err)
{
	FILE *file = fopen(path, "re");
	int error = file ? read_all(template, file) : errno;
	char plain[200];

	plain_text(plain, sizeof(plain), path);
	if (file)
		fclose(file);
	if (error)
		return err_set(err, error, "cannot read the file '%s' of --body: %s", plain, strerror(error));
	if (template->body_bytes > TEMPLATE_BODY_BYTES)
		return err_set(err, EINVAL, "the file '%s' of --body is longer than %u MiB", plain,
			       TEMPLATE_BODY_BYTES >> 20);
	return 0;
}

int load_template_make(struct load_template *template, const char *method, const char *body_path,
		       const char *const *headers, uint32_t nr_headers, const char *host, struct err *err)
{
	int ret;

	*template = (struct load_template){};
	method = method ? method : body_path ? "POST" : "GET";
	ret = load_template_check_method(method, err);
	if (!ret)
		ret = make_fields(template, headers, nr_headers, err);
	if (!ret && body_path)
		ret = read_body(template, body_path, err);
	if (ret)
		return ret;
	template->method = strdup(method);
	if (!template->host)
		template->host = strdup(host);
	return template->method && template->host ? 0 : no_memory(err);
}

/* A server may ask for a length where the method lets it expect a body (RFC 9110, 8.6). */
static bool wants_length(const char *method)
{
	return !strcmp(method, "POST") || !strcmp(method, "PUT") || !strcmp(method, "PATCH");
}

static char *render(const struct load_template *t, const char *method, const char *path,
		    const char *connection, size_t *nr)
{
	bool has_body = t->body && !strcmp(method, t->method);
	char *bytes = NULL;
	FILE *out = open_memstream(&bytes, nr);
	bool is_bad;

	if (!out)
		return NULL;
	fprintf(out, "%s %s HTTP/1.1\r\nHost: %s\r\n%s%s", method, path, t->host, t->fields, connection);
	if (has_body || wants_length(method))
		fprintf(out, "Content-Length: %zu\r\n", has_body ? t->body_bytes : 0);
	fputs("\r\n", out);
	if (has_body)
		fwrite(t->body, 1, t->body_bytes, out);
	is_bad = ferror(out);
	is_bad |= fclose(out);
	if (is_bad) {
		free(bytes);
		bytes = NULL;
	}
	return bytes;
}

int load_template_render(const struct load_template *template, const char *method, const char *path,
			 struct load_request *request, struct err *err)
{
	*request = (struct load_request){ .is_head = !strcmp(method, "HEAD") };
	request->bytes = render(template, method, path, template->connection, &request->nr_bytes);
	request->close_bytes =
		render(template, method, path, "Connection: close\r\n", &request->nr_close_bytes);
	if (request->bytes && request->close_bytes)
		return 0;
	free(request->bytes);
	free(request->close_bytes);
	return no_memory(err);
}

void load_template_free(struct load_template *template)
{
	free(template->method);
	free(template->host);
	free(template->fields);
	free(template->connection);
	free(template->body);
	*template = (struct load_template){};
}
